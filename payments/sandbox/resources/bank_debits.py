"""Bank debits, which settle days later; https://docs.stripe.com/payments/ach-direct-debit.

They come into being on the Checkout page only.
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
        "livemode": call.account.livemode,
        "metadata": {},
        "type": KIND,
        KIND: {
            "account_holder_type": "individual",
            "account_type": "checking",
            "bank_name": "SANDBOX BANK",
            "financial_connections_account": None,
            "fingerprint": random_text(16),
            "last4": "1116" if returned else "6789",
            "networks": {"preferred": "ach", "supported": ["ach"]},
            "routing_number": "110000000",
            "status_details": {},
        },
    }
    private = {"number": DEBIT_RETURNED if returned else DEBIT}
    return call.objects.add("payment_method", body, private)


def details(method: Json) -> Json:
    """What a charge says about it."""
    kept = ("account_holder_type", "account_type", "bank_name", "fingerprint", "last4",
            "routing_number")  # fmt: skip
    return {**{name: method[KIND][name] for name in kept}, "mandate": None}
