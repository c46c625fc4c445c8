"""The controls under /_sandbox/, by which tests and developers steer one account."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from typing import Any
from urllib.parse import parse_qsl

from . import control_account
from .accounts import Account, authenticate
from .api import Api
from .control_input import check_clock, check_fault, check_seconds, check_switch
from .errors import ApiError
from .messages import Json, Request, Response
from .parts import Parts

Action = Callable[[Account, Json], Any]


class Control:
    def __init__(self, parts: Parts, api: Api) -> None:
        self._parts = parts
        self._api = api
        self._actions: dict[tuple[str, str], Action] = {
            ("POST", "faults"): self._add_fault,
            ("GET", "faults"): self._list_faults,
            ("DELETE", "faults"): self._clear_faults,
            ("GET", "webhooks"): self._show_webhooks,
            ("POST", "webhooks"): self._set_webhooks,
            ("POST", "webhooks/flush"): self._flush_webhooks,
            ("GET", "requests"): self._list_requests,
            ("DELETE", "requests"): self._clear_requests,
            ("GET", "clock"): self._show_clock,
            ("POST", "clock"): self._set_clock,
            ("POST", "clock/advance"): self._advance_clock,
            ("POST", "reset"): self._reset,
            ("POST", "wipe"): self._wipe,
            ("GET", "api_version"): self._show_version,
            ("POST", "api_version"): self._set_version,
            ("GET", "billing"): self._show_billing,
            ("POST", "billing"): self._set_billing,
            ("GET", "account"): self._show_profile,
            ("POST", "account"): self._set_profile,
            ("POST", "keys/restrict"): self._restrict_key,
        }

    def answer(self, request: Request) -> Response:
        name = request.path.removeprefix("/_sandbox/").strip("/")
        try:
            action = self._actions.get((request.method, name))
            if action is None:
                raise ApiError(404, f"There is no control {request.method} {request.path}.")
            account = authenticate(request)
            return Response.of_json(200, action(account, _input(request)))
        except ApiError as refusal:
            return Response.of_json(refusal.status, {"error": refusal.error})

    def _add_fault(self, account: Account, given: Json) -> Json:
        return asdict(self._parts.faults.add(account.scope, check_fault(given)))

    def _list_faults(self, account: Account, given: Json) -> Json:
        return {"data": self._parts.faults.list(account.scope)}

    def _clear_faults(self, account: Account, given: Json) -> Json:
        self._parts.faults.clear(account.scope)
        return {"cleared": True}

    def _show_webhooks(self, account: Account, given: Json) -> Json:
        query = (
            "SELECT event, endpoint, state, attempts FROM deliveries"
            " WHERE scope = ? ORDER BY seq DESC LIMIT 200"
        )
        with self._parts.store.transaction() as connection:
            rows = connection.execute(query, (account.scope,)).fetchall()
        names = ("event", "endpoint", "state", "attempts")
        deliveries = [dict(zip(names, row, strict=True)) for row in rows]
        return {**self._parts.switches.show(account.scope), "deliveries": deliveries}

    def _set_webhooks(self, account: Account, given: Json) -> Json:
        self._parts.switches.set(account.scope, check_switch(given))
        self._parts.courier.ring()
        return self._parts.switches.show(account.scope)

    def _flush_webhooks(self, account: Account, given: Json) -> Json:
        return self._parts.courier.flush(account.scope)

    def _list_requests(self, account: Account, given: Json) -> Json:
        method, path = str(given.get("method", "*")), str(given.get("path", "*"))
        return {"data": self._parts.request_log.list(account.scope, method, path)}

    def _clear_requests(self, account: Account, given: Json) -> Json:
        self._parts.request_log.clear(account.scope)
        return {"cleared": True}

    def _show_clock(self, account: Account, given: Json) -> Json:
        clocks = self._parts.store.clocks
        return {"now": clocks.now(account.scope), "ahead": clocks.ahead(account.scope)}

    def _set_clock(self, account: Account, given: Json) -> Json:
        clocks = self._parts.store.clocks
        return self._move_clock(account, check_clock(given) - clocks.now(account.scope))

    def _advance_clock(self, account: Account, given: Json) -> Json:
        return self._move_clock(account, check_seconds(given))

    def _move_clock(self, account: Account, seconds: int) -> Json:
        """What falls due on the way happens before the answer."""
        store = self._parts.store
        with store.transaction():
            store.clocks.set_ahead(account.scope, store.clocks.ahead(account.scope) + seconds)
            self._api.run_due_jobs(account.scope)
        return self._show_clock(account, {})

    def _show_version(self, account: Account, given: Json) -> Json:
        return control_account.show_version(self._parts.store, account)

    def _set_version(self, account: Account, given: Json) -> Json:
        return control_account.set_version(self._parts.store, account, given)

    def _show_billing(self, account: Account, given: Json) -> Json:
        return control_account.show_billing(self._parts.store, account)

    def _set_billing(self, account: Account, given: Json) -> Json:
        return control_account.set_billing(self._parts.store, account, given)

    def _show_profile(self, account: Account, given: Json) -> Json:
        return control_account.show_profile(self._parts.store, account)

    def _set_profile(self, account: Account, given: Json) -> Json:
        return control_account.set_profile(self._parts.store, account, given)

    def _restrict_key(self, account: Account, given: Json) -> Json:
        return control_account.restrict(self._parts.store, account, given)

    def _wipe(self, account: Account, given: Json) -> Json:
        """What "Delete all test data" in Stripe's dashboard does: no events tell about it."""
        with self._parts.store.transaction():
            self._parts.store.wipe(account.scope)
        return {"wiped": True}

    def _reset(self, account: Account, given: Json) -> Json:
        with self._parts.store.transaction():
            self._parts.store.forget(account.scope)
        for memory in (self._parts.faults, self._parts.switches, self._parts.request_log):
            memory.clear(account.scope)
        return {"reset": True}


def _input(request: Request) -> Json:
    """JSON in the body, or a query string for the GETs."""
    given: Json = dict(parse_qsl(request.query))
    if not request.body:
        return given
    try:
        body = json.loads(request.body)
    except (ValueError, RecursionError):
        raise ApiError(400, "The body has to be JSON.") from None
    if not isinstance(body, dict):
        raise ApiError(400, "The body has to be a JSON object.")
    return {**given, **body}
