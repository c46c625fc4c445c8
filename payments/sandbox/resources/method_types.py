"""Which kinds of payment methods an intent may use.

The account has dynamic payment methods, with those of an account in the United States turned on:
https://docs.stripe.com/payments/payment-methods/dynamic-payment-methods
"""

from collections.abc import Iterable
from dataclasses import dataclass

from ..call import Call
from ..errors import ApiError, invalid
from ..messages import Json
from ..params import Schema, array, text, word

# From this version on intents have dynamic payment methods unless they say otherwise:
# https://docs.stripe.com/changelog/2023-08-16/automatic-payment-methods
DYNAMIC_SINCE = "2023-08-16"
# From this version on the parameter is gone:
# https://docs.stripe.com/changelog/endive/2026-09-30/removes-the-payment-method-types-parameter-from-payment-intents-and-setup-intents
REMOVED_IN = "2026-09-30"

METHOD_TYPES: Schema = {
    "allowed_payment_method_types": array(word()),
    "excluded_payment_method_types": array(word()),
    "payment_method_configuration": text(),
    "payment_method_types": array(word()),
}
# https://docs.stripe.com/changelog/dahlia/2026-07-29/allowed-payment-method-types-parameter
ALTERNATIVES = (
    "payment_method_types", "excluded_payment_method_types", "automatic_payment_methods",
    "payment_method_configuration",
)  # fmt: skip


@dataclass(frozen=True)
class MethodType:
    """What a kind of payment method can do; options are what an intent shows for it."""

    name: str
    currencies: frozenset[str] = frozenset()  # none named: all
    holds: bool = False  # can be authorized now and captured later
    saves: bool = False  # can be set up for later
    options: Json | None = None


EUROS, DOLLARS = frozenset(["eur"]), frozenset(["usd"])
CARD_OPTIONS: Json = {
    "mandate_options": None, "network": None, "request_three_d_secure": "automatic",
}  # fmt: skip
BANK_SETUP: Json = {"mandate_options": {}, "verification_method": "automatic"}
BANK_OPTIONS: Json = {"transaction_purpose": "unspecified", **BANK_SETUP}
# https://docs.stripe.com/payments/payment-methods/payment-method-support
TURNED_ON = (
    MethodType("card", holds=True, saves=True, options={"installments": None, **CARD_OPTIONS}),
    MethodType("bancontact", EUROS, saves=True, options={"preferred_language": "en"}),
    MethodType("ideal", EUROS, saves=True, options={}),
    MethodType("sepa_debit", EUROS, saves=True, options={}),
    MethodType(
        "acss_debit",
        frozenset(["cad", "usd"]),
        saves=True,
        options={"verification_method": "automatic"},
    ),
    MethodType("afterpay_clearpay", DOLLARS, holds=True, options={"reference": None}),
    MethodType("alipay", frozenset(["cny", "usd"]), options={}),
    MethodType(
        "klarna",
        frozenset(["aud", "cad", "eur", "gbp", "usd"]),
        holds=True,
        saves=True,
        options={"preferred_locale": None},
    ),
    MethodType("link", holds=True, saves=True, options={"persistent_token": None}),
    MethodType("us_bank_account", DOLLARS, saves=True, options=BANK_OPTIONS),
    MethodType("wechat_pay", frozenset(["cny", "usd"]), options={"app_id": None, "client": None}),
)
# What an intent that an invoice makes may use; the account sets it for invoices apart:
# https://docs.stripe.com/invoicing/payment-methods
ON_INVOICES = (
    MethodType(
        "acss_debit",
        frozenset(["cad", "usd"]),
        options={
            "mandate_options": {
                "interval_description": None, "payment_schedule": None, "transaction_type": None,
            },
            "verification_method": "automatic",
        },
    ),
    TURNED_ON[0],
    MethodType("cashapp", DOLLARS, options={}),
    MethodType("link", options={"persistent_token": None}),
    MethodType("us_bank_account", DOLLARS, options=BANK_OPTIONS),
)  # fmt: skip


def check_alternatives(params: Json) -> None:
    """Raise 400 when an intent says in two ways what it may be paid with."""
    for name in ALTERNATIVES:
        if name in params and "allowed_payment_method_types" in params:
            raise invalid(
                f"You may only specify one of these parameters: {name},"
                " allowed_payment_method_types.",
                "parameters_exclusive",
                name,
            )


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
        if name not in (each.name for each in TURNED_ON):
            raise invalid(
                f'The payment method type "{name}" is invalid. Please ensure the provided type is'
                " activated in your dashboard and your account is enabled for any preview"
                " features that you are trying to use.",
                "payment_intent_invalid_parameter",
                "payment_method_types",
            )


def choose_method_types(call: Call, intent: Json, params: Json) -> None:
    """Set what the intent, made with these parameters, may be paid or set up with."""
    names = _named_types(call, params)
    excluded = params.get("excluded_payment_method_types") or []
    chosen = [
        each
        for each in TURNED_ON
        if (names is None or each.name in names)
        and each.name not in excluded
        and _is_suited(each, intent, redirects=_may_redirect(params))
    ]
    if not chosen:
        raise no_types_left()
    intent.update(
        allowed_payment_method_types=params.get("allowed_payment_method_types"),
        excluded_payment_method_types=params.get("excluded_payment_method_types"),
        automatic_payment_methods=_automatic_methods(call, params),
        payment_method_configuration_details=_configuration(call, params),
    )
    set_method_types(intent, chosen)


def set_method_types(intent: Json, chosen: Iterable[MethodType]) -> None:
    """Write down the types and their options; those unfit for the currency are left out."""
    fit = [each for each in chosen if _takes_currency(each, intent.get("currency"))]
    intent["payment_method_types"] = [each.name for each in fit]
    if intent["object"] == "setup_intent":
        shown: Json = {"card": CARD_OPTIONS, "us_bank_account": BANK_SETUP}
        options = {each.name: shown[each.name] for each in fit if each.name in shown}
    else:
        options = {each.name: each.options for each in sorted(fit, key=lambda each: each.name)}
    intent["payment_method_options"] = {name: {**(each or {})} for name, each in options.items()}


def list_checkout_types(currency: str | None, *, saved: bool) -> list[str]:
    """Return the names of what a Checkout page offers; pre-authorized debits need options there."""
    return [
        each.name
        for each in TURNED_ON
        if each.name != "acss_debit"
        and _takes_currency(each, currency)
        and (each.saves or not saved)
    ]


def no_types_left() -> ApiError:
    return invalid(
        "No valid payment method types for this intent. Please ensure that you have activated"
        " payment methods compatible with your chosen currency in your dashboard.",
        "payment_intent_invalid_parameter",
        "allowed_payment_method_types",
    )


def _named_types(call: Call, params: Json) -> list[str] | None:
    """Unknown types are filtered out silently, as Stripe documents for the allowed ones."""
    for name in ("allowed_payment_method_types", "payment_method_types"):
        if params.get(name):
            return list(params[name])
    return None if _is_automatic(call, params) else ["card"]


def _is_automatic(call: Call, params: Json) -> bool:
    given = params.get("automatic_payment_methods")
    if given is not None:
        return bool(given.get("enabled"))
    named = any(params.get(name) for name in ("allowed_payment_method_types", *ALTERNATIVES[:1]))
    return not named and call.api_version >= DYNAMIC_SINCE


# Those that take the customer to another page.
REDIRECTING = ("afterpay_clearpay", "alipay", "bancontact", "ideal", "klarna", "wechat_pay")


def _may_redirect(params: Json) -> bool:
    given = params.get("automatic_payment_methods") or {}
    return given.get("allow_redirects") != "never"


def _is_suited(each: MethodType, intent: Json, *, redirects: bool) -> bool:
    saved = intent["object"] == "setup_intent" or bool(intent.get("setup_future_usage"))
    manual = intent.get("capture_method") == "manual"
    return (
        _takes_currency(each, intent.get("currency"))
        and (each.saves or not saved)
        and (each.holds or not manual)
        and (redirects or each.name not in REDIRECTING)
    )


def _takes_currency(each: MethodType, currency: str | None) -> bool:
    return currency is None or not each.currencies or currency in each.currencies


def _automatic_methods(call: Call, params: Json) -> Json | None:
    """Dynamic payment methods are what an intent gets unless it says otherwise."""
    given = params.get("automatic_payment_methods") or {}
    if not _is_automatic(call, params):
        return {"enabled": False} if given else None
    return {"allow_redirects": given.get("allow_redirects") or "always", "enabled": True}


def _configuration(call: Call, params: Json) -> Json | None:
    if not _is_automatic(call, params):
        return None
    given = params.get("payment_method_configuration")
    return {"id": given or f"pmc_{call.account.id.removeprefix('acct_')}", "parent": None}


def merge_options(intent: Json, given: Json) -> None:
    """Options of a kind that the intent cannot be paid with are without effect."""
    options = intent["payment_method_options"]
    for name in options.keys() & given.keys():
        options[name].update(given[name] or {})


def check_method_fits(intent: Json, method: Json) -> None:
    """Raise 400 for a payment method of a kind that the intent does not take."""
    if method["type"] in intent["payment_method_types"]:
        return
    name = "PaymentIntent" if intent["object"] == "payment_intent" else "SetupIntent"
    raise invalid(
        f"The PaymentMethod provided ({method['type']}) is not allowed for this {name}. Please"
        " attach a PaymentMethod with one of the following types:"
        f" {', '.join(intent['payment_method_types'])}.",
        f"{intent['object']}_incompatible_payment_method",
        "payment_method",
    )
