"""Payments that were made elsewhere and are reported; https://docs.stripe.com/api/payment-record."""

from typing import Any

from ..call import Call
from ..errors import invalid
from ..ids import new_id
from ..listing import list_objects
from ..messages import Json
from ..money import check_currency
from ..objects import Record
from ..params import (
    BILLING_DETAILS,
    PAGING,
    SHIPPING,
    Schema,
    choice,
    email,
    entry,
    fields,
    integer,
    merge_metadata,
    metadata,
    moment,
    text,
    word,
)
from ..registry import route

KIND, ATTEMPT = "payment_record", "payment_attempt_record"
AMOUNTS = (
    "amount_authorized", "amount_canceled", "amount_failed", "amount_guaranteed",
    "amount_refunded",
)  # fmt: skip
OUTCOMES = ("canceled", "failed", "guaranteed")
AMOUNT = entry(["currency", "value"], currency=word(), value=integer(1))
METHOD = entry(
    billing_details=BILLING_DETAILS,
    custom=fields(display_name=text(), type=text()),
    payment_method=text(),
    type=choice("custom"),
)
PROCESSOR = entry(["type"], custom=fields(payment_reference=word()), type=choice("custom"))
ATTEMPTED: Schema = {
    "canceled": fields(["canceled_at"], canceled_at=moment),
    "description": text(),
    "failed": fields(["failed_at"], failed_at=moment),
    "guaranteed": fields(["guaranteed_at"], guaranteed_at=moment),
    "initiated_at": moment,
    "metadata": metadata,
    "outcome": choice(*OUTCOMES),
    "payment_method_details": METHOD,
    "shipping_details": SHIPPING,
}
REPORTED: Schema = {
    **ATTEMPTED,
    "amount_requested": AMOUNT,
    "customer_details": fields(customer=text(), email=email, name=text(), phone=text()),
    "customer_presence": choice("off_session", "on_session"),
    "processor_details": PROCESSOR,
}


@route(
    "POST",
    "/v1/payment_records/report_payment",
    REPORTED,
    ["amount_requested", "initiated_at", "payment_method_details"],
)
def report_payment(call: Call) -> Json:
    params = call.params
    details = params.get("customer_details") or {}
    if details.get("customer"):
        call.reference("customer", details["customer"], "customer_details[customer]")
    record = call.objects.add(KIND, _body(call))
    _add_attempt(call, record)
    if params.get("outcome"):
        _apply_outcome(call, record, params["outcome"])
    return record.data


def _body(call: Call) -> Json:
    params, names = call.params, ("customer", "email", "name", "phone")
    currency = check_currency(params["amount_requested"]["currency"])
    details = params.get("customer_details")
    requested = {"currency": currency, "value": params["amount_requested"]["value"]}
    return {
        "id": new_id("pr"),
        "object": KIND,
        **{name: {"currency": currency, "value": 0} for name in AMOUNTS},
        "amount": requested,
        "amount_requested": requested,
        "application": None,
        "created": call.now,
        "customer_details": {name: details.get(name) for name in names} if details else None,
        "customer_presence": params.get("customer_presence"),
        "description": params.get("description"),
        "latest_payment_attempt_record": None,
        "livemode": call.account.livemode,
        "metadata": merge_metadata({}, params.get("metadata") or {}),
        "payment_method_details": _method(params["payment_method_details"]),
        "processor_details": {"custom": {"payment_reference": None}, "type": "custom"}
        | (params.get("processor_details") or {}),
        "reported_by": "self",
        "shipping_details": _shipping(params.get("shipping_details")),
    }


def _method(given: Json) -> Json:
    custom = given.get("custom") or {}
    details = given.get("billing_details")
    return {
        "billing_details": details
        and {
            "address": _address(details.get("address")),
            **{name: details.get(name) for name in ("email", "name", "phone")},
        },
        "custom": {
            "display_name": custom.get("display_name") or "",
            "type": custom.get("type"),
        },
        "payment_method": given.get("payment_method"),
        "type": "custom",
    }


def _shipping(given: Json | None) -> Json | None:
    if not given:
        return None
    about = {name: given.get(name) for name in ("name", "phone")}
    return {"address": _address(given.get("address")), **about}


def _address(given: Json | None) -> Json:
    names = ("city", "country", "line1", "line2", "postal_code", "state")
    return {name: (given or {}).get(name) for name in names}


def _add_attempt(call: Call, record: Record) -> None:
    without = ("id", "latest_payment_attempt_record", "object")
    shared = {name: value for name, value in record.data.items() if name not in without}
    attempt = {
        **shared,
        "id": new_id("par"),
        "object": ATTEMPT,
        "created": call.now,
        "payment_record": record.id,
    }
    call.objects.add(ATTEMPT, attempt)
    record.data["latest_payment_attempt_record"] = attempt["id"]
    call.objects.save(record)


def _apply_outcome(call: Call, record: Record, outcome: str) -> None:
    """The payment and its latest attempt come to the same result."""
    latest = record.data["latest_payment_attempt_record"]
    attempt = call.reference(ATTEMPT, latest, "payment_attempt_record")
    requested = record.data["amount_requested"]["value"]
    for each in (record, attempt):
        for name in OUTCOMES:
            each.data[f"amount_{name}"]["value"] = requested if name == outcome else 0
        call.objects.save(each)


def _attempt_route(outcome: str, time: str) -> None:
    """`report_payment_attempt_failed` and its like: what became of the latest attempt."""

    @route(
        "POST",
        f"/v1/payment_records/{{id}}/report_payment_attempt_{outcome}",
        {time: moment, "metadata": metadata},
        [time],
    )
    def report_outcome(call: Call) -> Json:
        record = call.subject(KIND)
        if any(record.data[f"amount_{name}"]["value"] for name in OUTCOMES):
            raise invalid("The latest payment attempt of this Payment Record is already final.")
        _apply_outcome(call, record, outcome)
        _merge_metadata(call, record)
        return record.data


for _outcome in OUTCOMES:
    _attempt_route(_outcome, f"{_outcome}_at")


def _merge_metadata(call: Call, record: Record) -> None:
    if "metadata" in call.params:
        given: Any = call.params["metadata"]
        record.data["metadata"] = merge_metadata(record.data["metadata"], given)
        call.objects.save(record)


@route("POST", "/v1/payment_records/{id}/report_payment_attempt", ATTEMPTED, ["initiated_at"])
def report_attempt(call: Call) -> Json:
    """Only when all others have failed or been canceled."""
    record = call.subject(KIND)
    done = ("amount_canceled", "amount_failed")
    if not any(record.data[name]["value"] for name in done):
        raise invalid("A new attempt can only follow attempts that failed or were canceled.")
    for name in done:
        record.data[name]["value"] = 0
    _add_attempt(call, record)
    if call.params.get("outcome"):
        _apply_outcome(call, record, call.params["outcome"])
    _merge_metadata(call, record)
    return record.data


REFUND: Schema = {
    "amount": AMOUNT,
    "initiated_at": moment,
    "metadata": metadata,
    "outcome": choice("refunded"),
    "processor_details": entry(
        ["type"], custom=fields(refund_reference=word()), type=choice("custom")
    ),
    "refunded": fields(["refunded_at"], refunded_at=moment),
}


@route("POST", "/v1/payment_records/{id}/report_refund", REFUND, ["outcome", "processor_details"])
def report_refund(call: Call) -> Json:
    record = call.subject(KIND)
    left = record.data["amount_guaranteed"]["value"] - record.data["amount_refunded"]["value"]
    amount = (call.params.get("amount") or {"value": left})["value"]
    if not 0 < amount <= left:
        raise invalid(f"Refund amount ({amount}) is greater than what is left ({left}).")
    record.data["amount_refunded"]["value"] += amount
    call.objects.save(record)
    return record.data


@route("GET", "/v1/payment_records/{id}")
def retrieve_record(call: Call) -> Json:
    return call.subject(KIND).data


@route("GET", "/v1/payment_records", PAGING)
def list_records(call: Call) -> Json:
    return list_objects(call, KIND)


@route("GET", "/v1/payment_attempt_records/{id}")
def retrieve_attempt(call: Call) -> Json:
    return call.subject(ATTEMPT).data


@route(
    "GET", "/v1/payment_attempt_records", {**PAGING, "payment_record": text()}, ["payment_record"]
)
def list_attempts(call: Call) -> Json:
    return list_objects(call, ATTEMPT, payment_record=call.params["payment_record"])
