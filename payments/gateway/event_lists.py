"""Reads Stripe's own list of an account's events, as they were when they happened."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import simplejson

from payments.extensions import settings
from payments.gateway.client import client
from payments.gateway.errors import translated

PAGE = 100  # the most that Stripe lists at once


@dataclass(frozen=True)
class ListedEvent:
    """An event and its JSON text, every number digit by digit as Stripe wrote it."""

    content: dict[str, Any] = field(repr=False)
    payload: str = field(repr=False)

    @property
    def id(self) -> str:
        return str(self.content["id"])

    @property
    def type(self) -> str:
        return str(self.content["type"])

    @property
    def created(self) -> int:
        return int(self.content["created"])


@dataclass(frozen=True)
class EventPage:
    """A page of events, the newest first; `more` are older ones."""

    events: tuple[ListedEvent, ...]
    more: bool


def list_events(secret_key: str | None, *, since: int, after: str | None) -> EventPage:
    """List the account's events created at `since` or later, going on behind the event `after`.

    Stripe keeps them for 30 days. https://docs.stripe.com/api/events/list
    The SDK's objects are left aside: building a hundred of them costs more than the call.
    """
    params: dict[str, Any] = {"limit": PAGE, "created": {"gte": since}}
    if after is not None:
        params["starting_after"] = after
    with translated():
        account = client(secret_key, settings().stripe_api_base)
        answer = account.raw_request("get", "/v1/events", **params)
    listed = simplejson.loads(answer.body, use_decimal=True)
    return EventPage(tuple(map(_listed, listed["data"])), bool(listed["has_more"]))


def _listed(content: dict[str, Any]) -> ListedEvent:
    return ListedEvent(content, simplejson.dumps(content, use_decimal=True))
