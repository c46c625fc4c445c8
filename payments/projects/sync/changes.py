"""Tells the timeline what changed about a subscription besides its status."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from payments.kit import clock
from payments.projects.models import Subscription
from payments.timeline.append import append

_FACTS = (
    "price_id", "plan_name", "quantity", "add_ons", "cancel_at", "current_period_start",
)  # fmt: skip

Facts = dict[str, Any]


def facts_of(row: Subscription) -> Facts:
    """Return what `note_changes` compares, as it is before a state is taken over."""
    return {name: getattr(row, name) for name in _FACTS}


def note_changes(row: Subscription, before: Facts, actor: str, *, over: bool) -> None:
    """Append an entry for each thing that is no longer as it was before.

    Of a subscription that is over nothing renews or goes on: there it is only an update.
    """
    if not over:
        _note_each(row, before, actor)
    elif facts_of(row) != before:
        note_subscription("updated", row, actor)


def _note_each(row: Subscription, before: Facts, actor: str) -> None:
    if (row.price_id, row.quantity) != (before["price_id"], before["quantity"]):
        _note_plan(row, before, actor)
    if row.add_ons != before["add_ons"]:
        note_subscription("add_ons_changed", row, actor, add_ons=row.add_ons)
    if row.cancel_at != before["cancel_at"]:
        kind = "cancel_scheduled" if row.cancel_at else "cancel_withdrawn"
        note_subscription(kind, row, actor)
    if row.current_period_start != before["current_period_start"]:
        note_subscription("renewed", row, actor, period_end=_iso(row.current_period_end))


def note_subscription(kind: str, row: Subscription, actor: str, **data: Any) -> None:
    """Append an entry about the subscription: its plan, and its end should one be set."""
    append(
        f"subscription.{kind}",
        actor=actor,
        subject=f"subscription:{row.id}",
        project_id=row.project_id,
        stripe_id=row.subscription_id,
        mode="test" if row.is_test_mode else "live",
        plan_name=row.plan_name,
        price=row.price_id,
        quantity=row.quantity,
        cancel_at=_iso(row.cancel_at),
        **data,
    )


def _note_plan(row: Subscription, before: Facts, actor: str) -> None:
    note_subscription(
        "plan_changed",
        row,
        actor,
        previous_name=before["plan_name"],
        previous_price=before["price_id"],
        previous_quantity=before["quantity"],
    )


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else clock.iso_millis(moment)
