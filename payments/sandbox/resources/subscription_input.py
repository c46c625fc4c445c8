"""What subscriptions may be given; https://docs.stripe.com/api/subscriptions/create."""

from typing import Any

from ..call import Call
from ..errors import invalid
from ..messages import Json
from ..params import (
    Check,
    Schema,
    anything,
    array,
    boolean,
    choice,
    entry,
    fields,
    integer,
    metadata,
    moment,
    text,
    validate,
)
from . import discounts
from .price_input import INLINE

# https://docs.stripe.com/api/subscriptions/update: before, `billing_cycle_anchor` was a word
ANCHOR_OBJECTS = "2026-09-30"


def moment_or(*words: str) -> Check:
    """A moment, one of some words, or nothing."""

    def check(name: str, value: Any) -> int | str | None:
        if value in words:
            return str(value)
        if value == "":
            return None
        return moment(name, value)

    return check


def behavior(name: str, value: Any) -> str | None:
    """`pending_if_incomplete` would need pending updates, which are not played."""
    if value == "pending_if_incomplete":
        raise invalid(
            "The sandbox does not play payment_behavior=pending_if_incomplete.", param=name
        )
    known = choice("allow_incomplete", "default_incomplete", "error_if_incomplete")
    given: str | None = known(name, value)
    return given


PRORATION = choice("always_invoice", "create_prorations", "none")
ITEM: Schema = {
    "discounts": discounts.GIVEN,
    "metadata": metadata,
    "plan": text(),
    "price": text(),
    "price_data": INLINE,
    "quantity": integer(0, 1_000_000),
}
TRIAL_SETTINGS = fields(
    ["end_behavior"],
    end_behavior=entry(
        ["missing_payment_method"],
        billing_cycle_anchor=choice("now", "unchanged"),
        missing_payment_method=choice("cancel", "create_invoice", "pause"),
    ),
)
BILLING_MODE = fields(
    ["type"],
    flexible=fields(proration_discounts=choice("included", "itemized")),
    type=choice("classic", "flexible"),
)


def anchor(name: str, value: Any) -> Json | str | None:
    """`{type: now}` since 2026-09-30, the bare word before."""
    known = choice("now", "unchanged")
    if isinstance(value, dict):
        return validate({"type": known}, value, ["type"], name)
    word: str | None = known(name, value)
    return word


def anchor_of(call: Call) -> str | None:
    """Return the word; raise when it is not written as the version that the request names."""
    given = call.params.get("billing_cycle_anchor")
    if given is None:
        return None
    fits = isinstance(given, dict) is (call.api_version >= ANCHOR_OBJECTS)
    if call.names_version and not fits:
        kind = "object" if isinstance(given, str) else "string"
        raise invalid(f"Invalid {kind}: {given}", param="billing_cycle_anchor")
    return str(given["type"]) if isinstance(given, dict) else str(given)


COMMON: Schema = {
    "add_invoice_items": array(entry((), **ITEM), 20),
    "automatic_tax": anything,
    "cancel_at": moment_or("max_period_end", "min_period_end"),
    "cancel_at_period_end": boolean,
    "collection_method": choice("charge_automatically", "send_invoice"),
    "days_until_due": integer(0, 3650),
    "default_payment_method": text(),
    "description": text(500),
    "discounts": discounts.GIVEN,
    "invoice_settings": fields(
        account_tax_ids=array(text()),
        custom_fields=array(entry(["name", "value"], name=text(40), value=text(140)), 4),
        description=text(1500),
        footer=text(),
        issuer=fields(["type"], type=choice("self")),
    ),
    "metadata": metadata,
    "off_session": boolean,
    "payment_behavior": behavior,
    "payment_settings": fields(
        payment_method_options=anything,
        payment_method_types=anything,
        save_default_payment_method=choice("off", "on_subscription"),
    ),
    "proration_behavior": PRORATION,
    "trial_end": moment_or("now"),
    "trial_from_plan": boolean,
    "trial_settings": TRIAL_SETTINGS,
}
NEW: Schema = {
    **COMMON,
    "billing_cycle_anchor": moment,
    "billing_mode": BILLING_MODE,
    "currency": text(),
    "customer": text(),
    "items": array(entry((), **ITEM), 20),
    "trial_period_days": integer(0, 730),
}
CHANGED_ITEM = entry((), **ITEM, id=text(), deleted=boolean, clear_usage=boolean)
FEEDBACK = (
    "customer_service", "low_quality", "missing_features", "other", "switched_service",
    "too_complex", "too_expensive", "unused",
)  # fmt: skip
CANCELLATION = fields(comment=text(), feedback=choice(*FEEDBACK))
CHANGES: Schema = {
    **COMMON,
    "billing_cycle_anchor": anchor,
    "cancellation_details": CANCELLATION,
    "items": array(CHANGED_ITEM, 20),
    "pause_collection": fields(
        ["behavior"],
        behavior=choice("keep_as_draft", "mark_uncollectible", "void"),
        resumes_at=moment,
    ),
    "proration_date": moment,
}
