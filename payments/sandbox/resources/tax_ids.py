"""Tax ids of customers and of the account; https://docs.stripe.com/api/tax_ids."""

from ..call import Call
from ..errors import invalid, unknown_object
from ..ids import new_id
from ..listing import ABSENT, list_objects
from ..messages import Json
from ..objects import Record
from ..params import PAGING, Schema, choice, entry, fields, text, word
from ..registry import route

KIND = "tax_id"
NEW: Schema = {"type": word(), "value": word()}
OWNER = entry(["type"], customer=text(), type=choice("customer", "self"))


@route("POST", "/v1/customers/{id}/tax_ids", NEW, ["type", "value"])
def create_for_customer(call: Call) -> Json:
    return _create(call, call.subject("customer"))


@route("POST", "/v1/tax_ids", {**NEW, "owner": OWNER}, ["type", "value"])
def create_tax_id(call: Call) -> Json:
    """The account's own unless a customer is named."""
    owner = call.params.get("owner") or {"type": "self"}
    if owner["type"] == "self":
        return _create(call, None)
    if not owner.get("customer"):
        message = "Missing required param: owner[customer]."
        raise invalid(message, "parameter_missing", "owner[customer]")
    return _create(call, call.reference("customer", owner["customer"], "owner[customer]"))


def _create(call: Call, customer: Record | None) -> Json:
    kind, value = call.params["type"], call.params["value"]
    prefix = kind.partition("_")[0]
    owner: Json = {"customer_account": None, "type": "self"}
    if customer is not None:
        owner = {"customer": customer.id, "customer_account": None, "type": "customer"}
    body = {
        "id": new_id("txi"),
        "object": KIND,
        "country": prefix.upper() if len(prefix) == 2 and prefix != "eu" else value[:2],
        "created": call.now,
        "customer": customer.id if customer else None,
        "customer_account": None,
        "livemode": call.account.livemode,
        "owner": owner,
        "type": kind,
        "value": value,
        "verification": {
            "status": "unavailable",
            "verified_address": None,
            "verified_name": None,
        }
        if customer
        else None,
    }
    record = call.objects.add(KIND, body)
    if customer is not None:
        call.emit("customer.tax_id.created", body)
    return record.data


@route("GET", "/v1/tax_ids/{id}")
def retrieve_tax_id(call: Call) -> Json:
    return call.subject(KIND).data


@route("GET", "/v1/customers/{id}/tax_ids/{tax_id}")
def retrieve_of_customer(call: Call) -> Json:
    return _of_customer(call).data


def _of_customer(call: Call) -> Record:
    found = call.objects.find(KIND, call.path["tax_id"])
    if found is None or found.data["customer"] != call.path["id"]:
        raise unknown_object(KIND, call.path["tax_id"])
    return found


@route("DELETE", "/v1/tax_ids/{id}")
def delete_tax_id(call: Call) -> Json:
    return _delete(call, call.subject(KIND))


@route("DELETE", "/v1/customers/{id}/tax_ids/{tax_id}")
def delete_of_customer(call: Call) -> Json:
    return _delete(call, _of_customer(call))


def _delete(call: Call, record: Record) -> Json:
    call.objects.remove(record)
    if record.data["customer"]:
        call.emit("customer.tax_id.deleted", record.data)
    return {"id": record.id, "object": KIND, "deleted": True}


@route("GET", "/v1/customers/{id}/tax_ids", PAGING)
def list_of_customer(call: Call) -> Json:
    return list_objects(call, KIND, customer=call.subject("customer").id)


@route("GET", "/v1/tax_ids", {**PAGING, "owner": fields(customer=text(), type=text())})
def list_tax_ids(call: Call) -> Json:
    owner = call.params.get("owner") or {}
    return list_objects(call, KIND, customer=owner.get("customer") or ABSENT)
