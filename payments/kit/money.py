"""Money is an integer of minor units with a currency; a float never comes near it."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal, InvalidOperation

# https://docs.stripe.com/currencies#zero-decimal and #three-decimal
ZERO_DECIMAL = frozenset("bif clp djf gnf jpy kmf krw mga pyg rwf ugx vnd vuv xaf xof xpf".split())
THREE_DECIMAL = frozenset("bhd jod kwd omr tnd".split())

SYMBOLS = {
    "usd": "$", "eur": "€", "gbp": "£", "jpy": "¥", "cny": "CN¥", "inr": "₹", "krw": "₩",
    "aud": "A$", "cad": "CA$", "nzd": "NZ$", "hkd": "HK$", "sgd": "S$", "brl": "R$",
    "ils": "₪", "vnd": "₫", "try": "₺", "uah": "₴", "mxn": "MX$", "twd": "NT$",
}  # fmt: skip

_MOST_DIGITS = 24  # more than a database's largest integer holds


class NotMoney(ValueError):
    """The text or number given is not an amount of that currency."""


def exponent(currency: str) -> int:
    """Return how many decimals the currency's minor unit has (usd 2, jpy 0, kwd 3)."""
    code = currency.lower()
    if code in ZERO_DECIMAL:
        return 0
    return 3 if code in THREE_DECIMAL else 2


def to_major(minor: int, currency: str) -> Decimal:
    """Turn minor units into an exact decimal of major units (999 usd -> 9.99)."""
    return Decimal(minor).scaleb(-exponent(currency))


def to_minor(major: Decimal | int | str, currency: str) -> int:
    """Turn major units into minor units; more decimals than the currency has raise NotMoney."""
    try:
        exact = Decimal(major).scaleb(exponent(currency))
        # Bounded before int(): 1e999999999 would fill the memory.
        if not exact.is_finite() or exact.adjusted() > _MOST_DIGITS:
            raise NotMoney(f"{major!r} is not an amount")
        if exact != exact.to_integral_value():
            raise NotMoney(f"{major} has more decimals than {currency} allows")
        return int(exact)
    except InvalidOperation as error:
        raise NotMoney(f"{major!r} is not an amount") from error


def round_to_minor(major: Decimal, currency: str) -> int:
    """Round major units half up to the currency's minor unit."""
    return int(major.scaleb(exponent(currency)).to_integral_value(ROUND_HALF_UP))


def plain(minor: int, currency: str) -> str:
    """Write an amount without symbol or separators (999 usd -> `9.99`)."""
    return f"{to_major(minor, currency):f}"


def formatted(minor: int, currency: str) -> str:
    """Write an amount for people (`$1,234.50`, `¥500`, `CHF 12.00`)."""
    code = currency.lower()
    digits = f"{abs(to_major(minor, code)):,.{exponent(code)}f}"
    sign = "-" if minor < 0 else ""
    symbol = SYMBOLS.get(code)
    return f"{sign}{symbol}{digits}" if symbol else f"{sign}{code.upper()} {digits}"
