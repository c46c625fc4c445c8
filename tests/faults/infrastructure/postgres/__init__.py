"""Faults of a PostgreSQL server, provoked on one of the tests' own."""
