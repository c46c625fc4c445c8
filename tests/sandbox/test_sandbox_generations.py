"""Events and answers in the pinned version, and in the last one before *basil*."""

import pytest
import stripe

from .conftest import DAY, NEW_YEAR

ACACIA = "2025-02-24.acacia"
NOW = "2026-10-28.endive"


@pytest.fixture
def old(client_for, key):
    return client_for(key, stripe_version=ACACIA)


class TestAnswers:
    def test_of_subscriptions(self, old, subscribe, price, v1):
        made = subscribe(price())
        seen = old.subscriptions.retrieve(made.id)
        assert seen.current_period_end == NEW_YEAR + 31 * DAY
        assert (seen.quantity, seen.plan.amount) == (1, 1000)
        assert "current_period_end" not in seen["items"].data[0].to_dict()
        assert "current_period_end" not in v1.subscriptions.retrieve(made.id).to_dict()

    def test_of_subscriptions_with_several_items(self, old, subscribe, price):
        seen = old.subscriptions.retrieve(subscribe(price(), price(500)).id)
        assert (seen.plan, seen.quantity) == (None, None)
        assert "current_period_end" not in seen["items"].data[1].to_dict()

    def test_of_invoices(self, old, subscribe, price):
        made = subscribe(price(), metadata={"user": "7"})
        paths = ["payment_intent", "charge", "subscription"]
        seen = old.invoices.retrieve(made.latest_invoice, {"expand": paths})
        assert (seen.paid, seen.subscription.id) == (True, made.id)
        assert seen.payment_intent.latest_charge == seen.charge.id
        assert seen.payment_intent.invoice == seen.charge.invoice == seen.id
        assert seen.subscription.current_period_start == NEW_YEAR
        assert seen.subscription_details.metadata["user"] == "7"
        line = seen.lines.data[0]
        assert (line.price.unit_amount, line.plan.amount, line.type) == (
            1000,
            1000,
            "subscription",
        )
        assert (line.proration, line.subscription) == (False, made.id)
        assert {"parent", "payments", "total_taxes"}.isdisjoint(seen.to_dict())

    def test_of_invoice_items(self, v1, old, subscriber, price):
        items = v1.invoice_items
        plain = items.create({"customer": subscriber.id, "amount": 5, "currency": "usd"})
        priced = items.create({"customer": subscriber.id, "pricing": {"price": price(7, None)}})
        assert old.invoice_items.retrieve(plain.id).unit_amount == 5
        seen = old.invoice_items.retrieve(priced.id)
        assert (seen.price.unit_amount, seen.plan) == (7, None)

    def test_of_checkout(self, old, check_out):
        assert old.checkout.sessions.retrieve(check_out().id).ui_mode == "hosted"

    def test_included_lists_too(self, old, v1, subscriber, subscribe, price):
        subscribe(price())
        seen = old.customers.retrieve(subscriber.id, {"expand": ["subscriptions"]})
        assert seen.subscriptions.data[0].current_period_start == NEW_YEAR

    @pytest.mark.parametrize("path", ["payment_intent", "charge", "subscription"])
    def test_what_has_gone_cannot_be_expanded(self, v1, subscribe, price, path):
        made = subscribe(price())
        with pytest.raises(stripe.InvalidRequestError, match="cannot be expanded"):
            v1.invoices.retrieve(made.latest_invoice, {"expand": [path]})

    def test_by_the_account_when_the_request_is_silent(self, call, control, subscribe, price):
        made = subscribe(price())
        assert control("GET", "api_version") == {"version": NOW}
        control("POST", "api_version", {"version": ACACIA})
        answer = call("GET", f"/v1/subscriptions/{made.id}")
        assert "current_period_end" in answer.json()
        assert answer.headers["Stripe-Version"] == ACACIA


class TestEvents:
    def test_in_the_version_of_the_account(self, v1, control, subscribe, price):
        control("POST", "api_version", {"version": ACACIA})
        made = subscribe(price())
        created = v1.events.list({"type": "customer.subscription.created"}).data[0]
        assert created.api_version == ACACIA
        assert created.data.object.current_period_end == NEW_YEAR + 31 * DAY
        paid = v1.events.list({"type": "invoice.paid"}).data[0].data.object
        assert paid.payment_intent.startswith("pi_")
        assert paid.subscription == made.id

    def test_tell_changes_in_their_own_words(self, v1, control, subscribe, price, until):
        control("POST", "api_version", {"version": ACACIA})
        subscribe(price())
        until(31 * DAY)
        changed = v1.events.list({"type": "customer.subscription.updated"}).data[0]
        previous = changed.data.previous_attributes
        assert previous["current_period_start"] == NEW_YEAR
        assert previous["current_period_end"] == NEW_YEAR + 31 * DAY
        told = v1.events.list({"type": "invoice.upcoming"}).data[0].data.object
        assert (told.payment_intent, told.subscription[:4]) == (None, "sub_")

    def test_stay_as_they_were(self, v1, old, control, subscribe, price):
        made = subscribe(price())
        control("POST", "api_version", {"version": ACACIA})
        seen = old.events.list({"type": "customer.subscription.created"}).data[0]
        assert (seen.api_version, seen.data.object.id) == (NOW, made.id)
        assert "current_period_end" not in seen.data.object.to_dict()

    def test_go_out_in_the_version_of_the_endpoint(
        self, v1, receiver, control, subscribe, price, until
    ):
        control("POST", "webhooks", {"pause": True})
        wanted = {"url": receiver.url, "enabled_events": ["customer.subscription.updated"]}
        v1.webhook_endpoints.create({**wanted, "api_version": ACACIA})
        v1.webhook_endpoints.create(wanted)
        subscribe(price())
        until(31 * DAY)
        control("POST", "webhooks/flush")
        assert [each["api_version"] for each in receiver.got] == [ACACIA, NOW]
        before, after = receiver.got
        assert before["id"] == after["id"]
        start = before["data"]["object"]["current_period_start"]
        assert start == NEW_YEAR + 31 * DAY
        assert before["data"]["previous_attributes"]["current_period_start"] == NEW_YEAR
        assert "current_period_start" not in after["data"]["object"]
        item = after["data"]["object"]["items"]["data"][0]
        assert item["current_period_start"] == start


class TestSettings:
    @pytest.mark.parametrize("body", [{}, {"version": 5}, {"version": "x"}, {"other": 1}])
    def test_version_is_checked(self, call, body):
        assert call("POST", "/_sandbox/api_version", json=body).status_code == 400

    @pytest.mark.parametrize(
        "body", [{"after_retries": "x"}, {"retry_days": [0]}, {"retry_days": 3}, {"x": 1}]
    )
    def test_billing_is_checked(self, call, body, control):
        assert call("POST", "/_sandbox/billing", json=body).status_code == 400
        assert control("GET", "billing") == {"after_retries": "cancel", "retry_days": [3, 5, 7]}

    def test_reset_forgets_them(self, control):
        control("POST", "api_version", {"version": ACACIA})
        control("POST", "reset")
        assert control("GET", "api_version") == {"version": NOW}


class TestRestrictedKeys:
    @pytest.fixture
    def restrict(self, control, suffix, client_for):
        def allow(*permissions):
            key = f"rk_test_{suffix}"
            control("POST", "keys/restrict", {"key": key, "allow": list(permissions)})
            return client_for(key)

        return allow

    def test_do_what_they_may(self, restrict):
        limited = restrict("customer_read", "product_write", "checkout_session_*")
        limited.customers.list()
        limited.products.create({"name": "A"})
        limited.products.list()  # who may write may read
        limited.checkout.sessions.list()

    @pytest.mark.parametrize(
        ("deed", "permission"),
        [
            (lambda v1: v1.customers.create(), "rak_customer_write"),
            (lambda v1: v1.balance.retrieve(), "rak_balance_read"),
            (lambda v1: v1.prices.list(), "rak_plan_read"),
            (lambda v1: v1.invoice_items.list(), "rak_invoice_item_read"),
        ],
    )
    def test_are_told_what_they_lack(self, restrict, deed, permission):
        with pytest.raises(stripe.PermissionError, match=permission) as refusal:
            deed(restrict("customer_read"))
        assert refusal.value.http_status == 403
        assert "rk_test_" in str(refusal.value)

    def test_are_free_until_restricted(self, client_for, suffix):
        assert client_for(f"rk_test_{suffix}").balance.retrieve().object == "balance"

    @pytest.mark.parametrize(
        "body",
        [
            {"key": "rk_test_somebody_else", "allow": []},
            {"key": "sk_test_12345678", "allow": []},
            {"key": "rk_test_12345678"},
            {"allow": [], "key": 5},
        ],
    )
    def test_are_checked(self, call, body):
        assert call("POST", "/_sandbox/keys/restrict", json=body).status_code == 400


def test_deleted_objects_have_no_older_shape(v1, customer):
    draft = v1.invoices.create({"customer": customer.id})
    gone = v1.invoices.delete(draft.id, None, {"stripe_version": "2024-06-20"})
    assert gone.to_dict() == {"id": draft.id, "object": "invoice", "deleted": True}
