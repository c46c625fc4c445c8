"""Checks of request parameters with Stripe's refusals, before anything is executed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import urlsplit

from .errors import ApiError, invalid, missing_param
from .messages import Json

Check = Callable[[str, Any], Any]
Schema = dict[str, Check]

MAX_INTEGER = 2**53
METADATA_KEYS, METADATA_KEY, METADATA_VALUE = 50, 40, 500


def validate(schema: Schema, raw: Json, required: Iterable[str] = (), inside: str = "") -> Json:
    _refuse_unknown([_name(inside, key) for key in raw if key not in schema])
    for key in required:
        if key not in raw:
            raise missing_param(_name(inside, key))
        if raw[key] == "":
            raise _empty(_name(inside, key))
    return {key: schema[key](_name(inside, key), value) for key, value in raw.items()}


def _name(inside: str, key: str) -> str:
    return f"{inside}[{key}]" if inside else key


def _refuse_unknown(names: list[str]) -> None:
    if names:
        plural = "s" if len(names) > 1 else ""
        message = f"Received unknown parameter{plural}: {', '.join(names)}"
        raise invalid(message, "parameter_unknown", names[0])


def _empty(name: str) -> ApiError:
    return invalid(
        f"You passed an empty string for '{name}'. We assume empty values are an attempt to unset"
        f" a parameter; however '{name}' cannot be unset. You should remove '{name}' from your"
        " request or supply a non-empty value.",
        "parameter_invalid_empty",
        name,
    )


def text(limit: int = 5000) -> Check:
    def check(name: str, value: Any) -> str | None:
        if not isinstance(value, str):
            raise invalid(f"Invalid string: {value}", "parameter_invalid_string", name)
        if len(value) > limit:
            raise invalid(
                f"Invalid string: {value[:5]}...{value[-5:]}; must be at most {limit} characters",
                "parameter_invalid_string",
                name,
            )
        return value or None

    return check


def word(limit: int = 5000) -> Check:
    """A text that cannot be unset, such as an element of a list."""

    def check(name: str, value: Any) -> str:
        given: str | None = text(limit)(name, value)
        if given is None:
            raise _empty(name)
        return given

    return check


def integer(minimum: int | None = None, maximum: int = MAX_INTEGER) -> Check:
    def check(name: str, value: Any) -> int:
        if value == "":
            raise _empty(name)
        if not isinstance(value, str) or not re.fullmatch(r"-?[0-9]{1,18}", value):
            raise invalid(f"Invalid integer: {value}", "parameter_invalid_integer", name)
        return _within(name, int(value), minimum, maximum)

    return check


def _within(name: str, number: int, minimum: int | None, maximum: int) -> int:
    if minimum is not None and number < minimum:
        message = f"This value must be greater than or equal to {minimum}."
        raise invalid(message, "parameter_invalid_integer", name)
    if number > maximum:
        message = f"This value must be less than or equal to {maximum}."
        raise invalid(message, "parameter_invalid_integer", name)
    return number


LATEST = 6_000_000_000  # in the year 2160


def moment(name: str, value: Any) -> int:
    """A Unix time that calendars can work with."""
    number: int = integer(1, LATEST)(name, value)
    return number


BOOLEANS = {"true": True, "1": True, "false": False, "0": False}


def boolean(name: str, value: Any) -> bool:
    """Take what official SDKs send, in capitals too: https://github.com/stripe/stripe-python/pull/1499."""
    given = BOOLEANS.get(value.lower()) if isinstance(value, str) else None
    if given is None:
        raise invalid(f"Invalid boolean: {value}", "parameter_invalid_boolean", name)
    return given


def choice(*allowed: str) -> Check:
    def check(name: str, value: Any) -> str | None:
        if value == "":
            return None
        if value not in allowed:
            options = _listed(allowed)
            raise invalid(f"Invalid {name}: must be one of {options}", param=name)
        return str(value)

    return check


def option(*allowed: str) -> Check:
    """A choice that cannot be unset."""
    whole = choice(*allowed)

    def check(name: str, value: Any) -> str:
        given: str | None = whole(name, value)
        if given is None:
            raise _empty(name)
        return given

    return check


def _listed(words: tuple[str, ...]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])}, or {words[-1]}"


def fields(required: Iterable[str] = (), **schema: Check) -> Check:
    def check(name: str, value: Any) -> Json | None:
        if value == "":
            return None
        if not isinstance(value, dict):
            raise invalid("Invalid object", param=name)
        return validate(schema, value, required, name)

    return check


def entry(required: Iterable[str] = (), **schema: Check) -> Check:
    """An object that cannot be unset, such as an element of a list."""
    whole = fields(required, **schema)

    def check(name: str, value: Any) -> Json:
        given: Json | None = whole(name, value)
        if given is None:
            raise invalid("Invalid object", param=name)
        return given

    return check


def array(of: Check, limit: int = 100) -> Check:
    def check(name: str, value: Any) -> list[Any]:
        if value == "":
            return []
        if not isinstance(value, dict) or not all(key.isdecimal() for key in value):
            raise invalid("Invalid array", param=name)
        if len(value) > limit:
            raise invalid(f"Array too long: at most {limit} elements", param=name)
        ordered = sorted(value.items(), key=lambda pair: int(pair[0]))
        return [of(f"{name}[{index}]", item) for index, (_, item) in enumerate(ordered)]

    return check


def anything(_name: str, value: Any) -> Any:
    """Accept what the sandbox does not interpret."""
    return value


def metadata(name: str, value: Any) -> Json | None:
    """Check the limits; https://docs.stripe.com/api/metadata."""
    if value == "":
        return None
    if not isinstance(value, dict):
        raise invalid("Invalid object", param=name)
    for key, item in value.items():
        _check_metadata_pair(name, key, item)
    return value


def _check_metadata_pair(name: str, key: str, value: Any) -> None:
    if not isinstance(value, str):
        raise invalid("Metadata values must be strings", param=_name(name, key))
    if len(key) > METADATA_KEY:
        raise invalid(
            f"Metadata keys may only be up to {METADATA_KEY} characters, however you supplied"
            f" '{key}' which is {len(key)} characters long.",
            param=name,
        )
    if len(value) > METADATA_VALUE:
        raise invalid(
            f"Metadata values may only be up to {METADATA_VALUE} characters, however you supplied"
            f" a value for '{key}' which is {len(value)} characters long.",
            param=name,
        )


def merge_metadata(present: dict[str, str], given: Json | None) -> dict[str, str]:
    """Nothing clears all keys, an empty value removes one, the rest is added."""
    if given is None:
        return {}
    merged = {key: value for key, value in {**present, **given}.items() if value != ""}
    if len(merged) > METADATA_KEYS:
        message = f"You can only have {METADATA_KEYS} metadata keys, you have {len(merged)}."
        raise invalid(message, param="metadata")
    return merged


def put_metadata(data: Json, params: Json) -> None:
    """Change an object's metadata by what a request gives of it, if it gives any."""
    if "metadata" in params:
        data["metadata"] = merge_metadata(data["metadata"], params["metadata"])


def url(name: str, value: Any) -> str:
    if value == "":
        raise _empty(name)
    if not isinstance(value, str) or not _is_web_address(value):
        raise invalid("Not a valid URL", "url_invalid", name)
    return value


def _is_web_address(value: str) -> bool:
    try:
        parts = urlsplit(value)
    except ValueError:
        return False
    clean = not re.search(r"[\x00-\x20\x7f]", value)
    return clean and parts.scheme in ("http", "https") and bool(parts.hostname)


def email(name: str, value: Any) -> str | None:
    address: str | None = text(512)(name, value)
    if address is not None and not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", address):
        raise invalid(f"Invalid email address: {address}", "email_invalid", name)
    return address


def time_range(name: str, value: Any) -> Json | int:
    """`created=5` or `created[gte]=5`; https://docs.stripe.com/api/charges/list."""
    if isinstance(value, dict):
        at = integer()
        return validate({"gt": at, "gte": at, "lt": at, "lte": at}, value, inside=name)
    number: int = integer()(name, value)
    return number


EXPAND: Schema = {"expand": array(word(200))}
PAGING: Schema = {
    **EXPAND,
    "limit": integer(1, 100),
    "starting_after": text(),
    "ending_before": text(),
}
PLACE = fields(
    city=text(), country=text(), line1=text(), line2=text(), postal_code=text(), state=text()
)


def _address(name: str, value: Any) -> Json | None:
    """Parts that were not given are shown as null."""
    given: Json | None = PLACE(name, value)
    parts = ("city", "country", "line1", "line2", "postal_code", "state")
    return None if given is None else {**dict.fromkeys(parts), **given}


ADDRESS: Check = _address
BILLING_DETAILS = fields(address=ADDRESS, email=email, name=text(), phone=text(), tax_id=text())
SHIPPING = fields(
    address=ADDRESS, name=text(), phone=text(), carrier=text(), tracking_number=text()
)
