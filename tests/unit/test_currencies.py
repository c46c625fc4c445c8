"""Product and sandbox say of currencies what Stripe's page says: both against a third table.

Typed in from https://docs.stripe.com/currencies (November 2026), section by section, in the page's
own order and spelling; neither of the other two was looked at.
"""

from __future__ import annotations

import re

import pytest

from payments.kit import money
from payments.sandbox import money as sandbox

# "Supported presentment currencies", with the three-decimal ones of accounts that have them.
PRESENTMENT = """
USD AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BIF BMD BND BOB BRL BSD BWP BYN BZD CAD
CDF CHF CLP CNY COP CRC CVE CZK DJF DKK DOP DZD EGP ETB EUR FJD FKP GBP GEL GIP GMD GNF GTQ GYD HKD
HNL HTG HUF IDR ILS INR ISK JMD JPY KES KGS KHR KMF KRW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD
MMK MNT MOP MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN PYG QAR RON RSD
RUB RWF SAR SBD SCR SEK SGD SHP SLE SOS SRD STD SZL THB TJS TOP TRY TTD TWD TZS UAH UGX UYU UZS VND
VUV WST XAF XCD XCG XOF XPF YER ZAR ZMW
BHD JOD KWD OMR TND
""".split()
# "Zero-decimal currencies"
ZERO = "BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF UGX VND VUV XAF XOF XPF".split()
# "Three-decimal currencies"
THREE = "BHD JOD KWD OMR TND".split()
# "Special cases": two decimals in the API, which have to be 00. HUF and TWD are so in payouts only.
ALWAYS_00, OF_PAYOUTS = ["ISK", "UGX"], ["HUF", "TWD"]
# "Minimum charge amount by currency", as written there
MINIMUM = """
0.50 USD, 2.00 AED, 0.50 ARS, 0.50 AUD, 0.50 BRL, 0.50 CAD, 0.50 CHF, 0.50 COP, 15.00 CZK,
2.50 DKK, 0.50 EUR, 0.30 GBP, 4.00 HKD, 175.00 HUF, 0.50 IDR, 0.50 ILS, 0.50 INR, 50 JPY, 50 KRW,
10 MXN, 2.00 MYR, 3.00 NOK, 0.50 NZD, 0.50 PHP, 2.00 PLN, 2.00 RON, 0.50 RUB, 3.00 SEK, 0.50 SGD,
10 THB, 0.50 ZAR
"""
MINIMA = dict(reversed(entry.split()) for entry in MINIMUM.split(","))
# "Maximum charge amounts", in minor units
CARDS, AMERICAN_EXPRESS = 999_999_999_999, 999_999_999
OTHERS = {"IDR": 999_999_999_999, "COP": 9_999_999_999, "INR": 999_999_999, "EUR": 99_999_999}


def decimals(code: str) -> int:
    """Return how many the API takes: a special case goes before the list it also stands in."""
    if code in ALWAYS_00:
        return 2
    return 0 if code in ZERO else 3 if code in THREE else 2


def step(code: str) -> int:
    return 100 if code in ALWAYS_00 else 10 if code in THREE else 1


def refused(amount: int, code: str) -> str | None:
    """Return by which code the sandbox refuses to charge an amount."""
    try:
        sandbox.check_chargeable(amount, code.lower())
    except sandbox.ApiError as error:
        return str(error.error.get("code"))
    return None


def refusal(amount: int, code: str) -> str | None:
    """Return why the product would not charge an amount."""
    try:
        money.check_chargeable(amount, code)
    except money.NotChargeable as error:
        return str(error)
    return None


def test_the_same_currencies_are_supported() -> None:
    assert {code.lower() for code in PRESENTMENT} == set(money.CURRENCIES)


def test_the_sandbox_knows_every_currency() -> None:
    assert {code.upper() for code in sandbox.CURRENCIES} == set(PRESENTMENT)
    assert len(PRESENTMENT) == len(set(PRESENTMENT)) == len(sandbox.CURRENCIES) > 135


@pytest.mark.parametrize("code", PRESENTMENT)
class TestEveryCurrency:
    def test_its_decimals(self, code: str) -> None:
        assert money.exponent(code) == decimals(code)
        one = 10 ** decimals(code)
        digits = re.sub(r"[^0-9.]", "", sandbox.written(one, code.lower()))
        assert digits == f"1{'.' if decimals(code) else ''}{'0' * decimals(code)}"

    def test_its_fractions(self, code: str) -> None:
        assert money.smallest_step(code) == step(code)
        whole = 1_000_000 * step(code)
        assert (refused(whole, code), refusal(whole, code)) == (None, None)
        if step(code) > 1:
            assert refused(whole + 1, code)
            assert refusal(whole + 1, code)
            assert refused(whole + step(code) // 2, code)
            assert refusal(whole + step(code) // 2, code)

    def test_its_minimum(self, code: str) -> None:
        least = money.to_minor(MINIMA[code], code) if code in MINIMA else step(code)
        assert (refused(least, code), refusal(least, code)) == (None, None)
        assert refused(least - 1, code)
        assert refusal(least - 1, code)

    def test_its_maximum(self, code: str) -> None:
        most = CARDS // step(code) * step(code)
        assert (refused(most, code), refusal(most, code)) == (None, None)
        assert refused(CARDS + 1, code) == "amount_too_large"
        assert refusal(CARDS + 1, code)


def test_forint_and_taiwan_dollars_are_charged_with_two_decimals() -> None:
    for code in OF_PAYOUTS:
        assert refused(17_545, code) is None
        assert refusal(17_545, code) is None


@pytest.mark.parametrize(("code", "most"), OTHERS.items())
def test_what_others_than_cards_take_at_most(code: str, most: int) -> None:
    sandbox.check_method_limit(most, code.lower(), "sepa_debit", None)
    with pytest.raises(sandbox.ApiError):
        sandbox.check_method_limit(most + 1, code.lower(), "sepa_debit", None)


def test_what_american_express_takes_at_most() -> None:
    sandbox.check_method_limit(AMERICAN_EXPRESS, "usd", "card", "amex")
    sandbox.check_method_limit(AMERICAN_EXPRESS + 1, "usd", "card", "visa")
    with pytest.raises(sandbox.ApiError):
        sandbox.check_method_limit(AMERICAN_EXPRESS + 1, "usd", "card", "amex")


def test_special_cases_are_refused_in_stripes_words() -> None:
    """https://support.stripe.com/questions/deprecation-of-fractional-isk-charges-and-refunds"""
    for code in ALWAYS_00:
        with pytest.raises(sandbox.ApiError) as refusal:
            sandbox.check_chargeable(1050, code.lower())
        error = refusal.value.error
        assert error["code"] == "invalid_charge_amount_no_decimal_compatible"
        assert f"Currency {code} has become effectively zero-decimal" in error["message"]
        assert "must be evenly divisible by 100" in error["message"]
