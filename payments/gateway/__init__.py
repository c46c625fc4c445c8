"""The only door to Stripe: nothing else imports the SDK."""
