"""Faults of the money path: processes that die, answers that get lost, requests that race."""
