"""Prunes one table after the other until nothing is over or the turn has lasted long enough."""

from __future__ import annotations

from collections.abc import Callable

from payments.kit import clock
from payments.mail.outbox import prune_mails
from payments.retention.counts import count_pruned
from payments.retention.login_sessions import prune_login_sessions
from payments.retention.payloads import drop_payloads, drop_payloads_over_quota
from payments.retention.sessions import prune_sessions
from payments.timeline.prune import prune_timeline

# Rows of one transaction: so few that nobody waits for their locks.
BATCH = 500
TURN_SECONDS = 20

RULES: dict[str, Callable[[int], int]] = {
    "webhook_payloads": drop_payloads,
    "webhook_payloads_over_quota": drop_payloads_over_quota,
    "timeline": prune_timeline,
    "checkout_sessions": prune_sessions,
    "outgoing_mails": prune_mails,
    "login_sessions": prune_login_sessions,
}


def prune() -> bool:
    """Prune for up to TURN_SECONDS; return whether something may be left for another turn."""
    deadline = clock.monotonic() + TURN_SECONDS
    left = {table: _prune_table(table, forget, deadline) for table, forget in RULES.items()}
    return any(left.values())


def _prune_table(table: str, forget: Callable[[int], int], deadline: float) -> bool:
    """Prune batch by batch, at least one; return whether the last one was full."""
    while True:
        gone = forget(BATCH)
        count_pruned(table, gone)
        if gone < BATCH or clock.monotonic() > deadline:
            return gone == BATCH
