"""Projects: developers bill their own customers through their own Stripe accounts."""
