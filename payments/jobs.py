"""Names of tasks and queues, and the two things a request does with them: enqueue and wait."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from celery import Celery
from flask import Flask, current_app
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from payments.extensions import redis, settings
from payments.kit import clock, logs
from payments.kit.redis_client import (
    TIMEOUT_SECONDS,
    broker_tls,
    circuit_of,
    tell_reason,
    was_answered,
)

log = logging.getLogger(__name__)
T = TypeVar("T")

# Queues. The Procfile's workers listen to every one of them: a test holds that.
CHARGES = "charges"
WEBHOOKS = "webhooks"
DOCUMENTS = "documents"
RECONCILIATION = "reconciliation"
RUNS = "runs"
MAIL = "mail"

# Tasks: the name a message carries, and the queue it goes to.
RUN_CHARGE = "charges.run"
RUN_REFUND = "charges.refund"
DRAIN_INBOX = "webhooks.drain"
RENDER_INVOICE = "invoices.render"
CLOSE_DAYS = "invoices.close"
SWEEP_DUE = "reconciliation.due"
SWEEP_EXPIRED = "reconciliation.expire"
HEARTBEAT = "reconciliation.heartbeat"
BEGIN_RUNS = "reconciliation.begin"
RECONCILE = "reconciliation.run"
PRUNE = "retention.prune"
SEND_MAIL = "mail.send"

# What a message carries beside the ids of rows: so the lines of a task are found with a request.
CARRIED = ("request_id", "trace_id")

# Sweeps fill a queue up to here: more would only wait, and what is due stands in the database.
SWEPT = 100

QUEUE_OF = {
    RUN_CHARGE: CHARGES,
    RUN_REFUND: CHARGES,
    DRAIN_INBOX: WEBHOOKS,
    RENDER_INVOICE: DOCUMENTS,
    CLOSE_DAYS: RECONCILIATION,
    SWEEP_DUE: RECONCILIATION,
    SWEEP_EXPIRED: RECONCILIATION,
    HEARTBEAT: RECONCILIATION,
    BEGIN_RUNS: RECONCILIATION,
    RECONCILE: RUNS,
    PRUNE: RUNS,
    SEND_MAIL: MAIL,
}


def _producer() -> Celery:
    held = current_app.extensions.get("payments.producer")
    if held is None:
        held = Celery("payments-producer", set_as_current=False)
        held.config_from_object("celeryconfig")
        bounds = dict.fromkeys(("socket_connect_timeout", "socket_timeout"), TIMEOUT_SECONDS)
        options = {**held.conf.broker_transport_options, **bounds, "max_retries": 0}
        url, verify = settings().redis_url, settings().redis_tls_verify
        held.conf.update(broker_url=url, broker_use_ssl=broker_tls(url, verify))
        held.conf.update(broker_transport_options=options)
        current_app.extensions["payments.producer"] = held
    return held


def enqueue(name: str, **ids: int | str) -> bool:
    """Send a task that carries ids only; call it after the commit, never before.

    False when Redis does not take it: the row is due anyway and the sweep picks it up. While the
    circuit to Redis is open nothing is tried.
    """
    circuit = circuit_of(redis())
    if not circuit.admits_call():
        return False
    try:
        _producer().send_task(
            name,
            kwargs=ids,
            queue=QUEUE_OF[name],
            retry=False,
            ignore_result=True,
            headers=logs.get_bound(*CARRIED),
        )
    except (OperationalError, RedisError, OSError) as error:
        log.warning("could not enqueue %s: %s", name, type(error).__name__)
        if not was_answered(error):
            circuit.record_failure(tell_reason(error))
        return False
    circuit.record_success()
    return True


def queued(queue: str) -> int:
    """Return how many messages no worker has taken yet; without Redis the queue counts as full."""
    try:
        return redis().llen(queue)
    except RedisError as error:
        log.warning("could not look at the queue %s: %s", queue, type(error).__name__)
        return SWEPT


def announce(channel: str) -> None:
    """Tell whoever waits on the channel that its row has changed."""
    try:
        redis().publish(channel, "changed")
    except RedisError as error:
        log.warning("could not announce %s: %s", channel, type(error).__name__)


def wait_for(
    channel: str, look: Callable[[], T | None], *, start: Callable[[], bool], seconds: float
) -> T | None:
    """Start the work, then wait up to `seconds` until `look` returns something; else None.

    The channel is listened to before the work starts, so no announcement is missed; `look`
    reads the database, which holds the truth. Without Redis there is nothing to wait for, and of a
    process's threads only some may wait: for whoever comes later the work is started, no more.
    """
    with _waiting() as allowed:
        if allowed:
            return _wait(channel, look, start=start, seconds=seconds)
    start()
    return None


def limit_waiters(app: Flask, threads: int) -> None:
    """Let at most half of a process's threads wait at once, so that others still get answers."""
    app.extensions["payments.waiters"] = threading.BoundedSemaphore(max(threads // 2, 1))


@contextmanager
def _waiting() -> Iterator[bool]:
    """Take a place among those who wait; False when all are taken."""
    places: threading.BoundedSemaphore = current_app.extensions["payments.waiters"]
    allowed = places.acquire(blocking=False)
    try:
        yield allowed
    finally:
        if allowed:
            places.release()


def _wait(
    channel: str, look: Callable[[], T | None], *, start: Callable[[], bool], seconds: float
) -> T | None:
    deadline = clock.monotonic() + seconds
    try:
        with redis().pubsub(ignore_subscribe_messages=True) as listener:
            listener.subscribe(channel)
            if not start():
                return None
            while (left := deadline - clock.monotonic()) > 0:
                if (found := look()) is not None:
                    return found
                listener.get_message(timeout=min(left, 1.0))
            return look()
    except RedisError as error:
        log.warning("cannot wait on %s: %s", channel, type(error).__name__)
        start()
        return look()
