"""The Stripe resources that are played; importing this package fills the table of routes."""

from . import (
    account,
    charges,
    customers,
    events,
    payment_intent_steps,
    payment_intents,
    payment_methods,
    refunds,
    search,
    setup_intent_steps,
    setup_intents,
    webhook_endpoints,
)

__all__ = [
    "account",
    "charges",
    "customers",
    "events",
    "payment_intent_steps",
    "payment_intents",
    "payment_methods",
    "refunds",
    "search",
    "setup_intent_steps",
    "setup_intents",
    "webhook_endpoints",
]
