"""What was fetched is written only if nobody wrote since, whatever the hosts' clocks say."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa
from flask import Flask

from payments.gateway.answers import Answers, dated
from payments.kit import clock
from payments.kit.db import db
from payments.kit.transactions import end_read, transaction
from payments.projects.models import ProjectTotals
from payments.projects.reconcile import mend
from payments.projects.reconcile.account import Job
from payments.projects.reconcile.differences import Reading
from payments.projects.sync import payload, shapes
from payments.projects.sync.account import Account
from payments.projects.sync.book import Book, read_version
from payments.projects.sync.fetch import Fetch
from payments.projects.sync.look import Present
from payments.projects.sync.record import Overtaken, record
from payments.projects.sync.topics import SUBSCRIPTION, Topic
from payments.runs.walk import Tally
from payments.timeline.models import TimelineEntry
from tests.support.developers import EndUser, ProjectSeat
from tests.support.ledger_rows import new_price, subscribed
from tests.support.ledgers import NOON, Desk, subscription

UPDATED = "customer.subscription.updated"
TOPIC = Topic(SUBSCRIPTION, "sub_1")


def apply(account: Account, status: str, at: int) -> None:
    """Apply an event, as a worker does."""
    event = {"id": f"evt_{at}", "type": UPDATED, "created": at}
    with transaction():
        book = Book(account)
        payload.apply(book, TOPIC, {**event, "data": {"object": subscription(status=status)}})
        book.close()


def write_seen(account: Account, status: str, since: int) -> None:
    """Write what a fetch saw that began when the ledger was at `since`."""
    seen = Present(subscription=shapes.subscription(subscription(status=status)), plan_name="Gold")
    with transaction():
        book = Book(account)
        record(book, TOPIC, seen, at=NOON - 30, since=since, actor="worker")
        book.close()


@pytest.fixture
def account(desk: Desk) -> Account:
    return Account(desk.seat.project_id, True)


class TestFetch:
    @pytest.mark.parametrize("skew", [timedelta(seconds=-2), timedelta(), timedelta(hours=1)])
    def test_an_older_look_does_not_overwrite_a_newer_event(
        self, app: Flask, desk: Desk, account: Account, skew: timedelta
    ) -> None:
        """Two workers: one looks at Stripe, the other's clock is off and applies a newer event."""
        with app.app_context():
            apply(account, "active", NOON - 60)
            since = read_version(account)
            with clock.frozen(clock.now() + skew):
                apply(account, "past_due", NOON + 1)
            with pytest.raises(Overtaken):
                write_seen(account, "active", since)
        assert desk.subscription().status == "past_due"

    def test_a_row_that_was_made_meanwhile_counts_as_written(
        self, app: Flask, desk: Desk, account: Account
    ) -> None:
        with app.app_context():
            since = read_version(account)
            with clock.frozen(clock.now() - timedelta(days=1)):
                apply(account, "canceled", NOON)
            with pytest.raises(Overtaken):
                write_seen(account, "active", since)
        assert desk.subscription().status == "canceled"

    def test_a_neighbours_row_does_not_count(
        self, app: Flask, desk: Desk, account: Account, neighbours: ProjectSeat
    ) -> None:
        with app.app_context():
            apply(account, "active", NOON - 60)
            since = read_version(account)
            apply(Account(neighbours.project_id, True), "past_due", NOON)
            apply(Account(desk.seat.project_id, False), "past_due", NOON)
            write_seen(account, "unpaid", since)
        assert {row.status for row in desk.subscriptions()} == {"unpaid", "past_due"}

    def test_each_write_moves_the_version(self, app: Flask, desk: Desk, account: Account) -> None:
        with app.app_context():
            for number, status in enumerate(("active", "past_due", "unpaid")):
                apply(account, status, NOON + number)
        totals = desk._rows(ProjectTotals, ProjectTotals.project_id == account.project_id)
        assert [held.version for held in totals] == [4]
        assert desk.subscription().version == 4


class TestComparison:
    def test_a_page_that_was_read_before_a_newer_event(
        self, app: Flask, desk: Desk, account: Account
    ) -> None:
        """The comparing host's clock is ahead, so that by clocks its page would be the newer."""
        job = Job(account, None, None, dry_run=False, actor="worker")  # type: ignore[arg-type]
        state = shapes.subscription(subscription())
        with app.app_context():
            apply(account, "trialing", NOON - 60)
            since = read_version(account)
            held = Reading(account, ["sub_1"], [])
            end_read()
            with clock.frozen(clock.now() - timedelta(minutes=5)):
                apply(account, "past_due", NOON)
            assert mend.differing(job, held, TOPIC, Present(state, "Gold"), since)
            seen = mend.Seen(TOPIC, Present(state, "Gold"), [])
            mend.settle(job, [seen], Fetch(since, NOON, Answers()), Tally())
        assert desk.subscription().status == "past_due"


def told(app: Flask, project_id: str) -> list[str]:
    with app.app_context():
        kinds = sa.select(TimelineEntry.kind).where(
            TimelineEntry.project_id == project_id, TimelineEntry.subject.startswith("subscription")
        )
        return list(db.session.scalars(kinds.order_by(TimelineEntry.id)))


class TestOwnAnswer:
    @pytest.fixture
    def sold(self, app: Flask, seat: ProjectSeat) -> str:
        assert seat.end_user
        return subscribed(app, seat, seat.end_user, new_price(seat.shop))

    def test_an_older_event_does_not_undo_it(
        self, app: Flask, desk: Desk, sold: str, seat: ProjectSeat
    ) -> None:
        """The event from before our call has no scheduled end: Stripe is asked, and says ours."""
        user: EndUser = seat.end_user
        assert user.post("/api/v1/payments/stripe/cancel-subscription", {}).status_code == 200
        ends = desk.subscription().cancel_at
        assert ends is not None
        present = seat.shop.stripe("GET", f"/v1/subscriptions/{sold}")
        desk.objects["get_subscription", sold] = present
        desk.objects["get_product_name", present["items"]["data"][0]["price"]["product"]] = "Pro"
        older = {**present, "cancel_at": None, "cancel_at_period_end": False}
        name = desk.take(UPDATED, older, at=clock.timestamp() - 30)
        assert desk.event(name).state == "processed"
        assert desk.subscription().cancel_at == ends
        assert "subscription.cancel_withdrawn" not in told(app, seat.project_id)

    def test_it_is_as_new_as_stripes_own_second(
        self, desk: Desk, sold: str, seat: ProjectSeat
    ) -> None:
        """Also on a host whose clock is wrong."""
        user: EndUser = seat.end_user
        with clock.frozen(clock.now() + timedelta(minutes=20)):
            assert user.post("/api/v1/payments/stripe/cancel-subscription", {}).status_code == 200
        assert abs(desk.subscription().state_at - clock.timestamp()) < 60

    def test_a_newer_event_is_applied_without_a_call(self, desk: Desk, sold: str) -> None:
        user: EndUser = desk.seat.end_user
        assert user.post("/api/v1/payments/stripe/cancel-subscription", {}).status_code == 200
        newer = subscription(id=sold, status="past_due")
        desk.take(UPDATED, newer, at=clock.timestamp() + 60)
        assert (desk.subscription().status, desk.stripe.asked) == ("past_due", 0)


class TestDates:
    def test_the_first_and_the_last_answer(self, seat: ProjectSeat, context: Flask) -> None:
        from payments.gateway import billing

        door = billing.account(seat.secret_key)
        with dated() as outer:
            door.check_key()
            with dated() as inner:
                door.check_key()
        assert outer.first is not None
        assert outer.first <= inner.first == inner.last == outer.last
        assert abs(outer.first - clock.timestamp()) < 60
