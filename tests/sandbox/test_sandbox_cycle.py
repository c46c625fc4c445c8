"""What time does to subscriptions: renewals, trials, retries, over months and years."""

import pytest
import stripe

from .conftest import DAY, NEW_YEAR

JANUARY, FEBRUARY = 31 * DAY, 28 * DAY
HOUR = 3600
BROKE = "pm_card_chargeCustomerFail"


@pytest.fixture
def bill(v1):
    """The latest invoice."""

    def read(subscription):
        return v1.invoices.retrieve(v1.subscriptions.retrieve(subscription.id).latest_invoice)

    return read


class TestRenewal:
    def test_tells_in_order_and_at_its_times(self, subscribe, price, until, history):
        subscribe(price())
        history()
        until(JANUARY + HOUR)
        assert history() == [
            (JANUARY - 7 * DAY, "invoice.upcoming"),
            (JANUARY, "invoice.created"),
            (JANUARY, "customer.subscription.updated"),
            (JANUARY + HOUR, "invoice.finalized"),
            (JANUARY + HOUR, "payment_intent.created"),
            (JANUARY + HOUR, "charge.succeeded"),
            (JANUARY + HOUR, "payment_intent.succeeded"),
            (JANUARY + HOUR, "invoice.updated"),
            (JANUARY + HOUR, "invoice.paid"),
            (JANUARY + HOUR, "invoice.payment_succeeded"),
            (JANUARY + HOUR, "invoice_payment.paid"),
        ]

    def test_is_a_draft_for_an_hour(self, v1, subscribe, price, until, bill):
        made = subscribe(price())
        until(JANUARY)
        draft = bill(made)
        assert draft.status == "draft"
        assert draft.automatically_finalizes_at == NEW_YEAR + JANUARY + HOUR
        extra = {"customer": made.customer, "amount": 50, "currency": "usd", "invoice": draft.id}
        v1.invoice_items.create(extra)
        until(JANUARY + HOUR)
        paid = bill(made)
        assert (paid.status, paid.total, paid.attempt_count) == ("paid", 1050, 1)
        assert (paid.period_start, paid.period_end) == (NEW_YEAR, NEW_YEAR + JANUARY)
        period = paid.lines.data[0].period
        assert period.start == NEW_YEAR + JANUARY
        assert period.end == NEW_YEAR + JANUARY + FEBRUARY

    def test_upcoming_has_the_id_of_a_preview(self, v1, subscribe, price, until):
        subscribe(price())
        until(JANUARY - DAY)
        told = v1.events.list({"type": "invoice.upcoming"}).data[0].data.object
        assert told.id.startswith("upcoming_in_")
        assert (told.amount_due, told.next_payment_attempt) == (1000, NEW_YEAR + JANUARY + HOUR)

    def test_goes_on_for_years(self, v1, subscribe, price, until, subscriber):
        made, yearly = subscribe(price()), subscribe(price(9000, "year"))
        until(3 * 365 * DAY + 2 * DAY)
        invoices = v1.invoices.list({"subscription": made.id, "limit": 100}).data[::-1]
        assert len(invoices) == 37
        assert {each.status for each in invoices} == {"paid"}
        assert sum(each.amount_paid for each in invoices) == 37_000
        assert len(v1.invoices.list({"subscription": yearly.id}).data) == 4
        all_of_them = v1.invoices.list({"customer": subscriber.id, "limit": 100}).data
        assert len({each.number for each in all_of_them}) == 41
        periods = [each.lines.data[0].period for each in invoices]
        ends = [each.end for each in periods]
        assert [each.start for each in periods[1:]] == ends[:-1]  # without a gap

    def test_is_driven_by_the_account_clock_too(self, v1, customer, use_card, price, control):
        use_card(customer, "pm_card_visa")
        items = [{"price": price(100, "day")}]
        made = v1.subscriptions.create({"customer": customer.id, "items": items})
        control("POST", "clock/advance", {"seconds": 10 * DAY + HOUR + 1})
        invoices = v1.invoices.list({"subscription": made.id, "limit": 100}).data[::-1]
        assert [each.status for each in invoices] == ["paid"] * 11
        assert [each.created - made.created for each in invoices] == [
            day * DAY for day in range(11)
        ]

    def test_several_live_side_by_side(self, subscribe, price, until, history):
        """In the order of time, whoever they belong to."""
        for amount, interval in [(100, "day"), (700, "week"), (3000, "month")]:
            subscribe(price(amount, interval))
        history()
        until(40 * DAY)
        times = [moment for moment, _ in history()]
        assert len(times) > 400
        assert times == sorted(times)


class TestTrial:
    def test_warns_ends_and_charges(self, v1, subscribe, price, until, history, bill):
        made = subscribe(price(), trial_period_days=14, expand=["latest_invoice"])
        invoice = made.latest_invoice
        assert (made.status, made.trial_end) == ("trialing", NEW_YEAR + 14 * DAY)
        assert (invoice.status, invoice.total, invoice.attempt_count) == ("paid", 0, 0)
        assert invoice.lines.data[0].description == "Free trial for 1 × Plan 1000"
        history()
        until(14 * DAY + HOUR)
        assert history()[:4] == [
            (7 * DAY, "invoice.upcoming"),
            (11 * DAY, "customer.subscription.trial_will_end"),
            (14 * DAY, "invoice.created"),
            (14 * DAY, "customer.subscription.updated"),
        ]
        now = v1.subscriptions.retrieve(made.id)
        assert (now.status, now.billing_cycle_anchor) == ("active", NEW_YEAR + 14 * DAY)
        assert bill(made).amount_paid == 1000

    def test_short_ones_warn_at_once(self, subscribe, price, history):
        subscribe(price(), trial_end=NEW_YEAR + 2 * DAY)
        assert (0, "customer.subscription.trial_will_end") in history()

    def test_days_of_the_price_count_when_asked_for(self, subscribe, price):
        chosen = price(recurring={"trial_period_days": 9})
        assert subscribe(chosen).status == "active"
        assert subscribe(chosen, trial_from_plan=True).trial_end == NEW_YEAR + 9 * DAY
        assert subscribe(price(), trial_end="now").status == "active"

    @pytest.fixture
    def start_without_card(self, v1, clock, price):
        def start(behavior, **params):
            owner = v1.customers.create({"test_clock": clock.id})
            body = {
                "customer": owner.id,
                "items": [{"price": price()}],
                "trial_period_days": 7,
                "trial_settings": {"end_behavior": {"missing_payment_method": behavior}},
            }
            return owner, v1.subscriptions.create({**body, **params})

        return start

    @pytest.mark.parametrize(
        ("behavior", "status"),
        [("cancel", "canceled"), ("pause", "paused"), ("create_invoice", "past_due")],
    )
    def test_ends_without_a_card(self, v1, start_without_card, until, behavior, status):
        _, made = start_without_card(behavior, payment_behavior="default_incomplete")
        assert made.pending_setup_intent.startswith("seti_")
        until(7 * DAY + HOUR)
        assert v1.subscriptions.retrieve(made.id).status == status
        kinds = [event.type for event in v1.events.list({"limit": 100}).data]
        assert ("customer.subscription.paused" in kinds) is (status == "paused")

    def test_paused_ones_resume_with_a_card(self, v1, start_without_card, until, use_card, bill):
        owner, made = start_without_card("pause")
        until(90 * DAY)
        use_card(owner, "pm_card_visa")
        resumed = v1.subscriptions.resume(made.id, {"billing_cycle_anchor": {"type": "now"}})
        start = resumed["items"].data[0].current_period_start
        assert (resumed.status, start) == ("active", NEW_YEAR + 90 * DAY)
        assert bill(made).amount_paid == 1000

    def test_a_card_can_be_set_up_meanwhile(self, v1, start_without_card):
        _, made = start_without_card(
            "cancel",
            payment_behavior="default_incomplete",
            payment_settings={"save_default_payment_method": "on_subscription"},
        )
        method = {"payment_method": "pm_card_visa"}
        saved = v1.setup_intents.confirm(made.pending_setup_intent, method).payment_method
        now = v1.subscriptions.retrieve(made.id)
        assert (now.pending_setup_intent, now.default_payment_method) == (None, saved)

    def test_can_be_made_longer_and_cut_short(self, v1, subscribe, price, until, bill):
        made = subscribe(price(), trial_period_days=14)
        v1.subscriptions.update(made.id, {"trial_end": NEW_YEAR + 30 * DAY})
        until(20 * DAY)
        assert v1.subscriptions.retrieve(made.id).status == "trialing"
        now = v1.subscriptions.update(made.id, {"trial_end": "now"})
        assert (now.status, now.billing_cycle_anchor) == ("active", NEW_YEAR + 20 * DAY)
        assert bill(made).amount_paid == 1000


class TestRetries:
    @pytest.fixture
    def failing(self, subscribe, price, use_card, subscriber, until):
        made = subscribe(price())
        use_card(subscriber, BROKE)
        until(JANUARY + HOUR)
        return made

    def test_follow_their_schedule(self, v1, failing, until, history, bill):
        first = JANUARY + HOUR
        assert v1.subscriptions.retrieve(failing.id).status == "past_due"
        for wait, count in [(3, 2), (8, 3)]:
            assert (bill(failing).attempt_count, bill(failing).status) == (count - 1, "open")
            until(first + wait * DAY)
            assert bill(failing).attempt_count == count
        assert bill(failing).next_payment_attempt == NEW_YEAR + first + 15 * DAY
        until(first + 15 * DAY)
        ended = v1.subscriptions.retrieve(failing.id)
        assert (ended.status, ended.cancellation_details.reason) == ("canceled", "payment_failed")
        invoice = bill(failing)
        assert (invoice.status, invoice.auto_advance) == ("open", False)
        assert invoice.next_payment_attempt is None
        assert history()[-1] == (first + 15 * DAY, "customer.subscription.deleted")

    def test_tell_in_order(self, subscribe, price, use_card, subscriber, until, history):
        subscribe(price())
        use_card(subscriber, BROKE)
        until(JANUARY)
        history()
        until(JANUARY + HOUR)
        assert [name for _, name in history()] == [
            "invoice.finalized",
            "payment_intent.created",
            "charge.failed",
            "payment_intent.payment_failed",
            "invoice.updated",
            "invoice.payment_failed",
            "customer.subscription.updated",
        ]

    def test_succeed_with_another_card(self, v1, failing, until, use_card, subscriber, bill):
        use_card(subscriber, "pm_card_visa")
        until(JANUARY + HOUR + 3 * DAY)
        assert v1.subscriptions.retrieve(failing.id).status == "active"
        assert bill(failing).attempt_count == 2

    def test_are_over_once_paid(self, v1, failing, until, subscriber, history, bill):
        working = v1.payment_methods.attach("pm_card_visa", {"customer": subscriber.id}).id
        paid = v1.invoices.pay(bill(failing).id, {"payment_method": working})
        assert (paid.status, paid.attempt_count) == ("paid", 1)
        assert v1.subscriptions.retrieve(failing.id).status == "active"
        history()
        until(JANUARY + HOUR + 4 * DAY)
        assert history() == []

    def test_another_attempt_by_hand_is_none_of_the_schedule(self, v1, failing, bill):
        with pytest.raises(stripe.CardError):
            v1.invoices.pay(bill(failing).id)
        assert bill(failing).attempt_count == 1

    def test_3d_secure_asks_for_the_customer(
        self, v1, subscribe, price, use_card, subscriber, until, history
    ):
        made = subscribe(price())
        use_card(subscriber, "pm_card_authenticationRequired")
        history()
        until(JANUARY + HOUR)
        assert [name for _, name in history()][-3:] == [
            "invoice.payment_failed",
            "invoice.payment_action_required",
            "customer.subscription.updated",
        ]
        assert v1.subscriptions.retrieve(made.id).status == "past_due"

    def test_may_leave_the_subscription_unpaid(
        self, v1, control, failing, until, use_card, subscriber, bill
    ):
        control("POST", "billing", {"after_retries": "unpaid"})
        until(JANUARY + HOUR + 20 * DAY)
        assert v1.subscriptions.retrieve(failing.id).status == "unpaid"
        until(JANUARY + FEBRUARY + DAY)
        draft = bill(failing)
        assert (draft.status, draft.auto_advance) == ("draft", False)
        use_card(subscriber, "pm_card_visa")
        assert v1.invoices.pay(draft.id).status == "paid"
        assert v1.subscriptions.retrieve(failing.id).status == "active"

    def test_may_go_on_past_due_by_another_schedule(self, v1, control, failing, until, bill):
        control("POST", "billing", {"after_retries": "past_due", "retry_days": [1]})
        until(JANUARY + HOUR + 9 * DAY)
        assert v1.subscriptions.retrieve(failing.id).status == "past_due"
        assert bill(failing).attempt_count == 2

    def test_a_voided_debt_is_no_debt(self, v1, failing, bill):
        v1.invoices.void_invoice(bill(failing).id)
        assert v1.subscriptions.retrieve(failing.id).status == "active"


class TestClocks:
    def test_are_made_shown_listed_and_deleted(self, v1, clock, subscribe, price, subscriber):
        made = subscribe(price())
        assert v1.test_helpers.test_clocks.retrieve(clock.id).status == "ready"
        assert [each.id for each in v1.test_helpers.test_clocks.list().data] == [clock.id]
        assert v1.customers.list().data == []
        assert v1.customers.list({"test_clock": clock.id}).data[0].id == subscriber.id
        assert v1.test_helpers.test_clocks.delete(clock.id).deleted is True
        assert v1.customers.retrieve(subscriber.id).deleted is True
        with pytest.raises(stripe.InvalidRequestError, match="No such subscription") as refusal:
            v1.subscriptions.retrieve(made.id)
        assert refusal.value.http_status == 404
        assert v1.test_helpers.test_clocks.list().data == []

    def test_go_forward_only(self, v1, until, event_types):
        until(DAY)
        with pytest.raises(stripe.InvalidRequestError, match="after the clock's present"):
            until(DAY)
        assert [name.rpartition(".")[2] for name in event_types()] == [
            "created",
            "advancing",
            "ready",
        ]

    def test_are_none_of_live_mode(self, client_for, suffix):
        clocks = client_for(f"sk_live_{suffix}").test_helpers.test_clocks
        with pytest.raises(stripe.InvalidRequestError, match="test mode only"):
            clocks.create({"frozen_time": 5})

    def test_leave_others_alone(self, v1, subscribe, price, until, control):
        made = subscribe(price())
        control("POST", "clock/advance", {"seconds": 90 * DAY})
        assert v1.subscriptions.retrieve(made.id).latest_invoice == made.latest_invoice
        until(JANUARY + HOUR)
        assert v1.subscriptions.retrieve(made.id).latest_invoice != made.latest_invoice
