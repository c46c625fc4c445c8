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
    listed = _newest_first([each.data for each in payments], "/v1/invoices/payments")
    return {**listed, "data": listed["data"][:FIRST_PAGE], "has_more": len(payments) > FIRST_PAGE}


def _confirmation_secret(call: Call, invoice: Json) -> Json | None:
    """https://docs.stripe.com/changelog/basil/2025-03-31/add-support-for-multiple-partial-payments-on-invoices"""
    payments = call.objects.all(
        "invoice_payment", invoice=invoice["id"], status=["open", "paid"], is_default=True
    )
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


def _tax_ids(call: Call, customer: Json) -> Json:
    found = call.objects.all("tax_id", customer=customer["id"])
    return _newest_first([each.data for each in found], f"/v1/customers/{customer['id']}/tax_ids")


def _sources(_call: Call, customer: Json) -> Json:
    """Cards of the API before payment methods; nobody has any here."""
    return list_of([], f"/v1/customers/{customer['id']}/sources")


def _cash_balance(call: Call, customer: Json) -> Json:
    """https://docs.stripe.com/api/cash_balance"""
    return {
        "object": "cash_balance",
        "available": None,
        "customer": customer["id"],
        "customer_account": None,
        "livemode": call.account.livemode,
        "settings": {"reconciliation_mode": "automatic", "using_merchant_default": True},
    }


def _tiers(call: Call, price: Json) -> list[Json] | None:
    """Of prices as of the plans that they once were."""
    tiers: list[Json] | None = call.reference("price", price["id"], "price").private.get("tiers")
    return copy.deepcopy(tiers)


def _breakdown(_call: Call, _totals: Json) -> Json:
    """Which discount and which tax took how much; https://docs.stripe.com/api/checkout/sessions."""
    return {"discounts": [], "taxes": []}


def _applies_to(call: Call, coupon: Json) -> Json | None:
    products = call.reference("coupon", coupon["id"], "coupon").private.get("products")
    return {"products": products} if products else None


def _coupon_currencies(_call: Call, coupon: Json) -> Json:
    return {coupon["currency"]: {"amount_off": coupon["amount_off"]}} if coupon["currency"] else {}


def _currency_options(call: Call, price: Json) -> Json:
    """Every price has one for its own currency."""
    option = {
        "custom_unit_amount": None,
        "tax_behavior": price["tax_behavior"],
        "unit_amount": price["unit_amount"],
        "unit_amount_decimal": price["unit_amount_decimal"],
    }
    if price["billing_scheme"] == "tiered":
        option["tiers"] = _tiers(call, price)
    return {price["currency"]: option}


def _newest_first(data: list[Json], url: str) -> Json:
    return list_of(data[::-1], url)


# What can be asked for and is null where there is none; anything else is left away then.
NULLABLE = {("invoice", "confirmation_secret")}
INCLUDED: dict[tuple[str, str], Callable[[Call, Json], Json | list[Json] | None]] = {
    ("charge", "refunds"): _refunds,
    ("checkout.session", "line_items"): _line_items,
    ("checkout.session.total_details", "breakdown"): _breakdown,
    ("coupon", "applies_to"): _applies_to,
    ("coupon", "currency_options"): _coupon_currencies,
    ("customer", "cash_balance"): _cash_balance,
    ("customer", "invoice_credit_balance"): _invoice_credit_balance,
    ("customer", "subscriptions"): _subscriptions,
    ("customer", "sources"): _sources,
    ("customer", "tax"): _tax,
    ("customer", "tax_ids"): _tax_ids,
    ("invoice", "confirmation_secret"): _confirmation_secret,
    ("invoice", "payments"): _payments,
    ("plan", "tiers"): _tiers,
    ("price", "currency_options"): _currency_options,
    ("price", "tiers"): _tiers,
}
