"""Amounts in minor units: smallest charge, largest charge, fees and how they are written.

The tables follow https://docs.stripe.com/currencies as of November 2026.
"""

from .errors import ApiError, invalid

# UGX stands in this list of the page, too, but is written as one of the special cases below.
ZERO_DECIMAL = frozenset(
    ["bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "vnd", "vuv", "xaf",
     "xof", "xpf"]
)  # fmt: skip
THREE_DECIMAL = frozenset(["bhd", "jod", "kwd", "omr", "tnd"])
SPECIAL_CASES = frozenset(["isk", "ugx"])  # two decimals, which are always 00
MINIMUM = {
    "aed": 200, "ars": 50, "aud": 50, "brl": 50, "cad": 50, "chf": 50, "cop": 50, "czk": 1500,
    "dkk": 250, "eur": 50, "gbp": 30, "hkd": 400, "huf": 17500, "idr": 50, "ils": 50, "inr": 50,
    "jpy": 50, "krw": 50, "mxn": 1000, "myr": 200, "nok": 300, "nzd": 50, "php": 50, "pln": 200,
    "ron": 200, "rub": 50, "sek": 300, "sgd": 50, "thb": 1000, "usd": 50, "zar": 50,
}  # fmt: skip
# In the order in which Stripe lists them.
CURRENCIES = tuple(
    "usd aed afn all amd ang aoa ars aud awg azn bam bbd bdt bgn bhd bif bmd bnd bob brl bsd bwp"
    " byn bzd cad cdf chf clp cny cop crc cve czk djf dkk dop dzd egp etb eur fjd fkp gbp gel gip"
    " gmd gnf gtq gyd hkd hnl htg huf idr ils inr isk jmd jod jpy kes kgs khr kmf krw kwd kyd kzt"
    " lak lbp lkr lrd lsl mad mdl mga mkd mmk mnt mop mur mvr mwk mxn myr mzn nad ngn nio nok npr"
    " nzd omr pab pen pgk php pkr pln pyg qar ron rsd rub rwf sar sbd scr sek sgd shp sle sos srd"
    " std szl thb tjs tnd top try ttd twd tzs uah ugx uyu uzs vnd vuv wst xaf xcd xcg xof xpf yer"
    " zar zmw".split()
)
LARGEST = 999_999_999_999
# What one payment takes that is no ordinary card's.
LARGEST_AMEX = 999_999_999
LARGEST_OTHER = {"idr": 999_999_999_999, "cop": 9_999_999_999, "inr": 999_999_999}
LARGEST_OTHERWISE = 99_999_999
SYMBOLS = {"usd": "$", "eur": "€", "gbp": "£", "jpy": "¥", "cad": "CA$", "aud": "A$"}


def check_currency(currency: str) -> str:
    code = currency.lower()
    if code not in CURRENCIES:
        supported = ", ".join(CURRENCIES)
        raise invalid(
            f"Invalid currency: {currency}. Stripe currently supports these currencies:"
            f" {supported}",
            param="currency",
        )
    return code


def check_chargeable(amount: int, currency: str) -> None:
    minimum = MINIMUM.get(currency, 1)
    if amount < minimum:
        message = f"Amount must be at least {written(minimum, currency)} {currency}"
        raise invalid(message, "amount_too_small", "amount")
    if amount > LARGEST:
        raise _too_large(LARGEST, currency)
    check_step(amount, currency)


def check_step(amount: int, currency: str) -> None:
    """Refuse fractions that no card network takes, of charges and of refunds.

    The sentence of the special cases is Stripe's own:
    https://support.stripe.com/questions/deprecation-of-fractional-isk-charges-and-refunds
    """
    if currency in SPECIAL_CASES and amount % 100:
        raise invalid(
            f"Invalid amount. Currency {currency.upper()} has become effectively zero-decimal and"
            " charged amounts must be evenly divisible by 100. See"
            " https://stripe.com/docs/currencies#special-cases for more information.",
            "invalid_charge_amount_no_decimal_compatible",
            "amount",
        )
    if currency in THREE_DECIMAL and amount % 10:
        raise invalid(
            f"Invalid amount. The last digit of an amount in {currency.upper()} must be 0. See"
            " https://stripe.com/docs/currencies#three-decimal for more information.",
            "parameter_invalid_integer",
            "amount",
        )


def check_method_limit(amount: int, currency: str, kind: str, brand: str | None) -> None:
    """Refuse what a payment method of this type does not take in one payment."""
    largest = LARGEST_AMEX if brand == "amex" else LARGEST
    if kind != "card":
        largest = LARGEST_OTHER.get(currency, LARGEST_OTHERWISE)
    if amount > largest:
        raise _too_large(largest, currency)


def _too_large(largest: int, currency: str) -> ApiError:
    message = f"Amount must be no more than {written(largest, currency)} {currency}"
    return invalid(message, "amount_too_large", "amount")


def rounded(amount: int, currency: str) -> int:
    """Round what an invoice asks for to whole units where only those are charged, halves up.

    https://docs.stripe.com/currencies#special-cases
    """
    return (amount + 50) // 100 * 100 if currency in SPECIAL_CASES else amount


def written(amount: int, currency: str) -> str:
    """`$10.00`, `¥500`: with the currency's own number of decimals."""
    symbol = SYMBOLS.get(currency, "")
    if currency in ZERO_DECIMAL:
        return f"{symbol}{amount:,}"
    places = 3 if currency in THREE_DECIMAL else 2
    whole, part = divmod(amount, 10**places)
    return f"{symbol}{whole:,}.{part:0{places}d}"


def fee(amount: int) -> int:
    """2.9 % and 30 minor units, rounded half up, as Stripe's standard US price."""
    return (amount * 29 + 500) // 1000 + 30
