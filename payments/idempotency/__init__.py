"""A client's Idempotency-Key: the stored answer is replayed instead of doing the work twice."""
