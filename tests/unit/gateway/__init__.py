"""The door to Stripe: its errors and its signatures."""
