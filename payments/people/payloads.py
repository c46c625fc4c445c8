"""Stored events that name a person, by their address or by their customer at Stripe.

Events are read range by range of their row numbers, so that no statement takes long.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import sqlalchemy as sa

from payments.kit import clock
from payments.kit.db import db
from payments.kit.transactions import transaction
from payments.people.find import Customer
from payments.webhooks import storage
from payments.webhooks.models import PROCESSED, WebhookEvent

RANGE = 5_000
# An event that is dead may be replayed: what it tells of money must not be lost.
_OVER = (PROCESSED,)


def export_payloads(
    address: str, customers: Sequence[Customer], project_id: str | None
) -> list[dict[str, Any]]:
    """Return the events that name the person, each with its payload."""
    named = _name(address, customers, project_id)
    return [
        {
            "owner": event.owner,
            "mode": event.mode,
            "event_id": event.event_id,
            "type": event.type,
            "received_at": clock.iso_millis(event.received_at),
            "payload": event.content,
        }
        for within in _list_ranges()
        for event in db.session.scalars(sa.select(WebhookEvent).where(within, named))
    ]


def count_payloads(
    address: str, customers: Sequence[Customer], project_id: str | None
) -> tuple[int, int]:
    """Return how many payloads name the person and may be dropped, and how many wait for work."""
    named = _name(address, customers, project_id)
    over = waiting = 0
    for within in _list_ranges():
        states = sa.select(WebhookEvent.state).where(within, named)
        found = list(db.session.scalars(states))
        over += sum(state in _OVER for state in found)
        waiting += sum(state not in _OVER for state in found)
    return over, waiting


def drop_named_payloads(address: str, customers: Sequence[Customer], project_id: str | None) -> int:
    """Drop the payloads of events that are over and name the person; return how many."""
    named = _name(address, customers, project_id)
    dropped = 0
    for within in _list_ranges():
        query = sa.select(WebhookEvent.id).where(within, named, WebhookEvent.state.in_(_OVER))
        with transaction() as session:
            ids = list(session.scalars(query.order_by(WebhookEvent.id).with_for_update()))
            if ids:
                storage.drop_payloads_of(ids)
        dropped += len(ids)
    return dropped


def _name(
    address: str, customers: Sequence[Customer], project_id: str | None
) -> sa.ColumnElement[bool]:
    """Say in SQL: a field of the payload is the address, or one of the customers at its account.

    Between its quotes, as another person's address may contain this one.
    """
    event = WebhookEvent
    by_address = event.payload.icontains(f'"{address}"', autoescape=True)
    if project_id is not None:
        by_address = sa.and_(event.owner == project_id, by_address)
    return sa.or_(by_address, *map(_name_customer, customers))


def _name_customer(customer: Customer) -> sa.ColumnElement[bool]:
    event = WebhookEvent
    named = event.payload.contains(f'"{customer.id}"', autoescape=True)
    is_of_mode = sa.true() if customer.mode is None else event.mode == customer.mode
    return sa.and_(event.owner == customer.owner, is_of_mode, named)


def _list_ranges() -> Iterator[sa.ColumnElement[bool]]:
    last = db.session.scalar(sa.select(sa.func.max(WebhookEvent.id))) or 0
    for start in range(0, last + 1, RANGE):
        yield WebhookEvent.id.between(start, start + RANGE - 1)
