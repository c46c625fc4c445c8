"""Coupons and promotion codes, and what they take off."""

import pytest
import stripe

from .conftest import DAY, NEW_YEAR

JANUARY, FEBRUARY, HOUR = 31 * DAY, 28 * DAY, 3600


@pytest.fixture
def coupon(v1):
    def make(**params):
        given = {"duration": "forever", "percent_off": 10, **params}
        return v1.coupons.create({name: v for name, v in given.items() if v is not None}).id

    return make


class TestCoupons:
    def test_are_kept_changed_and_deleted(self, v1, other):
        made = v1.coupons.create({"id": "HALF", "percent_off": "50.5", "name": "Half"})
        assert (made.id, made.percent_off, made.duration, made.valid) == (
            "HALF",
            50.5,
            "once",
            True,
        )
        assert v1.coupons.update("HALF", {"name": "Nearly half"}).name == "Nearly half"
        assert [each.id for each in v1.coupons.list().data] == ["HALF"]
        assert other.coupons.list().data == []
        assert v1.coupons.delete("HALF").deleted is True
        assert v1.coupons.list().data == []
        with pytest.raises(stripe.InvalidRequestError, match="No such coupon"):
            other.coupons.retrieve("HALF")

    @pytest.mark.parametrize(
        ("params", "message"),
        [
            ({}, "either `amount_off` or `percent_off`"),
            ({"percent_off": 5, "amount_off": 5, "currency": "usd"}, "either"),
            ({"percent_off": 101}, "at most 100"),
            ({"percent_off": 0}, "greater than 0"),
            ({"amount_off": 5}, "must pass `currency`"),
            ({"percent_off": 5, "duration": "repeating"}, "duration_in_months"),
            ({"percent_off": 5, "applies_to": {"products": ["prod_none"]}}, "No such product"),
        ],
    )
    def test_are_refused(self, v1, params, message):
        with pytest.raises(stripe.InvalidRequestError, match=message):
            v1.coupons.create(params)

    def test_run_out(self, v1, coupon, subscribe, price):
        single = coupon(max_redemptions=1)
        subscribe(price(), discounts=[{"coupon": single}])
        kept = v1.coupons.retrieve(single)
        assert (kept.times_redeemed, kept.valid) == (1, False)
        with pytest.raises(stripe.InvalidRequestError, match="Coupon expired") as refusal:
            subscribe(price(), discounts=[{"coupon": single}])
        assert (refusal.value.code, refusal.value.param) == (
            "coupon_expired",
            "discounts[0][coupon]",
        )


class TestSubscriptions:
    def test_pay_less(self, v1, coupon, subscribe, price):
        expand = ["discounts", "latest_invoice.total_discount_amounts.discount"]
        made = subscribe(price(2500), discounts=[{"coupon": coupon()}], expand=expand)
        invoice = made.latest_invoice
        assert (invoice.subtotal, invoice.total, invoice.amount_paid) == (2500, 2250, 2250)
        off = invoice.total_discount_amounts[0]
        assert (off.amount, off.discount.id) == (250, made.discounts[0].id)
        assert made.discounts[0].source.type == "coupon"
        line = invoice.lines.data[0]
        assert (line.amount, line.discount_amounts[0].amount) == (2500, 250)

    def test_once_is_for_one_invoice(self, v1, coupon, subscribe, price, until):
        made = subscribe(price(), discounts=[{"coupon": coupon(duration="once")}])
        assert v1.subscriptions.retrieve(made.id).discounts == []
        until(JANUARY + HOUR)
        renewal = v1.subscriptions.retrieve(made.id, {"expand": ["latest_invoice"]}).latest_invoice
        assert renewal.total == 1000

    def test_repeating_ends_after_its_months(self, v1, coupon, subscribe, price, until):
        given = coupon(duration="repeating", duration_in_months=2)
        made = subscribe(price(), discounts=[{"coupon": given}])
        totals = []
        for seconds in (JANUARY + HOUR, JANUARY + FEBRUARY + HOUR):
            until(seconds)
            latest = v1.subscriptions.retrieve(made.id, {"expand": ["latest_invoice"]})
            totals.append(latest.latest_invoice.total)
        assert totals == [900, 1000]

    def test_amounts_are_spread_over_the_lines(self, coupon, subscribe, price):
        given = coupon(percent_off=None, amount_off=1000, currency="usd")
        made = subscribe(
            price(1000),
            price(2000),
            discounts=[{"coupon": given}],
            expand=["latest_invoice"],
        )
        parts = [line.discount_amounts[0].amount for line in made.latest_invoice.lines.data]
        assert (parts, made.latest_invoice.total) == ([333, 667], 2000)

    def test_only_some_products(self, v1, coupon, subscribe, price):
        plain, special = price(1000), price(2000)
        product = v1.prices.retrieve(special).product
        given = coupon(percent_off=50, applies_to={"products": [product]})
        made = subscribe(plain, special, discounts=[{"coupon": given}], expand=["latest_invoice"])
        assert made.latest_invoice.total == 2000
        assert v1.coupons.retrieve(given, {"expand": ["applies_to"]}).applies_to.products == [
            product
        ]

    def test_items_have_their_own(self, v1, coupon, subscriber, price):
        item = {"price": price(), "discounts": [{"coupon": coupon(percent_off=25)}]}
        params = {"customer": subscriber.id, "items": [item], "expand": ["latest_invoice"]}
        made = v1.subscriptions.create(params)
        invoice = made.latest_invoice
        assert (invoice.subtotal, invoice.total, invoice.discounts) == (750, 750, [])
        assert made["items"].data[0].discounts == invoice.lines.data[0].discounts

    def test_can_be_given_and_taken_later(self, v1, coupon, subscribe, price, event_types):
        made = subscribe(price())
        given = v1.subscriptions.update(made.id, {"discounts": [{"coupon": coupon()}]})
        kept = {"discounts": [{"discount": given.discounts[0]}]}
        assert v1.subscriptions.update(made.id, kept).discounts == given.discounts
        assert v1.subscriptions.delete_discount(made.id).deleted is True
        assert v1.subscriptions.retrieve(made.id).discounts == []
        assert event_types()[-1] == "customer.discount.deleted"
        v1.subscriptions.update(made.id, {"discounts": [{"coupon": coupon()}]})
        assert v1.subscriptions.update(made.id, {"discounts": ""}).discounts == []


class TestPromotionCodes:
    @pytest.fixture
    def code(self, v1, coupon):
        def make(**params):
            promotion = {"coupon": coupon(percent_off=50), "type": "coupon"}
            return v1.promotion_codes.create({"promotion": promotion, **params})

        return make

    def test_stand_for_a_coupon(self, v1, code, subscribe, price, other):
        made = code(code="SPRING", max_redemptions=1)
        given = [{"promotion_code": made.id}]
        bought = subscribe(price(), discounts=given, expand=["latest_invoice", "discounts"])
        assert bought.latest_invoice.total == 500
        assert bought.discounts[0].promotion_code == made.id
        used = v1.promotion_codes.retrieve(made.id)
        assert (used.times_redeemed, used.active) == (1, False)
        with pytest.raises(stripe.InvalidRequestError, match="not active"):
            subscribe(price(), discounts=given)
        assert [each.id for each in v1.promotion_codes.list({"code": "SPRING"}).data] == [made.id]
        assert other.promotion_codes.list().data == []

    def test_may_be_for_one_customer(self, code, subscribe, price, customer):
        mine = code(customer=customer.id)
        with pytest.raises(stripe.InvalidRequestError, match="by this customer"):
            subscribe(price(), discounts=[{"promotion_code": mine.id}])

    def test_are_unique_while_active(self, v1, code):
        first = code(code="SPRING")
        with pytest.raises(stripe.InvalidRequestError, match="already exists"):
            code(code="spring")
        v1.promotion_codes.update(first.id, {"active": False})
        assert code(code="spring").active is True


class TestCheckout:
    def test_payment_costs_less(self, v1, coupon, check_out, visitor):
        given = coupon(percent_off=20, duration="once")
        made = check_out("payment", discounts=[{"coupon": given}])
        assert (made.amount_subtotal, made.amount_total) == (2000, 1600)
        assert made.total_details.amount_discount == 400
        assert made.discounts[0].coupon == given
        visitor.check_out(made.url)
        intent = v1.checkout.sessions.retrieve(made.id).payment_intent
        assert v1.payment_intents.retrieve(intent).amount_received == 1600
        assert v1.coupons.retrieve(given).times_redeemed == 1

    def test_subscription_takes_it_along(self, v1, coupon, check_out, visitor):
        given = coupon(percent_off=100, duration="once")
        made = check_out("subscription", discounts=[{"coupon": given}])
        assert (made.amount_total, made.payment_status) == (0, "no_payment_required")
        visitor.check_out(made.url)
        bought = v1.checkout.sessions.retrieve(made.id, {"expand": ["invoice", "subscription"]})
        assert (bought.invoice.total, bought.subscription.status) == (0, "active")
        assert v1.coupons.retrieve(given).times_redeemed == 1

    def test_refuses_what_does_not_fit(self, coupon, check_out):
        for params, message in [
            ({"discounts": [{"coupon": coupon()}], "allow_promotion_codes": True}, "only specify"),
            ({"discounts": [{"coupon": "none"}]}, "No such coupon"),
            ({"discounts": [{"coupon": "a", "promotion_code": "b"}]}, "exactly one"),
        ]:
            with pytest.raises(stripe.InvalidRequestError, match=message):
                check_out("payment", **params)
        yen = coupon(percent_off=None, amount_off=100, currency="jpy")
        with pytest.raises(stripe.InvalidRequestError, match="cannot be applied to usd"):
            check_out("payment", discounts=[{"coupon": yen}])


class TestInvoiceItems:
    def test_are_discounted_by_themselves(self, v1, coupon, subscriber):
        draft = v1.invoices.create({"customer": subscriber.id})
        item = v1.invoice_items.create(
            {
                "amount": 1900,
                "currency": "usd",
                "customer": subscriber.id,
                "discounts": [{"coupon": coupon(percent_off=50)}],
                "invoice": draft.id,
            }
        )
        paid = v1.invoices.pay(draft.id)
        assert (paid.subtotal, paid.total, paid.amount_paid) == (950, 950, 950)
        assert paid.lines.data[0].discounts == item.discounts
        assert paid.created >= NEW_YEAR
