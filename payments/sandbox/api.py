"""From a request to an answer under /v1: who asks, is it a repeat, does a fault strike, run it."""

from __future__ import annotations

import re
from dataclasses import replace

from .accounts import (
    Account,
    authenticate,
    check_connected_account,
    from_scope,
    given_key,
    secret_key_required,
)
from .call import Call
from .clock import monotonic
from .due import run_due_jobs
from .errors import ApiError
from .exchange import Exchange
from .execution import dump, execute
from .faults import Fault
from .fixtures import create_fixtures
from .form import decode
from .idempotency import Answer, KeyedRequest, fingerprint
from .ids import new_id
from .messages import Json, Request, Response
from .open_requests import check_key_free, check_unlocked, defer_effect, open_request
from .params import validate
from .parts import Parts
from .permissions import check_permission
from .registry import Route, get_route
from .version import get_released_version

LOCK_TIMEOUT, KEY_IN_USE = "lock_timeout", "idempotency_key_in_use"
NOT_A_FORM = (
    "Invalid request (check that your POST content type is application/x-www-form-urlencoded). If"
    " you have any questions, we can help at https://support.stripe.com/."
)
NO_ANSWER = Answer(0, b"", "")  # of a request whose client is gone


class Api:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def answer(self, request: Request) -> Response:
        exchange = Exchange(request, new_id("req"), monotonic())
        try:
            self._identify(exchange)
            with self._parts.idempotency.hold(exchange.scope, exchange.key):
                response = self._with_faults(exchange)
        except ApiError as refusal:
            response = Response.of_json(refusal.status, {"error": refusal.error})
            if refusal.error.get("code") in (LOCK_TIMEOUT, KEY_IN_USE):
                response.headers["Stripe-Should-Retry"] = "true"
        self._sign(exchange, response)
        self._note(exchange, response)
        return response

    def _identify(self, exchange: Exchange) -> None:
        request = exchange.request
        exchange.params = decode(request.query)
        if request.body and request.header("content-type").startswith("application/json"):
            raise ApiError(400, NOT_A_FORM)
        if request.body:
            exchange.params.update(decode(_text(request.body)))
        key = exchange.params.pop("key", "")
        exchange.account = authenticate(request, key if isinstance(key, str) else "")
        if request.method == "POST":
            exchange.key = request.header("idempotency-key") or None
        asked = request.header("stripe-version")
        if asked and get_released_version(asked) is None:
            raise ApiError(400, f"Invalid Stripe API version: {asked}")
        check_connected_account(request, exchange.account)

    def _with_faults(self, exchange: Exchange) -> Response:
        request = exchange.request
        fault = self._parts.faults.take(exchange.scope, request.method, request.path)
        if fault is None:
            return self._execute(exchange)
        exchange.fault = fault.action
        if fault.action == "drop_before":
            return Response.drop()
        if fault.action == "status":
            return Response(fault.status, dump(fault.body()), dict(fault.headers))
        if fault.action == "late":
            return self._take_late(exchange, fault)
        if fault.action in ("stored_500", "error"):
            return self._execute(exchange, fault)
        return self._execute_around(exchange, fault)

    def _take_late(self, exchange: Exchange, fault: Fault) -> Response:
        """The client is gone at once; reading has no effect that could come later."""
        if exchange.request.method != "GET":
            self._execute(exchange, fault)
        return Response.drop()

    def _execute_around(self, exchange: Exchange, fault: Fault) -> Response:
        """The call is carried out as usual; only the way of its answer is troubled."""
        if fault.action == "delay" and fault.when == "before":
            self._parts.store.clocks.source.pause(fault.ms / 1000)
        response = self._execute(exchange)
        if fault.action == "drop_after":
            return Response.drop()
        if fault.when == "after":
            self._parts.store.clocks.source.pause(fault.ms / 1000)
        return response

    def _execute(self, exchange: Exchange, fault: Fault | None = None) -> Response:
        with self._parts.store.transaction():
            create_fixtures(self.bare_call(from_scope(exchange.scope)))
            self.run_due_jobs(exchange.scope)
            exchange.default_version = self._parts.store.default_version(exchange.scope)
            answer = self._earlier(exchange)
            if answer is None:
                answer = self._run(exchange, fault)
        return _response(exchange, answer)

    def _earlier(self, exchange: Exchange) -> Answer | None:
        if exchange.key is None:
            return None
        check_key_free(self._parts.store, exchange.scope, exchange.key)
        answer = self._parts.idempotency.find(
            exchange.scope, exchange.key, exchange.endpoint, exchange.params
        )
        exchange.replayed = answer is not None
        return answer

    def _run(self, exchange: Exchange, fault: Fault | None) -> Answer:
        route, path = self._route(exchange)
        # Refusals up to here are not kept under the key: nothing has been executed yet.
        call = self._call(exchange, validate(route.schema, exchange.params, route.required), path)
        if exchange.request.method == "GET":
            return execute(route, call, fault)
        check_unlocked(call)
        if fault is not None and fault.action == "late":
            open_request(call, route, fault, fingerprint(exchange.params))
            return NO_ANSWER
        answer = execute(route, call, fault)
        if fault is not None and fault.effect_after_seconds is not None:
            defer_effect(call, route, fault)
        if exchange.key is not None and (fault is None or fault.stored):
            self._save(exchange, exchange.key, answer)
        return answer

    def _save(self, exchange: Exchange, key: str, answer: Answer) -> None:
        now = self._parts.store.clocks.now(exchange.scope)
        request = KeyedRequest(exchange.endpoint, fingerprint(exchange.params), now)
        self._parts.idempotency.save(exchange.scope, key, request, answer)

    def _route(self, exchange: Exchange) -> tuple[Route, dict[str, str]]:
        request = exchange.request
        found = get_route(request.method, request.path)
        account = exchange.account
        if account is not None and account.publishable and not found[0].browser:
            raise secret_key_required()
        if account is not None:
            key = given_key(request)
            check_permission(self._parts.store, account, key, request.method, request.path)
        return found

    def _call(self, exchange: Exchange, params: Json, path: dict[str, str]) -> Call:
        call = self.bare_call(exchange.account or from_scope(exchange.scope))
        return replace(
            call,
            params=params,
            path=path,
            url_path=exchange.request.path,
            base_url=self._parts.settings.public_url or exchange.request.base_url,
            api_version=exchange.version,
            names_version=exchange.named_version is not None,
            request_id=exchange.request_id,
            idempotency_key=exchange.key,
        )

    def bare_call(self, account: Account) -> Call:
        """A call that no request stands behind: a due job, a page that a person opened."""
        parts = self._parts
        home = parts.settings.public_url or parts.home
        return Call(account, parts.store, parts.outbox, parts.settings, home)

    def run_due_jobs(self, scope: str) -> None:
        run_due_jobs(self.bare_call(from_scope(scope)))

    def run_all_due_jobs(self) -> None:
        with self._parts.store.transaction():
            for scope in self._parts.store.scopes_with_due_jobs():
                self.run_due_jobs(scope)

    def _sign(self, exchange: Exchange, response: Response) -> None:
        response.headers["Content-Type"] = "application/json"
        response.headers["Request-Id"] = exchange.request_id
        response.headers["Stripe-Version"] = exchange.version
        if exchange.key is not None:
            response.headers["Idempotency-Key"] = _header_safe(exchange.key)

    def _note(self, exchange: Exchange, response: Response) -> None:
        request = exchange.request
        entry = {
            "request_id": exchange.request_id,
            "time": self._parts.store.clocks.now(exchange.scope),
            "method": request.method,
            "path": request.path,
            "params": exchange.params,
            "status": None if response.dropped else response.status,
            "dropped": response.dropped,
            "fault": exchange.fault,
            "idempotency_key": exchange.key,
            "replayed": exchange.replayed,
            "duration_us": int((monotonic() - exchange.started) * 1_000_000),
        }
        self._parts.request_log.add(exchange.scope, entry)


def _text(body: bytes) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError:
        raise ApiError(400, "Invalid request body: it is not valid UTF-8.") from None


def _header_safe(text: str) -> str:
    return re.sub(r"[^\x20-\x7e]", "?", text)


def _response(exchange: Exchange, answer: Answer) -> Response:
    response = Response(answer.status, answer.body)
    if answer.status >= 400:
        # Asking again under the same key would only bring the same answer.
        response.headers["Stripe-Should-Retry"] = "false"
    if exchange.replayed:
        response.headers["Idempotent-Replayed"] = "true"
        response.headers["Original-Request"] = answer.request_id
    return response
