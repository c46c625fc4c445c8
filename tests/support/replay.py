"""Computes from the timeline alone how everything stands, to hold it against the rows."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from flask import Flask

from payments.invoices.models import Invoice
from payments.kit import clock
from payments.kit.db import db
from payments.projects.models import Payment, Subscription
from payments.timeline.models import TimelineEntry
from payments.workspaces.models import Charge, Membership, PaymentMethod, Refund, Workspace

BEGUN = {"reserved": "pending", "found": "pending", "issued": "pending"}
UNTOLD = {
    "needs_attention",
    "paid_twice",
    "plan_changed",
    "renewed",
    "updated",
    "cancel_scheduled",
    "cancel_withdrawn",
}

State = dict[str, Any]


def entries(app: Flask, *where: Any) -> list[TimelineEntry]:
    """Return entries, the oldest first, free of any session."""
    with app.app_context():
        query = sa.select(TimelineEntry).where(*where).order_by(TimelineEntry.id)
        found = list(db.session.scalars(query))
        db.session.expunge_all()
        return found


def workspace_told(app: Flask, workspace_id: int) -> State:
    """Say how a workspace stands by its entries."""
    told = entries(app, TimelineEntry.workspace_id == workspace_id)
    state: State = {"plan": None, "members": {}, "cards": {}, "default": None}
    for entry in told:
        _advance(state, entry)
    return state | {noun: statuses(told, noun) for noun in ("charge", "refund", "invoice")}


def _advance(state: State, entry: TimelineEntry) -> None:
    noun, _, verb = entry.kind.partition(".")
    key = entry.subject.partition(":")[2]
    if entry.kind == "workspace.created" or noun == "plan":
        assert entry.data.get("previous") == state["plan"], "the chain of plans is broken"
        state["plan"] = entry.data["plan"]
    elif noun == "member":
        state["members"].pop(key, None)
        if verb in {"added", "role_changed"}:
            state["members"][key] = entry.data["role"]
    elif noun == "payment_method" and verb in {"added", "restored", "removed"}:
        state["cards"][key] = verb != "removed"
        if verb == "removed" and state["default"] == key:
            state["default"] = None
    elif entry.kind == "payment_method.made_default":
        state["default"] = key


def workspace_held(app: Flask, workspace_id: int) -> State:
    """Say how a workspace stands by its rows."""
    with app.app_context():
        workspace = db.session.get_one(Workspace, workspace_id)
        cards = _of(PaymentMethod, workspace_id)
        seats = _of(Membership, workspace_id)
        default = [str(card.id) for card in cards if card.is_default]
        return {
            "plan": workspace.plan.slug,
            "members": {str(seat.user_id): seat.role for seat in seats},
            "cards": {str(card.id): card.is_active for card in cards},
            "default": default[0] if default else None,
            "charge": _by_status(Charge, workspace_id),
            "refund": _by_status(Refund, workspace_id),
            "invoice": _by_status(Invoice, workspace_id),
        }


def _of(model: Any, workspace_id: int) -> list[Any]:
    return list(db.session.scalars(sa.select(model).where(model.workspace_id == workspace_id)))


def _by_status(model: Any, workspace_id: int) -> dict[str, str]:
    return {str(row.id): row.status for row in _of(model, workspace_id)}


def statuses(told: list[TimelineEntry], noun: str) -> dict[str, str]:
    """Return the last status of every object of a kind."""
    found = {}
    for entry in told:
        head, _, verb = entry.kind.partition(".")
        if head == noun and verb not in UNTOLD:
            found[entry.subject.partition(":")[2]] = entry.data.get("status", BEGUN.get(verb, verb))
    return found


def project_told(app: Flask, project_id: str) -> State:
    """Say how a project's subscriptions and payments stand by its entries."""
    told = entries(app, TimelineEntry.project_id == project_id)
    last = {e.subject[13:]: e.data for e in told if e.kind.startswith("subscription.")}
    back = {
        e.subject[8:]: (e.data["amount_cents"], e.data["refunded_amount_cents"])
        for e in told
        if e.kind.startswith("payment.")
    }
    return {
        "subscription": statuses(told, "subscription"),
        "payment": statuses(told, "payment"),
        "plans": {key: (data.get("price"), data["quantity"]) for key, data in last.items()},
        "ending": {key: data["cancel_at"] for key, data in last.items() if "cancel_at" in data},
        "money": back,
    }


def project_held(app: Flask, project_id: str) -> State:
    """Say how a project's subscriptions and payments stand by their rows."""
    with app.app_context():
        subscriptions, payments = (
            list(db.session.scalars(sa.select(model).where(model.project_id == project_id)))
            for model in (Subscription, Payment)
        )
        return {
            "subscription": {row.id: row.status for row in subscriptions},
            "payment": {row.id: row.status for row in payments},
            "plans": {row.id: (row.price_id, row.quantity) for row in subscriptions},
            "ending": {r.id: clock.iso_millis(r.cancel_at) for r in subscriptions if r.cancel_at},
            "money": {row.id: (row.amount_cents, row.refunded_amount_cents) for row in payments},
        }
