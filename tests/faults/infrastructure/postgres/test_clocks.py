"""Hosts whose clocks differ: the database's clock says what is due and whose lease has lapsed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from payments.kit import clock, leases
from payments.kit.db import db
from payments.kit.transactions import transaction
from payments.webhooks import batches, inbox
from payments.webhooks.models import PLATFORM, WebhookEvent
from payments.workspaces import reconcile
from payments.workspaces.models import Charge
from tests.support.site import Site

ASYNC = {"Prefer": "respond-async"}
SKEWS = [timedelta(seconds=0.3), timedelta(seconds=60)]
AHEAD = pytest.mark.parametrize("skew", SKEWS, ids=["300ms", "60s"])


@contextmanager
def host_ahead(by: timedelta) -> Iterator[None]:
    """Run the block on a host whose clock is ahead."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(clock, "_read", lambda: datetime.now(UTC) + by)
        yield


def reserve(site: Site) -> int:
    """Reserve a charge as a request does; return its id."""
    person, place = site.customer()
    answer = site.shop.upgrade(person, place.slug, headers=ASYNC)
    assert answer.status_code == 202
    return int(answer.json["data"]["charge"]["id"])


def claim(site: Site, charge_id: int, *, seconds: int = 30) -> int | None:
    claimed: int | None = site.run(
        lambda _: leases.claim(Charge, charge_id, ("pending",), seconds=seconds)
    )
    return claimed


def event(event_id: str) -> dict[str, Any]:
    return {"id": event_id, "type": "payment_method.updated", "created": 1, "livemode": False}


@AHEAD
class TestRowsOfAHostAhead:
    def test_a_charge_can_be_claimed_at_once(self, site: Site, skew: timedelta) -> None:
        with host_ahead(skew):
            charge_id = reserve(site)
        assert claim(site, charge_id) == 1

    def test_an_event_can_be_taken_at_once(self, site: Site, skew: timedelta) -> None:
        name = f"evt_{skew.total_seconds()}"
        with site.app.app_context():
            with host_ahead(skew):
                assert inbox.store(PLATFORM, event(name), "{}")
            assert name in [taken.event_id for taken in batches.take(100)]

    def test_a_row_that_was_put_back_is_due_after_its_wait(
        self, site: Site, skew: timedelta
    ) -> None:
        charge_id = reserve(site)
        claim(site, charge_id)

        def put_back(session: Any) -> None:
            leases.release(session.get_one(Charge, charge_id), due_in=timedelta())

        with host_ahead(skew):
            site.run(put_back)
        assert claim(site, charge_id) == 2


class TestLeases:
    def test_a_host_ahead_steals_no_lease(self, site: Site) -> None:
        charge_id = reserve(site)
        assert claim(site, charge_id, seconds=30) == 1
        with host_ahead(timedelta(seconds=60)):
            assert claim(site, charge_id) is None
            with site.app.app_context():
                assert charge_id not in leases.due(Charge, ("pending",), limit=100)

    def test_a_lease_of_a_host_behind_lasts_as_long(self, site: Site) -> None:
        charge_id = reserve(site)
        with host_ahead(timedelta(seconds=-60)):
            assert claim(site, charge_id, seconds=30) == 1
        assert claim(site, charge_id) is None

    def test_a_renewed_lease_is_counted_by_the_database(self, site: Site) -> None:
        charge_id = reserve(site)
        fence = claim(site, charge_id, seconds=1)
        assert fence is not None
        with host_ahead(timedelta(seconds=-60)):
            assert site.run(lambda _: leases.renew_lease(Charge, charge_id, fence, seconds=30))
        assert claim(site, charge_id) is None


class TestSweep:
    def test_it_finds_what_is_due_by_the_database(self, site: Site) -> None:
        """A host that is behind sees the row, one that is ahead does not see a held one."""
        charge_id = reserve(site)

        def find_due(session: Any) -> set[int]:
            due = reconcile._money("charges.run", Charge).subquery()
            return set(session.scalars(sa.select(due.c.id)))

        with host_ahead(timedelta(seconds=-60)):
            assert charge_id in site.read(find_due)
        assert claim(site, charge_id) == 1
        with host_ahead(timedelta(seconds=60)):
            assert charge_id not in site.read(find_due)


class TestReplacedClock:
    @pytest.mark.parametrize("days", [-400, 400])
    def test_a_moment_that_a_test_holds_counts_in_the_database(self, site: Site, days: int) -> None:
        with clock.frozen(datetime.now(UTC) + timedelta(days=days)) as advance:
            charge_id = reserve(site)
            stored = site.row(Charge, Charge.id == charge_id).due_at
            assert abs(stored - clock.now()) < timedelta(seconds=1)
            assert claim(site, charge_id, seconds=30) == 1
            assert claim(site, charge_id) is None
            advance(timedelta(seconds=31))
            assert claim(site, charge_id) == 2

    def test_the_default_follows_it_for_core_inserts_too(self, site: Site) -> None:
        moment = datetime(2031, 5, 1, 12, tzinfo=UTC)
        with clock.frozen(moment), site.app.app_context():
            assert inbox.store(PLATFORM, event("evt_in_2031"), "{}")
            where = WebhookEvent.event_id == "evt_in_2031"
            assert db.session.scalar(sa.select(WebhookEvent.due_at).where(where)) == moment


def test_a_row_is_read_back_with_the_moment_that_the_database_gave(site: Site) -> None:
    """An attribute that SQL was assigned to is a moment again after the flush."""
    charge_id = reserve(site)
    with site.app.app_context(), transaction() as session:
        charge = session.get_one(Charge, charge_id)
        leases.release(charge, due_in=timedelta(seconds=60))
        session.flush()
        assert timedelta(seconds=50) < charge.due_at - datetime.now(UTC) < timedelta(seconds=61)
