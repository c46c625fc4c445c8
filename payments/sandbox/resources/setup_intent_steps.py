"""The steps of a setup intent that a caller asks for: confirm and cancel."""

from ..call import Call
from ..errors import unexpected_state
from ..messages import Json
from ..params import Schema, array, choice, text, word
from ..registry import route
from . import setups
from .browser import check_browser, shown_to
from .setup_intents import ABOUT_METHOD, CONFIRMING, apply_method

CONFIRM: Schema = {
    **ABOUT_METHOD,
    **CONFIRMING,
    "allowed_payment_method_types": array(word()),
    "client_secret": text(),
    "key": text(),
}


@route("POST", "/v1/setup_intents/{id}/confirm", CONFIRM, browser=True)
def confirm(call: Call) -> Json:
    record = call.subject("setup_intent")
    check_browser(call, record)
    if record.data["status"] in setups.CONFIRMABLE:
        apply_method(call, record)
    setups.confirm(call, record)
    return shown_to(call, record.data)


REASON = choice("abandoned", "duplicate", "requested_by_customer")


@route("POST", "/v1/setup_intents/{id}/cancel", {"cancellation_reason": REASON})
def cancel(call: Call) -> Json:
    record = call.subject("setup_intent")
    status = record.data["status"]
    if status not in setups.CONFIRMABLE:
        raise unexpected_state(
            "setup_intent",
            f"You cannot cancel this SetupIntent because it has a status of {status}. Only a"
            " SetupIntent with one of the following statuses may be canceled:"
            f" {', '.join(setups.CONFIRMABLE)}.",
            record.data,
        )
    record.data.update(
        status="canceled",
        next_action=None,
        cancellation_reason=call.params.get("cancellation_reason"),
    )
    call.objects.save(record)
    call.emit("setup_intent.canceled", record.data)
    return record.data
