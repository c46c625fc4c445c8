"""The root of every error that a client may see, and nothing about how it is written out."""

from __future__ import annotations

from typing import Any, ClassVar


class AppError(Exception):
    """An error with its HTTP status, a machine code and one sentence for people.

    The two API dialects write it out differently; `details` and `headers` go along.
    """

    status: ClassVar[int] = 500
    code: ClassVar[str] = "internal_error"
    sentence: ClassVar[str] = "Something went wrong on our side."

    def __init__(
        self,
        sentence: str | None = None,
        *,
        code: str | None = None,
        details: dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        self.message = sentence or self.sentence
        self.error_code = code or self.code
        self.details = details
        self.headers = headers or {}
        super().__init__(self.message)


class BadInput(AppError):
    status, code, sentence = 400, "invalid_request", "The request is not valid."


class Unauthorized(AppError):
    status, code, sentence = 401, "unauthorized", "Missing or invalid token"


class Forbidden(AppError):
    status, code, sentence = 403, "forbidden", "You do not have access to this resource"


class Missing(AppError):
    status, code, sentence = 404, "not_found", "Not found"


class Conflict(AppError):
    status, code, sentence = 409, "conflict", "The request conflicts with the present state"


class DatabaseUnavailable(AppError):
    status, code = 503, "database_unavailable"
    sentence = "The database does not answer, try again in a moment"
