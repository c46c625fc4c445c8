"""Amounts in minor units: smallest charge, largest charge, fees and how they are written."""

from .errors import invalid

# https://docs.stripe.com/currencies#zero-decimal and #three-decimal
ZERO_DECIMAL = frozenset("bif clp djf gnf jpy kmf krw mga pyg rwf ugx vnd vuv xaf xof xpf".split())
THREE_DECIMAL = frozenset(["bhd", "jod", "kwd", "omr", "tnd"])
# https://docs.stripe.com/currencies#minimum-and-maximum-charge-amounts
MINIMUM = {
    "usd": 50, "aed": 200, "aud": 50, "bgn": 100, "brl": 50, "cad": 50, "chf": 50, "czk": 1500,
    "dkk": 250, "eur": 50, "gbp": 30, "hkd": 400, "huf": 17500, "inr": 50, "jpy": 50, "mxn": 1000,
    "myr": 200, "nok": 300, "nzd": 50, "pln": 200, "ron": 200, "sek": 300, "sgd": 50, "thb": 1000,
}  # fmt: skip
OTHERS = frozenset(
    "ars bhd bif clp cny cop crc djf dop egp gnf idr ils isk jod kes kmf krw kwd mad mga ngn omr"
    " pen php pkr pyg qar rwf sar tnd try twd uah ugx uyu vnd vuv xaf xof xpf zar".split()
)
CURRENCIES = OTHERS | MINIMUM.keys()
LARGEST = 99_999_999
SYMBOLS = {"usd": "$", "eur": "€", "gbp": "£", "jpy": "¥", "cad": "CA$", "aud": "A$"}


def check_currency(currency: str) -> str:
    code = currency.lower()
    if code not in CURRENCIES:
        supported = ", ".join(sorted(CURRENCIES))
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
        message = f"Amount must be no more than {written(LARGEST, currency)} {currency}"
        raise invalid(message, "amount_too_large", "amount")


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
