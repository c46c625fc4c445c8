"""Events and the deliveries they cause, written in the transaction of the change itself."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import TYPE_CHECKING

from .generations import is_older, shaped, shaped_changes
from .ids import new_id
from .messages import Json
from .objects import Record

if TYPE_CHECKING:
    from .call import Call


class Outbox:
    def __init__(self, connection: sqlite3.Connection, ring: Callable[[], None]) -> None:
        self._connection = connection
        self._ring = ring

    def publish(self, call: Call, event_type: str, data: Json, previous: Json | None) -> None:
        """https://docs.stripe.com/api/events/object"""
        endpoints = [
            endpoint
            for endpoint in call.objects.all("webhook_endpoint", status="enabled")
            if {"*", event_type} & set(endpoint.data["enabled_events"])
        ]
        version = call.store.default_version(call.account.scope)
        event = _event(call, event_type, len(endpoints), version)
        event["data"] = _content(call, data, previous, version)
        others = {endpoint.data["api_version"] or version for endpoint in endpoints}
        renderings = {
            other: _content(call, data, previous, other)
            for other in others
            if is_older(other) is not is_older(version)
        }
        call.objects.add("event", event, renderings)
        for endpoint in endpoints:
            self._connection.execute(
                "INSERT INTO deliveries (scope, event, endpoint, due) VALUES (?, ?, ?, ?)",
                (call.account.scope, event["id"], endpoint.id, call.store.clocks.source.wall()),
            )
        if endpoints:  # the courier gets to look once the transaction has ended
            self._ring()


def rendered(event: Record, version: str | None) -> Json:
    """The event in the version of the endpoint that it is sent to."""
    if version is None:
        return event.data
    content = event.private.get(version, event.data["data"])
    return {**event.data, "api_version": version, "data": content}


def _content(call: Call, data: Json, previous: Json | None, version: str) -> Json:
    before = shaped_changes(call, data, previous, version)
    changes = {} if before is None else {"previous_attributes": before}
    return {"object": shaped(call, data, version), **changes}


def _event(call: Call, event_type: str, waiting: int, version: str) -> Json:
    return {
        "id": new_id("evt"),
        "object": "event",
        "api_version": version,  # the account's, not that of the request
        "created": call.now,
        "data": {},
        "livemode": call.account.livemode,
        "pending_webhooks": waiting,
        "request": {"id": call.request_id, "idempotency_key": call.idempotency_key},
        "type": event_type,
    }
