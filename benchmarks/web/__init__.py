"""What the benchmarks of the web process share: a cheap client, and connections that never end."""
