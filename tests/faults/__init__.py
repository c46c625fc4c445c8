"""Faults that are provoked for real: killed processes, lost answers, a flushed Redis, races."""
