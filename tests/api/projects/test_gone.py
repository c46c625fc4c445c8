"""Events about what Stripe does not have any more end with a note, and are never dead letters."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Flask

from payments.kit import clock
from payments.projects.models.ledger import GONE_AT_STRIPE
from payments.webhooks.misses import MISSING_WAITS
from tests.support.ledgers import NOON, Desk, subscription

DELETED = "customer.subscription.deleted"
UPDATED = "customer.subscription.updated"
GONE = "Gone at Stripe: No such object"


def ended(**changes: object) -> dict:
    return subscription(status="canceled", canceled_at=NOON, ended_at=NOON, **changes)


class TestSubscription:
    def test_the_end_that_the_payload_tells_is_written_at_once(self, desk: Desk) -> None:
        """Created and deleted within one second, so that only Stripe could order them."""
        desk.take(UPDATED, subscription(), at=NOON)
        name = desk.take(DELETED, ended(), at=NOON)
        assert (desk.event(name).state, desk.event(name).note) == ("processed", GONE)
        row = desk.subscription()
        assert (row.status, row.plan_name) == ("canceled", "Gold")
        assert row.cancelled_at == clock.from_timestamp(NOON)
        assert desk.totals().active_subscriptions == 0

    def test_also_when_it_comes_before_an_older_one(self, desk: Desk) -> None:
        desk.take(UPDATED, subscription(), at=NOON + 5)
        names = [desk.tell(DELETED, ended(), at=NOON + 5), desk.tell(UPDATED, subscription())]
        desk.drain()
        assert desk.subscription().status == "canceled"
        assert {desk.event(name).state for name in names} == {"processed"}

    def test_without_an_end_it_is_asked_for_a_few_times(self, app: Flask, desk: Desk) -> None:
        """It may only not have reached all of Stripe yet."""
        desk.take(UPDATED, subscription(), at=NOON)
        name = desk.take(UPDATED, subscription(status="unpaid"), at=NOON)
        for wait in MISSING_WAITS:
            event = desk.event(name)
            assert event.state == "failed"
            assert event.last_error.startswith("Rejected: resource_missing")
            left = event.due_at - clock.now()
            assert wait - timedelta(seconds=5) < left <= wait
            desk.due(name)
            desk.drain()
        event = desk.event(name)
        assert (event.state, event.tries, event.note) == ("processed", 3, GONE)
        assert event.last_error is None
        row = desk.subscription()
        assert (row.status, row.ended_reason) == ("canceled", GONE_AT_STRIPE)
        assert desk.totals().active_subscriptions == 0

    def test_its_row_may_still_be_contradicted(self, desk: Desk) -> None:
        """Our own conclusion is no word of Stripe's: a newer event brings the row back."""
        desk.take(UPDATED, subscription(), at=NOON)
        name = desk.take(UPDATED, subscription(status="unpaid"), at=NOON)
        for _ in MISSING_WAITS:
            desk.due(name)
            desk.drain()
        desk.take(UPDATED, subscription(status="past_due"), at=NOON + 60)
        assert (desk.subscription().status, desk.subscription().ended_reason) == ("past_due", None)

    def test_one_that_arrives_late_is_written(self, desk: Desk) -> None:
        desk.take(UPDATED, subscription(), at=NOON)
        name = desk.take(UPDATED, subscription(), at=NOON)
        desk.objects["get_subscription", "sub_1"] = subscription(status="unpaid")
        desk.due(name)
        desk.drain()
        assert (desk.event(name).note, desk.subscription().status) == (None, "unpaid")


@pytest.mark.parametrize(
    ("kind", "found"),
    [
        ("charge.refunded", {"id": "ch_1", "object": "charge", "payment_intent": "pi_gone"}),
        ("charge.refunded", {"id": "ch_gone", "object": "charge", "payment_intent": None}),
        ("invoice.payment_failed", {"id": "in_gone", "object": "invoice"}),
        ("charge.dispute.created", {"object": "dispute", "payment_intent": "pi_gone"}),
    ],
)
def test_any_other_object(desk: Desk, kind: str, found: dict) -> None:
    name = desk.take(kind, found)
    for _ in MISSING_WAITS:
        desk.due(name)
        desk.drain()
    assert (desk.event(name).state, desk.event(name).note) == ("processed", GONE)
    assert desk.payments() == []
