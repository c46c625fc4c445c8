"""Payment methods other than cards; https://docs.stripe.com/api/payment_methods/create."""

import hashlib
from typing import Any

from ..cards import DEBIT, DEBIT_RETURNED, REDIRECT, WALLET
from ..errors import missing_param
from ..messages import Json
from ..params import Check, anything, choice, fields, integer, text
from . import bank_debits

# Those about which nothing is told but that they are there.
BARE = tuple(
    """
    affirm afterpay_clearpay alipay alma amazon_pay bancontact billie bizum blik crypto
    customer_balance giropay grabpay kakao_pay konbini mb_way mobilepay multibanco oxxo pay_by_bank
    payco paynow paypay pix promptpay revolut_pay samsung_pay satispay scalapay sequra sunbit swish
    twint wechat_pay zip
    """.split()
)
HOLDER = choice("company", "individual")
# What each of the others takes, and which of that it cannot do without.
INPUTS: dict[str, Check] = {
    **{kind: fields() for kind in BARE},
    "acss_debit": fields(
        ["account_number", "institution_number", "transit_number"],
        account_number=text(), institution_number=text(), transit_number=text(),
    ),
    "au_becs_debit": fields(
        ["account_number", "bsb_number"], account_number=text(), bsb_number=text()
    ),
    "bacs_debit": fields(account_number=text(), sort_code=text()),
    "boleto": fields(["tax_id"], tax_id=text()),
    "cashapp": fields(),
    "eps": fields(bank=text()),
    "fpx": fields(["bank"], account_holder_type=HOLDER, bank=text()),
    "ideal": fields(bank=text()),
    "klarna": fields(dob=fields(day=integer(1, 31), month=integer(1, 12), year=integer(1900))),
    "kr_card": fields(),
    "link": fields(),
    "naver_pay": fields(funding=choice("card", "points")),
    "nz_bank_account": fields(
        ["account_number", "bank_code", "branch_code", "suffix"],
        account_holder_name=text(), account_number=text(), bank_code=text(), branch_code=text(),
        reference=text(), suffix=text(),
    ),
    "p24": fields(bank=text()),
    "paypal": fields(),
    "payto": fields(account_number=text(), bsb_number=text(), pay_id=text()),
    "sepa_debit": fields(["iban"], iban=text()),
    "sofort": fields(["country"], country=text()),
    "upi": fields(mandate_options=anything),
    "us_bank_account": fields(
        account_holder_type=HOLDER, account_number=text(),
        account_type=choice("checking", "savings"), financial_connections_account=text(),
        routing_number=text(),
    ),
}  # fmt: skip
KINDS = tuple(INPUTS)
# What cannot be left out altogether: these have fields that are needed.
NEEDED = ("acss_debit", "au_becs_debit", "boleto", "fpx", "nz_bank_account", "sepa_debit", "sofort")

DEBITS = (
    "acss_debit", "au_becs_debit", "bacs_debit", "nz_bank_account", "payto", "sepa_debit",
    "us_bank_account",
)  # fmt: skip
# Those besides debits that a customer can keep: https://docs.stripe.com/payments/save-and-reuse
KEPT = ("amazon_pay", "cashapp", "kakao_pay", "klarna", "kr_card", "link", "naver_pay", "paypal",
        "revolut_pay", "satispay", "upi")  # fmt: skip
# Accounts whose debits come back: https://docs.stripe.com/testing#non-card-payments
RETURNED = frozenset(["000111111116", "111111113", "AT861904300235473202"])
BICS = {
    "abn_amro": "ABNANL2A", "adyen": "ADYBNL2A", "asn_bank": "ASNBNL21", "bunq": "BUNQNL2A",
    "buut": "BUUTNL2A", "finom": "FNOMNL22", "handelsbanken": "HANDNL2A", "ing": "INGBNL2A",
    "knab": "KNABNL2H", "mollie": "MLLENL2A", "moneyou": "MOYONL21", "n26": "NTSBDEB1",
    "nn": "NNBANL2G", "rabobank": "RABONL2U", "regiobank": "RBRBNL21", "revolut": "REVOLT21",
    "sns_bank": "SNSBNL2A", "triodos_bank": "TRIONL2U", "van_lanschot": "FVLBNL22",
    "yoursafe": "BITSNL2A",
}  # fmt: skip


def is_reusable(kind: str) -> bool:
    return kind == "card" or kind in DEBITS or kind in KEPT


def describe(kind: str, given: Json) -> tuple[Json, str]:
    """Return what the payment method says about itself, and how its payments turn out."""
    details = given.get(kind)
    if details is None and kind in NEEDED:
        raise missing_param(kind)
    shown = DETAILS.get(kind, _nothing)(details or {}, given.get("billing_details") or {})
    return shown, _behaviour(kind, details or {})


def _behaviour(kind: str, details: Json) -> str:
    account = details.get("account_number") or details.get("iban")
    if kind in DEBITS:
        return DEBIT_RETURNED if account in RETURNED else DEBIT
    return WALLET if kind == "link" else REDIRECT


def _nothing(_details: Json, _billing: Json) -> Json:
    return {}


def _acss_debit(details: Json, _billing: Json) -> Json:
    account = details["account_number"]
    return {
        "bank_name": "STRIPE TEST BANK",
        "fingerprint": _fingerprint(account),
        "institution_number": details["institution_number"],
        "last4": account[-4:],
        "transit_number": details["transit_number"],
    }


def _au_becs_debit(details: Json, _billing: Json) -> Json:
    account = details["account_number"]
    return {
        "bsb_number": details["bsb_number"],
        "fingerprint": _fingerprint(account),
        "last4": account[-4:],
    }


def _bacs_debit(details: Json, _billing: Json) -> Json:
    account = details.get("account_number") or ""
    return {
        "fingerprint": _fingerprint(account),
        "last4": account[-4:] or None,
        "sort_code": details.get("sort_code"),
    }


def _boleto(details: Json, _billing: Json) -> Json:
    return {"fingerprint": _fingerprint(details["tax_id"]), "tax_id": details["tax_id"]}


def _fpx(details: Json, _billing: Json) -> Json:
    holder = details.get("account_holder_type") or "individual"
    return {"account_holder_type": holder, "bank": details["bank"]}


def _ideal(details: Json, _billing: Json) -> Json:
    bank = details.get("bank")
    return {"bank": bank, "bic": BICS.get(bank or "")}


def _nz_bank_account(details: Json, _billing: Json) -> Json:
    names = ("account_holder_name", "bank_code", "branch_code", "suffix")
    return {
        **{name: details.get(name) for name in names},
        "bank_name": "STRIPE TEST BANK",
        "last4": details["account_number"][-4:],
    }


def _payto(details: Json, _billing: Json) -> Json:
    account = details.get("account_number") or ""
    names = ("bsb_number", "pay_id")
    return {**{name: details.get(name) for name in names}, "last4": account[-4:] or None}


def _sepa_debit(details: Json, _billing: Json) -> Json:
    iban = details["iban"].replace(" ", "")
    return {
        "bank_code": iban[4:8],
        "branch_code": "",
        "country": iban[:2],
        "fingerprint": _fingerprint(iban),
        "generated_from": {"charge": None, "setup_attempt": None},
        "last4": iban[-4:],
    }


def _us_bank_account(details: Json, _billing: Json) -> Json:
    account = details.get("account_number") or "000123456789"
    given = {name: value for name, value in details.items() if name != "account_number"}
    return {**bank_debits.account(account[-4:], _fingerprint(account)), **given}


def _keep(*names: str) -> Any:
    """Return what shows these fields as they were given."""
    return lambda details, _billing: {name: details.get(name) for name in names}


DETAILS: dict[str, Any] = {
    "acss_debit": _acss_debit,
    "au_becs_debit": _au_becs_debit,
    "bacs_debit": _bacs_debit,
    "boleto": _boleto,
    "cashapp": _keep("buyer_id", "cashtag"),
    "eps": _keep("bank"),
    "fpx": _fpx,
    "ideal": _ideal,
    "klarna": _keep("dob"),
    "kr_card": _keep("brand", "last4"),
    "link": lambda _details, billing: {"email": billing.get("email")},
    "naver_pay": lambda details, _billing: {
        "buyer_id": None, "funding": details.get("funding") or "card",
    },
    "nz_bank_account": _nz_bank_account,
    "p24": _keep("bank"),
    "paypal": _keep("country", "payer_email", "payer_id"),
    "payto": _payto,
    "sepa_debit": _sepa_debit,
    "sofort": _keep("country"),
    "upi": _keep("vpa"),
    "us_bank_account": _us_bank_account,
}  # fmt: skip


def _fingerprint(account: str) -> str:
    return hashlib.sha256(account.encode()).hexdigest()[:16]
