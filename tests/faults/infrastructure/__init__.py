"""Faults below the service: database, Redis, disk, bucket, memory."""
