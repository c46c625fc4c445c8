"""Broken HTTP from a seed over raw sockets, against the web process that the Procfile starts."""
