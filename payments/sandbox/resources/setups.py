"""How a setup intent moves on: confirmed, authenticated, saved, refused."""

from ..call import Call
from ..declines import GENERIC
from ..errors import ApiError, unexpected_state
from ..messages import Json
from ..objects import Record
from ..registry import tell
from . import saved_cards
from .authentication import next_action

CONFIRMABLE = ("requires_payment_method", "requires_confirmation", "requires_action")


def confirm(call: Call, intent: Record) -> None:
    """https://docs.stripe.com/payments/setupintents/lifecycle"""
    _check_confirmable(intent)
    method_id = intent.data["payment_method"]
    if method_id is None:
        raise unexpected_state(
            "setup_intent",
            "You cannot confirm this SetupIntent because it's missing a payment method. You can"
            " either update the SetupIntent with a payment method and then confirm it again, or"
            " confirm it again directly with a payment method or ConfirmationToken.",
            intent.data,
        )
    method = call.reference("payment_method", method_id, "payment_method")
    saved_cards.check_usable(method, intent.data["customer"])
    intent.data.update(last_setup_error=None, next_action=None)
    options = intent.data["payment_method_options"].get("card") or {}
    requested = options.get("request_three_d_secure") in ("any", "challenge")
    card = saved_cards.card_of(method)
    if not card.asks_at_setup(requested=requested):
        save_card(call, intent, method)
    elif card.lookup_fails:
        raise refused(call, intent, method, GENERIC.error())
    else:
        _await_authentication(call, intent)


def _check_confirmable(intent: Record) -> None:
    status = intent.data["status"]
    if status not in CONFIRMABLE:
        raise unexpected_state(
            "setup_intent",
            f"You cannot confirm this SetupIntent because it has a status of {status}. Only a"
            " SetupIntent with one of the following statuses may be confirmed:"
            f" {', '.join(CONFIRMABLE)}.",
            intent.data,
        )


def _await_authentication(call: Call, intent: Record) -> None:
    intent.data["status"] = "requires_action"
    intent.data["next_action"] = next_action(call, intent)
    intent.private["return_url"] = call.params.get("return_url")
    call.objects.save(intent)
    call.emit("setup_intent.requires_action", intent.data)


def save_card(call: Call, intent: Record, method: Record) -> None:
    """An intent with a customer attaches the card; without one it is only verified."""
    decline = saved_cards.card_of(method).setup
    if decline is not None:
        raise refused(call, intent, method, decline.error())
    if intent.data["usage"] == "off_session":
        method.private["set_up"] = True
    if intent.data["customer"] and method.data["customer"] is None:
        saved_cards.join(call, method, intent.data["customer"])
    call.objects.save(method)
    intent.data.update(status="succeeded", next_action=None, last_setup_error=None)
    call.objects.save(intent)
    call.emit("setup_intent.succeeded", intent.data)
    tell(call, "setup_intent.succeeded", intent)


def refused(call: Call, intent: Record, method: Record, error: Json) -> ApiError:
    """Put the intent back to the start and return the answer for the caller."""
    error = {**error, "payment_method": method.data}
    intent.data.update(
        status="requires_payment_method",
        payment_method=None,
        next_action=None,
        last_setup_error=error,
    )
    call.objects.save(intent)
    call.emit("setup_intent.setup_failed", intent.data)
    rest = {key: value for key, value in error.items() if key not in ("message", "type")}
    return ApiError(
        402,
        error["message"],
        kind=error["type"],
        keeps_effects=True,
        setup_intent=intent.data,
        **rest,
    )
