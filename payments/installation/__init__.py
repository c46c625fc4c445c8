"""Which installation of the service this database belongs to, and the names it uses at Stripe."""
