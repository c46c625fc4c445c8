"""What charges say about payments by other methods than cards.

https://docs.stripe.com/api/charges/object#charge_object-payment_method_details
"""

from ..messages import Json
from . import bank_debits

SEPA_OF = ("generated_sepa_debit", "generated_sepa_debit_mandate", "iban_last4", "verified_name")
# What of the payment method is not said again.
LEFT_OUT = {"boleto": ("fingerprint",), "klarna": ("dob",), "link": ("email",),
            "sepa_debit": ("generated_from",)}  # fmt: skip
# What is said besides, as long as nothing is known about it.
UNKNOWN = {
    "afterpay_clearpay": ("order_id", "reference"),
    "alipay": ("fingerprint", "transaction_id"),
    "bancontact": ("bank_code", "bank_name", "bic", "preferred_language", *SEPA_OF),
    "ideal": ("transaction_id", *SEPA_OF),
    "klarna": ("payer_details", "payment_method_category", "preferred_locale"),
    "link": ("country",),
    "sepa_debit": ("mandate",),
    "wechat_pay": ("fingerprint", "transaction_id"),
}


def describe_payment(method: Json) -> Json:
    """Return `payment_method_details` of a charge; the method is not a card."""
    kind = method["type"]
    if kind == bank_debits.KIND:
        return {kind: bank_debits.details(method), "type": kind}
    left_out = LEFT_OUT.get(kind, ())
    kept = {name: value for name, value in method[kind].items() if name not in left_out}
    return {kind: {**kept, **dict.fromkeys(UNKNOWN.get(kind, ()))}, "type": kind}
