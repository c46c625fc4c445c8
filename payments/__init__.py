"""A Stripe-backed payments service: workspaces pay the platform, projects bill their users."""

__version__ = "0.1.0"
