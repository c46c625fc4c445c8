"""Products and prices."""

import pytest
import stripe

from payments.sandbox.calendar import next_after, share


class TestProducts:
    def test_are_made_with_a_default_price(self, v1, event_types):
        recurring = {"interval": "year"}
        amount = {"currency": "usd", "unit_amount": 9900, "recurring": recurring}
        made = v1.products.create({"name": "Pro", "default_price_data": amount, "id": "prod_pro"})
        whole = v1.products.retrieve("prod_pro", {"expand": ["default_price"]})
        assert (made.id, whole.default_price.unit_amount) == ("prod_pro", 9900)
        assert whole.default_price.product == "prod_pro"
        assert event_types() == ["product.created", "price.created"]

    def test_change_and_tell(self, v1):
        made = v1.products.create({"name": "Pro", "metadata": {"a": "1"}})
        changed = v1.products.update(
            made.id, {"name": "Max", "active": False, "metadata": {"b": "2"}, "description": "d"}
        )
        assert (changed.name, changed.active, changed.description) == ("Max", False, "d")
        assert changed.metadata.to_dict() == {"a": "1", "b": "2"}
        event = v1.events.list({"type": "product.updated"}).data[0]
        assert event.data.previous_attributes["name"] == "Pro"

    def test_default_price_has_to_be_their_own(self, v1, price):
        made, foreign = v1.products.create({"name": "Pro"}), price()
        own = price(500, product=made.id, product_data=None)
        assert v1.products.update(made.id, {"default_price": own}).default_price == own
        with pytest.raises(stripe.InvalidRequestError, match="another product"):
            v1.products.update(made.id, {"default_price": foreign})

    def test_are_listed_and_deleted(self, v1, price):
        kept, gone = (v1.products.create({"name": name}) for name in "AB")
        v1.products.update(kept.id, {"active": False})
        assert [each.id for each in v1.products.list({"active": False}).data] == [kept.id]
        assert [each.id for each in v1.products.list({"ids": [gone.id]}).data] == [gone.id]
        assert v1.products.delete(gone.id).deleted is True
        price(product=kept.id, product_data=None)
        with pytest.raises(stripe.InvalidRequestError, match="user-created prices"):
            v1.products.delete(kept.id)

    @pytest.mark.parametrize("product_id", ["a b", "prod_taken"])
    def test_ids_are_plain_and_unique(self, v1, product_id):
        v1.products.create({"name": "A", "id": "prod_taken"})
        with pytest.raises(stripe.InvalidRequestError):
            v1.products.create({"name": "B", "id": product_id})

    def test_stay_with_their_account(self, v1, other, price):
        made = price()
        with pytest.raises(stripe.InvalidRequestError, match="No such price"):
            other.prices.retrieve(made)


class TestPrices:
    def test_have_the_shape_of_the_pinned_version(self, v1, price):
        made = v1.prices.retrieve(price(1234, recurring={"trial_period_days": 7}))
        assert (made.type, made.unit_amount_decimal, made.tax_behavior) == (
            "recurring",
            1234,
            "unspecified",
        )
        assert made.recurring.to_dict() == {
            "interval": "month",
            "interval_count": 1,
            "meter": None,
            "trial_period_days": 7,
            "usage_type": "licensed",
        }

    def test_cost_once(self, v1, price):
        made = v1.prices.retrieve(price(500, None), {"expand": ["product"]})
        assert (made.type, made.recurring, made.product.name) == ("one_time", None, "Plan 500")

    def test_are_listed_by_what_they_are(self, v1, price):
        monthly, yearly, once = price(), price(9000, "year"), price(100, None)
        v1.prices.update(monthly, {"active": False})

        def ids(**filters):
            return [each.id for each in v1.prices.list(filters).data]

        assert ids(active=False) == [monthly]
        assert ids(type="one_time") == [once]
        assert ids(recurring={"interval": "year"}) == [yearly]
        assert ids(product=v1.prices.retrieve(once).product) == [once]
        assert ids(currency="eur") == []

    def test_lookup_keys_stand_for_one_price(self, v1, price):
        first = price(lookup_key="standard")
        with pytest.raises(stripe.InvalidRequestError, match="already uses that lookup key"):
            price(lookup_key="standard")
        second = price(lookup_key="standard", transfer_lookup_key=True)
        found = v1.prices.list({"lookup_keys": ["standard"]}).data
        assert [each.id for each in found] == [second]
        assert v1.prices.retrieve(first).lookup_key is None

    def test_change_in_name_only(self, v1, price):
        made = price()
        changed = v1.prices.update(made, {"nickname": "n", "metadata": {"a": "1"}})
        assert (changed.nickname, changed.metadata["a"]) == ("n", "1")
        with pytest.raises(stripe.InvalidRequestError, match="unknown parameter"):
            v1.prices.update(made, {"unit_amount": 5})

    @pytest.mark.parametrize(
        ("params", "message"),
        [
            ({"unit_amount": None}, "unit_amount"),
            ({"currency": "xxx"}, "Invalid currency"),
            ({"product_data": None}, "product"),
            ({"unit_amount_decimal": "1.5e2", "unit_amount": None}, "Invalid decimal"),
            ({"unit_amount_decimal": "5"}, "only specify one"),
            ({"recurring": {"interval": "month", "interval_count": 37}}, "three years"),
            ({"recurring": {"interval": "month", "usage_type": "used"}}, "usage_type"),
            ({"recurring": {"interval": "month", "meter": "mtr_none"}}, "can only be set"),
        ],
    )
    def test_are_refused(self, v1, params, message):
        body = {"currency": "usd", "unit_amount": 5, "product_data": {"name": "A"}, **params}
        with pytest.raises(stripe.InvalidRequestError, match=message):
            v1.prices.create({key: value for key, value in body.items() if value is not None})

    def test_take_decimals(self, v1):
        body = {"currency": "usd", "unit_amount_decimal": "12.00", "product_data": {"name": "A"}}
        assert v1.prices.create(body).unit_amount == 12
        fraction = v1.prices.create({**body, "unit_amount_decimal": "0.250"})
        assert (fraction.unit_amount, str(fraction.unit_amount_decimal)) == (None, "0.25")


DAY = 86400
JAN_31 = 1769817600  # 2026-01-31 00:00:00 UTC


class TestCalendar:
    @pytest.mark.parametrize(
        ("moment", "days"),
        [(JAN_31, 28), (JAN_31 + 28 * DAY, 59), (JAN_31 + 59 * DAY, 89), (JAN_31 - 1, 0)],
    )
    def test_keeps_the_last_day_of_months(self, moment, days):
        """28 February, 31 March, 30 April: the anchor is never forgotten."""
        assert next_after(JAN_31, moment, "month", 1) == JAN_31 + days * DAY

    def test_counts_leap_years(self):
        leap_day = 1709164800  # 2024-02-29
        assert next_after(leap_day, leap_day, "year", 1) == leap_day + 365 * DAY
        assert next_after(leap_day, leap_day + 1000 * DAY, "year", 4) == leap_day + 1461 * DAY

    def test_counts_days_and_weeks(self):
        assert next_after(100, 100, "day", 3) == 100 + 3 * DAY
        assert next_after(100, 100 + 7 * DAY, "week", 1) == 100 + 14 * DAY

    def test_shares_round_half_away_from_zero(self):
        assert [share(amount, 1, 2) for amount in (1, 3, -1, -3)] == [1, 2, -1, -2]
        assert share(1000, 21, 31) + share(1000, 10, 31) == 1000
