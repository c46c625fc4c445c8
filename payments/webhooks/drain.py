"""Handles the events that wait, so that a poison event, or a failing account, blocks nobody."""

from __future__ import annotations

import json

from payments.extensions import settings
from payments.gateway import traffic
from payments.gateway.account_ids import get_account_id
from payments.gateway.errors import GatewayError
from payments.kit import clock, steps
from payments.kit.db import db
from payments.kit.storable import Unstorable, clean_json
from payments.webhooks import batches, envelope, fault_log, inbox, ledgers, misses, wake
from payments.webhooks.batches import Taken
from payments.webhooks.handlers import handle
from payments.webhooks.inbox import LEASE_SECONDS
from payments.webhooks.models import PLATFORM
from payments.webhooks.notes import finish_with_note

BATCH = 200
# A call that finds no room within this time lets the account's events go: their lease runs.
_TURN_SECONDS = 5


def drain() -> int:
    """Handle up to BATCH waiting events; return how many were taken."""
    wake.heard()
    # In good time before the leases run out, and before a deployment loses its patience (30 s).
    began = clock.monotonic()
    deadline = began + LEASE_SECONDS // 4
    taken = batches.take(BATCH)
    if taken:
        steps.passed("event.taken")
    with traffic.background(seconds=_TURN_SECONDS):
        _platform([event for event in taken if event.owner == PLATFORM], deadline)
        ledgers.apply([event for event in taken if event.owner != PLATFORM], deadline)
    if taken:
        fault_log.log_batch(taken, duration_ms=clock.count_ms_since(began))
    return len(taken)


def _platform(taken: list[Taken], deadline: float) -> None:
    """Handle our own account's events one by one: their handlers commit by themselves."""
    for index, event in enumerate(taken):
        if clock.monotonic() > deadline:
            return batches.put_back(taken[index:])
        error = _handle(event)
        if misses.is_everybodys(error):
            return misses.put_back(taken[index + 1 :], error)
    return None


def _handle(event: Taken) -> Exception | None:
    """Handle one event: done, back later, or dead; return what went wrong."""
    steps.passed("event.applying")
    try:
        content = json.loads(clean_json(event.payload))
        note = _find_note(event, content)
        if note is not None:
            finish_with_note([event], note, tell=True)
            return None
        handle(content)
    except Exception as error:  # noqa: BLE001 - an unknown shape: kept, retried, shown
        db.session.rollback()
        if not isinstance(error, GatewayError | Unstorable):
            fault_log.log_fault([event], error)
        misses.put_back([event], error)
        return error
    inbox.finish(event.id, event.fence)
    return None


def _find_note(event: Taken, content: envelope.Event) -> str | None:
    """Return why an event can mean nothing to the platform's account; None when it can."""
    fault = envelope.find_fault(content, event.mode)
    named = envelope.find_other_account(content)
    if fault is not None or named is None:
        return fault
    own = get_account_id(settings().stripe_secret_key)
    return None if named == own else envelope.describe_other_account(named)
