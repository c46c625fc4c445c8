"""Checkout sessions; https://docs.stripe.com/api/checkout/sessions."""

from ..call import Call
from ..errors import invalid
from ..ids import client_secret, new_id
from ..listing import list_objects, list_of
from ..messages import Json
from ..objects import Record
from ..params import (
    PAGING,
    Schema,
    choice,
    email,
    fields,
    merge_metadata,
    metadata,
    text,
    time_range,
)
from ..registry import job, route
from ..store import BUSINESS_NAME_SET
from . import bank_debits, checkout_input, checkout_lines, setup_intents, subscription_states
from .method_types import check_method_types
from .subscription_start import check_trial_end

KIND = "checkout.session"
SHORTEST, LONGEST = 30 * 60, 24 * 3600
METHODS = ("card", bank_debits.KIND)


@route("POST", "/v1/checkout/sessions", checkout_input.NEW, ["mode", "success_url"])
def create(call: Call) -> Json:
    params = call.params
    checkout_input.check(params)
    if not call.is_set_up(BUSINESS_NAME_SET):
        raise invalid(
            "In order to use Checkout, you must set an account or business name at"
            " https://dashboard.stripe.com/account."
        )
    check_method_types(call, params)
    customer = None
    if params.get("customer"):
        customer = call.reference("customer", params["customer"], "customer")
        call = call.in_time_of(customer.data)
    lines = checkout_lines.make(call, params.get("line_items") or [], params["mode"])
    trial = params.get("subscription_data") or {}
    if trial.get("trial_period_days") or trial.get("trial_end"):
        check_trial_end(call, trial.get("trial_end") or call.now + 1)
        checkout_lines.start_with_trial(lines)
    data = _body(call, lines, customer)
    record = call.objects.add(KIND, data, {"line_items": lines, "params": _kept(params)})
    if params["mode"] == "setup":
        data["setup_intent"] = _setup(call, record)
        call.objects.save(record)
    call.when(data["expires_at"], "checkout.expire", record.id)
    return record.data


def _kept(params: Json) -> Json:
    """What matters once the customer submits."""
    names = ("customer_creation", "payment_intent_data", "setup_intent_data", "subscription_data")
    return {name: params.get(name) or {} for name in names}


def _setup(call: Call, session: Record) -> str:
    given = session.private["params"]["setup_intent_data"]
    body = setup_intents.blank(call)
    body.update(
        customer=session.data["customer"],
        client_secret=client_secret(body["id"]),
        description=given.get("description"),
        metadata=merge_metadata({}, given.get("metadata") or {}),
        usage="off_session",
    )
    made = call.objects.add("setup_intent", body, {"session": session.id})
    call.emit("setup_intent.created", body)
    return made.id


def _body(call: Call, lines: list[Json], customer: Record | None) -> Json:
    params = call.params
    session_id = new_id(f"cs_{'live' if call.account.livemode else 'test'}")
    total = checkout_lines.total(lines, params["mode"])
    collection = params.get("payment_method_collection") or "always"
    return {
        "id": session_id,
        "object": KIND,
        **_blank(call),
        **{name: params.get(name) for name in PLAIN},
        "amount_subtotal": total if lines else None,
        "amount_total": total if lines else None,
        "currency": lines[0]["currency"] if lines else params.get("currency"),
        "customer": customer.id if customer else None,
        "customer_creation": _creation(params),
        "customer_details": _details(params, customer),
        "expires_at": _expiry(call),
        "metadata": merge_metadata({}, params.get("metadata") or {}),
        "mode": params["mode"],
        "payment_method_collection": collection if params["mode"] == "subscription" else None,
        "payment_method_types": methods(params),
        "payment_status": "unpaid" if total else "no_payment_required",
        "url": f"{call.base_url}/c/pay/{session_id}",
    }


PLAIN = (
    "allow_promotion_codes", "cancel_url", "client_reference_id", "customer_email", "success_url",
)  # fmt: skip
EMPTY = (
    "adaptive_pricing", "after_expiration", "branding_settings", "collected_information",
    "consent", "consent_collection", "currency_conversion", "customer_account", "discounts",
    "integration_identifier", "invoice", "invoice_creation", "locale", "origin_context",
    "payment_intent", "payment_link", "permissions", "recovered_from", "setup_intent",
    "shipping_address_collection", "shipping_cost", "submit_type", "subscription",
    "wallet_options", "client_secret", "billing_address_collection",
    "payment_method_configuration_details", "saved_payment_method_options",
)  # fmt: skip
TEXTS = ("after_submit", "shipping_address", "submit", "terms_of_service_acceptance")


def _blank(call: Call) -> Json:
    return {
        **dict.fromkeys(EMPTY),
        "automatic_tax": {"enabled": False, "liability": None, "provider": None, "status": None},
        "created": call.now,
        "custom_fields": [],
        "custom_text": dict.fromkeys(TEXTS),
        "livemode": call.account.livemode,
        "payment_method_options": {},
        "phone_number_collection": {"enabled": False},
        "shipping_options": [],
        "status": "open",
        "total_details": {"amount_discount": 0, "amount_shipping": 0, "amount_tax": 0},
        "ui_mode": "hosted_page",
    }


def _creation(params: Json) -> str | None:
    if params.get("customer"):
        return None
    return params.get("customer_creation") or (
        "always" if params["mode"] == "subscription" else "if_required"
    )


def _details(params: Json, customer: Record | None) -> Json | None:
    address = customer.data["email"] if customer else params.get("customer_email")
    return details(address, customer.data["name"] if customer else None) if address else None


def details(address: str | None, name: str | None) -> Json:
    empty = ("address", "business_name", "individual_name", "phone")
    return {**dict.fromkeys(empty), "email": address, "name": name, "tax_exempt": "none",
            "tax_ids": []}  # fmt: skip


def _expiry(call: Call) -> int:
    given: int = call.params.get("expires_at") or call.now + LONGEST
    if not SHORTEST <= given - call.now <= LONGEST:
        raise invalid(
            "The `expires_at` timestamp must be between 30 minutes and 24 hours after the"
            " Checkout Session is created.",
            param="expires_at",
        )
    return given


def methods(params: Json) -> list[str]:
    allowed = params.get("allowed_payment_method_types") or params.get("payment_method_types")
    excluded = params.get("excluded_payment_method_types") or []
    found = [name for name in METHODS if name in (allowed or METHODS) and name not in excluded]
    if not found:
        raise invalid(
            "No valid payment method types for this Checkout Session.",
            param="allowed_payment_method_types",
        )
    return found


@route("GET", "/v1/checkout/sessions/{id}")
def retrieve(call: Call) -> Json:
    return call.subject(KIND).data


@route("POST", "/v1/checkout/sessions/{id}", {"metadata": metadata})
def update(call: Call) -> Json:
    record = call.subject(KIND)
    if "metadata" in call.params:
        record.data["metadata"] = merge_metadata(record.data["metadata"], call.params["metadata"])
    call.objects.save(record)
    return record.data


@route("GET", "/v1/checkout/sessions/{id}/line_items", PAGING)
def line_items(call: Call) -> Json:
    lines, limit = call.subject(KIND).private["line_items"], call.params.get("limit", 10)
    return list_of(lines[:limit], call.url_path, len(lines) > limit)


@route("POST", "/v1/checkout/sessions/{id}/expire")
def expire(call: Call) -> Json:
    record = call.subject(KIND)
    if record.data["status"] != "open":
        raise invalid(
            'Only Checkout Sessions with a status in ["open"] can be expired. This Checkout'
            f" Session has a status of {record.data['status']}."
        )
    close(call, record)
    return record.data


@job("checkout.expire")
def expire_later(call: Call, session_id: str) -> None:
    record = call.reference(KIND, session_id, "session")
    if record.data["status"] == "open":
        close(call, record)


def close(call: Call, record: Record) -> None:
    """What the customer had begun to pay is given up, too."""
    record.data.update(status="expired", url=None)
    call.objects.save(record)
    call.emit("checkout.session.expired", record.data)
    begun = record.private.get("subscription")
    subscription = call.objects.find("subscription", begun) if begun else None
    if subscription is not None and subscription.data["status"] == "incomplete":
        subscription_states.expire(call, subscription)


LISTED: Schema = {
    **PAGING,
    "created": time_range,
    "customer": text(),
    "customer_details": fields(["email"], email=email),
    "payment_intent": text(),
    "status": choice("complete", "expired", "open"),
    "subscription": text(),
}


@route("GET", "/v1/checkout/sessions", LISTED)
def list_all(call: Call) -> Json:
    names = ("customer", "payment_intent", "status", "subscription")
    filters = {name: call.params.get(name) for name in names}
    about = call.params.get("customer_details") or {}
    return list_objects(call, KIND, **{"customer_details.email": about.get("email")}, **filters)
