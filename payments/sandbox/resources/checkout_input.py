"""What Checkout sessions may be given; https://docs.stripe.com/api/checkout/sessions/create."""

from ..errors import invalid
from ..messages import Json
from ..params import (
    SHIPPING,
    Schema,
    anything,
    array,
    boolean,
    choice,
    email,
    entry,
    fields,
    integer,
    metadata,
    moment,
    text,
    url,
)
from .method_types import METHOD_TYPES
from .price_input import INLINE
from .subscription_input import PRORATION, TRIAL_SETTINGS

LINE = entry(
    adjustable_quantity=anything,
    metadata=metadata,
    price=text(),
    price_data=INLINE,
    quantity=integer(1, 1_000_000),
)
# Taken and without effect: what only changes the look of Stripe's own page.
LOOKS = (
    "automatic_tax", "billing_address_collection", "branding_settings", "consent_collection",
    "custom_fields", "custom_text", "customer_update", "locale", "name_collection",
    "phone_number_collection", "saved_payment_method_options", "shipping_address_collection",
    "submit_type", "tax_id_collection", "wallet_options",
)  # fmt: skip
NEW: Schema = {
    **METHOD_TYPES,
    **dict.fromkeys(LOOKS, anything),
    "allow_promotion_codes": boolean,
    "cancel_url": url,
    "client_reference_id": text(200),
    "currency": text(),
    "customer": text(),
    "customer_creation": choice("always", "if_required"),
    "customer_email": email,
    "discounts": array(entry(coupon=text(), promotion_code=text()), 1),
    "expires_at": moment,
    "line_items": array(LINE, 100),
    "metadata": metadata,
    "mode": choice("payment", "setup", "subscription"),
    "payment_intent_data": fields(
        capture_method=choice("automatic", "automatic_async", "manual"),
        description=text(1000),
        metadata=metadata,
        receipt_email=email,
        setup_future_usage=choice("off_session", "on_session"),
        shipping=SHIPPING,
        statement_descriptor=text(22),
        statement_descriptor_suffix=text(22),
        transfer_group=text(),
    ),
    "payment_method_collection": choice("always", "if_required"),
    "payment_method_options": anything,
    "setup_intent_data": fields(description=text(1000), metadata=metadata),
    "subscription_data": fields(
        billing_cycle_anchor=moment,
        billing_mode=anything,
        description=text(500),
        invoice_settings=anything,
        metadata=metadata,
        proration_behavior=PRORATION,
        trial_end=moment,
        trial_period_days=integer(1, 730),
        trial_settings=TRIAL_SETTINGS,
    ),
    "success_url": url,
    "ui_mode": choice("hosted", "hosted_page"),
}
ONLY_IN = {
    "customer_creation": ("payment", "setup"),
    "payment_intent_data": ("payment",),
    "setup_intent_data": ("setup",),
    "subscription_data": ("subscription",),
}


def check(params: Json) -> None:
    """What fits together and what does not."""
    mode = params["mode"]
    for name, modes in ONLY_IN.items():
        if params.get(name) and mode not in modes:
            raise invalid(f"You can not pass `{name}` in `{mode}` mode.", param=name)
    if params.get("customer") and params.get("customer_email"):
        raise invalid(
            "You may only specify one of these parameters: customer, customer_email.",
            "parameters_exclusive",
            "customer_email",
        )
    if params.get("discounts") and params.get("allow_promotion_codes"):
        raise invalid(
            "You may only specify one of these parameters: allow_promotion_codes, discounts.",
            "parameters_exclusive",
            "discounts",
        )
    if mode == "setup" and params.get("discounts"):
        raise invalid("You can not pass `discounts` in `setup` mode.", param="discounts")
    if mode == "setup" and params.get("line_items"):
        raise invalid("You can not pass `line_items` in `setup` mode.", param="line_items")
    if mode != "setup" and not params.get("line_items"):
        message = f"Missing required param: line_items. It is needed in `{mode}` mode."
        raise invalid(message, "parameter_missing", "line_items")
