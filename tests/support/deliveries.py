"""Stripe's deliveries to projects: events, made up or from the account, signed and posted."""

from __future__ import annotations

import json
import secrets
import time
from typing import Any

import sqlalchemy as sa
from flask import Flask
from werkzeug.test import TestResponse

from payments.kit.db import db
from payments.webhooks.models import PROCESSED, WebhookEvent
from tests.support.developers import ProjectSeat
from tests.support.histories import Account
from tests.support.shop import eventually


def made_up(kind: str = "customer.created", **changes: Any) -> dict[str, Any]:
    """Make an event that no account sent; of a type that means no work, if none is given."""
    return {
        "id": f"evt_{secrets.token_hex(12)}",
        "object": "event",
        "api_version": "2026-10-28.endive",
        "created": int(time.time()),
        "livemode": False,
        "type": kind,
        "data": {"object": {"id": "cus_1", "object": "customer"}},
        **changes,
    }


def deliver(
    seat: ProjectSeat, event: Any, mode: str = "test", *, secret: str | None = None, **more: Any
) -> TestResponse:
    """Post an event to the project's webhook, signed with its secret."""
    payload = event if isinstance(event, str | bytes) else json.dumps(event)
    text = payload if isinstance(payload, str) else payload.decode("utf-8", "replace")
    header = more.pop("header", seat.shop.signature(text, secret=secret, at=more.pop("at", None)))
    headers = {} if header is None else {"Stripe-Signature": header}
    return seat.developer.client.post(
        seat.webhook_path(mode), data=payload, headers=headers, **more
    )


def account_of(seat: ProjectSeat) -> Account:
    """Return the project's test account at the sandbox."""
    return Account(seat.settings.stripe_api_base or "", seat.secret_key)


def deliver_all(app: Flask, seat: ProjectSeat, events: list[dict[str, Any]]) -> None:
    """Deliver events and wait until the worker is done with them."""
    for event in events:
        assert deliver(seat, event).status_code == 200
    settled(app, [event["id"] for event in events])


def settled(app: Flask, event_ids: list[str], state: str = PROCESSED) -> None:
    """Wait until all of these events are in a state."""

    def look() -> bool:
        with app.app_context():
            where = (WebhookEvent.event_id.in_(event_ids), WebhookEvent.state == state)
            query = sa.select(sa.func.count()).select_from(WebhookEvent).where(*where)
            return bool(db.session.scalar(query) == len(event_ids))

    eventually(look, seconds=60)


def stored(app: Flask, seat: ProjectSeat) -> list[str]:
    """Return the ids of the project's events in the inbox."""
    with app.app_context():
        query = sa.select(WebhookEvent.event_id).where(WebhookEvent.owner == seat.project_id)
        return list(db.session.scalars(query))
