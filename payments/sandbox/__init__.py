"""A stateful stand-in for Stripe that development and tests talk to over real HTTP."""
