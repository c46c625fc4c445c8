"""Changes in the middle of a period, to the cent."""

import pytest
import stripe

from .conftest import DAY, NEW_YEAR

JANUARY, FEBRUARY = 31 * DAY, 28 * DAY
HOUR = 3600
AT_ONCE = {"proration_behavior": "always_invoice"}
CLASSIC = {"type": "classic"}


@pytest.fixture
def change(v1):
    """Put another price, or another quantity, on the only item."""

    def apply(subscription, price_id=None, quantity=None, **params):
        item = {"id": subscription["items"].data[0].id, "price": price_id, "quantity": quantity}
        given = {name: value for name, value in item.items() if value is not None}
        return v1.subscriptions.update(subscription.id, {"items": [given], **params})

    return apply


@pytest.fixture
def latest(v1):
    def read(subscription):
        return v1.invoices.retrieve(v1.subscriptions.retrieve(subscription.id).latest_invoice)

    return read


def amounts(invoice):
    return [line.amount for line in invoice.lines.data]


# January has 2678400 seconds; the shares are of 10.00 given back and 30.00 charged.
@pytest.mark.parametrize(
    ("passed", "credit", "debit"),
    [
        (0, -1000, 3000),
        (1, -1000, 3000),  # 999.9996 and 2999.9989
        (10 * DAY, -677, 2032),  # 21 of 31 days: 677.42 and 2032.26
        (JANUARY // 2, -500, 1500),
        (JANUARY - 1340, -1, 2),  # 0.5003 and 1.5009
        (JANUARY - 1339, 0, 1),  # 0.4999 and 1.4998
    ],
)
def test_is_exact_to_the_second(subscribe, price, until, change, latest, passed, credit, debit):
    made = subscribe(price())
    if passed:
        until(passed)
    change(made, price(3000), **AT_ONCE)
    invoice = latest(made)
    assert amounts(invoice) == [credit, debit]
    assert (invoice.billing_reason, invoice.total) == ("subscription_update", credit + debit)


class TestBehaviors:
    def test_by_default_the_next_invoice_bears_it(
        self, v1, subscribe, price, until, change, latest, history
    ):
        made = subscribe(price())
        until(10 * DAY)
        dearer = price(3000)
        history()
        changed = change(made, dearer)
        assert [name for _, name in history()] == [
            "invoiceitem.created",
            "invoiceitem.created",
            "customer.subscription.updated",
        ]
        assert changed.latest_invoice == made.latest_invoice
        told = v1.events.list({"type": "customer.subscription.updated"}).data[0]
        before = told.data.previous_attributes["items"]["data"][0]
        assert before["price"]["unit_amount"] == 1000
        until(JANUARY + HOUR)
        invoice = latest(made)
        assert amounts(invoice) == [-677, 2032, 3000]
        assert (invoice.amount_paid, invoice.status) == (4355, "paid")
        line = invoice.lines.data[0]
        details = line.parent.subscription_item_details
        assert line.description == "Unused time on Plan 1000 after 11 Jan 2026"
        assert details.proration is True
        assert details.subscription_item == made["items"].data[0].id
        assert v1.invoice_items.list({"pending": True}).data == []

    def test_none_waits_for_the_next_period(self, subscribe, price, until, change, latest):
        made = subscribe(price())
        until(10 * DAY)
        change(made, price(3000), proration_behavior="none")
        until(JANUARY + HOUR)
        assert amounts(latest(made)) == [3000]

    def test_a_downgrade_becomes_credit(self, v1, subscribe, price, until, change, latest):
        made = subscribe(price(3000))
        until(10 * DAY)
        change(made, price(1000), **AT_ONCE)
        invoice = latest(made)
        assert (invoice.total, invoice.amount_due, invoice.status) == (-1355, 0, "paid")
        assert v1.customers.retrieve(made.customer).balance == -1355
        until(JANUARY + HOUR)
        renewal = latest(made)
        balances = (renewal.starting_balance, renewal.ending_balance)
        assert (renewal.total, *balances) == (1000, -1355, -355)
        assert (renewal.amount_due, renewal.status) == (0, "paid")
        until(JANUARY + FEBRUARY + HOUR)
        assert latest(made).amount_paid == 645
        moves = v1.customers.balance_transactions.list(made.customer).data
        assert [each.amount for each in moves] == [355, 1000, -1355]

    def test_the_same_price_costs_nothing(self, subscribe, price, until, change, history):
        chosen = price()
        made = subscribe(chosen)
        until(DAY)
        history()
        change(made, chosen)
        assert history() == []

    def test_quantities_count(self, subscribe, price, until, change, latest):
        made = subscribe(price())
        until(10 * DAY)
        changed = change(made, quantity=5, **AT_ONCE)
        assert amounts(latest(made)) == [-677, 3387]  # 5000 * 21 / 31 = 3387.10
        assert changed["items"].data[0].quantity == 5

    def test_items_are_added_and_removed(self, v1, subscribe, price, until, latest):
        made = subscribe(price())
        until(10 * DAY)
        extra = [{"price": price(500), "quantity": 2}]
        changed = v1.subscriptions.update(made.id, {"items": extra, **AT_ONCE})
        assert amounts(latest(made)) == [677]
        gone = [{"id": changed["items"].data[0].id, "deleted": True}]
        v1.subscriptions.update(made.id, {"items": gone, **AT_ONCE})
        assert amounts(latest(made)) == [-677]

    def test_at_another_moment(self, subscribe, price, until, change, latest):
        made = subscribe(price())
        until(20 * DAY)
        change(made, price(3000), proration_date=NEW_YEAR + 10 * DAY, **AT_ONCE)
        assert amounts(latest(made)) == [-677, 2032]
        with pytest.raises(stripe.InvalidRequestError, match="outside of current"):
            change(made, price(5), proration_date=NEW_YEAR - DAY)

    def test_trials_are_free(self, subscribe, price, change, history, until):
        made = subscribe(price(), trial_period_days=14)
        until(DAY)
        dearer = price(3000)
        history()
        change(made, dearer, **AT_ONCE)
        assert [name for _, name in history()] == ["customer.subscription.updated"]


class TestNewCycle:
    def test_from_month_to_year_begins_today(self, subscribe, price, until, change, latest):
        made = subscribe(price(), billing_mode=CLASSIC)
        until(10 * DAY)
        changed = change(made, price(12000, "year"))
        invoice = latest(made)
        assert (amounts(invoice), invoice.amount_paid) == ([-677, 12000], 11323)
        assert changed.billing_cycle_anchor == NEW_YEAR + 10 * DAY
        assert changed["items"].data[0].current_period_end == NEW_YEAR + 375 * DAY

    def test_from_month_to_year_keeps_the_date_in_flexible_billing(
        self, subscribe, price, until, change, latest
    ):
        made = subscribe(price())
        until(10 * DAY)
        changed = change(made, price(12000, "year"))
        assert amounts(latest(made)) == [-677, 11671]  # 12000 * 355 / 365
        assert changed.billing_cycle_anchor == NEW_YEAR
        assert changed["items"].data[0].current_period_end == NEW_YEAR + 365 * DAY

    def test_on_request(self, v1, subscribe, price, until, latest):
        made = subscribe(price())
        until(10 * DAY)
        params = {"billing_cycle_anchor": {"type": "now"}, "proration_behavior": "none"}
        changed = v1.subscriptions.update(made.id, params)
        assert amounts(latest(made)) == [1000]
        assert changed["items"].data[0].current_period_end == NEW_YEAR + 41 * DAY

    def test_from_free_to_paid(self, subscribe, price, until, change, latest):
        made = subscribe(price(0))
        until(10 * DAY)
        change(made, price(1000))
        assert latest(made).amount_paid == 1000

    def test_a_trial_can_be_given_later(self, v1, subscribe, price, until, latest):
        made = subscribe(price())
        until(10 * DAY)
        changed = v1.subscriptions.update(made.id, {"trial_end": NEW_YEAR + 20 * DAY})
        assert (changed.status, amounts(latest(made))) == ("trialing", [-677, 0])

    def test_the_promised_end_moves_along(self, subscribe, price, until, change):
        made = subscribe(price(), cancel_at_period_end=True, billing_mode=CLASSIC)
        until(10 * DAY)
        assert change(made, price(12000, "year")).cancel_at == NEW_YEAR + 375 * DAY


class TestPayment:
    @pytest.fixture
    def broke(self, subscribe, price, use_card, subscriber, until):
        made = subscribe(price())
        use_card(subscriber, "pm_card_chargeCustomerFail")
        until(10 * DAY)
        return made

    def test_declined_makes_it_past_due(self, broke, price, change, latest):
        changed = change(broke, price(3000), **AT_ONCE)
        assert (changed.status, latest(broke).status) == ("past_due", "open")

    def test_declined_may_take_all_back(self, v1, broke, price, change):
        with pytest.raises(stripe.CardError):
            change(broke, price(3000), payment_behavior="error_if_incomplete", **AT_ONCE)
        kept = v1.subscriptions.retrieve(broke.id)
        assert (kept.status, kept["items"].data[0].price.unit_amount) == ("active", 1000)
        assert v1.invoice_items.list({"customer": broke.customer}).data == []

    def test_may_wait_for_the_customer(self, broke, price, change, latest):
        changed = change(broke, price(3000), payment_behavior="default_incomplete", **AT_ONCE)
        invoice = latest(broke)
        assert (changed.status, invoice.status, invoice.attempted) == ("past_due", "open", False)


class TestPreview:
    def test_is_what_would_be_billed_now(self, v1, subscribe, price, until, change, latest):
        made = subscribe(price())
        until(10 * DAY)
        dearer = price(3000)
        details = {"items": [{"id": made["items"].data[0].id, "price": dearer}], **AT_ONCE}
        asked = {"subscription": made.id, "subscription_details": details}
        preview = v1.invoices.create_preview(asked)
        assert preview.id.startswith("upcoming_in_")
        assert v1.subscriptions.retrieve(made.id)["items"].data[0].price.id != dearer
        change(made, dearer, **AT_ONCE)
        assert (amounts(preview), preview.total) == (amounts(latest(made)), latest(made).total)

    def test_is_the_next_renewal_otherwise(self, v1, subscribe, price, until):
        made = subscribe(price())
        until(10 * DAY)
        plain = v1.invoices.create_preview({"subscription": made.id})
        assert (amounts(plain), plain.billing_reason) == ([1000], "upcoming")
        details = {"items": [{"id": made["items"].data[0].id, "price": price(3000)}]}
        asked = {"subscription": made.id, "subscription_details": details}
        assert amounts(v1.invoices.create_preview(asked)) == [-677, 2032, 3000]

    def test_of_an_end(self, v1, subscribe, price, until):
        made = subscribe(price())
        until(10 * DAY)
        asked = {"subscription": made.id, "subscription_details": {"cancel_now": True}}
        assert amounts(v1.invoices.create_preview(asked)) == [-677]
        assert v1.subscriptions.retrieve(made.id).status == "active"

    def test_of_a_beginning(self, v1, subscriber, price, history):
        details = {"items": [{"price": price(), "quantity": 2}]}
        history()
        asked = {"customer": subscriber.id, "subscription_details": details}
        preview = v1.invoices.create_preview(asked)
        assert (preview.total, preview.customer) == (2000, subscriber.id)
        assert history() == []

    def test_needs_something_to_preview(self, v1):
        with pytest.raises(stripe.InvalidRequestError, match="subscription"):
            v1.invoices.create_preview({})


@pytest.mark.parametrize("currency", ["ugx", "isk"])
def test_whole_units_are_asked_for_and_the_rest_is_balance(
    v1, subscribe, price, until, change, latest, currency
):
    """https://docs.stripe.com/currencies#special-cases"""
    low, high = (price(amount, currency=currency) for amount in (1_000_000, 3_000_000))
    made = subscribe(low)
    until(10 * DAY)
    change(made, high, **AT_ONCE)
    invoice = latest(made)
    assert invoice.total == 2_032_258 - 677_419
    assert (invoice.status, invoice.amount_due) == ("paid", 1_354_800)
    assert invoice.ending_balance == invoice.total - invoice.amount_due == 39
    assert v1.customers.retrieve(made.customer).balance == 39
