"""What banks report as fraud before anybody disputes it.

https://docs.stripe.com/api/radar/early_fraud_warnings and https://docs.stripe.com/testing#fraud-prevention
"""

from ..call import Call
from ..ids import new_id
from ..listing import list_objects
from ..messages import Json
from ..objects import Record
from ..params import PAGING, Schema, text, time_range
from ..registry import after, job, route
from . import saved_cards

KIND = "radar.early_fraud_warning"


@after("payment_intent.succeeded")
@after("payment_intent.captured")
def expect_warning(call: Call, intent: Record) -> None:
    method = call.objects.find("payment_method", intent.data["payment_method"])
    if method is not None and saved_cards.card_of(method).warns_of_fraud:
        call = call.in_time_of_customer(intent.data["customer"])
        call.later(call.settings.dispute_delay, "fraud_warning.open", intent.data["latest_charge"])


@job("fraud_warning.open")
def open_warning(call: Call, charge_id: str) -> None:
    charge = call.reference("charge", charge_id, "charge")
    body = {
        "id": new_id("issfr"),
        "object": KIND,
        "actionable": not charge.data["refunded"] and not charge.data["disputed"],
        "charge": charge.id,
        "created": call.now,
        "fraud_type": "misc",
        "livemode": call.account.livemode,
        "payment_intent": charge.data["payment_intent"],
    }
    record = call.objects.add(KIND, body)
    call.emit(f"{KIND}.created", record.data)


@route("GET", "/v1/radar/early_fraud_warnings/{id}")
def retrieve(call: Call) -> Json:
    return call.subject(KIND).data


LISTED: Schema = {**PAGING, "charge": text(), "created": time_range, "payment_intent": text()}


@route("GET", "/v1/radar/early_fraud_warnings", LISTED)
def list_all(call: Call) -> Json:
    names = ("charge", "payment_intent")
    return list_objects(call, KIND, **{name: call.params.get(name) for name in names})
