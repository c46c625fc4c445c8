"""Disputes of workspaces' payments: brought level with Stripe, shown, and told of."""
