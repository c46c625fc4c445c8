"""The account behind a key and its balance; https://docs.stripe.com/api/accounts."""

from collections import defaultdict

from ..call import Call
from ..errors import ApiError
from ..listing import list_of
from ..messages import Json
from ..params import PAGING, text, time_range
from ..registry import route
from ..store import BUSINESS_NAME_SET


@route("GET", "/v1/account")
def retrieve(call: Call) -> Json:
    merchant = call.settings.merchant_name if call.is_set_up(BUSINESS_NAME_SET) else None
    return {
        "id": call.account.id,
        "object": "account",
        "business_profile": _profile(merchant),
        "business_type": "company",
        "capabilities": {"card_payments": "active", "transfers": "active"},
        "charges_enabled": True,
        "controller": {"type": "account"},
        "country": "US",
        "created": 1577836800,
        "default_currency": "usd",
        "details_submitted": True,
        "email": "merchant@example.com",
        "metadata": {},
        "payouts_enabled": True,
        "settings": _settings(merchant),
        "type": "standard",
    }


def _profile(merchant: str | None) -> Json:
    empty = (
        "annual_revenue", "estimated_worker_count", "mcc", "minority_owned_business_designation",
        "product_description", "specified_commercial_transactions_act_url", "support_address",
        "support_email", "support_phone", "support_url", "url",
    )  # fmt: skip
    return {**dict.fromkeys(empty), "name": merchant}


def _settings(merchant: str | None) -> Json:
    scripts = ("statement_descriptor_kana", "statement_descriptor_kanji")
    prefixes = ("statement_descriptor_prefix_kana", "statement_descriptor_prefix_kanji")
    return {
        "branding": dict.fromkeys(("icon", "logo", "primary_color", "secondary_color")),
        "card_payments": {
            "decline_on": {"avs_failure": False, "cvc_failure": False},
            "statement_descriptor_prefix": None,
            **dict.fromkeys(prefixes),
        },
        "dashboard": {"display_name": merchant, "timezone": "Etc/UTC"},
        "invoices": {"default_account_tax_ids": None, "hosted_payment_method_save": "offer"},
        "payments": {
            "statement_descriptor": "SANDBOX",
            **dict.fromkeys((*scripts, *prefixes)),
        },
    }


@route("GET", "/v1/accounts/{id}")
def retrieve_by_id(call: Call) -> Json:
    """Only the key's own: no others are connected here."""
    if call.path["id"] != call.account.id:
        raise ApiError(
            403,
            f"The provided key does not have access to account '{call.path['id']}' (or that"
            " account does not exist). Application access may have been revoked.",
            code="account_invalid",
        )
    return retrieve(call)


@route("GET", "/v1/accounts", {**PAGING, "created": time_range})
def list_connected(call: Call) -> Json:
    """The accounts that are connected, so none."""
    return list_of([], call.url_path)


@route("GET", "/v1/customers/{id}/sources", {**PAGING, "object": text()})
def list_sources(call: Call) -> Json:
    """Cards as they were kept before payment methods; nobody has any here."""
    call.subject("customer")
    return list_of([], call.url_path)


@route("GET", "/v1/balance")
def balance(call: Call) -> Json:
    totals: dict[str, dict[str, int]] = {
        "available": defaultdict(int, {"usd": 0}),
        "pending": defaultdict(int, {"usd": 0}),
    }
    for movement in call.objects.all("balance_transaction"):
        state = "available" if movement.data["available_on"] <= call.now else "pending"
        totals[state][movement.data["currency"]] += movement.data["net"]
    return {
        "object": "balance",
        "available": _amounts(totals["available"]),
        "livemode": call.account.livemode,
        "pending": _amounts(totals["pending"]),
    }


def _amounts(totals: dict[str, int]) -> list[Json]:
    return [
        {"amount": amount, "currency": currency, "source_types": {"card": amount}}
        for currency, amount in sorted(totals.items())
    ]
