"""Bank debits, which settle days later; https://docs.stripe.com/payments/ach-direct-debit.

Those of the Checkout page are made here.
"""

from ..call import Call
from ..cards import DEBIT, DEBIT_RETURNED
from ..ids import new_id, random_text
from ..messages import Json
from ..objects import Record

KIND = "us_bank_account"


def make(call: Call, billing_details: Json, *, returned: bool) -> Record:
    body = {
        "id": new_id("pm"),
        "object": "payment_method",
        "allow_redisplay": "limited",
        "billing_details": billing_details,
        "created": call.now,
        "customer": None,
        "customer_account": None,
        "livemode": call.account.livemode,
        "metadata": {},
        "type": KIND,
        KIND: account("1116" if returned else "6789", random_text(16)),
    }
    private = {"number": DEBIT_RETURNED if returned else DEBIT}
    return call.objects.add("payment_method", body, private)


def account(last4: str, fingerprint: str) -> Json:
    return {
        "account_holder_type": "individual",
        "account_type": "checking",
        "bank_name": "STRIPE TEST BANK",
        "financial_connections_account": None,
        "fingerprint": fingerprint,
        "last4": last4,
        "networks": {"preferred": "ach", "supported": ["ach"]},
        "routing_number": "110000000",
        "status_details": {},
    }


def details(method: Json) -> Json:
    """What a charge says about it."""
    kept = ("account_holder_type", "account_type", "bank_name", "fingerprint", "last4",
            "routing_number")  # fmt: skip
    about = {name: method[KIND][name] for name in kept}
    return {**about, "payment_reference": None}
