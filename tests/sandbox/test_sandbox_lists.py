"""Pages, filters by time, and ids expanded into objects."""

import pytest
import stripe


@pytest.fixture
def five(v1):
    """Oldest first."""
    return [v1.customers.create({"name": str(number)}).id for number in range(5)]


class TestPages:
    def test_are_newest_first(self, v1, five):
        page = v1.customers.list({"limit": 2})
        assert [each.id for each in page.data] == five[:2:-1]
        assert page.has_more is True
        assert page.url == "/v1/customers"

    def test_go_on_after_a_cursor(self, v1, five):
        page = v1.customers.list({"limit": 10, "starting_after": five[3]})
        assert [each.id for each in page.data] == five[2::-1]
        assert page.has_more is False

    def test_go_back_before_a_cursor(self, v1, five):
        page = v1.customers.list({"limit": 2, "ending_before": five[0]})
        assert [each.id for each in page.data] == [five[2], five[1]]
        assert page.has_more is True

    def test_are_walked_by_the_sdk(self, v1, five):
        walked = [each.id for each in v1.customers.list({"limit": 2}).auto_paging_iter()]
        assert walked == five[::-1]

    def test_hold_ten_by_default(self, v1):
        for _ in range(11):
            v1.customers.create()
        assert len(v1.customers.list().data) == 10

    @pytest.mark.parametrize("limit", [0, 101, "many"])
    def test_hold_one_to_a_hundred(self, v1, limit):
        with pytest.raises(stripe.InvalidRequestError) as refusal:
            v1.customers.list({"limit": limit})
        assert (refusal.value.code, refusal.value.param) == ("parameter_invalid_integer", "limit")

    def test_refuse_unknown_and_double_cursors(self, v1, five):
        with pytest.raises(stripe.InvalidRequestError) as refusal:
            v1.customers.list({"starting_after": "cus_none"})
        assert refusal.value.code == "resource_missing"
        with pytest.raises(stripe.InvalidRequestError, match="Please pass in only one"):
            v1.customers.list({"starting_after": five[0], "ending_before": five[1]})


class TestCreated:
    def test_narrows_the_list(self, v1, control):
        old = v1.customers.create()
        control("POST", "clock/advance", {"seconds": 1000})
        new = v1.customers.create()

        def found(created):
            return [each.id for each in v1.customers.list({"created": created}).data]

        assert found({"gte": new.created}) == [new.id]
        assert found({"gt": old.created, "lt": new.created}) == []
        assert found({"lte": old.created}) == [old.id]
        assert found(new.created) == [new.id]

    def test_is_checked(self, v1):
        with pytest.raises(stripe.InvalidRequestError, match="Invalid integer"):
            v1.customers.list({"created": {"gte": "yesterday"}})


class TestExpand:
    def test_inside_lists(self, v1, customer, pay):
        pay(customer=customer.id)
        listed = v1.payment_intents.list(
            {"expand": ["data.latest_charge.balance_transaction", "data.customer"]}
        )
        assert listed.data[0].latest_charge.balance_transaction.object == "balance_transaction"
        assert listed.data[0].customer.email == customer.email

    def test_of_refunds_through_the_charge(self, v1, pay):
        paid = pay()
        v1.refunds.create({"payment_intent": paid.id})
        shown = v1.payment_intents.retrieve(paid.id, {"expand": ["latest_charge.refunds"]})
        assert shown.latest_charge.refunds.data[0].status == "succeeded"
        assert not hasattr(v1.charges.retrieve(paid.latest_charge), "refunds")

    def test_of_nothing_leaves_nothing(self, v1):
        intent = v1.payment_intents.create(
            {"amount": 100, "currency": "usd", "expand": ["customer", "latest_charge.refunds"]}
        )
        assert intent.customer is None

    def test_keeps_what_is_stored_and_sent_unexpanded(self, v1, customer, pay):
        paid = pay(customer=customer.id, expand=["customer"])
        assert paid.customer.id == customer.id
        assert v1.payment_intents.retrieve(paid.id).customer == customer.id
        assert v1.events.list().data[0].data.object["customer"] == customer.id

    @pytest.mark.parametrize("path", ["amount", "nothing", "amount_details.tip"])
    def test_refuses_other_fields(self, v1, path):
        with pytest.raises(stripe.InvalidRequestError, match="cannot be expanded"):
            v1.payment_intents.create({"amount": 100, "currency": "usd", "expand": [path]})
        assert v1.payment_intents.list().data == []

    def test_goes_four_levels_deep(self, v1, customer, pay):
        pay(customer=customer.id)
        path = "data.latest_charge.payment_intent.latest_charge"
        shown = v1.payment_intents.list({"expand": [path]}).data[0]
        again = shown.latest_charge.payment_intent.latest_charge
        assert again.payment_intent == shown.id
        with pytest.raises(stripe.InvalidRequestError, match="more than 4 levels") as refusal:
            v1.payment_intents.list({"expand": [f"{path}.payment_intent"]})
        assert refusal.value.code == "property_expansion_max_depth"

    def test_takes_what_one_path_left_to_another(self, v1, subscribe, price):
        paths = ["latest_invoice.payments", "latest_invoice.payments.data.invoice"]
        made = subscribe(price(), expand=[*paths, "latest_invoice.customer"])
        invoice = made.latest_invoice
        assert invoice.payments.data[0].invoice.id == invoice.id
        assert invoice.customer.id == made.customer

    @pytest.mark.parametrize(
        ("kind", "paths"),
        [
            ("prices", ["currency_options", "tiers", "product"]),
            ("subscriptions", ["discounts", "schedule", "items.data.discounts"]),
            ("invoices", ["discounts", "lines.data.discounts", "payments"]),
        ],
    )
    def test_knows_fields_that_are_empty(self, v1, subscribe, price, kind, paths):
        made = subscribe(price())
        ids = {
            "invoices": made.latest_invoice,
            "prices": made["items"].data[0].price.id,
            "subscriptions": made.id,
        }
        shown = getattr(v1, kind).retrieve(ids[kind], {"expand": paths})
        assert shown.id == ids[kind]
        assert len(getattr(v1, kind).list({"expand": [f"data.{paths[0]}"]}).data) <= 1


class TestEvents:
    def test_filters(self, v1, customer):
        v1.customers.update(customer.id, {"name": "B"})
        v1.customers.delete(customer.id)
        some = v1.events.list({"types": ["customer.created", "customer.deleted"]})
        assert [each.type for each in some.data] == ["customer.deleted", "customer.created"]
        one = v1.events.list({"type": "customer.updated"}).data[0]
        assert v1.events.retrieve(one.id).type == "customer.updated"
        with pytest.raises(stripe.InvalidRequestError, match="only specify one"):
            v1.events.list({"type": "a", "types": ["b"]})

    def test_tell_which_request_caused_them(self, v1):
        old = {"idempotency_key": "my-key", "stripe_version": "2024-06-20"}
        made = v1.customers.create({}, old)
        event = v1.events.list().data[0]
        assert event.request.id == made.last_response.request_id
        assert event.request.idempotency_key == "my-key"
        assert event.api_version == stripe.api_version
        assert event.data.object["id"] == made.id
