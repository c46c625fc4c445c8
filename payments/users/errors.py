"""What can go wrong with somebody's second factor."""

from __future__ import annotations

from payments.kit.errors import AppError, BadInput, Conflict


class InvalidCode(BadInput):
    code, sentence = "invalid_code", "The code is not right, or was used already"


class SecondFactorEnabled(Conflict):
    code, sentence = "second_factor_enabled", "The account has a second factor already"


class NoSecondFactor(BadInput):
    code, sentence = "no_second_factor", "The account has no second factor to set up or remove"


class TooManyCodes(AppError):
    status, code = 429, "rate_limited"

    def __init__(self, seconds: int) -> None:
        super().__init__(
            f"Too many wrong codes, try again in {seconds} seconds",
            headers={"Retry-After": str(seconds)},
        )
