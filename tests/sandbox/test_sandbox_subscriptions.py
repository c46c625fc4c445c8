"""Subscriptions: how they begin, what they are, how they end."""

import pytest
import stripe

from .conftest import DAY, NEW_YEAR

MONTH = 31 * DAY  # January
BROKE = "pm_card_chargeCustomerFail"
CAUTIOUS = "pm_card_authenticationRequired"


class TestStart:
    def test_pays_the_first_invoice(self, v1, subscribe, price):
        made = subscribe(
            price(), metadata={"user": "7"}, expand=["latest_invoice.payments", "customer"]
        )
        item, invoice = made["items"].data[0], made.latest_invoice
        assert (made.status, made.collection_method) == ("active", "charge_automatically")
        assert (item.current_period_start, item.current_period_end) == (
            NEW_YEAR,
            NEW_YEAR + MONTH,
        )
        assert not hasattr(made, "current_period_end")
        assert (invoice.status, invoice.amount_paid, invoice.billing_reason) == (
            "paid",
            1000,
            "subscription_create",
        )
        assert invoice.parent.subscription_details.metadata["user"] == "7"
        assert invoice.payments.data[0].status == "paid"

    def test_tells_in_order(self, subscribe, price, subscriber, history):
        chosen = price()
        history()
        subscribe(chosen)
        assert history() == [
            (0, "invoice.created"),
            (0, "invoice.finalized"),
            (0, "payment_intent.created"),
            (0, "charge.succeeded"),
            (0, "payment_intent.succeeded"),
            (0, "customer.subscription.created"),
            (0, "invoice.updated"),
            (0, "invoice.paid"),
            (0, "invoice.payment_succeeded"),
            (0, "invoice_payment.paid"),
        ]

    def test_stays_incomplete_when_declined(self, v1, subscribe, price, use_card, subscriber):
        use_card(subscriber, BROKE)
        made = subscribe(price(), expand=["latest_invoice"])
        assert (made.status, made.latest_invoice.status) == ("incomplete", "open")
        assert made.latest_invoice.next_payment_attempt is None

    def test_is_taken_back_on_error_if_incomplete(self, v1, subscribe, price, use_card, subscriber):
        use_card(subscriber, BROKE)
        with pytest.raises(stripe.CardError):
            subscribe(price(), payment_behavior="error_if_incomplete")
        use_card(subscriber, CAUTIOUS)
        with pytest.raises(stripe.CardError) as refusal:
            subscribe(price(), payment_behavior="error_if_incomplete")
        assert refusal.value.code == "subscription_payment_intent_requires_action"
        assert v1.subscriptions.list({"customer": subscriber.id, "status": "all"}).data == []
        assert v1.invoices.list({"customer": subscriber.id}).data == []

    def test_needs_a_method_unless_it_may_wait(self, v1, price, customer):
        params = {"customer": customer.id, "items": [{"price": price()}]}
        with pytest.raises(stripe.InvalidRequestError, match="no attached payment source"):
            v1.subscriptions.create(params)
        waiting = {**params, "payment_behavior": "default_incomplete"}
        secret = ["latest_invoice.confirmation_secret"]
        made = v1.subscriptions.create({**waiting, "expand": secret})
        assert made.status == "incomplete"
        assert made.latest_invoice.confirmation_secret.client_secret.startswith("pi_")

    def test_is_completed_by_a_browser(self, v1, price, customer, browser):
        made = v1.subscriptions.create(
            {
                "customer": customer.id,
                "items": [{"price": price()}],
                "payment_behavior": "default_incomplete",
                "payment_settings": {"save_default_payment_method": "on_subscription"},
                "expand": ["latest_invoice.confirmation_secret"],
            }
        )
        secret = made.latest_invoice.confirmation_secret.client_secret
        intent = secret.split("_secret_")[0]
        form = {"client_secret": secret, "payment_method": "pm_card_visa"}
        assert browser("POST", f"/v1/payment_intents/{intent}/confirm", data=form).ok
        made = v1.subscriptions.retrieve(made.id)
        assert made.status == "active"
        assert v1.payment_methods.retrieve(made.default_payment_method).customer == customer.id
        paid = v1.invoices.retrieve(made.latest_invoice, {"expand": ["confirmation_secret"]})
        assert paid.confirmation_secret.client_secret == secret

    def test_waits_for_3d_secure(self, v1, call, subscribe, price, use_card, subscriber):
        use_card(subscriber, CAUTIOUS)
        made = subscribe(price())
        payments = {"expand": ["payments.data.payment.payment_intent"]}
        invoice = v1.invoices.retrieve(made.latest_invoice, payments)
        intent = invoice.payments.data[0].payment.payment_intent
        assert (made.status, intent.status) == ("incomplete", "requires_action")
        page = intent.next_action.use_stripe_sdk["stripe_js"].removeprefix(call.url)
        call("POST", page, data={"outcome": "complete"})
        assert v1.subscriptions.retrieve(made.id).status == "active"
        kinds = {event.type for event in v1.events.list({"limit": 100}).data}
        assert "invoice.payment_action_required" in kinds

    def test_expires_after_23_hours(self, v1, subscribe, price, use_card, subscriber, until):
        use_card(subscriber, BROKE)
        made = subscribe(price())
        until(23 * 3600 - 1)
        assert v1.subscriptions.retrieve(made.id).status == "incomplete"
        until(23 * 3600)
        assert v1.subscriptions.retrieve(made.id).status == "incomplete_expired"
        assert v1.invoices.retrieve(made.latest_invoice).status == "void"
        ended = v1.subscriptions.list({"customer": subscriber.id, "status": "ended"}).data
        assert [each.id for each in ended] == [made.id]

    def test_bills_extra_items_with_the_first_invoice(self, v1, subscribe, price):
        extra = [{"price": price(250, None), "quantity": 2}]
        made = subscribe(price(), add_invoice_items=extra, expand=["latest_invoice"])
        assert made.latest_invoice.total == 1500
        with pytest.raises(stripe.InvalidRequestError, match="one-time"):
            subscribe(price(), add_invoice_items=[{"price": price(7)}])

    def test_may_send_invoices_instead(self, v1, subscribe, price):
        params = {"collection_method": "send_invoice", "days_until_due": 30}
        made = subscribe(price(), **params, expand=["latest_invoice"])
        invoice = made.latest_invoice
        assert (made.status, invoice.status) == ("active", "open")
        assert invoice.due_date == NEW_YEAR + 30 * DAY

    def test_free_plans_need_nothing(self, v1, price, customer):
        made = v1.subscriptions.create({"customer": customer.id, "items": [{"price": price(0)}]})
        assert made.status == "active"

    def test_may_begin_in_the_middle_of_a_cycle(self, v1, subscribe, price, until):
        anchor = NEW_YEAR + 10 * DAY
        made = subscribe(price(3100), billing_cycle_anchor=anchor, expand=["latest_invoice"])
        assert made.latest_invoice.total == 1000  # ten of 31 days
        free = subscribe(
            price(3100),
            billing_cycle_anchor=anchor,
            proration_behavior="none",
            expand=["latest_invoice"],
        )
        assert free.latest_invoice.total == 0
        until(10 * DAY)
        assert v1.subscriptions.retrieve(made.id)["items"].data[0].current_period_start == anchor
        with pytest.raises(stripe.InvalidRequestError, match="next natural billing date"):
            subscribe(price(), billing_cycle_anchor=anchor + 60 * DAY)

    @pytest.mark.parametrize(
        ("params", "message"),
        [
            ({"items": ""}, "cannot be unset"),
            ({"items": [{"price": "price_none"}]}, "No such price"),
            ({"items": [{"quantity": 1}]}, "price"),
            ({"payment_behavior": "pending_if_incomplete"}, "does not play"),
            ({"trial_end": NEW_YEAR - 1}, "in the future"),
            ({"trial_end": NEW_YEAR + 6 * 366 * DAY}, "five years"),
            ({"trial_end": NEW_YEAR + DAY, "trial_period_days": 3}, "only specify one"),
            ({"cancel_at": NEW_YEAR - 1}, "in the future"),
            ({"cancel_at": NEW_YEAR + DAY, "cancel_at_period_end": True}, "only specify one"),
            ({"customer": "cus_none"}, "No such customer"),
            ({"default_payment_method": "pm_card_visa"}, "must be attached"),
            ({"trial_end": "tomorrow"}, "Invalid integer"),
        ],
    )
    def test_is_refused(self, v1, subscriber, price, params, message):
        body = {"customer": subscriber.id, "items": [{"price": price()}], **params}
        with pytest.raises(stripe.InvalidRequestError, match=message):
            v1.subscriptions.create(body)

    def test_prices_have_to_fit(self, v1, subscribe, price):
        monthly = price()
        for wrong, message in [
            (price(5, None), "type=one_time"),
            (price(5, "year"), "recurring.interval"),
            (price(5, currency="eur"), "same currency"),
            (monthly, "same plan"),
        ]:
            with pytest.raises(stripe.InvalidRequestError, match=message):
                subscribe(monthly, wrong)
        v1.prices.update(monthly, {"active": False})
        with pytest.raises(stripe.InvalidRequestError, match="inactive"):
            subscribe(monthly)

    def test_prices_may_be_inline(self, v1, subscriber):
        product = v1.products.create({"name": "Seats"}).id
        inline = {
            "currency": "usd",
            "product": product,
            "recurring": {"interval": "week"},
            "unit_amount": 300,
        }
        made = v1.subscriptions.create(
            {"customer": subscriber.id, "items": [{"price_data": inline, "quantity": 3}]}
        )
        item = made["items"].data[0]
        assert (item.plan.interval, item.quantity, item.price.active) == ("week", 3, False)
        assert v1.invoices.retrieve(made.latest_invoice).total == 900


class TestEnd:
    def test_at_the_end_of_the_period(self, v1, subscribe, price, until, history):
        made = subscribe(price())
        changed = v1.subscriptions.update(made.id, {"cancel_at_period_end": True})
        assert (changed.status, changed.cancel_at, changed.canceled_at) == (
            "active",
            NEW_YEAR + MONTH,
            NEW_YEAR,
        )
        assert changed.cancellation_details.reason == "cancellation_requested"
        history()
        until(MONTH + DAY)
        assert history() == [(MONTH, "customer.subscription.deleted")]
        ended = v1.subscriptions.retrieve(made.id)
        assert (ended.status, ended.ended_at, ended.canceled_at) == (
            "canceled",
            NEW_YEAR + MONTH,
            NEW_YEAR,
        )

    def test_can_be_taken_back(self, v1, subscribe, price, until):
        made = subscribe(price(), cancel_at_period_end=True)
        kept = v1.subscriptions.update(made.id, {"cancel_at_period_end": False})
        assert (kept.cancel_at, kept.canceled_at, kept.cancellation_details.reason) == (
            None,
            None,
            None,
        )
        until(MONTH + 1)
        assert v1.subscriptions.retrieve(made.id).status == "active"

    def test_at_a_moment(self, v1, subscribe, price, until):
        made = subscribe(price(), cancel_at=NEW_YEAR + 3 * DAY)
        assert v1.subscriptions.update(made.id, {"cancel_at": ""}).cancel_at is None
        v1.subscriptions.update(made.id, {"cancel_at": NEW_YEAR + 5 * DAY})
        until(6 * DAY)
        assert v1.subscriptions.retrieve(made.id).ended_at == NEW_YEAR + 5 * DAY

    def test_now(self, v1, subscribe, price, subscriber):
        made = subscribe(price())
        ended = v1.subscriptions.cancel(
            made.id, {"cancellation_details": {"feedback": "too_expensive", "comment": "c"}}
        )
        assert (ended.status, ended.cancel_at, ended.canceled_at) == ("canceled", None, NEW_YEAR)
        assert ended.cancellation_details.feedback == "too_expensive"
        assert v1.subscriptions.list({"customer": subscriber.id}).data == []
        with pytest.raises(stripe.InvalidRequestError, match="No such subscription"):
            v1.subscriptions.cancel(made.id)
        with pytest.raises(stripe.InvalidRequestError, match="canceled subscription can only"):
            v1.subscriptions.update(made.id, {"cancel_at_period_end": True})
        assert v1.subscriptions.update(made.id, {"metadata": {"a": "1"}}).metadata["a"] == "1"

    def test_now_with_money_back_as_credit(self, v1, subscribe, price, until, subscriber):
        made = subscribe(price(3100))
        until(21 * DAY)
        ended = v1.subscriptions.cancel(made.id, {"prorate": True, "invoice_now": True})
        invoice = v1.invoices.retrieve(ended.latest_invoice)
        assert (invoice.total, invoice.amount_due, invoice.ending_balance) == (-1000, 0, -1000)
        assert v1.customers.retrieve(subscriber.id).balance == -1000

    def test_now_without_anything_to_bill(self, v1, subscribe, price):
        made = subscribe(price())
        ended = v1.subscriptions.cancel(made.id, {"invoice_now": True})
        assert ended.latest_invoice == made.latest_invoice

    def test_while_incomplete(self, v1, subscribe, price, use_card, subscriber):
        use_card(subscriber, BROKE)
        assert v1.subscriptions.cancel(subscribe(price()).id).status == "incomplete_expired"

    def test_with_its_customer(self, v1, subscribe, price, subscriber):
        made = subscribe(price())
        v1.customers.delete(subscriber.id)
        assert v1.subscriptions.retrieve(made.id).status == "canceled"


class TestPause:
    def test_of_collection(self, v1, subscribe, price, until):
        made = subscribe(price())
        for behavior, status in [("void", "void"), ("mark_uncollectible", "uncollectible")]:
            paused = v1.subscriptions.update(made.id, {"pause_collection": {"behavior": behavior}})
            assert (paused.status, paused.pause_collection.behavior) == ("active", behavior)
            until((32 if status == "void" else 62) * DAY)
            latest = v1.subscriptions.retrieve(made.id).latest_invoice
            assert v1.invoices.retrieve(latest).status == status
        draft = {"behavior": "keep_as_draft", "resumes_at": NEW_YEAR + 95 * DAY}
        v1.subscriptions.update(made.id, {"pause_collection": draft})
        until(94 * DAY)
        latest = v1.subscriptions.retrieve(made.id).latest_invoice
        assert v1.invoices.retrieve(latest).status == "draft"
        until(96 * DAY)
        assert v1.subscriptions.retrieve(made.id).pause_collection is None

    def test_only_paused_ones_resume(self, v1, subscribe, price):
        with pytest.raises(stripe.InvalidRequestError, match="paused"):
            v1.subscriptions.resume(subscribe(price()).id)


class TestLists:
    def test_by_status_customer_and_price(self, v1, subscribe, price, subscriber, clock, customer):
        monthly = price()
        active, gone = subscribe(monthly), subscribe(price(700))
        v1.subscriptions.cancel(gone.id)

        def ids(**filters):
            return [each.id for each in v1.subscriptions.list(filters).data]

        assert ids() == []  # what is on a test clock shows when the clock is named
        assert ids(test_clock=clock.id) == [active.id]
        assert ids(customer=subscriber.id, status="all") == [gone.id, active.id]
        assert ids(customer=subscriber.id, status="canceled") == [gone.id]
        assert ids(customer=subscriber.id, price=monthly) == [active.id]
        assert ids(customer=customer.id) == []
        listed = v1.customers.retrieve(subscriber.id, {"expand": ["subscriptions"]})
        assert [each.id for each in listed.subscriptions.data] == [active.id]

    def test_not_by_what_never_was(self, v1):
        for listed, filters in [
            (v1.subscriptions, {"customer": "cus_none"}),
            (v1.subscriptions, {"price": "price_none"}),
            (v1.invoices, {"customer": "cus_none"}),
            (v1.invoices, {"subscription": "sub_none"}),
        ]:
            with pytest.raises(stripe.InvalidRequestError, match="No such"):
                listed.list(filters)


class TestItems:
    def test_come_and_go(self, v1, subscribe, price):
        made = subscribe(price())
        added = v1.subscription_items.create({"subscription": made.id, "price": price(500)})
        changed = v1.subscription_items.update(
            added.id, {"quantity": 2, "metadata": {"a": "1"}, "proration_behavior": "none"}
        )
        assert (changed.quantity, changed.metadata["a"]) == (2, "1")
        assert v1.subscription_items.retrieve(added.id).quantity == 2
        assert len(v1.subscription_items.list({"subscription": made.id}).data) == 2
        assert v1.subscription_items.delete(added.id).deleted is True
        with pytest.raises(stripe.InvalidRequestError, match="No such subscription_item"):
            v1.subscription_items.retrieve(added.id)

    def test_have_to_be_its_own_and_never_none(self, v1, subscribe, price):
        made = subscribe(price())
        own = made["items"].data[0].id
        for entry, message in [
            ({"id": "si_none"}, "not part of it"),
            ({"id": own, "deleted": True}, "at least one"),
        ]:
            with pytest.raises(stripe.InvalidRequestError, match=message):
                v1.subscriptions.update(made.id, {"items": [entry]})


class TestMethods:
    def test_its_own_goes_before_that_of_the_customer(
        self, v1, subscribe, price, subscriber, until
    ):
        made = subscribe(price(), trial_period_days=3)
        broke = v1.payment_methods.attach(BROKE, {"customer": subscriber.id}).id
        changed = v1.subscriptions.update(made.id, {"default_payment_method": broke})
        assert changed.default_payment_method == broke
        until(3 * DAY + 3600)
        assert v1.subscriptions.retrieve(made.id).status == "past_due"
        kept = v1.subscriptions.update(made.id, {"default_payment_method": ""})
        assert kept.default_payment_method is None

    def test_plain_fields_change(self, v1, subscribe, price):
        made = subscribe(price(), description="a")
        changed = v1.subscriptions.update(
            made.id,
            {
                "description": "b",
                "metadata": {"a": "1"},
                "payment_settings": {"save_default_payment_method": "on_subscription"},
                "cancellation_details": {"comment": "c"},
                "trial_settings": "",
            },
        )
        assert (changed.description, changed.metadata["a"]) == ("b", "1")
        assert changed.payment_settings.save_default_payment_method == "on_subscription"
        assert changed.cancellation_details.comment == "c"

    def test_a_later_invoice_pays_for_nothing_older(self, v1, subscribe, price, use_card,
                                                    subscriber, until):  # fmt: skip
        made = subscribe(price())
        use_card(subscriber, BROKE)
        until(MONTH + 3600)
        extra = {"customer": subscriber.id, "subscription": made.id}
        v1.invoice_items.create({**extra, "amount": 90, "currency": "usd"})
        other = v1.invoices.create(extra)
        working = v1.payment_methods.attach("pm_card_visa", {"customer": subscriber.id}).id
        assert v1.invoices.pay(other.id, {"payment_method": working}).status == "paid"
        assert v1.subscriptions.retrieve(made.id).status == "past_due"

    def test_several_items_expire_with_their_voided_invoice(self, v1, subscribe, price, use_card,
                                                            subscriber):  # fmt: skip
        use_card(subscriber, BROKE)
        made = subscribe(price())
        v1.invoices.void_invoice(made.latest_invoice)
        assert v1.subscriptions.retrieve(made.id).status == "incomplete_expired"

    def test_ended_ones_survive_their_customer(self, v1, subscribe, price, subscriber):
        made = subscribe(price())
        ended = v1.subscriptions.cancel(made.id)
        v1.customers.delete(subscriber.id)
        assert v1.subscriptions.retrieve(made.id).ended_at == ended.ended_at


class TestIsolation:
    def test_accounts_see_nothing_of_each_other(self, v1, other, subscribe, price, check_out):
        made, session = subscribe(price()), check_out()
        for read, thing in [
            (other.subscriptions.retrieve, made.id),
            (other.invoices.retrieve, made.latest_invoice),
            (other.checkout.sessions.retrieve, session.id),
            (other.customers.retrieve, made.customer),
        ]:
            with pytest.raises(stripe.InvalidRequestError) as refusal:
                read(thing)
            assert refusal.value.http_status == 404
        for resource in (other.subscriptions, other.invoices, other.checkout.sessions,
                         other.prices, other.products, other.events):  # fmt: skip
            assert resource.list().data == []

    def test_live_data_are_apart(self, client_for, suffix, v1, subscribe, price):
        live = client_for(f"sk_live_{suffix}")
        made = subscribe(price())
        with pytest.raises(stripe.InvalidRequestError, match="similar object exists in test mode"):
            live.subscriptions.retrieve(made.id)
