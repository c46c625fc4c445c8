"""The customer portal and the page of an invoice, without a browser."""

import re

import pytest
import stripe

from .conftest import DAY, NEW_YEAR

JANUARY, HOUR = 31 * DAY, 3600


@pytest.fixture
def portal(v1, subscriber):
    return v1.billing_portal.sessions.create(
        {"customer": subscriber.id, "return_url": "https://shop.example/account"}
    )


@pytest.fixture
def show(call):
    return lambda url: call("GET", url.removeprefix(call.url)).text


def said(visit):
    """Return what the page confirms."""
    found = re.search(r'role="status"[^>]*>(.*?)</p>', visit.text)
    return found[1] if found else None


class TestSessions:
    def test_have_the_shape_of_the_pinned_version(self, v1, portal, subscriber):
        assert portal.id.startswith("bps_")
        assert (portal.customer, portal.return_url) == (
            subscriber.id,
            "https://shop.example/account",
        )
        assert v1.billing_portal.configurations.list().data[0].id == portal.configuration

    def test_need_a_customer(self, v1):
        with pytest.raises(stripe.InvalidRequestError, match="No such customer"):
            v1.billing_portal.sessions.create({"customer": "cus_none"})

    def test_configurations_are_kept(self, v1, subscriber):
        made = v1.billing_portal.configurations.create(
            {
                "features": {"invoice_history": {"enabled": True}},
                "default_return_url": "https://shop.example/home",
                "metadata": {"a": "1"},
            }
        )
        params = {"customer": subscriber.id, "configuration": made.id}
        opened = v1.billing_portal.sessions.create(params)
        assert opened.return_url == "https://shop.example/home"
        off = v1.billing_portal.configurations.update(made.id, {"active": False})
        assert off.active is False
        assert v1.billing_portal.configurations.retrieve(made.id).active is False
        with pytest.raises(stripe.InvalidRequestError, match="not active"):
            v1.billing_portal.sessions.create(params)


class TestFlows:
    def test_say_where_the_session_leads(self, v1, subscribe, price, subscriber):
        made = subscribe(price())
        item, dearer = made["items"].data[0].id, price(2000)
        confirm = {
            "items": [{"id": item, "price": dearer, "quantity": 1}],
            "subscription": made.id,
        }
        flow = {"type": "subscription_update_confirm", "subscription_update_confirm": confirm}
        opened = v1.billing_portal.sessions.create({"customer": subscriber.id, "flow_data": flow})
        assert opened.flow.subscription_update_confirm.to_dict()["items"][0]["price"] == dearer
        assert opened.flow.after_completion.type == "portal_homepage"
        assert opened.flow.subscription_cancel is None

    def test_are_about_the_customers_own(self, v1, subscribe, price, customer):
        made = subscribe(price())
        for about, message in [
            ({"subscription_cancel": {"subscription": made.id}}, "must belong to the customer"),
            ({}, "Missing required param: flow_data"),
        ]:
            flow = {"type": "subscription_cancel", **about}
            with pytest.raises(stripe.InvalidRequestError, match=message):
                v1.billing_portal.sessions.create({"customer": customer.id, "flow_data": flow})

    def test_features_are_kept(self, v1):
        features = {
            "subscription_cancel": {"enabled": True, "mode": "immediately"},
            "subscription_pause": {"enabled": True},
        }
        made = v1.billing_portal.configurations.create({"features": features})
        assert made.features.subscription_cancel.mode == "immediately"
        assert made.features.subscription_cancel.proration_behavior == "none"
        assert made.features.subscription_pause.enabled is True


class TestPage:
    def test_shows_what_there_is(self, portal, show, subscribe, price):
        assert "You have no subscription" in show(portal.url)
        subscribe(price(1500), trial_period_days=3)
        page = show(portal.url)
        for text in ("Plan 1500", "$15.00 / month", "Free until 4 Jan 2026", "trialing", "0001",
                     "Return to Sandbox merchant", "https://shop.example/account"):  # fmt: skip
            assert text in page
        assert "<script" not in page

    def test_cancels_at_the_end_and_takes_it_back(
        self, v1, portal, show, subscribe, price, visitor
    ):
        made = subscribe(price())
        ending = visitor.act(portal.url, "cancel_at_period_end", subscription=made.id)
        assert said(ending) == "Your subscription ends with the period that is paid for."
        assert v1.subscriptions.retrieve(made.id).cancel_at == NEW_YEAR + JANUARY
        assert "Ends on 1 Feb 2026" in show(portal.url)
        resumed = visitor.act(portal.url, "resume", subscription=made.id)
        assert said(resumed) == "Your subscription goes on."
        kept = v1.subscriptions.retrieve(made.id)
        assert (kept.cancel_at, kept.cancel_at_period_end) == (None, False)
        assert "Renews on 1 Feb 2026" in show(portal.url)

    def test_cancels_now(self, v1, portal, show, subscribe, price, visitor):
        made = subscribe(price())
        ended = visitor.act(portal.url, "cancel_now", subscription=made.id)
        assert (ended.status, said(ended)) == (200, "Your subscription has been canceled.")
        assert 'role="status"' not in show(portal.url)
        assert v1.subscriptions.retrieve(made.id).status == "canceled"
        again = visitor.act(portal.url, "cancel_now", subscription=made.id)
        assert again.problem == "This subscription has ended already."

    def test_keeps_showing_the_card_of_what_has_ended(
        self, v1, portal, show, subscribe, price, visitor, subscriber
    ):
        """Checkout gives its card to the subscription alone; the customer keeps it."""
        method = v1.customers.retrieve(subscriber.id).invoice_settings.default_payment_method
        made = subscribe(price(), default_payment_method=method)
        nobodys = {"invoice_settings": {"default_payment_method": ""}}
        v1.customers.update(subscriber.id, nobodys)
        visitor.act(portal.url, "cancel_now", subscription=made.id)
        assert "Visa ending in 4242" in show(portal.url)
        v1.payment_methods.detach(method)
        assert "Add a card" in show(portal.url)

    @pytest.mark.parametrize("number", ["4242424242424242", "4000002760003184"])
    def test_changes_the_card(self, v1, portal, subscribe, price, visitor, subscriber, number):
        old = v1.customers.retrieve(subscriber.id).invoice_settings.default_payment_method
        own = subscribe(price(), default_payment_method=old)
        visit = visitor.change_card(portal.url, number)
        assert (visit.status, visit.problem) == (200, None)
        assert f"ending in {number[-4:]}" in visit.text
        assert said(visit) == "Your card has been saved."
        now = v1.customers.retrieve(subscriber.id).invoice_settings.default_payment_method
        assert now != old
        assert v1.subscriptions.retrieve(own.id).default_payment_method == now

    def test_keeps_the_card_when_refused(self, v1, portal, visitor, subscriber):
        old = v1.customers.retrieve(subscriber.id).invoice_settings.default_payment_method
        declined = visitor.change_card(portal.url, "4000000000000002")
        assert (declined.status, declined.problem) == (402, "Your card was declined.")
        assert said(visitor.change_card(portal.url, "4000002760003184", passes=False)) is None
        now = v1.customers.retrieve(subscriber.id).invoice_settings.default_payment_method
        assert now == old

    def test_pays_what_is_open(self, v1, portal, show, subscribe, price, use_card, visitor,
                               subscriber, until):  # fmt: skip
        made = subscribe(price())
        use_card(subscriber, "pm_card_chargeCustomerFail")
        until(JANUARY + HOUR)
        assert "past due" in show(portal.url)
        invoice = v1.subscriptions.retrieve(made.id).latest_invoice
        assert visitor.act(portal.url, "pay_invoice", invoice=invoice).status == 402
        visitor.change_card(portal.url, "4242424242424242")
        paid = visitor.act(portal.url, "pay_invoice", invoice=invoice)
        assert said(paid) == "Thank you, your invoice has been paid."
        assert v1.subscriptions.retrieve(made.id).status == "active"
        assert visitor.act(portal.url, "pay_invoice", invoice=invoice).problem is None

    def test_wakes_paused_ones(self, v1, clock, price, until, use_card, visitor):
        owner = v1.customers.create({"test_clock": clock.id})
        settings = {"end_behavior": {"missing_payment_method": "pause"}}
        made = v1.subscriptions.create(
            {
                "customer": owner.id,
                "items": [{"price": price()}],
                "trial_period_days": 7,
                "trial_settings": settings,
            }
        )
        until(8 * DAY)
        use_card(owner, "pm_card_visa")
        opened = v1.billing_portal.sessions.create({"customer": owner.id})
        visitor.act(opened.url, "resume", subscription=made.id)
        assert v1.subscriptions.retrieve(made.id).status == "active"

    def test_touches_nobody_else(self, v1, portal, customer, price, visitor, use_card):
        use_card(customer, "pm_card_visa")
        foreign = v1.subscriptions.create({"customer": customer.id, "items": [{"price": price()}]})
        visit = visitor.act(portal.url, "cancel_now", subscription=foreign.id)
        assert visit.problem == "That belongs to somebody else."
        assert v1.subscriptions.retrieve(foreign.id).status == "active"

    def test_needs_one_of_its_buttons(self, portal, visitor):
        assert visitor.act(portal.url, "explode").problem == "Choose one of the buttons."
        assert visitor.act(portal.url, "cancel_now").status == 400

    @pytest.mark.parametrize("path", ["/p/session/bps_none", "/p/other/x", "/p/session/x/y"])
    def test_leads_nowhere(self, call, path):
        assert call("GET", path).status_code == 404

    def test_ends_with_its_customer(self, v1, portal, call, subscriber):
        v1.customers.delete(subscriber.id)
        assert call("GET", portal.url.removeprefix(call.url)).status_code == 410


class TestInvoicePage:
    @pytest.fixture
    def owing(self, v1, subscribe, price, use_card, subscriber, until):
        made = subscribe(price())
        use_card(subscriber, "pm_card_chargeCustomerFail")
        until(JANUARY + HOUR)
        return v1.invoices.retrieve(v1.subscriptions.retrieve(made.id).latest_invoice)

    @pytest.mark.parametrize("number", ["4242424242424242", "4000002760003184"])
    def test_takes_the_money(self, v1, owing, visitor, number):
        visit = visitor.check_out(owing.hosted_invoice_url, number)
        assert "Invoice paid" in visit.text
        paid = v1.invoices.retrieve(owing.id)
        assert (paid.status, paid.amount_paid) == ("paid", 1000)

    def test_shows_why_not(self, v1, owing, visitor, show):
        assert "Pay this invoice" in show(owing.hosted_invoice_url)
        visit = visitor.check_out(owing.hosted_invoice_url, "4000000000009995")
        assert visit.problem == "Your card has insufficient funds."
        wrong = visitor.check_out(owing.hosted_invoice_url, "1")
        assert wrong.problem == "Your card number is incorrect."
        assert v1.invoices.retrieve(owing.id).status == "open"

    def test_shows_finished_invoices_only(self, v1, call, customer, show):
        draft = v1.invoices.create({"customer": customer.id})
        assert call("GET", f"/i/{draft.id}").status_code == 404
        assert call("GET", "/i/in_none").status_code == 404
        done = v1.invoices.finalize_invoice(draft.id)
        assert "Invoice paid" in show(done.hosted_invoice_url)
