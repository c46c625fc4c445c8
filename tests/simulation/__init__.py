"""Deterministic simulation of the money path: one seed decides everything that is left to chance."""
