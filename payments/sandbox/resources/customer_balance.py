"""What customers have in credit, or owe; https://docs.stripe.com/billing/customer/balance."""

from ..call import Call
from ..errors import unknown_object
from ..ids import new_id
from ..listing import list_objects
from ..messages import Json
from ..money import check_currency
from ..objects import Record
from ..params import PAGING, integer, merge_metadata, metadata, put_metadata, text, word
from ..registry import route
from .customers import existing

KIND = "customer_balance_transaction"


def move(
    call: Call,
    customer: Record,
    amount: int,
    kind: str,
    *,
    currency: str,
    invoice: str | None = None,
    credit_note: str | None = None,
) -> Record:
    """A positive amount is owed, a negative one is credit."""
    customer.data["balance"] += amount
    customer.data["currency"] = customer.data["currency"] or currency
    call.update(customer, "customer.updated")
    body = {
        "id": new_id("cbtxn"),
        "object": KIND,
        "amount": amount,
        "checkout_session": None,
        "created": call.now,
        "credit_note": credit_note,
        "currency": currency,
        "customer": customer.id,
        "customer_account": None,
        "description": None,
        "ending_balance": customer.data["balance"],
        "invoice": invoice,
        "livemode": call.account.livemode,
        "metadata": {},
        "type": kind,
    }
    return call.objects.add(KIND, body)


NEW = {"amount": integer(), "currency": word(), "description": text(), "metadata": metadata}


@route("POST", "/v1/customers/{id}/balance_transactions", NEW, ["amount", "currency"])
def create(call: Call) -> Json:
    customer, params = existing(call), call.params
    currency = check_currency(params["currency"])
    made = move(call, customer, params["amount"], "adjustment", currency=currency)
    made.data["description"] = params.get("description")
    made.data["metadata"] = merge_metadata({}, params.get("metadata") or {})
    call.objects.save(made)
    return made.data


@route("GET", "/v1/customers/{id}/balance_transactions/{transaction}")
def retrieve(call: Call) -> Json:
    return _subject(call).data


def _subject(call: Call) -> Record:
    customer, found_id = existing(call), call.path["transaction"]
    record = call.objects.find(KIND, found_id)
    if record is None or record.data["customer"] != customer.id:
        raise unknown_object(KIND, found_id)
    return record


CHANGES = {"description": text(), "metadata": metadata}


@route("POST", "/v1/customers/{id}/balance_transactions/{transaction}", CHANGES)
def update(call: Call) -> Json:
    record, params = _subject(call), call.params
    record.data["description"] = params.get("description", record.data["description"])
    put_metadata(record.data, params)
    call.objects.save(record)
    return record.data


@route("GET", "/v1/customers/{id}/balance_transactions", {**PAGING, "invoice": text()})
def list_all(call: Call) -> Json:
    customer = existing(call)
    return list_objects(call, KIND, customer=customer.id, invoice=call.params.get("invoice"))
