"""What subscriptions may be given; https://docs.stripe.com/api/subscriptions/create."""

from typing import Any

from ..errors import invalid
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
)
from .price_input import INLINE


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
    "metadata": metadata,
    "price": text(),
    "price_data": INLINE,
    "quantity": integer(0, 1_000_000),
}
TRIAL_SETTINGS = fields(
    ["end_behavior"],
    end_behavior=entry(
        ["missing_payment_method"],
        missing_payment_method=choice("cancel", "create_invoice", "pause"),
    ),
)
COMMON: Schema = {
    "add_invoice_items": array(entry((), **ITEM), 20),
    "automatic_tax": anything,
    "cancel_at": moment_or("max_period_end", "min_period_end"),
    "cancel_at_period_end": boolean,
    "collection_method": choice("charge_automatically", "send_invoice"),
    "days_until_due": integer(0, 3650),
    "default_payment_method": text(),
    "description": text(500),
    "invoice_settings": anything,
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
    "billing_mode": fields(["type"], flexible=anything, type=choice("classic", "flexible")),
    "currency": text(),
    "customer": text(),
    "items": array(entry((), **ITEM), 20),
    "trial_period_days": integer(0, 730),
}
CHANGED_ITEM = entry((), **ITEM, id=text(), deleted=boolean, clear_usage=boolean)
CANCELLATION = fields(
    comment=text(),
    feedback=choice(
        "customer_service",
        "low_quality",
        "missing_features",
        "other",
        "switched_service",
        "too_complex",
        "too_expensive",
        "unused",
    ),
)
CHANGES: Schema = {
    **COMMON,
    "billing_cycle_anchor": choice("now", "unchanged"),
    "cancellation_details": CANCELLATION,
    "items": array(CHANGED_ITEM, 20),
    "pause_collection": fields(
        ["behavior"],
        behavior=choice("keep_as_draft", "mark_uncollectible", "void"),
        resumes_at=moment,
    ),
    "proration_date": moment,
}
