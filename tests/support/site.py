"""A whole installation of its own: database, Redis, Stripe account, and processes on demand."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from threading import Barrier, Event, Thread
from typing import Any, TypeVar

import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from flask_migrate import upgrade
from redis import Redis
from sqlalchemy import orm

from payments import config, jobs
from payments.auth.models import User
from payments.config import Settings
from payments.idempotency.models import IdempotentRequest
from payments.invoices.models import InvoiceDocument
from payments.kit import clock
from payments.kit.db import db
from payments.kit.transactions import transaction
from payments.runs.models import ReconciliationRun
from payments.webhooks.models import WebhookEvent
from payments.workspaces.models import Charge, Refund, Workspace
from tests.support import processes, stack
from tests.support.people import Person, Place, sign_up
from tests.support.shop import Shop

T = TypeVar("T")

# Read at once: the run's own settings are put into the environment later.
GIVEN_DATABASE, GIVEN_REDIS = os.environ.get("DATABASE_URL"), os.environ.get("REDIS_URL")


@dataclass
class Site:
    """An app in this process and, by its environment, in as many others as a test starts."""

    environment: dict[str, str]
    settings: Settings
    app: Flask

    @property
    def client(self) -> FlaskClient:
        """HTTP to the app in this process."""
        return self.app.test_client()

    @cached_property
    def shop(self) -> Shop:
        return Shop(self.client, self.settings)

    def over(self, client: Any) -> Shop:
        """Return a shop that talks to the app through another client."""
        return Shop(client, self.settings)

    @property
    def redis(self) -> Redis:
        return Redis.from_url(self.settings.redis_url)

    def worker(self, *, processes_: int = 2) -> Any:
        return processes.worker(self.environment, processes=processes_)

    def start_worker(self) -> processes.Group:
        return processes.start_worker(self.environment)

    def customer(self, card: str | None = "pm_card_visa") -> tuple[Person, Place]:
        """Sign somebody up and save a card for his workspace."""
        person = sign_up(self.client)
        if card:
            self.shop.save_card(person, person.home.slug, card)
        return person, person.home

    def admin(self) -> Person:
        """Sign up somebody who may refund."""
        person = sign_up(self.client, "Root")
        self.run(
            lambda session: session.execute(
                sa.update(User).where(User.id == person.id).values(is_admin=True)
            )
        )
        return person

    def read(self, query: Callable[[orm.Session], T]) -> T:
        """Read the database as it is now."""
        with self.app.app_context():
            return query(db.session())

    def rows(self, model: type[T], *where: Any) -> list[T]:
        """Return rows, free of any session."""

        def found(session: orm.Session) -> list[T]:
            rows = list(session.scalars(sa.select(model).where(*where).order_by(model.id)))  # type: ignore[attr-defined]
            session.expunge_all()
            return rows

        return self.read(found)

    def row(self, model: type[T], *where: Any) -> T:
        (found,) = self.rows(model, *where)
        return found

    def run(self, change: Callable[[orm.Session], Any]) -> Any:
        """Change the database in a transaction of its own."""
        with self.app.app_context(), transaction() as session:
            return change(session)

    def lapse(self, *models: type[Any]) -> None:
        """Let a minute pass for the rows that a dead process holds.

        Only the stored moments move: who may take such a row is decided by comparing them with
        the clock, in SQL, and nothing else looks at them. So this is what the rows will be like
        once the lease has run out, and a `slow` test waits it out for real.
        """
        past = clock.now() - timedelta(seconds=1)
        for model in models or (Charge, Refund, WebhookEvent, InvoiceDocument, ReconciliationRun):
            held = sa.update(model).where(model.leased_until.is_not(None))
            self.run(lambda session, held=held: session.execute(held.values(leased_until=past)))

    def unlock(self) -> None:
        """Let the minute pass after which a key that a dead request held may be used again."""
        held = sa.update(IdempotentRequest).where(IdempotentRequest.status.is_(None))
        self.run(lambda session: session.execute(held.values(locked_until=clock.now())))

    def clear(self) -> None:
        """Settle whatever a test left open, so that the next one's workers have only its own."""
        self.redis.flushdb()
        for model in (Charge, Refund):
            open_ = sa.update(model).where(model.status == "pending")
            self.run(lambda session, open_=open_: session.execute(open_.values(status="failed")))
        for model in (InvoiceDocument, WebhookEvent):
            open_ = sa.update(model).where(model.state.in_(("pending", "received", "failed")))
            self.run(lambda session, open_=open_: session.execute(open_.values(state="dead")))
        begun = sa.update(ReconciliationRun).where(ReconciliationRun.finished_at.is_(None))
        self.run(lambda session: session.execute(begun.values(state="failed")))

    def sweep(self) -> None:
        """Send the sweep that beat sends every five seconds."""
        self.enqueue(jobs.SWEEP_DUE)

    @contextmanager
    def sweeping(self) -> Iterator[None]:
        """Send the sweep every second, and nothing else of what beat sends."""
        over = Event()

        def sweep() -> None:
            while not over.is_set():
                self.sweep()
                over.wait(1)

        thread = Thread(target=sweep, daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def enqueue(self, name: str, **ids: int) -> bool:
        with self.app.app_context():
            return jobs.enqueue(name, **ids)

    # Stripe's side

    def payments(self, workspace_id: int | None = None) -> list[dict[str, Any]]:
        """Return the PaymentIntents of a workspace, as Stripe lists them."""
        listed = self._listed("payment_intents")
        if workspace_id is None:
            return listed
        name = self.row(Workspace, Workspace.id == workspace_id).reference
        return [intent for intent in listed if intent["metadata"].get("workspace") == name]

    def refunds(self, intent: str) -> list[dict[str, Any]]:
        return list(
            self.shop.stripe("GET", "/v1/refunds", payment_intent=intent, limit=100)["data"]
        )

    def _listed(self, what: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        after: dict[str, str] = {}
        while True:
            page = self.shop.stripe("GET", f"/v1/{what}", limit=100, **after)
            found += page["data"]
            if not page["has_more"]:
                return found
            after = {"starting_after": found[-1]["id"]}

    def calls(self, method: str, path: str) -> list[dict[str, Any]]:
        """Return what the sandbox was asked, oldest first."""
        return list(self.shop.control("GET", f"requests?method={method}&path={path}")["data"])

    def fault(self, action: str, method: str, path: str, **options: Any) -> None:
        match = {"method": method, "path": path}
        self.shop.control("POST", "faults", {"match": match, "action": action, **options})


@contextmanager
def open_site(
    folder: Path,
    sandbox: stack.Sandbox,
    *,
    redis_url: str | None = None,
    own_redis: bool = False,
    database_server: str | None = GIVEN_DATABASE,
    **variables: str,
) -> Iterator[Site]:
    """Make an installation below `folder`; its database, Redis and account are nobody else's."""
    with ExitStack() as held:
        if own_redis or not redis_url:
            redis_url = held.enter_context(stack.valkey()).connection_url
        database = held.enter_context(stack.database(database_server, folder))
        environment = {
            "DATABASE_URL": database,
            "REDIS_URL": redis_url,
            "DATA_DIR": str(folder / "data"),
            "STRIPE_API_BASE": sandbox.url,
            "STRIPE_SECRET_KEY": f"sk_test_{secrets.token_hex(12)}",
            "STRIPE_WEBHOOK_SECRET": f"whsec_{secrets.token_hex(16)}",
            "CHARGE_WAIT_SECONDS": "20",
            # Eight of a process's requests may wait at once.
            "WEB_THREADS": "16",
            "RATE_LIMIT": "1000000 per minute",
            "STRIPE_RATE_LIMIT_TEST": "1000000",
            "STRIPE_RATE_LIMIT_OPERATION": "1000000",
            "LOG_LEVEL": "WARNING",
            **variables,
        }
        yield held.enter_context(opened(environment))


@contextmanager
def opened(environment: dict[str, str]) -> Iterator[Site]:
    """Make the app of an environment, migrate its database and seed the plans."""
    from payments.app import create_app
    from payments.workspaces import catalog

    settings = config.load(environment)
    app = create_app(settings)
    with app.app_context():
        upgrade(directory=str(stack.MIGRATIONS))
        catalog.seed()
    yield Site(environment, settings, app)
    with app.app_context():
        db.engine.dispose()


def spare_redis() -> str | None:
    """Return another database of the given Redis than the run's own; None without a server."""
    given = GIVEN_REDIS
    if not given:
        return None
    number = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:]) % 4 + 12
    return f"{given.rstrip('/').rsplit('/', 1)[0] if given.count('/') > 2 else given}/{number}"


def at_once(jobs_: list[Callable[[], T]]) -> list[T]:
    """Run every job in a thread of its own, all released at the same moment."""
    barrier = Barrier(len(jobs_))

    def released(job: Callable[[], T]) -> T:
        barrier.wait(30)
        return job()

    with ThreadPoolExecutor(len(jobs_)) as pool:
        return list(pool.map(released, jobs_))
