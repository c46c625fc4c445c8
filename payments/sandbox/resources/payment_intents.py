"""Payment intents as objects; https://docs.stripe.com/api/payment_intents."""

from ..call import Call
from ..errors import ApiError, invalid
from ..ids import client_secret, new_id
from ..listing import list_objects
from ..messages import Json
from ..money import check_chargeable, check_currency
from ..objects import Record
from ..params import (
    EXPAND,
    PAGING,
    SHIPPING,
    Schema,
    anything,
    boolean,
    choice,
    email,
    fields,
    integer,
    merge_metadata,
    metadata,
    option,
    put_metadata,
    text,
    time_range,
    url,
)
from ..registry import route
from . import other_methods, payment_methods, payments, saved_cards
from .browser import check_browser, shown_to
from .method_types import (
    METHOD_TYPES,
    check_alternatives,
    check_method_fits,
    check_method_types,
    choose_method_types,
    merge_options,
)
from .transfers import CONNECT

TOO_LITTLE = (
    "The amount must be greater than or equal to the minimum charge amount allowed for your account"
    " and the currency set (https://docs.stripe.com/currencies#minimum-and-maximum-charge-amounts)."
    "  If you want to save a Payment Method for future use without an immediate payment, use a"
    " Setup Intent instead: https://docs.stripe.com/payments/setup-intents"
)
FUTURE = choice("off_session", "on_session")
CARD_OPTIONS = fields(
    request_three_d_secure=choice("any", "automatic", "challenge"),
    setup_future_usage=choice("none", "off_session", "on_session"),
    capture_method=choice("manual", ""),
    moto=boolean,
    network=text(),
)
ABOUT_METHOD: Schema = {
    "payment_method": text(),
    "payment_method_data": fields(["type"], **payment_methods.NEW),
    "payment_method_options": fields(
        (), card=CARD_OPTIONS, **dict.fromkeys(other_methods.KINDS, anything)
    ),
    "receipt_email": email,
    "setup_future_usage": FUTURE,
    "shipping": SHIPPING,
}
EDITABLE: Schema = {
    **ABOUT_METHOD,
    **METHOD_TYPES,
    "amount_details": anything,
    "capture_method": option("automatic", "automatic_async", "manual"),
    "customer": text(),
    "customer_account": text(),
    "description": text(1000),
    "hooks": anything,
    "metadata": metadata,
    "payment_details": anything,
    "statement_descriptor": text(22),
    "statement_descriptor_suffix": text(22),
    "transfer_group": text(),
}


def chargeable(name: str, value: object) -> int:
    """The currency says later how little is too little; nothing is in every one."""
    amount: int = integer()(name, value)
    if amount < 1:
        raise invalid(TOO_LITTLE, "parameter_invalid_integer", name)
    return amount


def off_session(name: str, value: object) -> bool:
    """A boolean, or the older `one_off` and `recurring`."""
    return True if value in ("one_off", "recurring") else boolean(name, value)


CONFIRMING: Schema = {
    "error_on_requires_action": boolean,
    "mandate": text(),
    "mandate_data": anything,
    "off_session": off_session,
    "radar_options": anything,
    "return_url": url,
    "use_stripe_sdk": boolean,
}
NEW: Schema = {
    **EDITABLE,
    **CONFIRMING,
    **CONNECT,
    "amount": chargeable,
    "automatic_payment_methods": fields(
        ["enabled"], enabled=boolean, allow_redirects=choice("always", "never")
    ),
    "confirm": boolean,
    "confirmation_method": option("automatic", "manual"),
    "currency": text(),
}
PLAIN = (
    "capture_method", "confirmation_method", "description", "receipt_email", "setup_future_usage",
    "shipping", "statement_descriptor", "statement_descriptor_suffix", "transfer_group", *CONNECT,
)  # fmt: skip


@route("POST", "/v1/payment_intents", NEW, ["amount", "currency"])
def create(call: Call) -> Json:
    params = call.params
    _check_confirm_only(params)
    check_alternatives(params)
    check_method_types(call, params)
    currency = check_currency(params["currency"])
    check_chargeable(params["amount"], currency)
    data = blank(call, params["amount"], currency)
    data.update({key: params[key] for key in PLAIN if params.get(key) is not None})
    data["metadata"] = merge_metadata({}, params.get("metadata") or {})
    if data["transfer_data"] and not data["transfer_group"]:
        data["transfer_group"] = f"group_{data['id']}"
    choose_method_types(call, data, params)
    record = call.objects.add("payment_intent", data)
    apply_customer_and_method(call, record)
    call.objects.save(record)
    call.emit("payment_intent.created", record.data)
    if params.get("confirm"):
        payments.confirm(call, record)
    return record.data


def _check_confirm_only(params: Json) -> None:
    """Some parameters make sense only when the intent is confirmed in the same call."""
    for name in ("off_session", "error_on_requires_action", "return_url", "mandate"):
        if params.get(name) and not params.get("confirm"):
            message = f"You cannot provide `{name}` without also setting `confirm` to `true`."
            raise invalid(message, param=name)


def blank(call: Call, amount: int, currency: str) -> Json:
    intent_id = new_id("pi")
    empty = (
        "application", "application_fee_amount", "canceled_at", "cancellation_reason", "customer",
        "customer_account", "description", "last_payment_error", "latest_charge", "next_action",
        "managed_payments", "on_behalf_of", "payment_method", "payment_record", "processing",
        "receipt_email",
        "review", "setup_future_usage", "shipping", "source", "statement_descriptor",
        "statement_descriptor_suffix", "transfer_data", "transfer_group",
    )  # fmt: skip
    body: Json = {
        "id": intent_id,
        "object": "payment_intent",
        **dict.fromkeys(empty),
        "amount": amount,
        "amount_capturable": 0,
        "amount_details": {"tip": {}},
        "amount_received": 0,
        "capture_method": default_capture_method(call),
        "client_secret": client_secret(intent_id),
        "confirmation_method": "automatic",
        "created": call.now,
        "currency": currency,
        "livemode": call.account.livemode,
        "metadata": {},
        "status": "requires_payment_method",
    }
    choose_method_types(call, body, {})
    return body


def default_capture_method(call: Call) -> str:
    """https://docs.stripe.com/upgrades#2024-04-10"""
    return "automatic" if call.api_version < "2024-04-10" else "automatic_async"


def apply_customer_and_method(call: Call, record: Record) -> None:
    """A new method turns an intent that had none into one that awaits confirmation."""
    params, data = call.params, record.data
    if params.get("customer"):
        data["customer"] = call.reference("customer", params["customer"], "customer").id
    if params.get("payment_method_options"):
        merge_options(data, params["payment_method_options"])
    method = given_method(call)
    if method is not None:
        saved_cards.check_usable(method, data["customer"])
        check_method_fits(data, method.data)
        data["payment_method"] = method.id
        data["status"] = "requires_confirmation"


def given_method(call: Call) -> Record | None:
    if call.params.get("payment_method"):
        return payment_methods.referenced(call, call.params["payment_method"])
    if call.params.get("payment_method_data"):
        return payment_methods.make(call, call.params["payment_method_data"])
    return None


@route("GET", "/v1/payment_intents/{id}", {"client_secret": text(), "key": text()}, browser=True)
def retrieve(call: Call) -> Json:
    record = call.subject("payment_intent")
    check_browser(call, record)
    return shown_to(call, record.data)


CHANGES: Schema = {**EDITABLE, **CONNECT, "amount": chargeable, "currency": text()}
OPEN = ("requires_payment_method", "requires_confirmation", "requires_action")


@route("POST", "/v1/payment_intents/{id}", CHANGES)
def update(call: Call) -> Json:
    record, params = call.subject("payment_intent"), call.params
    check_method_types(call, params)
    if record.data["status"] not in OPEN:
        refuse_late_changes(record, params)
    data = record.data
    data.update({key: params[key] for key in PLAIN if key in params})
    if params.get("currency"):
        data["currency"] = check_currency(params["currency"])
    data["amount"] = params.get("amount", data["amount"])
    check_chargeable(data["amount"], data["currency"])
    put_metadata(data, params)
    apply_customer_and_method(call, record)
    # Stripe sends no `payment_intent.updated`: https://docs.stripe.com/api/events/types
    call.objects.save(record)
    return data


def refuse_late_changes(record: Record, params: Json) -> None:
    """Raise 400 for what a PaymentIntent keeps once it is under way or has ended."""
    for name in ("amount", "currency", "customer", "payment_method", "payment_method_data"):
        if name in params:
            raise ApiError(
                400,
                f"This PaymentIntent's {name} could not be updated because it has a status of"
                f" {record.data['status']}. You may only update the {name} of a PaymentIntent with"
                f" one of the following statuses: {', '.join(OPEN)}.",
                code="payment_intent_unexpected_state",
                payment_intent=record.data,
            )


LISTED: Schema = {
    **PAGING,
    "created": time_range,
    "customer": text(),
    "customer_account": text(),
}


@route("GET", "/v1/payment_intents", LISTED)
def list_all(call: Call) -> Json:
    return list_objects(call, "payment_intent", customer=call.params.get("customer"))


CANCEL: Schema = {
    **EXPAND,
    "cancellation_reason": option("abandoned", "duplicate", "fraudulent", "requested_by_customer"),
}
