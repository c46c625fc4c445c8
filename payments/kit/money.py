"""Money is an integer of minor units with a currency; a float never comes near it."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal, InvalidOperation, Overflow

# https://docs.stripe.com/currencies as of November 2026. UGX is in the page's list of currencies
# without decimals, too, but its special case rules: an amount has two, and they are 00.
ZERO_DECIMAL = frozenset("bif clp djf gnf jpy kmf krw mga pyg rwf vnd vuv xaf xof xpf".split())
THREE_DECIMAL = frozenset("bhd jod kwd omr tnd".split())
# Amounts of these are written with two decimals, but only whole units can be charged.
WHOLE_UNITS = frozenset(["isk", "ugx"])
# Of an account that settles in the currency; others have the equivalent of their own currency's.
MINIMUM_CHARGE = {
    "usd": 50, "aed": 200, "ars": 50, "aud": 50, "brl": 50, "cad": 50, "chf": 50, "cop": 50,
    "czk": 1500, "dkk": 250, "eur": 50, "gbp": 30, "hkd": 400, "huf": 17500, "idr": 50, "ils": 50,
    "inr": 50, "jpy": 50, "krw": 50, "mxn": 1000, "myr": 200, "nok": 300, "nzd": 50, "php": 50,
    "pln": 200, "ron": 200, "rub": 50, "sek": 300, "sgd": 50, "thb": 1000, "zar": 50,
}  # fmt: skip
MAXIMUM_CHARGE = 999_999_999_999  # of cards; their networks and banks may take less

# In the order in which Stripe's page lists them.
CURRENCIES = tuple(
    "usd aed afn all amd ang aoa ars aud awg azn bam bbd bdt bgn bhd bif bmd bnd bob brl bsd bwp"
    " byn bzd cad cdf chf clp cny cop crc cve czk djf dkk dop dzd egp etb eur fjd fkp gbp gel gip"
    " gmd gnf gtq gyd hkd hnl htg huf idr ils inr isk jmd jod jpy kes kgs khr kmf krw kwd kyd kzt"
    " lak lbp lkr lrd lsl mad mdl mga mkd mmk mnt mop mur mvr mwk mxn myr mzn nad ngn nio nok npr"
    " nzd omr pab pen pgk php pkr pln pyg qar ron rsd rub rwf sar sbd scr sek sgd shp sle sos srd"
    " std szl thb tjs tnd top try ttd twd tzs uah ugx uyu uzs vnd vuv wst xaf xcd xcg xof xpf yer"
    " zar zmw".split()
)

SYMBOLS = {
    "usd": "$", "eur": "€", "gbp": "£", "jpy": "¥", "cny": "CN¥", "inr": "₹", "krw": "₩",
    "aud": "A$", "cad": "CA$", "nzd": "NZ$", "hkd": "HK$", "sgd": "S$", "brl": "R$",
    "ils": "₪", "vnd": "₫", "try": "₺", "uah": "₴", "mxn": "MX$", "twd": "NT$",
}  # fmt: skip

_MOST_DIGITS = 24  # more than a database's largest integer holds


class NotMoney(ValueError):
    """The text or number given is not an amount of that currency."""


class NotChargeable(ValueError):
    """Stripe refuses to move this amount in that currency."""


def exponent(currency: str) -> int:
    """Return how many decimals the currency's minor unit has (usd 2, jpy 0, kwd 3)."""
    code = currency.lower()
    if code in ZERO_DECIMAL:
        return 0
    return 3 if code in THREE_DECIMAL else 2


def smallest_step(currency: str) -> int:
    """Return of what number of minor units an amount has to be a multiple (isk 100, kwd 10).

    https://docs.stripe.com/currencies#special-cases and #three-decimal
    """
    code = currency.lower()
    if code in WHOLE_UNITS:
        return 100
    return 10 if code in THREE_DECIMAL else 1


def check_movable(minor: int, currency: str) -> None:
    """Raise NotChargeable for an amount that Stripe can neither charge nor refund."""
    step = smallest_step(currency)
    if minor % step:
        unit = formatted(step, currency)
        raise NotChargeable(f"Amount must be a multiple of {unit}")


def check_chargeable(minor: int, currency: str) -> None:
    """Raise NotChargeable for an amount that Stripe refuses to charge a card.

    https://docs.stripe.com/currencies#minimum-and-maximum-charge-amounts
    """
    minimum = MINIMUM_CHARGE.get(currency.lower(), 1)
    if minor < minimum:
        raise NotChargeable(f"Amount must be at least {formatted(minimum, currency)}")
    if minor > MAXIMUM_CHARGE:
        raise NotChargeable(f"Amount must be no more than {formatted(MAXIMUM_CHARGE, currency)}")
    check_movable(minor, currency)


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
    except (InvalidOperation, Overflow) as error:
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
