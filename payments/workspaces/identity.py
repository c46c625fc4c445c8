"""Whose an object at Stripe is: by names that no other database has, and by the facts of our row.

Stripe sends an account's events to all its endpoints, and other installations, colleagues and
copies of this database may use the account too: a name alone proves nothing.
https://docs.stripe.com/metadata
"""

from __future__ import annotations

from collections.abc import Mapping

from payments.gateway.results import Payment, RefundResult
from payments.installation.models import Referenced
from payments.installation.names import INSTALLATION, is_own_metadata
from payments.workspaces import queries
from payments.workspaces.models import Charge, Refund


def is_named(row: Referenced, noun: str, metadata: Mapping[str, str]) -> bool:
    """Return whether an object's metadata names this installation and this row.

    Objects that a former release made for the row hold its number instead.
    """
    if row.legacy_metadata and INSTALLATION not in metadata:
        return metadata.get(f"{noun}_id") == str(row.id)  # type: ignore[attr-defined]
    return is_own_metadata(metadata) and metadata.get(noun) == row.reference


def find_payment_disagreements(charge: Charge, payment: Payment) -> list[str]:
    """Return the names of the facts in which a PaymentIntent is not this charge's."""
    facts = {
        "metadata": is_named(charge, "charge", payment.metadata),
        "customer": payment.customer is not None
        and payment.customer == queries.get_customer(charge),
        "amount": payment.amount == charge.amount_minor,
        "currency": payment.currency == charge.currency,
        "amount_received": payment.status != "succeeded"
        or payment.amount_received == charge.amount_minor,
    }
    return [name for name, agrees in facts.items() if not agrees]


def find_refund_disagreements(refund: Refund, charge: Charge, made: RefundResult) -> list[str]:
    """Return the names of the facts in which a Refund at Stripe is not this row's."""
    facts = {
        "payment_intent": made.payment_intent == charge.stripe_payment_intent_id,
        "amount": made.amount == refund.amount_minor,
        "currency": made.currency == refund.currency,
    }
    return [name for name, agrees in facts.items() if not agrees]
