"""Deterministic simulation of the money path: one seed decides all that is left to chance."""
