"""Look a charge's payment up at Stripe by our metadata, when its key cannot answer any more."""

from __future__ import annotations

from payments.gateway.gateway import Gateway
from payments.gateway.results import Payment
from payments.workspaces.charges.outcomes import Outcome, of_payment

# Our clock and Stripe's may differ by a little.
_SLACK_SECONDS = 300


def find_outcome(
    gateway: Gateway, customer: str, *, charge_id: int, created: int
) -> Outcome | None:
    """Return what became of the charge at Stripe, None when Stripe never made a payment for it."""
    listed = gateway.find_payments(customer, since=created - _SLACK_SECONDS)
    ours = [payment for payment in listed if payment.metadata.get("charge_id") == str(charge_id)]
    if not ours:
        return None
    # Of several attempts the one that took money is the truth.
    return of_payment(next((p for p in ours if p.status == "succeeded"), _latest(ours)))


def _latest(payments: list[Payment]) -> Payment:
    return payments[0]  # Stripe lists the newest first
