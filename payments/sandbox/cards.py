"""The test cards and what each of them does; https://docs.stripe.com/testing."""

from dataclasses import dataclass
from enum import Enum

from . import country_cards, declines
from .declines import Decline


class Authentication(Enum):
    """When the bank wants to hear from the cardholder."""

    NEVER = "never"
    IF_ASKED = "if asked"  # only when the merchant requests 3D Secure
    UNLESS_SET_UP = "unless set up"  # off-session payments pass once the card was set up
    ON_SESSION = "on session"  # as if already set up somewhere else
    ALWAYS = "always"


class Refund(Enum):
    AT_ONCE = "at once"
    PENDING = "pending, then succeeded"
    FAILS = "succeeded, then failed"


@dataclass(frozen=True)
class Card:
    number: str
    brand: str = "visa"
    funding: str = "credit"
    country: str = "US"
    attach: Decline | None = None  # refused when attached to a customer
    setup: Decline | None = None  # refused when a SetupIntent is confirmed
    charge: Decline | None = None  # refused when charged
    authentication: Authentication = Authentication.NEVER
    refund: Refund = Refund.AT_ONCE
    slow: bool = False  # stays `processing` for a while before it is charged
    checks: tuple[tuple[str, str], ...] = ()  # what they say instead of having passed
    risk: str = "normal"
    warns_of_fraud: bool = False  # the bank reports fraud soon after the payment
    lookup_fails: bool = False  # once 3D Secure is asked for

    def asks_at_setup(self, *, requested: bool) -> bool:
        if self.authentication is Authentication.IF_ASKED:
            return requested
        return self.authentication is not Authentication.NEVER

    def asks_at_charge(self, *, off_session: bool, set_up: bool, requested: bool) -> bool:
        if not off_session:
            return self.asks_at_setup(requested=requested)
        if self.authentication is Authentication.UNLESS_SET_UP:
            return not set_up
        return self.authentication is Authentication.ALWAYS


def _refused(number: str, decline: Decline, brand: str = "visa") -> Card:
    """A card that neither can be saved nor charged."""
    return Card(number, brand, attach=decline, setup=decline, charge=decline)


# Not cards and no numbers: how payments by other methods turn out.
DEBIT, DEBIT_RETURNED, REDIRECT, WALLET = "debit", "debit returned", "redirect", "wallet"
LINE1, POSTAL_CODE = "address_line1_check", "address_postal_code_check"
CARDS = (
    Card("4242424242424242"),
    Card("4000056655665556", funding="debit"),
    Card("5555555555554444", "mastercard"),
    Card("2223003122003222", "mastercard"),
    Card("5200828282828210", "mastercard", "debit"),
    Card("5105105105105100", "mastercard", "prepaid"),
    Card("378282246310005", "amex"),
    Card("371449635398431", "amex"),
    Card("6011111111111117", "discover"),
    Card("6011000990139424", "discover"),
    Card("6011981111111113", "discover", "debit"),
    Card("3056930009020004", "diners"),
    Card("36227206271667", "diners"),
    Card("3566002020360505", "jcb", country="JP"),
    Card("6200000000000005", "unionpay", country="CN"),
    Card("6200000000000047", "unionpay", "debit", "CN"),
    Card("6205500000000000004", "unionpay", country="CN"),
    *(Card(number, country=country) for country, number in country_cards.NUMBERS.items()),
    Card("4000058260000005", funding="debit", country="GB"),
    Card("5555558265554449", "mastercard", country="GB"),
    Card("4000057640000008", funding="debit", country="TH"),
    Card("4012888888881881"),  # these are of older lists
    Card("30569309025904", "diners"),
    Card("38520000023237", "diners"),
    Card("3530111333300000", "jcb", country="JP"),
    Card("4000000000000077"),  # bypasses the pending balance
    Card("4000000000000259"),  # these three open a dispute
    Card("4000000000002685"),
    Card("4000000000001976"),
    Card("4000000000000093"),  # domestic pricing
    Card("4000000000005423", warns_of_fraud=True),
    Card("4000000000000101", checks=(("cvc_check", "fail"),)),
    Card("4000000000000036", checks=((POSTAL_CODE, "fail"),)),
    Card("4000000000000028", checks=((LINE1, "fail"),)),
    Card("4000000000000010", checks=((LINE1, "fail"), (POSTAL_CODE, "fail"))),
    Card("4000000000000044", checks=((LINE1, "unavailable"), (POSTAL_CODE, "unavailable"))),
    _refused("4000000000000002", declines.GENERIC),
    _refused("4000000000009995", declines.INSUFFICIENT),
    _refused("4000000000009987", declines.LOST),
    _refused("4000000000009979", declines.STOLEN),
    _refused("4000000000000069", declines.EXPIRED),
    _refused("4000000000000127", declines.INCORRECT_CVC),
    _refused("4000000000000119", declines.PROCESSING),
    _refused("4000000000006975", declines.VELOCITY),
    _refused("4100000000000019", declines.FRAUDULENT),
    Card("4000000000004954", charge=declines.FRAUDULENT, risk="highest"),
    Card("4000000000009235", risk="elevated"),
    Card("4000000000000341", charge=declines.GENERIC),
    Card("4000000000007726", refund=Refund.PENDING),
    Card("4000000000005126", refund=Refund.FAILS),
    Card("4000002500003155", country="FR", authentication=Authentication.UNLESS_SET_UP),
    Card("4000002760003184", country="DE", authentication=Authentication.ALWAYS),
    Card("4000003800000446", country="IT", authentication=Authentication.ON_SESSION),
    Card(
        "4000008260003178",
        country="GB",
        charge=declines.INSUFFICIENT,
        authentication=Authentication.UNLESS_SET_UP,
    ),
    Card("4000000000003220", authentication=Authentication.ALWAYS),
    Card("4000000000003063", authentication=Authentication.ALWAYS),
    Card(
        "4000008400001629",
        setup=declines.GENERIC,
        charge=declines.GENERIC,
        authentication=Authentication.ALWAYS,
    ),
    Card("4000008400001280", setup=declines.GENERIC, charge=declines.GENERIC),
    Card("4000000000003055", authentication=Authentication.IF_ASKED),
    Card("4000000000003097", authentication=Authentication.IF_ASKED, lookup_fails=True),
    # Ours: no test card of Stripe's enters `processing`, though payments do in some countries.
    Card("4000000000007700", slow=True),
    Card(DEBIT, slow=True),
    Card(DEBIT_RETURNED, slow=True, charge=declines.RETURNED),
    Card(REDIRECT, authentication=Authentication.ALWAYS),
    Card(WALLET),
)
BY_NUMBER = {card.number: card for card in CARDS}

# `pm_card_` or `tok_` before the name. Names with and without `visa_` both circulate.
TOKEN_NUMBERS = {
    "visa": "4242424242424242",
    "visa_debit": "4000056655665556",
    "mastercard": "5555555555554444",
    "mastercard_debit": "5200828282828210",
    "mastercard_prepaid": "5105105105105100",
    "amex": "378282246310005",
    "amex_threeDSecureNotSupported": "378282246310005",
    "discover": "6011111111111117",
    "diners": "3056930009020004",
    "jcb": "3566002020360505",
    "unionpay": "6200000000000005",
    "us": "4242424242424242",
    **{country.lower(): number for country, number in country_cards.NUMBERS.items()},
    "gb_debit": "4000058260000005",
    "gb_mastercard": "5555558265554449",
    "th_debit": "4000057640000008",
    "bypassPending": "4000000000000077",
    "createDispute": "4000000000000259",
    "createDisputeProductNotReceived": "4000000000002685",
    "createDisputeInquiry": "4000000000001976",
    "cvcCheckFail": "4000000000000101",
    "avsZipFail": "4000000000000036",
    "avsLine1Fail": "4000000000000028",
    "avsFail": "4000000000000010",
    "avsUnchecked": "4000000000000044",
    "createIssuerFraudRecord": "4000000000005423",
    "riskLevelElevated": "4000000000009235",
    "riskLevelHighest": "4000000000004954",
    "chargeDeclined": "4000000000000002",
    "chargeDeclinedInsufficientFunds": "4000000000009995",
    "chargeDeclinedLostCard": "4000000000009987",
    "chargeDeclinedStolenCard": "4000000000009979",
    "chargeDeclinedExpiredCard": "4000000000000069",
    "chargeDeclinedIncorrectCvc": "4000000000000127",
    "chargeDeclinedProcessingError": "4000000000000119",
    "chargeDeclinedVelocityLimitExceeded": "4000000000006975",
    "chargeDeclinedFraudulent": "4100000000000019",
    "radarBlock": "4100000000000019",
    "chargeCustomerFail": "4000000000000341",
    "pendingRefund": "4000000000007726",
    "refundFail": "4000000000005126",
    "authenticationRequiredOnSetup": "4000002500003155",
    "authenticationRequired": "4000002760003184",
    "authenticationRequiredSetupForOffSession": "4000003800000446",
    "authenticationRequiredChargeDeclinedInsufficientFunds": "4000008260003178",
    "threeDSecure2Required": "4000000000003220",
    "threeDSecureRequired": "4000000000003063",
    "threeDSecureRequiredChargeDeclined": "4000008400001629",
    "threeDSecureRequiredProcessingError": "4000008400001280",
    "threeDSecureOptional": "4000000000003055",
    "threeDSecureOptionalProcessingError": "4000000000003097",
    "sandbox_processing": "4000000000007700",
}


def number_for_token(token: str, prefix: str) -> str | None:
    """Return the card number that `pm_card_visa` or `tok_visa` stands for."""
    if not token.startswith(prefix):
        return None
    name = token.removeprefix(prefix)
    return TOKEN_NUMBERS.get(name) or TOKEN_NUMBERS.get(name.removeprefix("visa_"))


def card_for(number: str) -> Card:
    """Any other well-formed number is a real card, which test mode declines."""
    known = BY_NUMBER.get(number)
    return known or _refused(number, declines.REAL_CARD, _brand(number))


def passes_luhn(number: str) -> bool:
    if not number.isascii() or not number.isdigit() or not 12 <= len(number) <= 19:
        return False
    digits = [int(digit) for digit in reversed(number)]
    doubled = [digit * 2 - 9 if digit > 4 else digit * 2 for digit in digits[1::2]]
    return (sum(digits[::2]) + sum(doubled)) % 10 == 0


def _brand(number: str) -> str:
    if number.startswith(("34", "37")):
        return "amex"
    return {"4": "visa", "5": "mastercard", "6": "discover"}.get(number[0], "unknown")
