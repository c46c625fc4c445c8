"""Both ledgers as plain facts: the service's rows, and what the sandbox says of the money."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from payments.sandbox.app import App
from payments.sandbox.messages import Request
from payments.webhooks.handlers import HANDLERS
from tests.simulation.service import SCOPE
from tests.simulation.stripe_link import BASE

# A refund that Stripe has not paid out yet has left the payment all the same.
MOVED = ("succeeded", "pending", "requires_action")

_ANOMALIES = "SELECT stripe_id FROM stripe_anomalies WHERE resolved_at IS NULL"

Row = dict[str, Any]


@dataclass(frozen=True)
class Facts:
    """Everything of one moment; `payments` and `refunds_made` are Stripe's.

    `anomalies` are the ids of Stripe's objects that the service has flagged as not its own doing.
    """

    charges: list[Row]
    refunds: list[Row]
    invoices: list[Row]
    counters: dict[str, int]
    workspaces: list[Row]
    plans: dict[int, Row]
    anomalies: set[str]
    payments: list[Row]
    refunds_made: list[Row]

    def payments_of(self, charge: Row) -> list[Row]:
        return [payment for payment in self.payments if is_payment_of(payment, charge)]

    def paid(self, charge: Row) -> list[Row]:
        """Return the PaymentIntents by which the charge took money."""
        return [each for each in self.payments_of(charge) if each["status"] == "succeeded"]

    def refunds_for(self, refund: Row) -> list[Row]:
        """Return Stripe's refunds that were made for a row and moved money."""
        made = [each for each in self.refunds_made if is_refund_of(each, refund)]
        return [each for each in made if each["status"] in MOVED]

    def given_back(self, payment_id: str) -> int:
        """Return how much of a payment went back, in minor units."""
        made = (r for r in self.refunds_made if r["payment_intent"] == payment_id)
        return sum(r["amount"] for r in made if r["status"] in MOVED)

    def rank(self, plan_id: int) -> tuple[int, bool]:
        """Return by what plans are ordered; the free one is (0, False)."""
        plan = self.plans[plan_id]
        return plan["tier"], plan["price_period"] == "year"


def is_payment_of(payment: Row, charge: Row) -> bool:
    """Return whether a PaymentIntent was made for a charge, by what our metadata says."""
    marks = payment["metadata"]
    if "charge" in marks:
        return bool(marks["charge"] == charge.get("reference"))
    return bool(marks.get("charge_id") == str(charge["id"]))


def is_refund_of(made: Row, refund: Row) -> bool:
    """Return whether a Refund was made for a row, by its id or by what our metadata says."""
    marks = made["metadata"]
    if "refund" in marks:
        return bool(marks["refund"] == refund.get("reference"))
    if "refund_id" in marks:
        return bool(marks["refund_id"] == str(refund["id"]))
    return bool(made["id"] == refund["stripe_refund_id"])


class Ledgers:
    """Reads both sides without the service's own code."""

    def __init__(self, file: Path, stripe: App) -> None:
        self._stripe = stripe
        self._file, self._connection = file, None
        self._seen: tuple[int, int] | None = None
        self._facts: Facts | None = None
        self._last_event = self._newest_event()
        self.events: list[Row] = []
        # PaymentIntents of somebody else that bear our names: none of our money.
        self.strangers: set[str] = set()

    @property
    def rows(self) -> sqlite3.Connection:
        """Return a connection to the service's database that never holds a lock for long."""
        if self._connection is None:
            self._connection = sqlite3.connect(self._file, isolation_level=None)
            self._connection.row_factory = sqlite3.Row
        return self._connection

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._stripe.stop()

    def facts(self) -> Facts:
        """Return how both ledgers stand now: the same object as long as neither side changes."""
        version = self._version()
        if self._facts is None or version != self._seen:
            self._seen, self._facts = version, self._read()
        return self._facts

    def _version(self) -> tuple[int, int]:
        ours = self.rows.execute("PRAGMA data_version").fetchone()[0]
        return ours, self._stripe.parts.store.connection.total_changes

    def _read(self) -> Facts:
        plans = self.select("SELECT id, slug, tier, price_minor, price_period FROM pricing_plans")
        counters = self.select("SELECT day, last FROM invoice_counters")
        payments = self._objects("payment_intent")
        return Facts(
            charges=self.select("SELECT * FROM charges ORDER BY id"),
            refunds=self.select("SELECT * FROM refunds ORDER BY id"),
            invoices=self.select("SELECT * FROM invoices ORDER BY id"),
            counters={row["day"]: row["last"] for row in counters},
            workspaces=self.select("SELECT id, slug, plan_id, stripe_customer_id FROM workspaces"),
            plans={plan["id"]: plan for plan in plans},
            anomalies={row["stripe_id"] for row in self.select(_ANOMALIES)},
            payments=[each for each in payments if each["id"] not in self.strangers],
            refunds_made=self._objects("refund"),
        )

    def select(self, query: str, *values: Any) -> list[Row]:
        return [dict(row) for row in self.rows.execute(query, values)]

    def _objects(self, kind: str) -> list[Row]:
        query = "SELECT data FROM objects WHERE scope = ? AND kind = ? ORDER BY seq"
        found = self._stripe.parts.store.connection.execute(query, (SCOPE, kind))
        return [json.loads(data) for (data,) in found]

    def new_events(self) -> list[Row]:
        """Add Stripe's events of types that we listen to, since the last look, to `events`."""
        query = "SELECT seq, data FROM objects WHERE kind = 'event' AND seq > ? ORDER BY seq"
        store = self._stripe.parts.store.connection
        for seq, data in store.execute(query, (self._last_event,)).fetchall():
            self._last_event = seq
            event = json.loads(data)
            if event["type"] in HANDLERS:
                self.events.append(event)
        return self.events

    def _newest_event(self) -> int:
        query = "SELECT coalesce(max(seq), 0) FROM objects WHERE kind = 'event'"
        return int(self._stripe.parts.store.connection.execute(query).fetchone()[0])

    def call_stripe(
        self, method: str, path: str, key: str, params: dict[str, str]
    ) -> dict[str, Any]:
        """Send a request to the sandbox that no fault meets."""
        content = urlencode(params)
        query, body = ("", content.encode()) if method == "POST" else (content, b"")
        headers = {"authorization": f"Bearer {key}"}
        answer = self._stripe.handle(Request(method, path, query, headers, body, BASE))
        is_json = "json" in answer.headers.get("Content-Type", "")
        return dict(json.loads(answer.body)) if is_json else {}

    def open_page(self, url: str, form: dict[str, str]) -> int:
        """Press a button of one of the sandbox's pages."""
        path, _, query = url.removeprefix(BASE).partition("?")
        request = Request("POST", path, query, {}, urlencode(form).encode(), BASE)
        return self._stripe.handle(request).status

    def next_job_at(self) -> float | None:
        """Return when Stripe does something by itself next, None when nothing is planned."""
        query = "SELECT min(due) FROM jobs WHERE scope = ?"
        found = self._stripe.parts.store.connection.execute(query, (SCOPE,)).fetchone()[0]
        return None if found is None else float(found)

    def run_due_jobs(self) -> None:
        """Let what is due at Stripe happen: slow payments, refunds that settle."""
        self._stripe.run_due_jobs()
