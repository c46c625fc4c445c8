"""Test clocks: customers who live at a time of their own.

https://docs.stripe.com/billing/testing/test-clocks
"""

from ..call import Call
from ..due import run_due_jobs
from ..errors import invalid
from ..ids import new_id
from ..listing import list_objects
from ..messages import Json
from ..objects import Record
from ..params import PAGING, integer, text
from ..registry import route

KIND = "test_helpers.test_clock"
CENTURY = 100 * 365 * 24 * 3600
OWNED = ("subscription", "subscription_schedule", "invoice", "invoiceitem", "payment_method")
LIFETIME = 30 * 24 * 3600


@route(
    "POST",
    "/v1/test_helpers/test_clocks",
    {"frozen_time": integer(1, CENTURY), "name": text(300)},
    ["frozen_time"],
)
def create(call: Call) -> Json:
    if call.account.livemode:
        raise invalid("Test clocks exist in test mode only.")
    body = {
        "id": new_id("clock"),
        "object": KIND,
        "created": call.now,
        "deletes_after": call.now + LIFETIME,
        "frozen_time": call.params["frozen_time"],
        "livemode": False,
        "name": call.params.get("name"),
        "status": "ready",
        "status_details": {},
    }
    call.emit(f"{KIND}.created", body)
    return call.objects.add(KIND, body).data


@route("GET", "/v1/test_helpers/test_clocks/{id}")
def retrieve(call: Call) -> Json:
    return call.subject(KIND).data


@route("GET", "/v1/test_helpers/test_clocks", PAGING)
def list_all(call: Call) -> Json:
    return list_objects(call, KIND)


@route(
    "POST",
    "/v1/test_helpers/test_clocks/{id}/advance",
    {"frozen_time": integer(1, CENTURY)},
    ["frozen_time"],
)
def advance(call: Call) -> Json:
    """Stripe works on it in the background; here the answer comes when all has happened."""
    record, moment = call.subject(KIND), call.params["frozen_time"]
    if moment <= record.data["frozen_time"]:
        raise invalid(
            "The frozen time must be after the clock's present frozen time.", param="frozen_time"
        )
    call.emit(f"{KIND}.advancing", {**record.data, "status": "advancing"})
    run_due_jobs(call, record.id, moment)
    record.data["frozen_time"] = moment
    call.objects.save(record)
    call.emit(f"{KIND}.ready", record.data)
    return record.data


@route("DELETE", "/v1/test_helpers/test_clocks/{id}")
def delete(call: Call) -> Json:
    """Its customers and all they have go with it, without a word."""
    record = call.subject(KIND)
    for customer in call.objects.all("customer", test_clock=record.id):
        _forget(call, customer)
    call.store.drop_clock(call.account.scope, record.id)
    call.objects.remove(record)
    call.emit(f"{KIND}.deleted", record.data)
    return {"id": record.id, "object": KIND, "deleted": True}


def _forget(call: Call, customer: Record) -> None:
    """The customer can still be read as deleted; what it had is `resource_missing` from now on."""
    for kind in OWNED:
        for owned in call.objects.all(kind, customer=customer.id):
            call.objects.remove(owned)
    customer.data = {"id": customer.id, "object": "customer", "deleted": True}
    call.objects.save(customer, deleted=True)
