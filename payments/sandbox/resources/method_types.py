"""Which kinds of payment methods an intent may use; here there are only cards."""

from ..call import Call
from ..errors import invalid
from ..messages import Json
from ..params import Schema, array, text, word

# From this version on the parameter is gone:
# https://docs.stripe.com/changelog/endive/2026-09-30/removes-the-payment-method-types-parameter-from-payment-intents-and-setup-intents
REMOVED_IN = "2026-09-30"

METHOD_TYPES: Schema = {
    "allowed_payment_method_types": array(word()),
    "excluded_payment_method_types": array(word()),
    "payment_method_configuration": text(),
    "payment_method_types": array(word()),
}


def check_method_types(call: Call, params: Json) -> None:
    if "payment_method_types" not in params:
        return
    if call.api_version >= REMOVED_IN:
        raise invalid(
            "The payment_method_types parameter is no longer supported. Use dynamic payment"
            " methods, allowed_payment_method_types or excluded_payment_method_types instead.",
            "payment_method_types_no_longer_supported",
            "payment_method_types",
        )
    for name in params["payment_method_types"]:
        if name != "card":
            raise invalid(
                f'The payment method type "{name}" is invalid. Please ensure the provided type is'
                " activated in your dashboard and your account is enabled for any preview"
                " features that you are trying to use.",
                "payment_intent_invalid_parameter",
                "payment_method_types",
            )


def method_types(params: Json) -> list[str]:
    """Unknown types are filtered out silently, as Stripe documents for the allowed ones."""
    allowed = params.get("allowed_payment_method_types") or ["card"]
    if "card" not in allowed or "card" in (params.get("excluded_payment_method_types") or []):
        raise invalid(
            "No valid payment method types for this intent. Please ensure that you have activated"
            " payment methods compatible with your chosen currency in your dashboard.",
            "payment_intent_invalid_parameter",
            "allowed_payment_method_types",
        )
    return ["card"]


def chosen_types(params: Json) -> Json:
    """Return the lists as they were given; an intent shows null for one that was not."""
    names = ("allowed_payment_method_types", "excluded_payment_method_types")
    return {name: params.get(name) for name in names}


def automatic_methods(params: Json) -> Json:
    """Dynamic payment methods are what an intent gets unless it says otherwise."""
    given = params.get("automatic_payment_methods") or {}
    return {
        "allow_redirects": given.get("allow_redirects") or "always",
        "enabled": given.get("enabled", True),
    }
