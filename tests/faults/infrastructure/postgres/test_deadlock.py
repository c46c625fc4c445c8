"""Deadlocks and serialization failures: the database picks a victim, which is repeated, bounded."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import OperationalError

from payments.invoices.models import Invoice, InvoiceCounter
from payments.kit import clock
from payments.kit.db import db
from payments.kit.repeat import MOST, repeated
from payments.kit.transactions import transaction
from payments.workspaces.models import Charge, Workspace
from tests.support.shop import eventually
from tests.support.site import Site

WAITING = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"


@pytest.fixture
def rival(site: Site) -> Iterator[sa.Connection]:
    """A connection that never gives way: it looks for deadlocks long after everybody else."""
    with site.app.app_context():
        engine = db.engine
    with engine.connect() as connection:
        connection.exec_driver_sql("SET deadlock_timeout = '30s'")
        connection.commit()
        yield connection
        connection.rollback()


def test_an_upgrade_that_is_chosen_as_victim_is_repeated(site: Site, rival: sa.Connection) -> None:
    """Two take the workspace and the day's counter in opposite order: one charge comes of it."""
    person, place = site.customer()
    today = clock.today(site.settings.invoice_timezone)
    site.run(lambda session: session.merge(InvoiceCounter(day=today, last=7)))
    rival.execute(sa.select(InvoiceCounter).where(InvoiceCounter.day == today).with_for_update())
    answers: list[int] = []

    def upgrade() -> None:
        headers = {"Prefer": "respond-async"}
        shop = site.over(site.client)
        answers.append(shop.upgrade(person, place.slug, headers=headers).status_code)

    upgrading = threading.Thread(target=upgrade)
    upgrading.start()
    eventually(lambda: site.read(lambda s: s.scalar(sa.text(WAITING))))
    # Blocks until the upgrade, holding the workspace, has been chosen as the victim.
    rival.execute(sa.select(Workspace).where(Workspace.id == place.id).with_for_update())
    assert deadlocks(site) == 1
    rival.rollback()
    upgrading.join(20)
    assert answers == [202]
    assert len(site.rows(Charge, Charge.workspace_id == place.id)) == 1
    (invoice,) = site.rows(Invoice, Invoice.workspace_id == place.id)
    assert invoice.invoice_number.endswith("-0008")


def deadlocks(site: Site) -> int:
    query = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
    return int(eventually(lambda: site.read(lambda s: s.scalar(sa.text(query)))))


class TestBound:
    @pytest.mark.parametrize("state", ["40001", "40P01"])
    def test_it_gives_up_in_the_end(self, site: Site, state: str) -> None:
        runs: list[int] = []
        with site.app.app_context(), pytest.raises(OperationalError):
            self.unit(state, runs, failures=MOST)()
        assert len(runs) == MOST

    def test_the_last_try_counts(self, site: Site) -> None:
        runs: list[int] = []
        with site.app.app_context():
            self.unit("40001", runs, failures=MOST - 1)()
        assert len(runs) == MOST

    def unit(self, state: str, runs: list[int], *, failures: int):
        """Return a unit of work that PostgreSQL itself refuses that often."""
        refuse = sa.text(f"DO $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '{state}'; END $$")

        @repeated
        def unit() -> None:
            runs.append(1)
            with transaction() as session:
                if len(runs) <= failures:
                    session.execute(refuse)

        return unit
