"""The features of a portal configuration, all off or as Stripe's dashboard first shows them."""

import copy

from ..messages import Json
from ..params import anything, array, boolean, choice, fields, text
from .subscription_input import FEEDBACK, PRORATION

FEATURES = fields(
    customer_update=fields(
        allowed_updates=array(choice("address", "email", "name", "phone", "shipping", "tax_id")),
        enabled=boolean,
    ),
    invoice_history=fields(["enabled"], enabled=boolean),
    payment_method_update=fields(["enabled"], enabled=boolean, payment_method_configuration=text()),
    subscription_cancel=fields(
        cancellation_reason=fields(["enabled"], enabled=boolean, options=array(choice(*FEEDBACK))),
        enabled=boolean,
        mode=choice("at_period_end", "immediately"),
        proration_behavior=PRORATION,
    ),
    subscription_pause=fields(enabled=boolean),
    subscription_update=fields(
        billing_cycle_anchor=choice("now", "unchanged"),
        default_allowed_updates=array(choice("price", "promotion_code", "quantity")),
        enabled=boolean,
        products=anything,
        proration_behavior=PRORATION,
        schedule_at_period_end=anything,
        trial_update_behavior=choice("continue_trial", "end_trial"),
    ),
)
UNTYPED = ("products", "schedule_at_period_end")
BLANK: Json = {
    "customer_update": {"allowed_updates": [], "enabled": False},
    "invoice_history": {"enabled": True},
    "payment_method_update": {"enabled": True, "payment_method_configuration": None},
    "subscription_cancel": {
        "cancellation_reason": {"enabled": False, "feedback_options": None, "options": []},
        "enabled": True,
        "mode": "at_period_end",
        "proration_behavior": "none",
    },
    "subscription_pause": {
        "duration": {"interval_options": [], "type": "indefinite"},
        "enabled": False,
    },
    "subscription_update": {
        "billing_cycle_anchor": None,
        "default_allowed_updates": [],
        "enabled": False,
        "proration_behavior": "none",
        "schedule_at_period_end": {"conditions": []},
        "trial_update_behavior": "end_trial",
    },
}


def build_features() -> Json:
    return copy.deepcopy(BLANK)


def merge_features(present: Json, given: Json) -> None:
    """Keep what is named; products and conditions are taken and not looked at."""
    for name, value in given.items():
        if isinstance(value, dict) and isinstance(present.get(name), dict):
            merge_features(present[name], value)
        elif name not in UNTYPED and value is not None:
            present[name] = value
