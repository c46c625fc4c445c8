"""Metered prices, tiers and quantities that are none or zero."""

import pytest
import stripe

from .conftest import DAY, NEW_YEAR

JANUARY, HOUR = 31 * DAY, 3600


@pytest.fixture
def meter(v1):
    return v1.billing.meters.create(
        {
            "default_aggregation": {"formula": "sum"},
            "display_name": "API calls",
            "event_name": "api_call",
        }
    )


@pytest.fixture
def metered(price, meter):
    """Two cents a call."""
    return price(2, recurring={"meter": meter.id, "usage_type": "metered"})


@pytest.fixture
def use(v1, subscriber):
    def report(value, at=NEW_YEAR + DAY, owner=None):
        payload = {"stripe_customer_id": owner or subscriber.id, "value": str(value)}
        event = {"event_name": "api_call", "payload": payload, "timestamp": at}
        return v1.billing.meter_events.create(event)

    return report


class TestMeteredItems:
    def test_have_no_quantity(self, v1, subscribe, price, metered, meter):
        made = subscribe(price(), metered, expand=["latest_invoice"])
        plan, usage = made["items"].data
        assert plan.quantity == 1
        assert "quantity" not in usage
        assert (usage.plan.usage_type, usage.plan.meter) == ("metered", meter.id)
        assert made.latest_invoice.total == 1000

    def test_are_billed_for_what_was_used(
        self, v1, subscribe, metered, use, until, other, customer
    ):
        made = subscribe(metered)
        use(30)
        use(20, NEW_YEAR + 5 * DAY)
        use(7, NEW_YEAR - DAY)  # before the period
        use(900, owner=customer.id)  # by somebody else
        until(JANUARY + HOUR)
        renewal = v1.invoices.retrieve(v1.subscriptions.retrieve(made.id).latest_invoice)
        line = renewal.lines.data[0]
        assert (renewal.total, line.quantity) == (100, 50)
        assert (line.period.start, line.period.end) == (NEW_YEAR, NEW_YEAR + JANUARY)

    def test_refuse_a_quantity(self, v1, subscribe, price, metered, subscriber):
        refused = pytest.raises(stripe.InvalidRequestError, match="quantity for metered plans")
        items = [{"price": metered, "quantity": 1}]
        with refused:
            v1.subscriptions.create({"customer": subscriber.id, "items": items})
        made = subscribe(price())
        with refused:
            v1.subscription_items.create({"subscription": made.id, **items[0]})
        item = made["items"].data[0].id
        with refused:
            v1.subscriptions.update(made.id, {"items": [{"id": item, **items[0]}]})

    def test_replace_a_licensed_item(self, v1, subscribe, price, metered):
        made = subscribe(price())
        item = made["items"].data[0].id
        changed = v1.subscriptions.update(made.id, {"items": [{"id": item, "price": metered}]})
        assert "quantity" not in changed["items"].data[0]
        back = [{"id": item, "price": price(500), "quantity": 2}]
        assert v1.subscriptions.update(made.id, {"items": back})["items"].data[0].quantity == 2

    def test_cost_nothing_to_give_back(self, v1, subscribe, metered, until):
        made = subscribe(metered)
        until(10 * DAY)
        v1.subscriptions.cancel(made.id, {"prorate": True})
        assert v1.invoice_items.list({"pending": True}).data == []


class TestMeters:
    def test_count_or_take_the_last(self, v1, price, subscribe, subscriber, until):
        for formula, expected in [("count", 2), ("last", 3)]:
            v1.billing.meters.create(
                {
                    "default_aggregation": {"formula": formula},
                    "display_name": formula,
                    "event_name": formula,
                }
            )
            meter = v1.billing.meters.list({"limit": 1}).data[0]
            made = subscribe(price(1, recurring={"meter": meter.id, "usage_type": "metered"}))
            for value in ("9", "3"):
                payload = {"stripe_customer_id": subscriber.id, "value": value}
                event = {"event_name": formula, "payload": payload, "timestamp": NEW_YEAR + 5}
                v1.billing.meter_events.create(event)
            preview = v1.invoices.create_preview({"subscription": made.id})
            assert preview.lines.data[0].quantity == expected

    def test_can_be_switched_off(self, v1, meter, use, event_types):
        assert v1.billing.meters.deactivate(meter.id).status == "inactive"
        with pytest.raises(stripe.InvalidRequestError, match="No active meter"):
            use(5)
        assert v1.billing.meters.reactivate(meter.id).status == "active"
        assert v1.billing.meters.update(meter.id, {"display_name": "B"}).display_name == "B"
        assert v1.billing.meters.retrieve(meter.id).display_name == "B"
        assert "billing.meter.deactivated" in event_types()

    def test_refuse_what_cannot_be_counted(self, v1, meter, use, subscriber):
        with pytest.raises(stripe.InvalidRequestError, match="integer"):
            use("many")
        with pytest.raises(stripe.InvalidRequestError, match="No such customer"):
            use(1, owner="cus_none")
        payload = {"stripe_customer_id": subscriber.id, "value": "1"}
        event = {"event_name": "api_call", "payload": payload, "identifier": "once"}
        v1.billing.meter_events.create(event)
        with pytest.raises(stripe.InvalidRequestError, match="already exists"):
            v1.billing.meter_events.create(event)
        twin = {"default_aggregation": {"formula": "sum"}, "display_name": "x"}
        with pytest.raises(stripe.InvalidRequestError, match="already an active meter"):
            v1.billing.meters.create({**twin, "event_name": "api_call"})


class TestCheckout:
    def test_sells_metered_prices_without_a_quantity(self, v1, check_out, metered, visitor):
        made = check_out("subscription", line_items=[{"price": metered}])
        assert v1.checkout.sessions.line_items.list(made.id).data[0].quantity is None
        assert visitor.check_out(made.url).status == 303
        bought = v1.checkout.sessions.retrieve(made.id).subscription
        assert "quantity" not in v1.subscriptions.retrieve(bought)["items"].data[0]

    def test_refuses_a_quantity_for_them(self, check_out, metered):
        message = "Quantity should not be specified where usage_type is `metered`. Remove quantity"
        with pytest.raises(stripe.InvalidRequestError, match=message) as refusal:
            check_out("subscription", line_items=[{"price": metered, "quantity": 1}])
        assert refusal.value.param == "line_items[0][quantity]"

    def test_needs_one_for_anything_else(self, check_out, price):
        with pytest.raises(stripe.InvalidRequestError, match="Quantity is required"):
            check_out("subscription", line_items=[{"price": price()}])


class TestQuantities:
    def test_may_be_zero(self, v1, subscribe, price, until):
        made = subscribe(price(), expand=["latest_invoice"])
        item = made["items"].data[0].id
        changed = v1.subscriptions.update(made.id, {"items": [{"id": item, "quantity": 0}]})
        assert changed["items"].data[0].quantity == 0
        until(JANUARY + HOUR)
        assert v1.subscriptions.retrieve(made.id).status == "active"


class TestTiers:
    @pytest.mark.parametrize(
        ("mode", "quantity", "total"),
        [("graduated", 3, 330), ("graduated", 7, 620), ("volume", 3, 330), ("volume", 7, 350)],
    )
    def test_decide_what_a_quantity_costs(self, v1, subscriber, mode, quantity, total):
        tiers = [
            {"up_to": 5, "unit_amount": 100, "flat_amount": 30},
            {"up_to": "inf", "unit_amount": 45 if mode == "graduated" else 50},
        ]
        made = v1.prices.create(
            {
                "billing_scheme": "tiered",
                "currency": "usd",
                "expand": ["tiers"],
                "product_data": {"name": "Tiered"},
                "recurring": {"interval": "month"},
                "tiers": tiers,
                "tiers_mode": mode,
            }
        )
        assert (made.unit_amount, made.tiers_mode) == (None, mode)
        assert [tier.up_to for tier in made.tiers] == [5, None]
        bought = v1.subscriptions.create(
            {
                "customer": subscriber.id,
                "expand": ["latest_invoice"],
                "items": [{"price": made.id, "quantity": quantity}],
            }
        )
        assert bought.latest_invoice.total == total

    def test_must_not_leave_gaps(self, v1):
        body = {
            "billing_scheme": "tiered",
            "currency": "usd",
            "product_data": {"name": "Tiered"},
            "recurring": {"interval": "month"},
            "tiers_mode": "volume",
        }
        for tiers, message in [
            ([], "must be set"),
            ([{"up_to": 5, "unit_amount": 1}], "last tier"),
            (
                [
                    {"up_to": 5, "unit_amount": 1},
                    {"up_to": 4, "unit_amount": 1},
                    {"up_to": "inf", "unit_amount": 1},
                ],
                "ascending",
            ),
        ]:
            with pytest.raises(stripe.InvalidRequestError, match=message):
                v1.prices.create({**body, "tiers": tiers} if tiers else body)

    def test_quantities_may_be_packed(self, v1, subscriber):
        made = v1.prices.create(
            {
                "currency": "usd",
                "product_data": {"name": "Dozen"},
                "recurring": {"interval": "month"},
                "transform_quantity": {"divide_by": 12, "round": "up"},
                "unit_amount": 500,
            }
        )
        items = [{"price": made.id, "quantity": 13}]
        params = {"customer": subscriber.id, "items": items, "expand": ["latest_invoice"]}
        assert v1.subscriptions.create(params).latest_invoice.total == 1000
