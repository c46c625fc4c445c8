"""Closes gaps in the inbox: reads Stripe's own list of events and keeps what was never delivered.

A run reads from the account's cursor to the present, the newest first, a page a slice. The cursor
moves once all of it was read: whatever breaks before costs a repetition and never an event.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from typing import Any

from payments.extensions import settings
from payments.gateway.errors import BadCredentials, Rejected
from payments.gateway.event_lists import EventPage, ListedEvent, list_events
from payments.kit import clock
from payments.kit.transactions import end_read, transaction
from payments.projects import credentials
from payments.projects.sync.topics import TYPES
from payments.runs import begin, cursors
from payments.runs.models import OBJECTS
from payments.runs.slices import Difference, Slice
from payments.webhooks import found, starts
from payments.webhooks.handlers import HANDLERS
from payments.webhooks.models import PLATFORM

# Stripe may list an event some time after the moment that it bears.
OVERLAP = timedelta(minutes=10)
# Older ones are gone: https://docs.stripe.com/api/events
KEPT = timedelta(days=30)


@dataclass(frozen=True)
class Range:
    """What a run reads, and how far it has come; `lost`: its beginning is too old for Stripe."""

    since: int
    begun: int
    lost: bool
    newest: int | None = None
    newest_id: str | None = None
    after: str | None = None


def compare(
    owner: str,
    mode: str,
    position: dict[str, Any],
    *,
    dry_run: bool,
    actor: str,
    deadline: float,  # noqa: ARG001 - a page is a slice, and in time
) -> Slice:
    """Read the next page of the account's events and keep those that the inbox lacks."""
    part = Range(**position) if position else _whole(owner, mode)
    page = _page(_key(owner, mode), part)
    if page is None:
        return Slice(asdict(replace(part, after=None)), done=False)
    _check_mode(page, mode)
    gaps = _gaps(owner, mode, page.events, dry_run)
    part = _read(part, page)
    if not page.more and not dry_run:
        _move(owner, mode, part, actor)
    return Slice(
        asdict(part),
        done=not page.more,
        seen=len(page.events),
        missing=len(gaps),
        fixed=0 if dry_run else len(gaps),
        differences=tuple(_difference(event, fixed=not dry_run) for event in gaps),
    )


def _whole(owner: str, mode: str) -> Range:
    """Begin where the last complete look ended, or where the account began with us."""
    now, cursor = clock.now(), cursors.find(owner, mode)
    since = starts.of(owner, mode) if cursor is None else clock.from_timestamp(cursor.created)
    looked = since if cursor is None else cursor.checked_at
    return Range(
        since=max(int((since - OVERLAP).timestamp()), 0),
        begun=int(now.timestamp()),
        lost=looked < now - KEPT,
    )


def _key(owner: str, mode: str) -> str | None:
    platform = owner == PLATFORM
    key = settings().stripe_secret_key if platform else credentials.secret_key(owner, mode)
    end_read()
    return key


def _page(key: str | None, part: Range) -> EventPage | None:
    """Return the next page; None when the event to go on from is gone: begin again then."""
    try:
        return list_events(key, since=part.since, after=part.after)
    except Rejected as error:
        if part.after is None or error.code != "resource_missing":
            raise
        return None


def _check_mode(page: EventPage, mode: str) -> None:
    if any(bool(event.content["livemode"]) != (mode == "live") for event in page.events):
        raise BadCredentials(f"the key is not one of {mode} mode", code="wrong_mode")


def _gaps(owner: str, mode: str, events: Sequence[ListedEvent], dry_run: bool) -> list[ListedEvent]:
    types = HANDLERS if owner == PLATFORM else TYPES
    wanted = [event for event in events if event.type in types]
    ids = found.lacking(owner, mode, wanted) if dry_run else found.store(owner, mode, wanted)
    return [event for event in wanted if event.id in ids]


def _read(part: Range, page: EventPage) -> Range:
    if not page.events:
        return part
    if part.newest is None:
        first = page.events[0]
        part = replace(part, newest=first.created, newest_id=first.id)
    return replace(part, after=page.events[-1].id)


def _move(owner: str, mode: str, part: Range, actor: str) -> None:
    """All was read: the next run begins there. What is too old to be read needs another look."""
    created = part.since if part.newest is None else part.newest
    with transaction():
        cursors.move(
            owner, mode, created=created, event_id=part.newest_id,
            at=clock.from_timestamp(part.begun),
        )  # fmt: skip
        if part.lost:
            begin.begin(owner, mode, OBJECTS, actor=actor)


def _difference(event: ListedEvent, *, fixed: bool) -> Difference:
    return Difference("event", event.id, "row", ours=None, theirs=event.type, fixed=fixed)
