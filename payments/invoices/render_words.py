"""The wording of an invoice: dates, addresses, cards and reasons as people write them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, tzinfo

# Stripe's brand codes: https://docs.stripe.com/api/payment_methods/object
CARD_BRANDS = {
    "visa": "Visa", "mastercard": "Mastercard", "amex": "American Express",
    "discover": "Discover", "jcb": "JCB", "diners": "Diners Club", "unionpay": "UnionPay",
    "cartes_bancaires": "Cartes Bancaires", "eftpos_au": "Eftpos Australia", "link": "Link",
}  # fmt: skip
REFUND_REASONS = {
    "requested_by_customer": "Requested by customer",
    "duplicate": "Duplicate payment",
    "fraudulent": "Fraudulent payment",
    "expired_uncaptured_charge": "Expired payment",
}
PERIODS = {"month": "billed monthly", "year": "billed yearly"}
# Months by hand: `strftime` follows the locale of the process.
MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December",
)  # fmt: skip
# Where the postal code is written before the city and the region is left out.
POSTAL_CODE_FIRST = frozenset({
    "AT", "BE", "BG", "CH", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU",
    "IS", "IT", "LI", "LT", "LU", "NL", "NO", "PL", "PT", "RO", "RS", "SE", "SI", "SK",
})  # fmt: skip


def written_date(moment: datetime, zone: tzinfo) -> str:
    """Write a day so that no one takes the month for the day (`15 January 2024`)."""
    local = moment.astimezone(zone)
    return f"{local.day} {MONTHS[local.month - 1]} {local.year}"


def card(brand: str | None, last4: str) -> str:
    """Write a card as its owner knows it."""
    return f"{CARD_BRANDS.get((brand or '').lower(), 'Card')} ending in {last4}"


def refund_reason(reason: str | None) -> str:
    """Write Stripe's code as words; a reason in someone's own words stays as it is."""
    return REFUND_REASONS.get(reason or "", reason or "")


def address_lines(address: Mapping[str, str | None]) -> tuple[str, ...]:
    """Compose the lines of an address in the order that its country writes them."""
    part = {key: (value or "").strip() for key, value in address.items()}
    first, second, country = (part.get(key, "") for key in ("line1", "line2", "country"))
    return tuple(filter(None, (first, second, _place(part, country.upper()), country)))


def _place(part: Mapping[str, str], country: str) -> str:
    city, state, code = (part.get(key, "") for key in ("city", "state", "postal_code"))
    if country in POSTAL_CODE_FIRST:
        pieces = (f"{code} {city}".strip(), state)
    else:
        pieces = (city, f"{state} {code}".strip())
    return ", ".join(filter(None, pieces))
