"""Checks of what a cardholder types; https://docs.stripe.com/testing#invalid-data."""

from datetime import UTC, datetime

from ..cards import passes_luhn
from ..declines import INCORRECT_NUMBER
from ..errors import ApiError
from ..messages import Json

LONGEST_VALIDITY = 50
CENTURY, SHORT = 2000, 100


def check_card_input(card: Json, number: str, now: int) -> None:
    if not passes_luhn(number):
        refusal = INCORRECT_NUMBER
        raise _card_error(refusal.message, refusal.code, "number")
    month, year, cvc = card.get("exp_month"), card.get("exp_year"), card.get("cvc")
    if month is not None and not 1 <= month <= 12:
        message = "Your card's expiration month is invalid."
        raise _card_error(message, "invalid_expiry_month", "exp_month")
    if year is not None and not _possible_year(year, now):
        message = "Your card's expiration year is invalid."
        raise _card_error(message, "invalid_expiry_year", "exp_year")
    if cvc is not None and not (cvc.isascii() and cvc.isdigit() and len(cvc) in (3, 4)):
        raise _card_error("Your card's security code is invalid.", "invalid_cvc", "cvc")


def _possible_year(year: int, now: int) -> bool:
    this_year = datetime.fromtimestamp(now, UTC).year
    return this_year <= full_year(year) <= this_year + LONGEST_VALIDITY


def full_year(year: int) -> int:
    """Cardholders may type `34` for 2034."""
    return year + CENTURY if year < SHORT else year


def _card_error(message: str, code: str, param: str) -> ApiError:
    return ApiError(402, message, kind="card_error", code=code, param=param)
