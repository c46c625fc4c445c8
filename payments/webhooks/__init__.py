"""The inbox of Stripe's events: stored once at the edge, handled in the worker."""
