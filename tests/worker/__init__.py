"""The worker: its tasks, its schedule, and what it does with rows that come back."""
