"""Money: exact there and back, whatever the currency, and never a float."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payments.kit import money

CURRENCIES = sorted(money.ZERO_DECIMAL | money.THREE_DECIMAL | set(money.SYMBOLS) | {"chf", "zzz"})
currencies = st.sampled_from(CURRENCIES)
amounts = st.integers(-(2**63), 2**63 - 1)


@given(amounts, currencies)
def test_to_major_and_back_is_the_same(minor: int, currency: str) -> None:
    major = money.to_major(minor, currency)
    assert money.to_minor(major, currency) == minor
    assert money.to_minor(str(major), currency) == minor
    assert money.round_to_minor(major, currency) == minor


@given(amounts, currencies)
def test_plain_text_and_back_is_the_same(minor: int, currency: str) -> None:
    text = money.plain(minor, currency)
    assert money.to_minor(text, currency) == minor
    assert "e" not in text.lower()


@given(st.integers(0, 10**12), st.integers(0, 10**12), currencies)
def test_sums_are_the_same_in_both_units(one: int, other: int, currency: str) -> None:
    total = money.to_major(one, currency) + money.to_major(other, currency)
    assert money.to_minor(total, currency) == one + other


@given(amounts, currencies)
def test_the_form_for_people_holds_every_digit(minor: int, currency: str) -> None:
    text = money.formatted(minor, currency)
    shown = text.split(" ")[-1] if currency not in money.SYMBOLS else text
    for symbol in sorted(set(money.SYMBOLS.values()), key=len, reverse=True):
        shown = shown.replace(symbol, "")
    digits = shown.replace(",", "").replace("-", "")
    assert digits == f"{abs(money.to_major(minor, currency)):f}"
    assert text.startswith("-") == (minor < 0)


@pytest.mark.parametrize(
    ("minor", "currency", "plain", "formatted"),
    [
        (999, "usd", "9.99", "$9.99"),
        (0, "usd", "0.00", "$0.00"),
        (-5, "usd", "-0.05", "-$0.05"),
        (123450, "USD", "1234.50", "$1,234.50"),
        (500, "jpy", "500", "¥500"),
        (1234567, "jpy", "1234567", "¥1,234,567"),
        (5120, "kwd", "5.120", "KWD 5.120"),
        (1_000_000, "ugx", "10000.00", "UGX 10,000.00"),
        (50_000, "isk", "500.00", "ISK 500.00"),
        (1200, "chf", "12.00", "CHF 12.00"),
    ],
)
def test_how_amounts_are_written(minor: int, currency: str, plain: str, formatted: str) -> None:
    assert money.plain(minor, currency) == plain
    assert money.formatted(minor, currency) == formatted


@pytest.mark.parametrize(
    ("major", "currency"),
    [
        *(("9.999", "usd"), ("0.5", "jpy"), ("1.0001", "kwd"), ("", "usd"), ("nine", "usd")),
        *(("NaN", "usd"), ("sNaN", "usd"), ("Infinity", "usd"), ("1e400", "usd")),
        *(("1e999999", "usd"), ("-1e999999", "kwd")),
    ],
)
def test_what_is_no_amount_is_refused(major: str, currency: str) -> None:
    with pytest.raises(money.NotMoney):
        money.to_minor(major, currency)


@pytest.mark.parametrize(
    ("amount", "currency", "told"),
    [
        (10, "usd", "Amount must be at least $0.50"),
        (49, "JPY", "Amount must be at least ¥50"),
        (1050, "isk", "Amount must be a multiple of ISK 1.00"),
        (150, "ugx", "Amount must be a multiple of UGX 1.00"),
        (1234, "kwd", "Amount must be a multiple of KWD 0.010"),
        (10**12, "usd", "Amount must be no more than $9,999,999,999.99"),
    ],
)
def test_what_stripe_does_not_charge(amount: int, currency: str, told: str) -> None:
    with pytest.raises(money.NotChargeable, match=re.escape(told)):
        money.check_chargeable(amount, currency)


@pytest.mark.parametrize(
    ("amount", "currency"), [(1, "usd"), (100, "isk"), (10, "kwd"), (1, "jpy"), (10**12, "usd")]
)
def test_what_stripe_gives_back(amount: int, currency: str) -> None:
    """A refund has neither a least nor a greatest amount, but it has whole steps."""
    money.check_movable(amount, currency)


@pytest.mark.parametrize(
    ("major", "currency", "minor"),
    [("0.004", "usd", 0), ("0.005", "usd", 1), ("-0.005", "usd", -1), ("0.5", "jpy", 1)],
)
def test_halves_are_rounded_away_from_zero(major: str, currency: str, minor: int) -> None:
    assert money.round_to_minor(Decimal(major), currency) == minor
