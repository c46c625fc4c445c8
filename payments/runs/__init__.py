"""Runs of the reconciliation as rows: a library that every room writes to, like the timeline."""
