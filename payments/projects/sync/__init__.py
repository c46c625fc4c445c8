"""The ledger: what Stripe says of a project's objects, applied in whatever order it is said."""
