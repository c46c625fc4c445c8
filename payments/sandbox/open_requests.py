"""Requests that were taken and whose effect comes later, on the account's clock.

Until such a request completes its idempotency key is in use, and the objects that it changes are
locked: https://docs.stripe.com/api/idempotent_requests and
https://docs.stripe.com/rate-limits#object-lock-timeouts
"""

from __future__ import annotations

import json
from dataclasses import asdict, replace

from .call import Call
from .errors import ApiError
from .execution import execute
from .faults import Fault
from .idempotency import Idempotency, KeyedRequest, key_in_use
from .messages import Json
from .registry import Route, get_route, job
from .store import Store

JOB = "request.complete"


def open_request(call: Call, route: Route, fault: Fault, fingerprint: str) -> None:
    """Take the request: it holds its key and its locks until `fault.seconds` have passed."""
    _keep(call, call.idempotency_key, list_locks(call), _describe(call, route, fault, fingerprint))
    _schedule(call, fault.seconds)


def defer_effect(call: Call, route: Route, fault: Fault) -> None:
    """The request has been answered with an error, and takes effect all the same later.

    Stripe reconciles what a 500 left open, and sends the webhooks then:
    https://docs.stripe.com/error-low-level#server-errors
    """
    later = replace(fault, effect=True, effect_after_seconds=None, stored=False)
    _keep(call, None, [], _describe(call, route, later, ""))
    _schedule(call, fault.effect_after_seconds or 0)


def check_key_free(store: Store, scope: str, key: str) -> None:
    """Raise 409 `idempotency_key_in_use` while an open request holds the key."""
    query = "SELECT 1 FROM open_requests WHERE scope = ? AND key = ?"
    if store.connection.execute(query, (scope, key)).fetchone():
        raise key_in_use(key)


def check_unlocked(call: Call) -> None:
    """Raise 429 `lock_timeout` when an open request changes an object that this one changes."""
    query = "SELECT locks FROM open_requests WHERE scope = ? AND locks != '[]'"
    rows = call.store.connection.execute(query, (call.account.scope,)).fetchall()
    held = {lock for row in rows for lock in json.loads(row[0])}
    if held and not held.isdisjoint(list_locks(call)):
        raise _lock_timeout()


def list_locks(call: Call) -> list[str]:
    """Return the ids of what a request changes: its object, and the payment behind it."""
    named = (call.path.get("id"), call.params.get("payment_intent"), call.params.get("charge"))
    locks = []
    for object_id in named:
        record = call.objects.find_any(object_id) if isinstance(object_id, str) else None
        if record is not None:
            locks += [record.id, record.data.get("payment_intent")]
    return [lock for lock in locks if isinstance(lock, str)]


@job(JOB)
def complete_request(call: Call, request_id: str) -> None:
    """Carry it out at the moment it was due, and keep the answer under its key."""
    content = _take(call, request_id)
    fault = Fault(**content["fault"])
    if not (fault.effect or fault.answers_error):
        return
    route, call = _restore(call, content)
    answer = execute(route, call, fault)
    if call.idempotency_key is not None and fault.stored:
        request = KeyedRequest(call.url_path, content["fingerprint"], call.now)
        Idempotency(call.store).save(call.account.scope, call.idempotency_key, request, answer)


def _restore(call: Call, content: Json) -> tuple[Route, Call]:
    route, path = get_route(content["method"], content["url_path"])
    account = replace(call.account, publishable=content["publishable"])
    carried = {name: content[name] for name in CARRIED}
    return route, replace(call, account=account, path=path, **carried)


CARRIED = ("params", "url_path", "base_url", "api_version", "request_id", "idempotency_key")


def _describe(call: Call, route: Route, fault: Fault, fingerprint: str) -> Json:
    carried = {name: getattr(call, name) for name in CARRIED}
    return {
        **carried,
        "method": route.method,
        "publishable": call.account.publishable,
        "fault": asdict(fault),
        "fingerprint": fingerprint,
    }


def _keep(call: Call, key: str | None, locks: list[str], content: Json) -> None:
    call.store.connection.execute(
        "INSERT INTO open_requests (scope, id, key, locks, content) VALUES (?, ?, ?, ?, ?)",
        (call.account.scope, call.request_id, key, json.dumps(locks), json.dumps(content)),
    )


def _schedule(call: Call, seconds: float) -> None:
    scope = call.account.scope
    due = call.store.clocks.read_exactly(scope) + seconds
    call.store.schedule(scope, due, JOB, call.request_id or "")


def _take(call: Call, request_id: str) -> Json:
    rows = call.store.connection.execute(
        "DELETE FROM open_requests WHERE scope = ? AND id = ? RETURNING content",
        (call.account.scope, request_id),
    ).fetchall()
    content: Json = json.loads(rows[0][0])
    return content


def _lock_timeout() -> ApiError:
    return ApiError(
        429,
        "This object cannot be accessed right now because another API request or Stripe process is"
        " currently accessing it. If you see this error intermittently, retry the request. If you"
        " see this error frequently and are making multiple concurrent requests to a single object,"
        " make your requests serially or at a lower rate.",
        code="lock_timeout",
    )
