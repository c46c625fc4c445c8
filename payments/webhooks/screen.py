"""Sets events apart that can mean nothing to a ledger, before anything of them is applied."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from payments.gateway.account_ids import get_account_id
from payments.gateway.errors import GatewayError
from payments.kit.db import db
from payments.kit.transactions import end_read
from payments.projects import credentials
from payments.projects.errors import StripeNotSetUp
from payments.projects.sync import claims, marks
from payments.projects.sync.account import Account
from payments.projects.sync.topics import TYPES
from payments.webhooks import envelope, fault_log, misses
from payments.webhooks.batches import Taken
from payments.webhooks.notes import finish_with_note


@dataclass(frozen=True)
class Entry:
    """An event on its way into a ledger."""

    taken: Taken
    account: Account
    event: dict[str, Any] = field(repr=False)

    @property
    def order(self) -> tuple[Account, int, str]:
        return self.account, self.taken.created, self.taken.event_id


def select_applicable(entries: Iterable[Entry]) -> list[Entry]:
    """Return the events that concern their ledger; the others are finished with a note."""
    applicable: list[Entry] = []
    apart: dict[tuple[Account, str], list[Taken]] = defaultdict(list)
    for entry in entries:
        try:
            note = _find_note(entry)
        except Exception as error:  # noqa: BLE001 - whatever an unknown shape breaks
            db.session.rollback()
            if not isinstance(error, GatewayError):
                fault_log.log_fault([entry.taken], error)
            misses.put_back([entry.taken], error)
            continue
        if note is None:
            applicable.append(entry)
        else:
            apart[entry.account, note].append(entry.taken)
    for (_, note), taken in apart.items():
        finish_with_note(taken, note, tell=note != marks.FOREIGN)
    return applicable


def _find_note(entry: Entry) -> str | None:
    """Return why the event can mean nothing here; None when it can."""
    fault = envelope.find_fault(entry.event, entry.taken.mode)
    named = envelope.find_other_account(entry.event)
    if fault is not None:
        return fault
    if named is not None and named != find_own_account(entry.account):
        return envelope.describe_other_account(named)
    return marks.FOREIGN if _is_foreign(entry) else None


def find_own_account(account: Account) -> str | None:
    """Return the id of the ledger's account at Stripe; None when no key of it tells."""
    try:
        key = credentials.secret_key(account.project_id, account.mode)
    except StripeNotSetUp:
        return None
    finally:
        end_read()
    return get_account_id(key)


def _is_foreign(entry: Entry) -> bool:
    """Return whether the event's object is another project's: by its mark, or by who knows it."""
    if entry.event["type"] not in TYPES:
        return False
    found = entry.event["data"]["object"]
    mark = marks.find_project(found)
    if mark is not None:
        return marks.is_foreign(entry.account, mark)
    try:
        return claims.is_claimed_elsewhere(entry.account, claims.read_names(found))
    finally:
        end_read()
