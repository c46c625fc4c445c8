"""Holds our charges, refunds, cards and disputes against the lists of our own Stripe account."""

from __future__ import annotations

from functools import partial
from typing import Any

from payments.extensions import settings
from payments.runs.slices import Slice
from payments.runs.walk import Deadline, Step, walk
from payments.workspaces.compare.cards import compare_cards
from payments.workspaces.compare.disputes import compare_disputes
from payments.workspaces.compare.job import opened
from payments.workspaces.compare.payments import compare_payments
from payments.workspaces.compare.refunds import compare_refunds


def compare(
    owner: str,  # noqa: ARG001 - there is one platform
    mode: str,
    position: dict[str, Any],
    *,
    dry_run: bool,
    actor: str,
    deadline: Deadline,
) -> Slice:
    """Compare our account with our rows from `position` on, until the deadline.

    Our key is of one mode: in the other there is nothing to compare. Raises the gateway's error
    when the account fails at once.
    """
    if (mode == "live") != ("_live_" in (settings().stripe_secret_key or "")):
        return Slice({}, done=True)
    job = opened(dry_run=dry_run, actor=actor)
    steps: dict[str, Step] = {
        "payments": partial(compare_payments, job),
        "refunds": partial(compare_refunds, job),
        "cards": partial(compare_cards, job),
        "disputes": partial(compare_disputes, job),
    }
    return walk(steps, position, deadline=deadline)
