"""Emails and passwords as both rooms read them."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
from marshmallow import fields, validate

from payments.auth import passwords
from payments.kit.http import Text

_is_email = validate.Email()


class EmailText(Text):
    """An address in lower case; the form is checked before, as lower-casing may change it."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(most=254, least=3, **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        text = super()._deserialize(value, attr, data, **kwargs)
        if not text.isascii():
            raise ma.ValidationError("Not a valid email address.")
        return str(_is_email(text)).lower()


class PasswordText(fields.String):
    """A password as it was typed: never trimmed, only bounded and free of half characters."""

    def __init__(self, *, least: int, **kwargs: Any) -> None:
        self.least = least
        bounds = {"minLength": least, "maxLength": passwords.LONGEST}
        super().__init__(load_only=True, metadata={"format": "password", **bounds}, **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        password = super()._deserialize(value, attr, data, **kwargs)
        if not self.least <= len(password) <= passwords.LONGEST:
            raise ma.ValidationError(f"Must have {self.least} to {passwords.LONGEST} characters.")
        if any("\ud800" <= c <= "\udfff" for c in password):
            raise ma.ValidationError("Contains characters that are not allowed.")
        return password
