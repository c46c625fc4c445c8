"""What Stripe signs for an address and what can mean nothing there: kept, shown, not applied."""

from __future__ import annotations

import time
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from payments.auth.models import User
from payments.extensions import redis
from payments.gateway.errors import OutcomeUnknown
from payments.kit.db import db
from payments.kit.transactions import transaction
from payments.projects.models import StripeCustomer
from payments.projects.sync import marks
from payments.timeline.models import TimelineEntry
from payments.webhooks import envelope, screen
from tests.support.deliveries import deliver, made_up, settled
from tests.support.developers import ProjectSeat
from tests.support.ledgers import NOON, Desk, intent, invoice, session, subscription, told

UPDATED = "customer.subscription.updated"
THIN = {
    "object": "v2.core.event",
    "created": "2026-11-30T22:15:51.000Z",
    "related_object": {"id": "mtr_1", "type": "billing.meter", "url": "/v1/billing/meters/mtr_1"},
}


def thin(**changes: Any) -> dict[str, Any]:
    event = made_up("v1.billing.meter.error_report_triggered", **THIN, **changes)
    del event["data"], event["api_version"]
    return event


def told_of(app: Flask, seat: ProjectSeat) -> list[str]:
    """Return the reasons that the project's timeline tells of events without effect."""
    with app.app_context():
        query = sa.select(TimelineEntry).where(
            TimelineEntry.project_id == seat.project_id,
            TimelineEntry.kind == "event.without_effect",
        )
        return [entry.data["reason"] for entry in db.session.scalars(query)]


class TestTaken:
    @pytest.mark.parametrize(
        ("changes", "note"),
        [
            ({"livemode": True}, envelope.OTHER_MODE),
            ({"account": "acct_other"}, envelope.describe_other_account("acct_other")),
            ({"context": "acct_other"}, envelope.describe_other_account("acct_other")),
            ({"context": "org_1/acct_other"}, envelope.describe_other_account("acct_other")),
            ({"data": {}}, envelope.NO_OBJECT),
        ],
    )
    def test_it_is_shown_with_a_note(
        self, app: Flask, seat: ProjectSeat, changes: dict, note: str
    ) -> None:
        event = made_up(UPDATED, data={"object": subscription()}, created=NOON) | changes
        assert deliver(seat, event).status_code == 200
        settled(app, [event["id"]])
        (shown,) = seat.developer.get(f"{seat.path}/events").json["events"]
        assert (shown["event_id"], shown["note"], shown["last_error"]) == (event["id"], note, None)
        assert shown["is_test_mode"] is True
        assert seat.developer.get("/api/v1/payments/subscriptions").json["total"] == 0
        assert told_of(app, seat) == [note]

    def test_a_thin_event(self, app: Flask, seat: ProjectSeat) -> None:
        event = thin()
        assert deliver(seat, event).status_code == 200
        settled(app, [event["id"]])
        shown = seat.developer.get(f"{seat.path}/events/{event['id']}").json
        assert (shown["note"], shown["payload"]) == (envelope.THIN, event)
        assert shown["created_at"] == "2026-11-30T22:15:51.000Z"

    def test_the_timeline_tells_of_a_mistake_once_a_day(self, app: Flask, desk: Desk) -> None:
        for _ in range(3):
            desk.take(UPDATED, subscription(), account="acct_other")
        assert len(told_of(app, desk.seat)) == 1
        with app.app_context():
            redis().delete(*redis().keys("payments:webhooks:told:*"))
        desk.take(UPDATED, subscription(), account="acct_other")
        assert len(told_of(app, desk.seat)) == 2

    @pytest.mark.parametrize("field", ["account", "context"])
    def test_an_event_that_names_our_own_account(self, desk: Desk, field: str) -> None:
        own = desk.seat.shop.stripe("GET", "/v1/account")["id"]
        desk.take(UPDATED, subscription(), **{field: own})
        assert desk.subscription().status == "active"

    def test_while_stripe_does_not_tell_whose_it_is_it_waits(
        self, desk: Desk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def silent(_key: str) -> str:
            raise OutcomeUnknown("no answer", code="connection")

        with monkeypatch.context() as patch:
            patch.setattr(screen, "get_account_id", silent)
            name = desk.take(UPDATED, subscription(), account="acct_other")
            assert (desk.event(name).state, desk.event(name).tries) == ("failed", 0)
        desk.due(name)
        desk.drain()
        assert desk.event(name).note == envelope.describe_other_account("acct_other")


class TestCreated:
    @pytest.mark.parametrize(
        ("created", "seconds"),
        [
            (NOON, NOON),
            (NOON * 1000 + 7, NOON),
            (NOON * 10**6, NOON),
            (NOON * 10**9, NOON),
            ("2027-01-15T08:00:00Z", NOON),
            ("2027-01-15T08:00:00", NOON),
            (2**62, 4611686018),
            (10**300, 10**300 // 10**291),
        ],
    )
    def test_any_unit(self, created: Any, seconds: int) -> None:
        assert envelope.read_created({"created": created}) == seconds

    @pytest.mark.parametrize("created", [None, -1, "soon", 1.5, True, {}, "0001-01-01T00:00:00Z"])
    def test_what_tells_no_moment_happened_now(self, created: Any) -> None:
        assert abs(envelope.read_created({"created": created}) - time.time()) < 5

    @pytest.mark.parametrize("created", [2**62, 10**400, "9999-12-31T23:59:59Z", -(2**70)])
    def test_lists_show_it_all_the_same(self, app: Flask, seat: ProjectSeat, created: Any) -> None:
        event = made_up(created=created)
        assert deliver(seat, event).status_code == 200
        settled(app, [event["id"]])
        (shown,) = seat.developer.get(f"{seat.path}/events").json["events"]
        assert shown["event_id"] == event["id"]

    def test_an_event_in_milliseconds_is_no_newer_than_the_next_one(self, desk: Desk) -> None:
        desk.take(UPDATED, subscription(), at=NOON * 1000)
        desk.take(UPDATED, subscription(status="past_due"), at=NOON + 1)
        assert (desk.subscription().status, desk.subscription().state_at) == ("past_due", NOON + 1)


OTHERS = "7d9f0c1e-5b7a-4a37-9a56-0c1f1d2e3f4a"
MARK = {"project_id": OTHERS}


class TestAnotherProjectsObject:
    """Two projects use one Stripe account, which sends everything to both."""

    @pytest.mark.parametrize(
        ("kind", "found"),
        [
            (UPDATED, subscription(metadata=MARK)),
            ("checkout.session.completed", session(metadata=MARK)),
            ("payment_intent.canceled", intent(metadata=MARK)),
            ("charge.refunded", {"id": "ch_1", "object": "charge", "metadata": MARK}),
            ("invoice.paid", told(invoice(parent={"subscription_details": {"metadata": MARK}}))),
            ("invoice.paid", told(invoice(subscription_details={"metadata": MARK}))),
            ("invoice.paid", told(invoice(lines={"data": [{"metadata": MARK}]}))),
            ("invoice.payment_failed", told(invoice(subscription=subscription(metadata=MARK)))),
        ],
    )
    def test_by_its_payload(self, app: Flask, desk: Desk, kind: str, found: dict) -> None:
        name = desk.take(kind, found)
        assert (desk.event(name).state, desk.event(name).note) == ("processed", marks.FOREIGN)
        assert (desk.subscriptions(), desk.payments(), desk.stripe.asked) == ([], [], 0)
        assert told_of(app, desk.seat) == []

    @pytest.mark.parametrize(
        ("kind", "found"),
        [
            ("refund.created", {"id": "re_1", "object": "refund", "payment_intent": "pi_1"}),
            ("charge.dispute.created", {"object": "dispute", "payment_intent": "pi_1"}),
            ("invoice_payment.paid", {"object": "invoice_payment", "invoice": "in_1"}),
            ("checkout.session.completed", session()),
        ],
    )
    @pytest.mark.parametrize("marked", ["payment", "invoice"])
    def test_by_a_look(self, desk: Desk, kind: str, found: dict, marked: str) -> None:
        desk.take(UPDATED, subscription())
        desk.objects["get_subscription", "sub_1"] = subscription()
        bill = invoice()
        if marked == "invoice":
            bill["parent"]["subscription_details"]["metadata"] = MARK
            desk.objects["get_payment", "pi_1"] = intent()
        else:
            desk.objects["get_payment", "pi_1"] = intent(metadata=MARK)
        desk.objects["find_invoice_of", "pi_1"] = "in_1"
        desk.objects["get_invoice", "in_1"] = bill
        name = desk.take(kind, found)
        if marked == "payment" and kind == "invoice_payment.paid":
            return  # the invoice alone tells who paid it
        assert (desk.event(name).state, desk.event(name).note) == ("processed", marks.FOREIGN)
        assert desk.payments() == []

    def test_our_own_mark(self, desk: Desk) -> None:
        desk.take(UPDATED, subscription(metadata={"project_id": desk.seat.project_id}))
        assert desk.subscription().status == "active"

    @pytest.mark.parametrize("value", ["", "our-shop", 7, None, "7d9f0c1e"])
    def test_what_is_no_projects_id_is_the_developers_own(self, desk: Desk, value: Any) -> None:
        desk.take(UPDATED, subscription(metadata={"project_id": value}))
        assert desk.subscription().status == "active"


class TestTwoProjects:
    def test_each_keeps_what_its_own_checkout_sold(
        self, app: Flask, seat: ProjectSeat, second: ProjectSeat
    ) -> None:
        """Both get every event, and both ledgers are compared with the same account."""
        marked = {"user_id": seat.end_user.user_id, "project_id": seat.project_id}
        for number, project in enumerate((seat, second)):
            found = subscription(metadata=marked)
            event = made_up(UPDATED, data={"object": found}, created=NOON + number)
            assert deliver(project, event).status_code == 200
            settled(app, [event["id"]])
        listed = seat.developer.get("/api/v1/payments/subscriptions").json
        assert [row["project_id"] for row in listed["subscriptions"]] == [seat.project_id]

    def test_what_bears_no_mark_is_counted_once(
        self, app: Flask, seat: ProjectSeat, second: ProjectSeat
    ) -> None:
        """Made in the dashboard: it stays with the project that wrote it down first."""
        bill = invoice(customer="cus_9")
        for number, project in enumerate((seat, second, seat)):
            for kind, found in ((UPDATED, subscription(customer="cus_9")), ("invoice.paid", bill)):
                event = made_up(kind, data={"object": found}, created=NOON + number)
                assert deliver(project, event).status_code == 200
                settled(app, [event["id"]])
        for path, name in (("subscriptions", "subscriptions"), ("transactions", "payments")):
            listed = seat.developer.get(f"/api/v1/payments/{path}").json
            assert [row["project_id"] for row in listed[name]] == [seat.project_id]

    def test_a_customer_tells_whose_it_is(
        self, app: Flask, seat: ProjectSeat, second: ProjectSeat
    ) -> None:
        with app.app_context(), transaction() as opened:
            row = {"project_id": second.project_id, "is_test_mode": True, "customer_id": "cus_9"}
            user = db.session.scalars(sa.select(User.id).limit(1)).one()
            opened.add(StripeCustomer(**row, user_id=user))
        for project in (seat, second):
            found = subscription(customer="cus_9")
            event = made_up(UPDATED, data={"object": found}, created=NOON)
            assert deliver(project, event).status_code == 200
            settled(app, [event["id"]])
        listed = seat.developer.get("/api/v1/payments/subscriptions").json
        assert [row["project_id"] for row in listed["subscriptions"]] == [second.project_id]

    def test_another_developers_project_claims_nothing(
        self, app: Flask, seat: ProjectSeat, neighbours: ProjectSeat
    ) -> None:
        for project in (neighbours, seat):
            event = made_up(UPDATED, data={"object": subscription()}, created=NOON)
            assert deliver(project, event).status_code == 200
            settled(app, [event["id"]])
        assert seat.developer.get("/api/v1/payments/subscriptions").json["total"] == 1
