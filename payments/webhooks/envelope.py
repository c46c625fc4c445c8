"""Reads what surrounds an event's object: whose event it is, when it happened, what it can mean.

Stripe signs more for an address than what concerns it: events of connected accounts, of the other
mode, of API v2 and of the other projects that use the same account. All of it is kept and shown;
what is not about this ledger is handled by a note that says why.
https://docs.stripe.com/api/events/object https://docs.stripe.com/api/v2/core/events/object
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from payments.kit import clock
from payments.kit.storable import clean_text

Event = dict[str, Any]

_LONGEST_VERSION = 40
# The seconds of the year 5138: what is larger counts in milliseconds or finer units.
_FINER_UNIT = 100_000_000_000

THIN = (
    "A thin event carries no object, so nothing can be applied: register this address for snapshot"
    " payloads"
)
OTHER_MODE = "The event's livemode is not that of this address"
NO_OBJECT = "The event carries no object"


def read_created(event: Event) -> int:
    """Return when the event happened, in seconds since 1970; the present where it does not tell.

    Events of API v1 count seconds, those of v2 write a date; finer units are understood.
    """
    made = event.get("created")
    if isinstance(made, str):
        made = _read_text(made)
    if isinstance(made, bool) or not isinstance(made, int) or made < 0:
        return clock.timestamp()
    while made >= _FINER_UNIT:
        made //= 1000
    return made


def _read_text(text: str) -> int | None:
    try:
        moment = datetime.fromisoformat(text)
        return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())
    except (ValueError, OverflowError):
        return None


def read_version(event: Event) -> str | None:
    """Return the API version of the event's payload, as far as it can be kept."""
    version = event.get("api_version")
    return clean_text(version, _LONGEST_VERSION) or None if isinstance(version, str) else None


def is_live(event: Event) -> bool:
    return event.get("livemode") is True


def find_other_account(event: Event) -> str | None:
    """Return the account that the event names as its own, None when it names none.

    Connected accounts' events name theirs in `account`, in `context` what comes by way of an
    organization. https://docs.stripe.com/connect/webhooks
    """
    named = event.get("account") or event.get("context")
    return named.rpartition("/")[2] if isinstance(named, str) else None


def find_fault(event: Event, mode: str) -> str | None:
    """Return why an event can mean nothing at an address of this mode; None when it can."""
    if is_live(event) != (mode == "live"):
        return OTHER_MODE
    if str(event.get("object", "")).startswith("v2."):
        return THIN
    data = event.get("data")
    if not isinstance(data, dict) or not isinstance(data.get("object"), dict):
        return THIN if event.get("related_object") else NO_OBJECT
    return None


def describe_other_account(named: str) -> str:
    """Say that an event is of an account that is not this one."""
    return f"The event is of another Stripe account ({clean_text(named, 100)})"
