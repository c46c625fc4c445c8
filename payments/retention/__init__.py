"""Forgets what nobody needs any more: in small batches, each a transaction of its own."""
