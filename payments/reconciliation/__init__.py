"""Brings what we hold level with Stripe: holes in the inbox, and rows that have drifted."""
