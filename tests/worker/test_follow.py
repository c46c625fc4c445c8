"""Refunds that are on their way: asked about in the minute's sweep, should no event tell."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from payments.invoices.models import Invoice
from payments.kit import clock
from payments.kit.db import db
from payments.workspaces.models import Refund
from payments.workspaces.refunds import follow
from tests.support.drift import change
from tests.support.people import sign_up
from tests.support.shop import Shop
from tests.support.till import fault, make_platform_admin, sent
from worker import reconciliation

SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)


class Way:
    """A refund that Stripe took and did not pay out yet, its webhooks being lost."""

    def __init__(self, app: Flask, shop: Shop) -> None:
        self.app, self.shop = app, shop
        person = make_platform_admin(app, sign_up(shop.client, "Way"))
        shop.save_card(person, person.home.slug, "pm_card_pendingRefund")
        assert shop.upgrade(person, person.home.slug).status_code == 200
        (invoice,) = shop.invoices(person, person.home.slug)
        path = f"/api/admin/invoices/{invoice['id']}/refund"
        assert shop.call("POST", path, person, json={}).status_code == 200
        self.invoice_id = int(invoice["id"])

    @property
    def refund(self) -> Refund:
        return self._read(sa.select(Refund).where(Refund.invoice_id == self.invoice_id))

    @property
    def invoice(self) -> Invoice:
        return self._read(sa.select(Invoice).where(Invoice.id == self.invoice_id))

    def _read(self, query: Any) -> Any:
        with self.app.app_context():
            row = db.session.scalars(query).one()
            db.session.expunge_all()
            return row

    def look(self, *, after: timedelta = timedelta()) -> int:
        """Do what the sweep does, once so much time has passed."""
        with self.app.app_context(), clock.frozen(clock.now() + after):
            return follow.look_at_submitted()

    def look_when_due(self) -> timedelta:
        """Do what the sweep does at the moment it is due; return the wait until the next time."""
        due = self.refund.due_at
        with self.app.app_context(), clock.frozen(due):
            assert follow.look_at_submitted() == 1
        return self.refund.due_at - due

    @property
    def looks(self) -> int:
        return len(sent(self.shop, f"/v1/refunds/{self.refund.stripe_refund_id}", "GET"))


@pytest.fixture
def way(app: Flask, shop: Shop) -> Way:
    # What other tests left on its way is none of this one's business.
    change(app, Refund, Refund.status == "submitted", due_at=clock.now() + 90 * 24 * HOUR)
    return Way(app, shop)


def test_a_moment_after_it_is_asked_for_nobody_looks(way: Way) -> None:
    assert way.refund.status == "submitted"
    assert (way.look(), way.looks) == (0, 0)


def test_paid_out_and_nobody_told_us(way: Way) -> None:
    way.shop.control("POST", "clock/advance", {"seconds": 60})
    with way.app.app_context(), clock.frozen(clock.now() + MINUTE + SECOND):
        reconciliation.sweep_expired()
    assert (way.refund.status, way.invoice.status) == ("succeeded", "refunded")
    assert (way.look(after=24 * HOUR), way.looks) == (0, 1)


def test_while_it_is_under_way_the_waits_grow_up_to_an_hour(way: Way) -> None:
    waits = [way.look_when_due() for _ in range(9)]
    assert way.refund.status == "submitted"
    assert 45 * SECOND < waits[0] < 2 * MINUTE
    assert waits[2] > 2 * waits[0]
    assert all(45 * MINUTE <= wait <= 75 * MINUTE for wait in waits[-3:])
    assert way.looks == 9


@pytest.mark.parametrize(("status", "goes_on"), [(503, 0), (429, 0), (404, 1)])
def test_a_look_that_fails_is_made_later(way: Way, status: int, goes_on: int) -> None:
    """An account that is down ends the sweep; one refund that Stripe refuses to show does not."""
    path = f"/v1/refunds/{way.refund.stripe_refund_id}"
    fault(way.shop, "status", path, method="GET", status=status)
    due = way.refund.due_at
    assert way.look(after=MINUTE + SECOND) == goes_on
    row = way.refund
    assert (row.status, row.leased_until) == ("submitted", None)
    assert row.due_at > due
    way.shop.control("POST", "clock/advance", {"seconds": 60})
    assert way.look(after=5 * MINUTE) == 1
    assert way.refund.status == "succeeded"


def test_one_that_somebody_is_looking_at_is_left_to_him(way: Way) -> None:
    held = clock.now() + 10 * MINUTE
    change(way.app, Refund, Refund.invoice_id == way.invoice_id, leased_until=held)
    assert (way.look(after=5 * MINUTE), way.looks) == (0, 0)
