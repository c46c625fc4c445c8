"""Tests through the front door: HTTP in, HTTP out, and everything real behind it."""
