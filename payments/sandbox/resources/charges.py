"""Charges, made only by payment intents; https://docs.stripe.com/api/charges."""

from ..call import Call
from ..declines import Decline
from ..ids import new_id, random_digits
from ..listing import list_objects
from ..messages import Json
from ..money import fee
from ..objects import Record
from ..params import (
    PAGING,
    SHIPPING,
    Schema,
    choice,
    fields,
    merge_metadata,
    metadata,
    text,
    time_range,
)
from ..registry import route
from . import other_details, saved_cards

DAY = 24 * 3600


@route("GET", "/v1/charges/{id}")
def retrieve(call: Call) -> Json:
    return call.subject("charge").data


LISTED = {
    **PAGING,
    "created": time_range,
    "customer": text(),
    "payment_intent": text(),
    "transfer_group": text(),
}


@route("GET", "/v1/charges", LISTED)
def list_all(call: Call) -> Json:
    names = ("customer", "payment_intent", "transfer_group")
    return list_objects(call, "charge", **{name: call.params.get(name) for name in names})


EDITABLE: Schema = {
    "customer": text(),
    "description": text(),
    "fraud_details": fields(user_report=choice("fraudulent", "safe")),
    "metadata": metadata,
    "receipt_email": text(),
    "shipping": SHIPPING,
    "transfer_group": text(),
}


@route("POST", "/v1/charges/{id}", EDITABLE)
def update(call: Call) -> Json:
    record = call.subject("charge")
    given = {key: call.params[key] for key in EDITABLE if key in call.params}
    if given.get("customer"):
        call.reference("customer", given["customer"], "customer")
    if "fraud_details" in given:
        report = (given["fraud_details"] or {}).get("user_report")
        given["fraud_details"] = {"user_report": report} if report else {}
    if "metadata" in given:
        given["metadata"] = merge_metadata(record.data["metadata"], given["metadata"])
    record.data.update(given)
    return call.update(record, "charge.updated").data


def make(call: Call, intent: Json, method: Record, decline: Decline | None) -> Record:
    """One attempt on the card: paid, or refused for the reason given."""
    captured = intent["capture_method"] != "manual"
    body = _body(call, intent, method, captured=captured and decline is None)
    if decline is None:
        _authorize(body)
    else:
        _refuse(body, decline)
    record = call.objects.add("charge", body)
    if decline is None and captured:
        book(call, record, intent["amount"])
        call.objects.save(record)
    call.emit("charge.failed" if decline else "charge.succeeded", record.data)
    return record


EMPTY = (
    "application", "application_fee", "balance_transaction", "dispute",
    "failure_balance_transaction", "failure_code", "failure_message", "receipt_number", "review",
    "source", "source_transfer",
)  # fmt: skip


def _body(call: Call, intent: Json, method: Record, *, captured: bool) -> Json:
    inherited = (
        "amount", "application_fee_amount", "currency", "customer", "description", "livemode",
        "on_behalf_of", "receipt_email", "shipping", "statement_descriptor",
        "statement_descriptor_suffix", "transfer_group",
    )  # fmt: skip
    charge_id, sent = new_id("ch"), intent["transfer_data"]
    return {
        "id": charge_id,
        "object": "charge",
        **{name: intent[name] for name in inherited},
        "amount_captured": intent["amount"] if captured else 0,
        "amount_refunded": 0,
        **dict.fromkeys(EMPTY),
        "billing_details": method.data["billing_details"],
        "calculated_statement_descriptor": "SANDBOX",
        "captured": captured,
        "created": call.now,
        "disputed": False,
        "fraud_details": {},
        "metadata": dict(intent["metadata"]),
        "outcome": {
            **_outcome("approved_by_network", "authorized", "Payment complete."),
            "risk_level": saved_cards.card_of(method).risk,
        },
        "paid": True,
        "payment_intent": intent["id"],
        "payment_method": method.id,
        "payment_method_details": _method_details(method.data, intent["amount"]),
        "receipt_url": f"{call.base_url}/receipts/{charge_id}",
        "refunded": False,
        "status": "succeeded",
        "transfer_data": sent and {"amount": None, **sent},
    }


def _outcome(network_status: str, kind: str, seller_message: str) -> Json:
    return {
        "advice_code": None,
        "network_advice_code": None,
        "network_decline_code": None,
        "network_status": network_status,
        "reason": None,
        "risk_level": "normal",
        "seller_message": seller_message,
        "type": kind,
    }


# https://docs.stripe.com/declines#blocked-payments
BLOCKED = {
    **_outcome("not_sent_to_network", "blocked", "Stripe blocked this payment as too risky."),
    "reason": "highest_risk_level",
    "risk_level": "highest",
}


def _method_details(method: Json, amount: int) -> Json:
    if method["type"] != "card":
        return other_details.describe_payment(method)
    return {"card": _card_details(method["card"], amount), "type": "card"}


def _card_details(card: Json, amount: int) -> Json:
    kept = ("brand", "country", "exp_month", "exp_year", "fingerprint", "funding", "last4")
    return {
        **{name: card[name] for name in kept},
        "amount_authorized": None,
        "authorization_code": None,
        "checks": {**card["checks"]},
        "electronic_commerce_indicator": None,
        "extended_authorization": {"status": "disabled"},
        "incremental_authorization": {"status": "unavailable"},
        "installments": None,
        "mandate": None,
        "multicapture": {"status": "unavailable"},
        "network": card["brand"],
        "network_token": {"used": False},
        "network_transaction_id": random_digits(15),
        "overcapture": {"maximum_amount_capturable": amount, "status": "unavailable"},
        "regulated_status": card["regulated_status"],
        "three_d_secure": None,
        "transaction_link_id": None,
        "wallet": None,
    }


def _authorize(body: Json) -> None:
    card = body["payment_method_details"].get("card")
    if card is not None:
        card.update(amount_authorized=body["amount"], authorization_code=random_digits(6))


def _refuse(body: Json, decline: Decline) -> None:
    body.update(
        amount_captured=0,
        captured=False,
        failure_code=decline.code,
        failure_message=decline.message,
        paid=False,
        receipt_url=None,
        status="failed",
    )
    if decline.outcome == "blocked":
        body["outcome"] = {**BLOCKED}
        return
    message = "The bank did not return any further details with this decline."
    if decline.decline_code not in (None, "generic_decline"):
        message = f"The bank returned the decline code `{decline.decline_code}`."
    body["outcome"] = {
        **_outcome("declined_by_network", decline.outcome, message),
        "advice_code": decline.advice,
        "network_decline_code": decline.network_code,
        "reason": decline.decline_code,
    }


def book(call: Call, charge: Record, amount: int) -> None:
    """Put captured money into the balance, minus Stripe's fee."""
    cost = fee(amount)
    movement = enter(call, charge.data, amount, cost, "charge", charge.id)
    charge.data["balance_transaction"] = movement.id


def enter(call: Call, like: Json, amount: int, cost: int, kind: str, source: str) -> Record:
    """https://docs.stripe.com/api/balance_transactions"""
    details = {"amount": cost, "application": None, "currency": like["currency"]}
    text_ = {"description": "Stripe processing fees", "type": "stripe_fee"}
    body = {
        "id": new_id("txn"),
        "object": "balance_transaction",
        "amount": amount,
        "available_on": call.now + 2 * DAY,
        "balance_type": "payments",
        "created": call.now,
        "currency": like["currency"],
        "description": like.get("description"),
        "exchange_rate": None,
        "fee": cost,
        "fee_details": [{**details, **text_}] if cost else [],
        "net": amount - cost,
        "reporting_category": kind,
        "source": source,
        "status": "pending",
        "type": kind,
    }
    return call.objects.add("balance_transaction", body)


@route("GET", "/v1/balance_transactions/{id}")
def retrieve_movement(call: Call) -> Json:
    record = call.subject("balance_transaction")
    available = record.data["available_on"] <= call.now
    return {**record.data, "status": "available" if available else "pending"}
