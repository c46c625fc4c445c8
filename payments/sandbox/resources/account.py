"""The account behind a key and its balance; https://docs.stripe.com/api/accounts."""

from collections import defaultdict

from ..call import Call
from ..messages import Json
from ..registry import route
from ..store import BUSINESS_NAME_SET


@route("GET", "/v1/account")
def retrieve(call: Call) -> Json:
    merchant = call.settings.merchant_name if call.is_set_up(BUSINESS_NAME_SET) else None
    return {
        "id": call.account.id,
        "object": "account",
        "business_profile": {"mcc": None, "name": merchant, "support_email": None, "url": None},
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
        "settings": {
            "dashboard": {"display_name": merchant, "timezone": "Etc/UTC"},
            "payments": {"statement_descriptor": "SANDBOX"},
        },
        "type": "standard",
    }


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
