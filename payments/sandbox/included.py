"""Fields that an object shows only when they are asked for, lists of what belongs to it mostly.

https://docs.stripe.com/expand#includable-properties
"""

import copy
from collections.abc import Callable

from .call import Call
from .listing import list_of
from .messages import Json

FIRST_PAGE = 10  # https://docs.stripe.com/api/pagination


def _refunds(call: Call, charge: Json) -> Json:
    refunds = call.objects.all("refund", charge=charge["id"])
    return _newest_first([each.data for each in refunds], f"/v1/charges/{charge['id']}/refunds")


def _payments(call: Call, invoice: Json) -> Json:
    payments = call.objects.all("invoice_payment", invoice=invoice["id"])
    listed = _newest_first([each.data for each in payments], "/v1/invoice_payments")
    return {**listed, "data": listed["data"][:FIRST_PAGE], "has_more": len(payments) > FIRST_PAGE}


def _confirmation_secret(call: Call, invoice: Json) -> Json | None:
    """https://docs.stripe.com/changelog/basil/2025-03-31/add-support-for-multiple-partial-payments-on-invoices"""
    payments = call.objects.all("invoice_payment", invoice=invoice["id"], status="open")
    if not payments:
        return None
    intent_id = payments[0].data["payment"]["payment_intent"]
    intent = call.reference("payment_intent", intent_id, "payment_intent")
    return {"client_secret": intent.data["client_secret"], "type": "payment_intent"}


def _line_items(call: Call, session: Json) -> Json:
    record = call.reference("checkout.session", session["id"], "id")
    items = copy.deepcopy(record.private["line_items"])
    return list_of(items, f"/v1/checkout/sessions/{session['id']}/line_items")


def _subscriptions(call: Call, customer: Json) -> Json:
    found = call.objects.all("subscription", customer=customer["id"])
    alive = [each.data for each in found if each.data["status"] != "canceled"]
    return _newest_first(alive, f"/v1/customers/{customer['id']}/subscriptions")


def _invoice_credit_balance(_call: Call, _customer: Json) -> Json:
    """By currency, for customers who owe or are owed in more than one; here always none."""
    return {}


def _tax(_call: Call, _customer: Json) -> Json:
    """https://docs.stripe.com/api/customers/object#customer_object-tax"""
    return {
        "automatic_tax": "unrecognized_location",
        "ip_address": None,
        "location": None,
        "provider": "stripe",
    }


def _newest_first(data: list[Json], url: str) -> Json:
    return list_of(data[::-1], url)


INCLUDED: dict[tuple[str, str], Callable[[Call, Json], Json | None]] = {
    ("charge", "refunds"): _refunds,
    ("checkout.session", "line_items"): _line_items,
    ("customer", "invoice_credit_balance"): _invoice_credit_balance,
    ("customer", "subscriptions"): _subscriptions,
    ("customer", "tax"): _tax,
    ("invoice", "confirmation_secret"): _confirmation_secret,
    ("invoice", "payments"): _payments,
}
