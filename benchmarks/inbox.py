"""How fast the inbox is drained: batches of 200 against one by one, in one run on one machine.

    python -m benchmarks.inbox [events]

Runs on the database that DATABASE_URL names, else on a SQLite file that is thrown away.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any
from uuid import uuid4

import sqlalchemy as sa
from flask_migrate import upgrade

from payments import config
from payments.app import create_app
from payments.auth.models import DEVELOPER, User
from payments.kit.db import db
from payments.kit.transactions import transaction
from payments.projects.models import Project
from payments.webhooks import drain, inbox, wake
from payments.webhooks.models import PROCESSED, WebhookEvent
from tests.support import stack
from tests.support.ledgers import NOON, invoice, subscription

SIZES = (200, 1)
SUBSCRIPTIONS = 500  # whose events these are
PADDING = "x" * 3000  # events weigh about 5 kB


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    server = os.environ.get("DATABASE_URL")
    with tempfile.TemporaryDirectory() as folder, stack.database(server, Path(folder)) as url:
        _measure(url, folder, count)


def _measure(url: str, folder: str, count: int) -> None:
    environment = {"DATABASE_URL": url, "DATA_DIR": folder, "REDIS_URL": "redis://127.0.0.1:1"}
    environment["LOG_LEVEL"] = "ERROR"
    os.environ.update(environment)
    app = create_app(config.load(environment))
    wake.heard = lambda: None  # nobody listens here
    figures = {}
    with app.app_context():
        upgrade(directory=str(Path(__file__).parents[1] / "migrations"))
        for size in SIZES:
            _fill(count)
            figures[size] = _drain(size, count)
        db.engine.dispose()
    for size, (rate, cpu) in figures.items():
        print(f"batch {size:>3}: {rate:7.0f} events/s, {cpu:5.2f} CPU-ms an event")  # noqa: T201
    ratio = figures[1][1] / figures[200][1]
    print(f"one by one costs {ratio:.1f} times the CPU of a batch of 200")  # noqa: T201


def _fill(count: int) -> None:
    """Store subscriptions' changes and renewals of one project, the oldest first."""
    with transaction() as session:
        owner = User(email=f"{uuid4()}@example.com", password_hash="", kind=DEVELOPER)
        session.add(owner)
        session.flush()
        project = Project(owner_id=owner.id, name="Bench")
        session.add(project)
        session.flush()
        rows = [_row(project.id, number) for number in range(count)]
        session.execute(sa.insert(WebhookEvent), rows)


def _row(project_id: str, number: int) -> dict[str, Any]:
    who, turn = f"{number % SUBSCRIPTIONS}", number // SUBSCRIPTIONS
    kind, found = (
        "customer.subscription.updated",
        subscription(id=f"sub_{who}", customer=f"c_{who}"),
    )
    if turn % 2:
        kind = "invoice.paid"
        found = invoice(id=f"in_{number}", customer=f"c_{who}", payment_intent=f"pi_{number}")
        found["subscription"] = f"sub_{who}"
    event = {
        "id": f"evt_{uuid4().hex}",
        "type": kind,
        "created": NOON + number,
        "livemode": False,
        "api_version": None,
        "data": {"object": {**found, "padding": PADDING}},
    }
    return inbox.new_row(project_id, event, json.dumps(event))


def _drain(size: int, count: int) -> tuple[float, float]:
    drain.BATCH = size
    began, cpu = time.perf_counter(), time.process_time()
    while drain.drain():
        pass
    took, used = time.perf_counter() - began, time.process_time() - cpu
    left = sa.select(sa.func.count()).where(WebhookEvent.state != PROCESSED)
    assert db.session.scalar(left) == 0, "events were left behind"  # noqa: S101 - it ends the run
    db.session.rollback()
    return count / took, used * 1000 / count


if __name__ == "__main__":
    main()
