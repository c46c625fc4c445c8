"""What may happen to Stripe's deliveries between its servers and our rows."""
