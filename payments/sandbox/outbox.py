"""Events and the deliveries they cause, written in the transaction of the change itself."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import TYPE_CHECKING

from .clock import wall
from .ids import new_id
from .messages import Json
from .version import API_VERSION

if TYPE_CHECKING:
    from .call import Call


class Outbox:
    def __init__(self, connection: sqlite3.Connection, ring: Callable[[], None]) -> None:
        self._connection = connection
        self._ring = ring

    def publish(self, call: Call, event_type: str, data: Json, previous: Json | None) -> None:
        """https://docs.stripe.com/api/events/object"""
        endpoints = [
            endpoint.id
            for endpoint in call.objects.all("webhook_endpoint", status="enabled")
            if {"*", event_type} & set(endpoint.data["enabled_events"])
        ]
        event = _event(call, event_type, data, previous, len(endpoints))
        call.objects.add("event", event)
        for endpoint in endpoints:
            self._connection.execute(
                "INSERT INTO deliveries (scope, event, endpoint, due) VALUES (?, ?, ?, ?)",
                (call.account.scope, event["id"], endpoint, wall()),
            )
        if endpoints:  # the courier gets to look once the transaction has ended
            self._ring()


def _event(call: Call, event_type: str, data: Json, previous: Json | None, waiting: int) -> Json:
    changes = {} if previous is None else {"previous_attributes": previous}
    return {
        "id": new_id("evt"),
        "object": "event",
        "api_version": API_VERSION,  # the account's, not that of the request
        "created": call.now,
        "data": {"object": data, **changes},
        "livemode": call.account.livemode,
        "pending_webhooks": waiting,
        "request": {"id": call.request_id, "idempotency_key": call.idempotency_key},
        "type": event_type,
    }
