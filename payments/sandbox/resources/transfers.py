"""Money sent to connected accounts; https://docs.stripe.com/api/transfers.

The other accounts are not played: any id of an account will do, and nothing arrives there.
"""

from typing import Any

from ..call import Call
from ..errors import invalid
from ..ids import new_id, random_text
from ..listing import list_objects, list_of
from ..messages import Json
from ..money import check_currency
from ..params import (
    PAGING,
    Schema,
    fields,
    integer,
    merge_metadata,
    metadata,
    option,
    put_metadata,
    text,
    time_range,
    word,
)
from ..registry import route
from . import charges


def destination(name: str, value: Any) -> str:
    account: str = word()(name, value)
    if not account.startswith("acct_"):
        raise invalid(f"No such destination: '{account}'", "resource_missing", name)
    return account


# What a payment on behalf of another account says about it.
CONNECT: Schema = {
    "application_fee_amount": integer(0),
    "on_behalf_of": text(),
    "transfer_data": fields(["destination"], amount=integer(0), destination=destination),
}
NEW: Schema = {
    "amount": integer(1),
    "currency": word(),
    "description": text(),
    "destination": destination,
    "metadata": metadata,
    "source_transaction": text(),
    "source_type": option("bank_account", "card", "fpx"),
    "transfer_group": text(),
}


@route("POST", "/v1/transfers", NEW, ["currency", "destination", "amount"])
def create(call: Call) -> Json:
    params, transfer_id = call.params, new_id("tr")
    currency, amount = check_currency(params["currency"]), params["amount"]
    source = params.get("source_transaction")
    body = {
        "id": transfer_id,
        "object": "transfer",
        "amount": amount,
        "amount_reversed": 0,
        "balance_transaction": None,
        "created": call.now,
        "currency": currency,
        "description": params.get("description"),
        "destination": params["destination"],
        "destination_payment": f"py_{random_text(24)}",
        "livemode": call.account.livemode,
        "metadata": merge_metadata({}, params.get("metadata") or {}),
        "reversals": {
            **list_of([], f"/v1/transfers/{transfer_id}/reversals"),
            "total_count": 0,
        },
        "reversed": False,
        "source_transaction": source and call.reference("charge", source, "source_transaction").id,
        "source_type": params.get("source_type") or "card",
        "transfer_group": params.get("transfer_group"),
    }
    movement = charges.enter(call, body, -amount, 0, "transfer", transfer_id)
    body["balance_transaction"] = movement.id
    record = call.objects.add("transfer", body)
    call.emit("transfer.created", record.data)
    return record.data


@route("GET", "/v1/transfers/{id}")
def retrieve(call: Call) -> Json:
    return call.subject("transfer").data


@route("POST", "/v1/transfers/{id}", {"description": text(), "metadata": metadata})
def update(call: Call) -> Json:
    record, params = call.subject("transfer"), call.params
    if "description" in params:
        record.data["description"] = params["description"]
    put_metadata(record.data, params)
    return call.update(record, "transfer.updated").data


LISTED: Schema = {
    **PAGING,
    "created": time_range,
    "destination": text(),
    "transfer_group": text(),
}


@route("GET", "/v1/transfers", LISTED)
def list_all(call: Call) -> Json:
    names = ("destination", "transfer_group")
    return list_objects(call, "transfer", **{name: call.params.get(name) for name in names})
