"""Runs of the reconciliation as rows."""
