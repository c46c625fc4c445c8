"""Pausing and resuming, billing modes, and the two ways in which an end is announced."""

import pytest
import stripe

from .conftest import DAY, NEW_YEAR

JANUARY, HOUR = 31 * DAY, 3600


class TestPause:
    def test_stops_invoices_and_gives_back_what_is_left(self, v1, subscribe, price, until, history):
        made = subscribe(price(3100))
        until(21 * DAY)
        history()
        paused = v1.subscriptions.pause(made.id)
        assert (paused.status, paused["items"].data[0].current_period_end) == (
            "paused",
            NEW_YEAR + 21 * DAY,
        )
        reason = paused.status_details.paused
        assert (reason.subscription.type, reason.transitioned_at) == (
            "pause_requested",
            NEW_YEAR + 21 * DAY,
        )
        assert [name for _, name in history()] == [
            "invoiceitem.created",
            "customer.subscription.updated",
            "customer.subscription.paused",
        ]
        until(60 * DAY)
        assert v1.subscriptions.retrieve(made.id).latest_invoice == made.latest_invoice
        pending = v1.invoice_items.list({"pending": True}).data
        assert [item.amount for item in pending] == [-1000]

    def test_may_give_back_nothing(self, v1, subscribe, price, until):
        made = subscribe(price())
        until(DAY)
        v1.subscriptions.pause(made.id, {"bill_for": {"unused_time_from": {"type": "none"}}})
        assert v1.invoice_items.list({"pending": True}).data == []

    def test_is_refused(self, v1, subscribe, price):
        classic = subscribe(price(), billing_mode={"type": "classic"})
        with pytest.raises(stripe.InvalidRequestError, match="flexible"):
            v1.subscriptions.pause(classic.id)
        trying = subscribe(price(), trial_period_days=5)
        with pytest.raises(stripe.InvalidRequestError, match="trialing"):
            v1.subscriptions.pause(trying.id)
        scheduled = subscribe(price())
        v1.subscription_schedules.create({"from_subscription": scheduled.id})
        with pytest.raises(
            stripe.InvalidRequestError, match="managed by the subscription schedule"
        ):
            v1.subscriptions.pause(scheduled.id)
        free = subscribe(price())
        v1.subscriptions.update(free.id, {"pause_collection": {"behavior": "void"}})
        with pytest.raises(stripe.InvalidRequestError, match="collection is paused"):
            v1.subscriptions.pause(free.id)


class TestResume:
    def test_begins_a_new_period(self, v1, subscribe, price, until, event_types):
        made = subscribe(price())
        v1.subscriptions.pause(made.id)
        until(40 * DAY)
        resumed = v1.subscriptions.resume(made.id, {"expand": ["latest_invoice"]})
        assert (resumed.status, resumed.billing_cycle_anchor) == ("active", NEW_YEAR + 40 * DAY)
        assert not hasattr(resumed, "status_details")
        assert resumed.latest_invoice.id != made.latest_invoice
        assert "customer.subscription.resumed" in event_types()

    def test_may_keep_the_rhythm(self, v1, subscribe, price, until):
        made = subscribe(price(2800))
        v1.subscriptions.pause(made.id, {"bill_for": {"unused_time_from": {"type": "none"}}})
        until(JANUARY + 21 * DAY)
        unchanged = {"billing_cycle_anchor": {"type": "unchanged"}}
        resumed = v1.subscriptions.resume(made.id, unchanged)
        item = resumed["items"].data[0]
        assert (resumed.billing_cycle_anchor, item.current_period_end) == (
            NEW_YEAR,
            NEW_YEAR + 59 * DAY,
        )
        assert [each.amount for each in v1.invoice_items.list({"pending": True}).data] == [700]


class TestAnchor:
    def test_is_an_object_now_and_was_a_word(self, v1, client_for, key, subscribe, price, until):
        made = subscribe(price())
        until(DAY)
        with pytest.raises(stripe.InvalidRequestError, match="Invalid object"):
            v1.subscriptions.update(made.id, {"billing_cycle_anchor": "now"})
        changed = v1.subscriptions.update(made.id, {"billing_cycle_anchor": {"type": "now"}})
        assert changed.billing_cycle_anchor == NEW_YEAR + DAY
        until(2 * DAY)
        older = {"stripe_version": "2025-09-30.clover"}
        v1.subscriptions.update(made.id, {"billing_cycle_anchor": "now"}, older)
        assert v1.subscriptions.retrieve(made.id).billing_cycle_anchor == NEW_YEAR + 2 * DAY
        with pytest.raises(stripe.InvalidRequestError, match="Invalid string"):
            v1.subscriptions.update(made.id, {"billing_cycle_anchor": {"type": "now"}}, older)


class TestBillingMode:
    @pytest.mark.parametrize(("mode", "at_end"), [("classic", True), ("flexible", False)])
    def test_decides_what_the_portal_leaves(self, v1, subscribe, price, visitor, mode, at_end):
        made = subscribe(price(), billing_mode={"type": mode})
        portal = v1.billing_portal.sessions.create({"customer": made.customer})
        visitor.act(portal.url, "cancel_at_period_end", subscription=made.id)
        ending = v1.subscriptions.retrieve(made.id)
        assert (ending.cancel_at_period_end, ending.cancel_at) == (at_end, NEW_YEAR + JANUARY)

    def test_migrates_once(self, v1, subscribe, price):
        made = subscribe(price(), billing_mode={"type": "classic"})
        assert made.billing_mode.type == "classic"
        moved = v1.subscriptions.migrate(made.id, {"billing_mode": {"type": "flexible"}})
        assert (moved.billing_mode.type, moved.billing_mode.updated_at) == ("flexible", NEW_YEAR)
        with pytest.raises(stripe.InvalidRequestError, match="already"):
            v1.subscriptions.migrate(made.id, {"billing_mode": {"type": "flexible"}})
