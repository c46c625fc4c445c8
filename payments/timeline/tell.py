"""Turns entries into what a reader is told: the sentence, who made it happen, Stripe's ids."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from payments.timeline.models import TimelineEntry
from payments.timeline.sentences import sentence

_USER = re.compile(r"user:([0-9]{1,18})")

# Who may have made something happen: the first word of an actor, but for users.
SOURCES = ("request", "api_key", "event", "worker", "sweep", "operator")

# What of an entry's data are ids at Stripe, beside its `stripe_id`.
_AT_STRIPE = ("payment_intent", "payment_method", "price", "previous_price")


@dataclass(frozen=True)
class Person:
    """A user as those may know him who read the timeline: `id` is the one their dialect shows."""

    id: int | str
    name: str
    email: str


@dataclass(frozen=True)
class Told:
    """An entry as it is shown."""

    id: int
    at: datetime
    kind: str
    sentence: str
    actor: str
    source: str
    user: Person | None
    subject: str
    stripe_ids: list[str]
    data: dict[str, Any]


def users_in(entries: Iterable[TimelineEntry]) -> set[int]:
    """Return the users who act, or are acted upon, in these entries."""
    named = (_USER.fullmatch(text) for entry in entries for text in (entry.actor, entry.subject))
    return {int(match[1]) for match in named if match}


def tell(entries: Iterable[TimelineEntry], people: Mapping[int, Person]) -> list[Told]:
    """Tell of the entries in their order; `people` are the users whom the reader may know."""
    names = {user_id: person.name or person.email for user_id, person in people.items()}
    return [_told(entry, people, names) for entry in entries]


def _told(entry: TimelineEntry, people: Mapping[int, Person], names: Mapping[int, str]) -> Told:
    user = _USER.fullmatch(entry.actor)
    return Told(
        id=entry.id,
        at=entry.at,
        kind=entry.kind,
        sentence=sentence(entry, names),
        actor=entry.actor,
        source=source_of(entry.actor),
        user=people.get(int(user[1])) if user else None,
        subject=entry.subject,
        stripe_ids=_stripe_ids(entry),
        data=entry.data,
    )


def source_of(actor: str) -> str:
    """Name what made it happen: a request, an event, the worker, a sweep or an operator."""
    kind = actor.partition(":")[0]
    return "request" if kind == "user" else kind


def _stripe_ids(entry: TimelineEntry) -> list[str]:
    kind, _, event = entry.actor.partition(":")
    found = [entry.stripe_id, *(entry.data.get(name) for name in _AT_STRIPE)]
    found.append(event if kind == "event" else None)
    return list(dict.fromkeys(name for name in found if name))
