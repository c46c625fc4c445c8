"""Subscription schedules: what they manage, refuse and leave behind."""

import pytest
import stripe

from .conftest import DAY, NEW_YEAR

JANUARY, HOUR = 31 * DAY, 3600
FEBRUARY = 28 * DAY


@pytest.fixture
def manage(v1, subscribe, price):
    """A subscription of a thousand a month under a schedule."""

    def make(**params):
        made = subscribe(price(), **params)
        schedule = v1.subscription_schedules.create({"from_subscription": made.id})
        return v1.subscriptions.retrieve(made.id), schedule

    return make


def phase_of(schedule, **changes):
    """Return the present phase as an update wants it."""
    phase = schedule.phases[0]
    items = [{"price": item.price, "quantity": item.quantity} for item in phase["items"]]
    dates = {"start_date": phase.start_date, "end_date": phase.end_date}
    return {"items": items, **dates, **changes}


class TestTakingOver:
    def test_a_subscription(self, v1, manage, event_types):
        made, schedule = manage()
        assert (schedule.status, schedule.end_behavior) == ("active", "release")
        assert (schedule.subscription, made.schedule) == (made.id, schedule.id)
        phase = schedule.phases[0]
        assert (phase.start_date, phase.end_date) == (NEW_YEAR, NEW_YEAR + JANUARY)
        assert schedule.current_phase.end_date == NEW_YEAR + JANUARY
        assert phase["items"][0].price == made["items"].data[0].price.id
        assert event_types()[-2:] == [
            "subscription_schedule.created",
            "customer.subscription.updated",
        ]

    def test_only_once(self, v1, manage):
        made, _ = manage()
        with pytest.raises(stripe.InvalidRequestError, match="already attached to a schedule"):
            v1.subscription_schedules.create({"from_subscription": made.id})

    def test_without_anything_else(self, v1, subscribe, price):
        made = subscribe(price())
        params = {"from_subscription": made.id, "end_behavior": "cancel"}
        with pytest.raises(stripe.InvalidRequestError, match="cannot set `end_behavior`"):
            v1.subscription_schedules.create(params)

    def test_refuses_changes_of_the_end(self, v1, manage, portal_for, visitor):
        made, schedule = manage()
        message = (
            f"The subscription is managed by the subscription schedule `{schedule.id}`, and"
            " updating any cancelation behavior directly is not allowed. Please update the"
            " schedule instead."
        )
        for params in ({"cancel_at_period_end": True}, {"cancel_at": NEW_YEAR + DAY}):
            with pytest.raises(stripe.InvalidRequestError) as refusal:
                v1.subscriptions.update(made.id, params)
            assert refusal.value.user_message == message
        visit = visitor.act(portal_for(made), "cancel_at_period_end", subscription=made.id)
        assert visit.problem == message
        assert v1.subscriptions.update(made.id, {"metadata": {"a": "1"}}).metadata["a"] == "1"

    def test_follows_a_direct_change_of_the_items(self, v1, manage, price):
        made, schedule = manage()
        item, dearer = made["items"].data[0].id, price(2000)
        v1.subscriptions.update(made.id, {"items": [{"id": item, "price": dearer}]})
        now = v1.subscription_schedules.retrieve(schedule.id)
        assert now.phases[0]["items"][0].price == dearer


@pytest.fixture
def portal_for(v1):
    return lambda made: v1.billing_portal.sessions.create({"customer": made.customer}).url


class TestPhases:
    def test_change_the_price_with_the_next_period(self, v1, manage, price, until):
        made, schedule = manage()
        cheaper = price(300)
        coming = {"items": [{"price": cheaper}], "duration": {"interval": "month"}}
        updated = v1.subscription_schedules.update(
            schedule.id, {"phases": [phase_of(schedule), coming]}
        )
        assert [phase.end_date for phase in updated.phases] == [
            NEW_YEAR + JANUARY,
            NEW_YEAR + JANUARY + FEBRUARY,
        ]
        until(JANUARY + HOUR)
        now = v1.subscriptions.retrieve(made.id, {"expand": ["latest_invoice"]})
        item = now["items"].data[0]
        assert (item.id, item.price.id) == (made["items"].data[0].id, cheaper)
        assert [line.amount for line in now.latest_invoice.lines.data] == [300]
        current = v1.subscription_schedules.retrieve(schedule.id).current_phase
        assert current.start_date == NEW_YEAR + JANUARY

    def test_end_in_a_release(self, v1, manage, until, event_types):
        made, schedule = manage()
        until(JANUARY + HOUR)
        ended = v1.subscription_schedules.retrieve(schedule.id)
        assert (ended.status, ended.subscription, ended.released_subscription) == (
            "released",
            None,
            made.id,
        )
        assert v1.subscriptions.retrieve(made.id).schedule is None
        assert "subscription_schedule.released" in event_types()

    def test_end_in_a_cancellation(self, v1, manage, until):
        made, schedule = manage()
        v1.subscription_schedules.update(schedule.id, {"end_behavior": "cancel"})
        assert v1.subscriptions.retrieve(made.id).cancel_at == NEW_YEAR + JANUARY
        until(JANUARY + HOUR)
        assert v1.subscription_schedules.retrieve(schedule.id).status == "completed"
        assert v1.subscriptions.retrieve(made.id).ended_at == NEW_YEAR + JANUARY

    def test_change_the_present_one_at_once(self, v1, manage, price, until):
        made, schedule = manage()
        until(DAY)
        dearer = [{"price": price(31000)}]
        params = {"phases": [phase_of(schedule, items=dearer)], "proration_behavior": "none"}
        v1.subscription_schedules.update(schedule.id, params)
        assert v1.subscriptions.retrieve(made.id)["items"].data[0].price.unit_amount == 31000
        assert v1.invoice_items.list({"pending": True}).data == []

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"start_date": None}, "missing at least one phase with a `start_date`"),
            ({"start_date": NEW_YEAR - DAY}, "can not modify the start date"),
            ({"items": [{"price": "price_none"}]}, "No such price"),
            ({"end_date": NEW_YEAR - DAY}, "after its start date"),
            ({"duration": {"interval": "month"}}, "only specify one"),
        ],
    )
    def test_are_refused(self, v1, manage, changes, message):
        schedule = manage()[1]
        phase = {k: v for k, v in phase_of(schedule, **changes).items() if v is not None}
        with pytest.raises(stripe.InvalidRequestError, match=message):
            v1.subscription_schedules.update(schedule.id, {"phases": [phase]})


class TestEnds:
    def test_release_keeps_the_subscription(self, v1, manage, until):
        made, schedule = manage()
        v1.subscription_schedules.update(schedule.id, {"end_behavior": "cancel"})
        released = v1.subscription_schedules.release(schedule.id)
        assert (released.status, released.released_at) == ("released", NEW_YEAR)
        kept = v1.subscriptions.retrieve(made.id)
        assert (kept.schedule, kept.cancel_at, kept.status) == (None, None, "active")
        with pytest.raises(stripe.InvalidRequestError, match="`released` status"):
            v1.subscription_schedules.release(schedule.id)
        assert v1.subscriptions.update(made.id, {"cancel_at_period_end": True}).cancel_at

    def test_release_may_keep_the_date(self, v1, manage):
        made, schedule = manage()
        v1.subscription_schedules.update(schedule.id, {"end_behavior": "cancel"})
        v1.subscription_schedules.release(schedule.id, {"preserve_cancel_date": True})
        assert v1.subscriptions.retrieve(made.id).cancel_at == NEW_YEAR + JANUARY

    def test_cancel_ends_both(self, v1, manage):
        made, schedule = manage()
        assert v1.subscription_schedules.cancel(schedule.id).status == "canceled"
        assert v1.subscriptions.retrieve(made.id).status == "canceled"

    def test_ends_with_its_subscription(self, v1, manage):
        made, schedule = manage()
        v1.subscriptions.cancel(made.id)
        assert v1.subscription_schedules.retrieve(schedule.id).status == "canceled"


class TestCreation:
    def test_starts_now(self, v1, subscriber, price):
        made = v1.subscription_schedules.create(
            {
                "customer": subscriber.id,
                "end_behavior": "cancel",
                "expand": ["subscription"],
                "phases": [{"items": [{"price": price(), "quantity": 2}]}],
                "start_date": "now",
            }
        )
        assert made.status == "active"
        assert made.subscription.schedule == made.id
        assert made.subscription.cancel_at == NEW_YEAR + JANUARY
        assert made.subscription["items"].data[0].quantity == 2

    def test_starts_later(self, v1, subscriber, price, until, other):
        made = v1.subscription_schedules.create(
            {
                "customer": subscriber.id,
                "phases": [{"items": [{"price": price()}], "metadata": {"plan": "a"}}],
                "start_date": NEW_YEAR + 5 * DAY,
            }
        )
        assert (made.status, made.subscription, made.current_phase) == ("not_started", None, None)
        waiting = v1.subscription_schedules.list({"customer": subscriber.id, "scheduled": True})
        assert [each.id for each in waiting.data] == [made.id]
        assert other.subscription_schedules.list().data == []
        until(5 * DAY)
        started = v1.subscription_schedules.retrieve(made.id, {"expand": ["subscription"]})
        assert (started.status, started.subscription.status) == ("active", "active")
        assert started.subscription.metadata["plan"] == "a"

    def test_is_aborted_when_it_cannot_start(self, v1, clock, price, until, event_types):
        poor = v1.customers.create({"test_clock": clock.id})
        made = v1.subscription_schedules.create(
            {
                "customer": poor.id,
                "phases": [{"items": [{"price": price()}]}],
                "start_date": NEW_YEAR + DAY,
            }
        )
        until(DAY)
        assert v1.subscription_schedules.retrieve(made.id).status == "canceled"
        assert "subscription_schedule.aborted" in event_types()

    def test_needs_customer_and_phases(self, v1, subscriber):
        with pytest.raises(stripe.InvalidRequestError, match="customer"):
            v1.subscription_schedules.create({})
        with pytest.raises(stripe.InvalidRequestError, match="phases"):
            v1.subscription_schedules.create({"customer": subscriber.id})
