"""No wait for the database is without an end: locks, statements, idle transactions, silence."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from flask_migrate import downgrade, upgrade
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from payments.invoices.models import Invoice, InvoiceCounter
from payments.kit import clock
from payments.kit.database_errors import is_database_unavailable
from payments.kit.db import db
from payments.kit.transactions import transaction
from payments.workspaces.models import Charge
from tests.support import postgres, stack
from tests.support.postgres import Cluster, Wire
from tests.support.shop import eventually
from tests.support.site import Site, open_site

LOCK, STATEMENT, IDLE, ANSWER, POOL = 1, 2, 1, 4, 1
CONNECT = 5  # libpq's connect_timeout
ASYNC = {"Prefer": "respond-async"}
BOUNDS = {
    "DATABASE_LOCK_TIMEOUT": str(LOCK),
    "DATABASE_STATEMENT_TIMEOUT": str(STATEMENT),
    "DATABASE_IDLE_TIMEOUT": str(IDLE),
    "DATABASE_ANSWER_TIMEOUT": str(ANSWER),
    "DATABASE_POOL_TIMEOUT": str(POOL),
}
WAITING = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"


@pytest.fixture(scope="module")
def line(cluster: Cluster) -> Iterator[Wire]:
    with postgres.wire(cluster.port) as made:
        yield made


@pytest.fixture(scope="module")
def site(cluster: Cluster, line: Wire, place: Path, sandbox: stack.Sandbox) -> Iterator[Site]:
    """An installation with short bounds that reaches its server over the wire."""
    url = cluster.url.replace(str(cluster.port), str(line.port))
    with open_site(place, sandbox, own_redis=True, database_server=url, **BOUNDS) as made:
        yield made


@pytest.fixture
def stranger(site: Site, cluster: Cluster) -> Iterator[sa.Connection]:
    """A connection with no bounds that holds a lock: a host that went away in a transaction."""
    with site.app.app_context():
        url = db.engine.url.set(port=cluster.port)
    engine = sa.create_engine(url)
    with engine.connect() as connection:
        yield connection
        connection.rollback()
    engine.dispose()


def timed(call: Callable[[], Any]) -> tuple[Any, float]:
    started = time.monotonic()
    return call(), time.monotonic() - started


@contextmanager
def counter_held(site: Site, stranger: sa.Connection) -> Iterator[None]:
    """Lock the row of which every upgrade takes its invoice number, for the block."""
    today = clock.today(site.settings.invoice_timezone)
    if not site.read(lambda session: session.get(InvoiceCounter, today)):
        site.run(lambda session: session.add(InvoiceCounter(day=today, last=0)))
    stranger.execute(sa.select(InvoiceCounter).with_for_update())
    try:
        yield
    finally:
        stranger.rollback()


class TestHeldLock:
    def test_upgrades_are_503_within_the_bound_and_others_are_answered(
        self, site: Site, stranger: sa.Connection
    ) -> None:
        """M9: the day's counter is locked by a transaction that nobody ends."""
        people = [site.customer() for _ in range(4)]

        def attempt(who: Any) -> Any:
            return timed(lambda: site.shop.upgrade(who[0], who[1].slug, headers=ASYNC))

        with ThreadPoolExecutor(len(people)) as pool, counter_held(site, stranger):
            attempts = [pool.submit(attempt, who) for who in people]
            eventually(lambda: stranger.scalar(sa.text(WAITING)))
            other, seconds = timed(lambda: site.client.get("/api/pricing-plans"))
            assert (other.status_code, seconds < LOCK) == (200, True)
            for answer, seconds in (each.result(LOCK + 10) for each in attempts):
                assert (answer.status_code, answer.json["code"]) == (503, "database_unavailable")
                assert (int(answer.headers["Retry-After"]) > 0, seconds < LOCK + 2) == (True, True)
        for person, place in people:
            assert site.shop.upgrade(person, place.slug, headers=ASYNC).status_code == 202
            assert len(site.rows(Charge, Charge.workspace_id == place.id)) == 1
        numbers = [int(row.invoice_number.rpartition("-")[2]) for row in site.rows(Invoice)]
        assert sorted(numbers) == list(range(1, len(numbers) + 1))

    def test_a_client_key_is_free_again(self, site: Site, stranger: sa.Connection) -> None:
        """With an Idempotency-Key it is the same 503, and the key works afterwards."""
        person, place = site.customer()
        headers = {**ASYNC, "Idempotency-Key": "held-lock"}
        with counter_held(site, stranger):
            refused = site.shop.upgrade(person, place.slug, headers=headers)
        assert (refused.status_code, refused.json["code"]) == (503, "database_unavailable")
        assert site.shop.upgrade(person, place.slug, headers=headers).status_code == 202

    def test_the_projects_room_says_it_in_its_own_dialect(
        self, site: Site, stranger: sa.Connection
    ) -> None:
        stranger.execute(sa.text("LOCK TABLE users IN ACCESS EXCLUSIVE MODE"))
        body = {"email": "nobody@demo.example", "password": "Correct-horse-9"}
        answer, seconds = timed(lambda: site.client.post("/api/v1/auth/login", json=body))
        assert (answer.status_code, list(answer.json)) == (503, ["detail"])
        assert (int(answer.headers["Retry-After"]) > 0, seconds < LOCK + 2) == (True, True)


class TestSilentServer:
    def test_a_request_is_503_in_bounded_time_and_all_is_well_afterwards(
        self, site: Site, line: Wire
    ) -> None:
        """M10: the way to the server takes bytes and forwards none."""
        assert site.client.get("/api/pricing-plans").status_code == 200
        answers: list[Any] = []

        def ask() -> None:
            answers.append(timed(lambda: site.client.get("/api/pricing-plans")))

        with line.frozen():
            asking = threading.Thread(target=ask, daemon=True)
            asking.start()
            asking.join(ANSWER + CONNECT + 5)
            assert not asking.is_alive()
        answer, seconds = answers[0]
        assert (answer.status_code, answer.json["code"]) == (503, "database_unavailable")
        assert seconds < ANSWER + CONNECT + 3
        eventually(lambda: site.client.get("/api/pricing-plans").status_code == 200)


class TestOtherBounds:
    def test_a_statement_that_takes_too_long_is_canceled(self, site: Site) -> None:
        with site.app.app_context(), pytest.raises(DBAPIError) as raised:
            db.session.execute(sa.text(f"SELECT pg_sleep({STATEMENT + 5})"))
        assert raised.value.orig.sqlstate == "57014"
        assert is_database_unavailable(raised.value)

    def test_a_transaction_that_stays_idle_is_ended_by_the_server(self, site: Site) -> None:
        with site.app.app_context():
            with pytest.raises(DBAPIError) as raised, transaction() as session:
                session.execute(sa.text("SELECT 1"))
                time.sleep(IDLE + 0.5)
                session.execute(sa.text("SELECT 1"))
            assert is_database_unavailable(raised.value)
            assert db.session.scalar(sa.text("SELECT 1")) == 1

    def test_a_pool_without_a_free_connection_is_left_in_time(self, site: Site) -> None:
        with site.app.app_context():
            pool = db.engine.pool
            held = [pool.connect() for _ in range(20)]
            try:
                with pytest.raises(PoolTimeout) as raised:
                    pool.connect()
                answer = site.client.get("/api/pricing-plans")
            finally:
                for connection in held:
                    connection.close()
        assert is_database_unavailable(raised.value)
        assert (answer.status_code, answer.json["code"]) == (503, "database_unavailable")

    def test_tcp_is_told_to_notice_a_peer_that_is_gone(self, site: Site) -> None:
        with site.app.app_context():
            info = db.session.connection().connection.driver_connection.info
            told = info.get_parameters()
        names = ("keepalives_idle", "keepalives_interval", "keepalives_count", "tcp_user_timeout")
        assert [told[name] for name in names] == ["10", "5", "3", "20000"]

    def test_a_migration_may_take_longer_than_any_bound(
        self, site: Site, stranger: sa.Connection
    ) -> None:
        """The last migration waits for a lock that is held longer than a request would wait."""
        with site.app.app_context():
            downgrade(directory=str(stack.MIGRATIONS))
            stranger.execute(sa.text("LOCK TABLE alembic_version IN ACCESS EXCLUSIVE MODE"))
            threading.Timer(ANSWER + 1, stranger.rollback).start()
            _, seconds = timed(lambda: upgrade(directory=str(stack.MIGRATIONS)))
            assert seconds > ANSWER
            assert db.session.scalar(sa.text("SHOW lock_timeout")) == f"{LOCK}s"


def test_sql_that_is_wrong_is_no_outage(site: Site) -> None:
    with site.app.app_context(), pytest.raises(DBAPIError) as raised:
        db.session.execute(sa.text("SELECT * FROM no_such_table"))
    assert not is_database_unavailable(raised.value)
