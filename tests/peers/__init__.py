"""Programs of others against the sandbox; `make test-peers` runs these, no other target does.

They need a package registry (PyPI, npm) and Node.js, which they ask for by name when it is missing.
"""
