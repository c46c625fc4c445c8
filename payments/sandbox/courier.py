"""Delivers events to webhook endpoints in the background, again and again until they answer 2xx.

https://docs.stripe.com/webhooks#behaviors
"""

from __future__ import annotations

import json
import logging
import threading
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import requests

from .clock import monotonic, pause, wall
from .messages import Json
from .outbox import rendered
from .settings import Settings
from .signing import signature
from .store import Store
from .switches import Switches

log = logging.getLogger(__name__)

BEAT = 0.2  # seconds between looks at what is due, when nothing rings the bell
WORKERS = 8
BATCH = 100
WAITING = "SELECT seq, scope, event, endpoint, attempts FROM deliveries WHERE state = 'waiting'"


@dataclass(frozen=True)
class Delivery:
    seq: int
    scope: str
    event: str
    endpoint: str
    attempts: int


class Courier:
    def __init__(
        self, store: Store, settings: Settings, switches: Switches, on_beat: Callable[[], None]
    ) -> None:
        self._store = store
        self._settings = settings
        self._switches = switches
        self._on_beat = on_beat
        self._bell = threading.Event()
        self._stopping = False
        self._claimed: dict[int, str] = {}  # row and account
        self._claims = threading.Lock()
        self._local = threading.local()
        self._pool = ThreadPoolExecutor(WORKERS, "sandbox-webhook")
        self._thread = threading.Thread(target=self._run, name="sandbox-courier", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping = True
        self._bell.set()
        if self._thread.ident is not None:
            self._thread.join()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def ring(self) -> None:
        """Something may be due now."""
        self._bell.set()

    def _run(self) -> None:
        while not self._stopping:
            self._bell.wait(BEAT)
            self._bell.clear()
            try:
                self._on_beat()
                self._hand_out()
            except Exception:  # the courier outlives any single failure
                log.exception("webhook delivery failed unexpectedly")

    def _hand_out(self) -> None:
        by_scope: defaultdict[str, list[Delivery]] = defaultdict(list)
        for delivery in self._claim(" AND due <= ? ORDER BY seq LIMIT ?", (wall(), BATCH)):
            by_scope[delivery.scope].append(delivery)
        for scope, batch in by_scope.items():
            if self._switches.of(scope).reverse:
                self._pool.submit(self._deliver_all, batch[::-1])
                continue
            for delivery in batch:
                self._pool.submit(self._deliver_all, [delivery])

    def _claim(
        self, clause: str, values: tuple[object, ...], *, held_too: bool = False
    ) -> list[Delivery]:
        """Take what nobody is delivering at this moment, and what is not held back."""
        with self._store.transaction() as connection:
            rows = connection.execute(WAITING + clause, values).fetchall()
        found = [Delivery(*row) for row in rows]
        with self._claims:
            free = [
                delivery
                for delivery in found
                if delivery.seq not in self._claimed
                and (held_too or not self._switches.of(delivery.scope).pause)
            ]
            self._claimed.update({delivery.seq: delivery.scope for delivery in free})
        return free

    def flush(self, scope: str) -> Json:
        """Deliver all that waits for an account, one by one, in the caller's own thread."""
        batch = self._claim(" AND scope = ? ORDER BY seq", (scope,), held_too=True)
        reverse = self._switches.of(scope).reverse
        results = self._deliver_all(batch[::-1] if reverse else batch)
        self._wait_for_others(scope)
        return {"delivered": results.count(True), "failed": results.count(False)}

    def _wait_for_others(self, scope: str) -> None:
        """What was on its way already has arrived, too, once a flush returns."""
        patience = monotonic() + self._settings.delivery_timeout
        while monotonic() < patience:
            with self._claims:
                if scope not in self._claimed.values():
                    return
            pause(0.005)

    def _deliver_all(self, batch: list[Delivery]) -> list[bool]:
        return [self._deliver(delivery) for delivery in batch]

    def _deliver(self, delivery: Delivery) -> bool:
        try:
            if self._switches.take(delivery.scope, "drop"):
                self._settle(delivery, "dropped")
                return False
            return self._attempt(delivery)
        except Exception:  # a delivery never takes the others down
            log.exception("webhook delivery %s failed unexpectedly", delivery.event)
            return False
        finally:
            with self._claims:
                self._claimed.pop(delivery.seq, None)

    def _attempt(self, delivery: Delivery) -> bool:
        addressed = self._address(delivery)
        if addressed is None:
            self._settle(delivery, "abandoned")
            return False
        url, secret, body = addressed
        twice = self._switches.take(delivery.scope, "duplicate")
        accepted = self._post(url, secret, body)
        if twice:
            self._post(url, secret, body)
        if accepted:
            self._settle(delivery, "delivered")
        else:
            self._postpone(delivery)
        return accepted

    def _address(self, delivery: Delivery) -> tuple[str, str, bytes] | None:
        with self._store.transaction():
            objects = self._store.objects(delivery.scope)
            endpoint = objects.find("webhook_endpoint", delivery.endpoint)
            event = objects.find("event", delivery.event)
        if endpoint is None or event is None or endpoint.data["status"] != "enabled":
            return None
        content = rendered(event, endpoint.data["api_version"])
        body = json.dumps(content, indent=2).encode()
        return endpoint.data["url"], endpoint.private["secret"], body

    def _post(self, url: str, secret: str, body: bytes) -> bool:
        # Receivers compare the time of signing with their own clock, hence real time.
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "Stripe-Signature": signature(secret, int(wall()), body),
            "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
        }
        try:
            answer = self._session().post(
                url,
                data=body,
                headers=headers,
                timeout=self._settings.delivery_timeout,
                allow_redirects=False,
            )
        except (requests.RequestException, ValueError):
            return False
        return answer.status_code // 100 == 2

    def _session(self) -> requests.Session:
        if not hasattr(self._local, "session"):
            self._local.session = requests.Session()
            self._local.session.trust_env = False
        session: requests.Session = self._local.session
        return session

    def _settle(self, delivery: Delivery, state: str) -> None:
        with self._store.transaction() as connection:
            connection.execute(
                "UPDATE deliveries SET state = ?, attempts = attempts + 1 WHERE seq = ?",
                (state, delivery.seq),
            )
            if state == "delivered":
                self._count_down(delivery)

    def _count_down(self, delivery: Delivery) -> None:
        objects = self._store.objects(delivery.scope)
        event = objects.find("event", delivery.event)
        if event is not None:
            event.data["pending_webhooks"] -= 1
            objects.save(event)

    def _postpone(self, delivery: Delivery) -> None:
        schedule = self._settings.retry_schedule
        wait = schedule[min(delivery.attempts, len(schedule) - 1)]
        with self._store.transaction() as connection:
            connection.execute(
                "UPDATE deliveries SET due = ?, attempts = attempts + 1 WHERE seq = ?",
                (wall() + wait, delivery.seq),
            )
