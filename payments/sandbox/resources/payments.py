"""How a payment intent moves on: confirmed, authenticated, charged, refused."""

from ..call import Call
from ..declines import ACTION_NOT_ALLOWED, AUTHENTICATION_REQUIRED, GENERIC, Decline
from ..errors import ApiError, unexpected_state
from ..messages import Json
from ..money import check_method_limit
from ..objects import Record
from ..registry import job, tell
from . import charges, saved_cards
from .authentication import next_action

CONFIRMABLE = ("requires_payment_method", "requires_confirmation", "requires_action")


def confirm(call: Call, intent: Record) -> None:
    """https://docs.stripe.com/payments/paymentintents/lifecycle"""
    _check_confirmable(intent)
    method_id = intent.data["payment_method"]
    if method_id is None:
        raise _missing_method(intent)
    method = call.reference("payment_method", method_id, "payment_method")
    saved_cards.check_usable(method, intent.data["customer"])
    kind, card = method.data["type"], method.data.get("card") or {}
    check_method_limit(intent.data["amount"], intent.data["currency"], kind, card.get("brand"))
    intent.data.update(last_payment_error=None, next_action=None)
    _attempt(call, intent, method)


def _missing_method(intent: Record) -> ApiError:
    customer = intent.data["customer"]
    remedy = (
        f"To confirm the PaymentIntent with {customer}, specify a payment method attached to this"
        " customer along with the customer ID."
        if customer
        else "You can either update the PaymentIntent with a payment method and then confirm it"
        " again, or confirm it again directly with a payment method or ConfirmationToken."
    )
    return unexpected_state(
        "payment_intent",
        f"You cannot confirm this PaymentIntent because it's missing a payment method. {remedy}",
        intent.data,
    )


def _check_confirmable(intent: Record) -> None:
    status = intent.data["status"]
    if status in ("succeeded", "requires_capture"):
        raise unexpected_state(
            "payment_intent",
            "You cannot confirm this PaymentIntent because it has already succeeded after being"
            " previously confirmed.",
            intent.data,
        )
    if status not in CONFIRMABLE:
        raise unexpected_state(
            "payment_intent",
            f"You cannot confirm this PaymentIntent because it has a status of {status}. Only a"
            " PaymentIntent with one of the following statuses may be confirmed:"
            " requires_confirmation, requires_action.",
            intent.data,
        )


def _attempt(call: Call, intent: Record, method: Record) -> None:
    off_session = bool(call.params.get("off_session"))
    options = intent.data["payment_method_options"].get("card") or {}
    card = saved_cards.card_of(method)
    asked = card.asks_at_charge(
        off_session=off_session,
        set_up=bool(method.private.get("set_up")),
        requested=options.get("request_three_d_secure") in ("any", "challenge"),
    )
    if not asked:
        charge(call, intent, method)
    elif card.lookup_fails:
        fail(call, intent, method, GENERIC)
    elif off_session:
        fail(call, intent, method, AUTHENTICATION_REQUIRED)
    elif call.params.get("error_on_requires_action"):
        fail(call, intent, method, ACTION_NOT_ALLOWED)
    else:
        _await_authentication(call, intent)


def _await_authentication(call: Call, intent: Record) -> None:
    intent.data["status"] = "requires_action"
    intent.data["next_action"] = next_action(call, intent)
    intent.private["return_url"] = call.params.get("return_url")
    call.objects.save(intent)
    call.emit("payment_intent.requires_action", intent.data)
    tell(call, "payment_intent.requires_action", intent)


def charge(call: Call, intent: Record, method: Record) -> None:
    if saved_cards.card_of(method).slow:
        _take_time(call, intent, method.data["type"])
    else:
        complete(call, intent, method)


def _take_time(call: Call, intent: Record, kind: str) -> None:
    """Seconds for a card, days for a debit."""
    settings = call.settings
    delay = settings.processing_delay if kind == "card" else settings.debit_delay
    processing = {"type": "card"} if kind == "card" else None
    intent.data.update(status="processing", processing=processing, next_action=None)
    call.objects.save(intent)
    call.emit("payment_intent.processing", intent.data)
    tell(call, "payment_intent.processing", intent)
    call.later(delay, "payment_intent.complete", intent.id)


@job("payment_intent.complete")
def complete_later(call: Call, intent_id: str) -> None:
    intent = call.reference("payment_intent", intent_id, "payment_intent")
    if intent.data["status"] == "processing":  # and not canceled meanwhile
        method_id = intent.data["payment_method"]
        complete(call, intent, call.reference("payment_method", method_id, "payment_method"))


def complete(call: Call, intent: Record, method: Record) -> None:
    decline = saved_cards.card_of(method).charge
    if decline is not None:
        fail(call, intent, method, decline)
    made = charges.make(call, intent.data, method, None)
    _keep_or_spend(call, intent, method)
    manual = intent.data["capture_method"] == "manual"
    amount = intent.data["amount"]
    intent.data.update(
        status="requires_capture" if manual else "succeeded",
        latest_charge=made.id,
        amount_received=0 if manual else amount,
        amount_capturable=amount if manual else 0,
        next_action=None,
        last_payment_error=None,
        processing=None,
    )
    call.objects.save(intent)
    name = "amount_capturable_updated" if manual else "succeeded"
    call.emit(f"payment_intent.{name}", intent.data)
    tell(call, f"payment_intent.{name}", intent)


def _keep_or_spend(call: Call, intent: Record, method: Record) -> None:
    """Unless it is saved for later, an unattached method serves a single payment.

    https://docs.stripe.com/payments/save-during-payment
    """
    usage = intent.data["setup_future_usage"]
    if usage == "off_session":
        method.private["set_up"] = True
    if method.data["customer"] is None:
        if usage and intent.data["customer"]:
            saved_cards.join(call, method, intent.data["customer"])
            return
        method.private["spent"] = True
    call.objects.save(method)


def fail(call: Call, intent: Record, method: Record, decline: Decline) -> None:
    """The attempt stays on record while the caller gets a 402; never returns."""
    made = charges.make(call, intent.data, method, decline)
    error = {**decline.error(), "charge": made.id}
    raise refused(call, intent, method, error)


def refused(call: Call, intent: Record, method: Record, error: Json) -> ApiError:
    """Put the intent back to the start and return the answer for the caller."""
    error = {**error, "payment_method": method.data}
    intent.data.update(
        status="requires_payment_method",
        payment_method=None,
        next_action=None,
        last_payment_error=error,
        latest_charge=error.get("charge", intent.data["latest_charge"]),
    )
    call.objects.save(intent)
    call.emit("payment_intent.payment_failed", intent.data)
    tell(call, "payment_intent.payment_failed", intent)
    rest = {key: value for key, value in error.items() if key not in ("message", "type")}
    return ApiError(
        402,
        error["message"],
        kind=error["type"],
        keeps_effects=True,
        payment_intent=intent.data,
        **rest,
    )
