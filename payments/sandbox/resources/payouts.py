"""Payouts to the merchant's bank, and all movements of the balance.

https://docs.stripe.com/api/payouts and https://docs.stripe.com/api/balance_transactions
"""

from ..calendar import DAY
from ..call import Call
from ..errors import invalid
from ..ids import new_id
from ..listing import list_objects
from ..messages import Json
from ..money import check_currency
from ..params import (
    PAGING,
    Schema,
    choice,
    integer,
    merge_metadata,
    metadata,
    put_metadata,
    text,
    time_range,
    word,
)
from ..registry import job, route

KIND, MOVEMENT = "payout", "balance_transaction"
TRAVEL = 2 * DAY  # from the balance to the bank
MOVED: Schema = {
    **PAGING,
    "created": time_range,
    "currency": text(),
    "payout": text(),
    "source": text(),
    "type": text(),
}


@route("GET", "/v1/balance_transactions", MOVED)
def list_movements(call: Call) -> Json:
    filters = {name: call.params.get(name) for name in ("currency", "source", "type")}
    filters["source"] = call.params.get("payout") or filters["source"]
    found = list_objects(call, MOVEMENT, **filters)
    for movement in found["data"]:
        movement["status"] = "available" if movement["available_on"] <= call.now else "pending"
    return found


NEW: Schema = {
    "amount": integer(1),
    "currency": word(),
    "description": text(),
    "metadata": metadata,
    "method": choice("instant", "standard"),
    "source_type": choice("bank_account", "card", "fpx"),
    "statement_descriptor": text(22),
}


@route("POST", "/v1/payouts", NEW, ["amount", "currency"])
def create_payout(call: Call) -> Json:
    params = call.params
    amount, currency = params["amount"], check_currency(params["currency"])
    if amount > _available(call, currency):
        raise invalid(
            "You have insufficient funds in your Stripe account for this transfer.",
            "balance_insufficient",
            "amount",
        )
    payout_id = new_id("po")
    empty = (
        "application_fee", "application_fee_amount", "failure_balance_transaction",
        "failure_code", "failure_message", "original_payout", "payout_method", "reversed_by",
        "trace_id",
    )  # fmt: skip
    body = {
        "id": payout_id,
        "object": KIND,
        **dict.fromkeys(empty),
        "amount": amount,
        "arrival_date": call.now + TRAVEL,
        "automatic": False,
        "balance_transaction": _move(call, payout_id, amount, currency),
        "created": call.now,
        "currency": currency,
        "description": params.get("description"),
        "destination": None,
        "livemode": call.account.livemode,
        "metadata": merge_metadata({}, params.get("metadata") or {}),
        "method": params.get("method") or "standard",
        "reconciliation_status": "not_applicable",
        "source_type": params.get("source_type") or "card",
        "statement_descriptor": params.get("statement_descriptor"),
        "status": "pending",
        "type": "bank_account",
    }
    record = call.objects.add(KIND, body)
    call.emit("payout.created", record.data)
    call.when(body["arrival_date"], "payout.arrive", record.id)
    return record.data


def _available(call: Call, currency: str) -> int:
    return sum(
        movement.data["net"]
        for movement in call.objects.all(MOVEMENT, currency=currency)
        if movement.data["available_on"] <= call.now
    )


def _move(call: Call, payout_id: str, amount: int, currency: str) -> str:
    body = {
        "id": new_id("txn"),
        "object": MOVEMENT,
        "amount": -amount,
        "available_on": call.now,
        "balance_type": "payments",
        "created": call.now,
        "currency": currency,
        "description": "STRIPE PAYOUT",
        "exchange_rate": None,
        "fee": 0,
        "fee_details": [],
        "net": -amount,
        "reporting_category": "payout",
        "source": payout_id,
        "status": "available",
        "type": "payout",
    }
    return call.objects.add(MOVEMENT, body).id


@job("payout.arrive")
def complete_payout(call: Call, payout_id: str) -> None:
    record = call.reference(KIND, payout_id, KIND)
    if record.data["status"] == "pending":
        record.data["status"] = "paid"
        call.objects.save(record)
        call.emit("payout.paid", record.data)


@route("POST", "/v1/payouts/{id}/cancel")
def cancel_payout(call: Call) -> Json:
    """The money is back at once."""
    record = call.subject(KIND)
    if record.data["status"] != "pending":
        raise invalid("Payouts can only be canceled while they are pending.")
    data = record.data
    data["status"] = "canceled"
    data["failure_balance_transaction"] = _move(call, record.id, -data["amount"], data["currency"])
    return call.update(record, "payout.canceled").data


@route("GET", "/v1/payouts/{id}")
def retrieve_payout(call: Call) -> Json:
    return call.subject(KIND).data


@route("POST", "/v1/payouts/{id}", {"metadata": metadata})
def update_payout(call: Call) -> Json:
    record = call.subject(KIND)
    put_metadata(record.data, call.params)
    return call.update(record, "payout.updated").data


LISTED: Schema = {
    **PAGING,
    "arrival_date": time_range,
    "created": time_range,
    "destination": text(),
    "status": text(),
}


@route("GET", "/v1/payouts", LISTED)
def list_payouts(call: Call) -> Json:
    return list_objects(call, KIND, status=call.params.get("status"))
