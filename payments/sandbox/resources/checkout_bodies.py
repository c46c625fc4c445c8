"""What a new Checkout session looks like; https://docs.stripe.com/api/checkout/sessions/object."""

from ..call import Call
from ..errors import invalid
from ..ids import new_id
from ..messages import Json
from ..objects import Record
from ..params import merge_metadata
from . import checkout_lines
from .method_types import list_checkout_types

KIND = "checkout.session"
SHORTEST, LONGEST = 30 * 60, 24 * 3600
PLAIN = (
    "allow_promotion_codes", "allowed_payment_method_types", "billing_address_collection",
    "cancel_url", "client_reference_id", "customer_email", "locale", "submit_type", "success_url",
)  # fmt: skip
EMPTY = (
    "after_expiration", "client_secret", "consent", "consent_collection", "currency_conversion",
    "customer_account", "integration_identifier", "invoice", "managed_payments", "origin_context",
    "payment_intent", "payment_link", "permissions", "recovered_from", "setup_intent",
    "shipping_address_collection", "shipping_cost", "subscription", "wallet_options",
)  # fmt: skip
TEXTS = ("after_submit", "shipping_address", "submit", "terms_of_service_acceptance")


def build_body(call: Call, lines: list[Json], customer: Record | None) -> Json:
    params = call.params
    session_id = new_id(f"cs_{'live' if call.account.livemode else 'test'}")
    total = checkout_lines.total(lines, params["mode"])
    currency = lines[0]["currency"] if lines else params.get("currency")
    return {
        "id": session_id,
        "object": KIND,
        **_blank(call),
        **{name: params.get(name) for name in PLAIN},
        **_by_mode(params, lines),
        "amount_total": total if lines else None,
        "created": call.now,
        "currency": currency,
        "customer": customer.id if customer else None,
        "customer_creation": _creation(params),
        "customer_details": _details(params, customer),
        "expires_at": _expiry(call),
        "livemode": call.account.livemode,
        "metadata": merge_metadata({}, params.get("metadata") or {}),
        "mode": params["mode"],
        "payment_method_types": get_methods(params, currency),
        "payment_status": "unpaid" if total else "no_payment_required",
        "url": f"{call.base_url}/c/pay/{session_id}",
    }


def _blank(call: Call) -> Json:
    name = call.settings.merchant_name
    return {
        **dict.fromkeys(EMPTY),
        "automatic_tax": {"enabled": False, "liability": None, "provider": None, "status": None},
        "branding_settings": {
            "background_color": "#ffffff",
            "border_style": "rounded",
            "button_color": "#0074d4",
            "display_name": name,
            "font_family": "default",
            "icon": None,
            "logo": None,
        },
        "collected_information": {
            "business_name": None,
            "individual_name": None,
            "shipping_details": None,
        },
        "custom_fields": [],
        "custom_text": dict.fromkeys(TEXTS),
        "payment_method_configuration_details": None,
        "payment_method_options": {"card": {"request_three_d_secure": "automatic"}},
        "phone_number_collection": {"enabled": False},
        "shipping_options": [],
        "status": "open",
        "ui_mode": "hosted_page",
    }


def _by_mode(params: Json, lines: list[Json]) -> Json:
    """A setup sells nothing, and only payments can have an invoice made for them."""
    selling = params["mode"] != "setup"
    paying = params["mode"] == "payment"
    collection = params.get("payment_method_collection")
    return {
        "adaptive_pricing": {"enabled": selling},
        "amount_subtotal": sum(line["amount_subtotal"] for line in lines) if lines else None,
        "discounts": [_discount(each) for each in params.get("discounts") or []]
        if selling
        else None,
        "invoice_creation": _no_invoice() if paying else None,
        "payment_method_collection": collection or ("if_required" if paying else "always"),
        "saved_payment_method_options": _saved_methods() if selling else None,
        "total_details": _totals(lines) if selling else None,
    }


def _discount(given: Json) -> Json:
    return {"coupon": given.get("coupon"), "promotion_code": given.get("promotion_code")}


def _no_invoice() -> Json:
    empty = (
        "account_tax_ids", "custom_fields", "description", "footer", "issuer", "rendering_options",
    )  # fmt: skip
    return {"enabled": False, "invoice_data": {**dict.fromkeys(empty), "metadata": {}}}


def _saved_methods() -> Json:
    return {
        "allow_redisplay_filters": ["always"],
        "payment_method_remove": "disabled",
        "payment_method_save": None,
    }


def _totals(lines: list[Json]) -> Json:
    off = sum(line["amount_discount"] for line in lines)
    return {"amount_discount": off, "amount_shipping": 0, "amount_tax": 0}


def _creation(params: Json) -> str | None:
    if params.get("customer"):
        return None
    return params.get("customer_creation") or (
        "always" if params["mode"] == "subscription" else "if_required"
    )


def _details(params: Json, customer: Record | None) -> Json | None:
    address = customer.data["email"] if customer else params.get("customer_email")
    if not address:
        return None
    name = customer.data["name"] if customer else None
    exempt = None if params["mode"] == "setup" else "none"
    return {**make_details(address, name), "tax_exempt": exempt, "tax_ids": None}


def make_details(address: str | None, name: str | None) -> Json:
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


def get_methods(params: Json, currency: str | None) -> list[str]:
    """Return what can be paid with; the page itself plays cards and one bank debit."""
    suited = list_checkout_types(currency, saved=params["mode"] != "payment")
    allowed = params.get("allowed_payment_method_types") or params.get("payment_method_types")
    excluded = params.get("excluded_payment_method_types") or []
    found = [name for name in suited if name in (allowed or suited) and name not in excluded]
    if not found:
        raise invalid(
            "No valid payment method types for this Checkout Session.",
            param="allowed_payment_method_types",
        )
    return found
