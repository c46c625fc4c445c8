"""Helpers of the tests: the stack, people and short-hands of the API."""
