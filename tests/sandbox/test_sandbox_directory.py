"""Lists that clients ask for at start, and the small resources behind them."""

import pytest
import stripe


class TestPlans:
    def test_are_prices_with_an_id_of_ones_own(self, v1, other):
        made = v1.plans.create(
            {
                "amount": 2500,
                "currency": "usd",
                "id": "small-monthly",
                "interval": "month",
                "product": {"name": "Small"},
            }
        )
        assert (made.id, made.amount, made.usage_type) == ("small-monthly", 2500, "licensed")
        assert v1.prices.retrieve("small-monthly").unit_amount == 2500
        assert v1.plans.update("small-monthly", {"nickname": "S"}).nickname == "S"
        assert [each.id for each in v1.plans.list().data] == ["small-monthly"]
        assert other.plans.list().data == []
        with pytest.raises(stripe.InvalidRequestError, match="already exists"):
            v1.plans.create(
                {"currency": "usd", "id": "small-monthly", "interval": "day", "product": "x"}
            )
        assert v1.plans.delete("small-monthly").deleted is True
        with pytest.raises(stripe.InvalidRequestError, match="No such plan"):
            v1.plans.retrieve("small-monthly")

    def test_can_be_subscribed_to_by_their_old_name(self, v1, subscriber, price):
        made = v1.subscriptions.create(
            {"customer": subscriber.id, "items": [{"plan": price(), "quantity": 2}]}
        )
        assert made["items"].data[0].quantity == 2


class TestTaxes:
    def test_ids_belong_to_customers_or_the_account(self, v1, customer, other):
        mine = v1.customers.tax_ids.create(customer.id, {"type": "eu_vat", "value": "DE123456789"})
        assert (mine.country, mine.owner.type) == ("DE", "customer")
        own = v1.tax_ids.create({"type": "gb_vat", "value": "GB123456789"})
        assert (own.owner.type, own.customer) == ("self", None)
        assert [each.id for each in v1.customers.tax_ids.list(customer.id).data] == [mine.id]
        assert [each.id for each in v1.tax_ids.list().data] == [own.id]
        assert other.tax_ids.list().data == []
        shown = v1.customers.retrieve(customer.id, {"expand": ["tax_ids"]})
        assert shown.tax_ids.data[0].id == mine.id
        assert v1.customers.tax_ids.delete(customer.id, mine.id).deleted is True
        with pytest.raises(stripe.InvalidRequestError, match="No such tax_id"):
            v1.customers.tax_ids.retrieve(customer.id, own.id)

    def test_rates_are_kept(self, v1):
        made = v1.tax_rates.create({"display_name": "VAT", "inclusive": False, "percentage": "7.5"})
        assert (made.percentage, made.active) == (7.5, True)
        assert v1.tax_rates.update(made.id, {"active": False}).active is False
        assert v1.tax_rates.list({"active": True}).data == []


class TestBalance:
    def test_movements_are_listed(self, v1, pay, other):
        paid = pay(1000)
        movement = v1.balance_transactions.list().data[0]
        assert (movement.type, movement.source) == ("charge", paid.latest_charge)
        assert (
            v1.balance_transactions.list({"source": paid.latest_charge}).data[0].id == movement.id
        )
        assert v1.balance_transactions.list({"type": "refund"}).data == []
        assert other.balance_transactions.list().data == []

    def test_can_be_paid_out(self, v1, pay, control, event_types):
        with pytest.raises(stripe.InvalidRequestError, match="insufficient funds"):
            v1.payouts.create({"amount": 500, "currency": "usd"})
        pay(1000)
        control("POST", "clock/advance", {"seconds": 2 * 86400})
        made = v1.payouts.create({"amount": 500, "currency": "usd"})
        gone = v1.payouts.create({"amount": 100, "currency": "usd"})
        assert v1.payouts.cancel(gone.id).status == "canceled"
        control("POST", "clock/advance", {"seconds": 3 * 86400})
        assert v1.payouts.retrieve(made.id).status == "paid"
        assert event_types()[-1] == "payout.paid"
        assert [each.id for each in v1.payouts.list({"status": "paid"}).data] == [made.id]
        assert v1.balance_transactions.list({"payout": made.id}).data[0].amount == -500


class TestAccounts:
    def test_show_themselves_and_no_connected_ones(self, v1, other, customer):
        own = v1.accounts.retrieve_current()
        assert v1.accounts.retrieve(own.id).business_profile.support_email is None
        assert v1.accounts.list().data == []
        with pytest.raises(stripe.PermissionError):
            other.accounts.retrieve(own.id)


class TestNothing:
    """What is not played is an empty list to whoever copies everything."""

    @pytest.mark.parametrize(
        "path", ["application_fees", "files", "issuing/cards", "reviews", "shipping_rates"]
    )
    def test_is_listed(self, call, path):
        answer = call("GET", f"/v1/{path}", params={"limit": 3})
        assert (answer.status_code, answer.json()["data"]) == (200, [])
        assert call("POST", f"/v1/{path}", data={}).status_code == 404

    def test_is_what_customers_are_entitled_to(self, v1, customer, other):
        made = v1.entitlements.features.create({"lookup_key": "seats", "name": "Seats"})
        assert [each.id for each in v1.entitlements.features.list().data] == [made.id]
        assert other.entitlements.features.list().data == []
        assert v1.entitlements.active_entitlements.list({"customer": customer.id}).data == []
        with pytest.raises(stripe.InvalidRequestError, match="exists already"):
            v1.entitlements.features.create({"lookup_key": "seats", "name": "Seats"})


class TestSearch:
    @pytest.fixture(autouse=True)
    def indexed(self, v1, control, subscribe, price, customer, pay):
        made = subscribe(price(1234, lookup_key="gold"), metadata={"seat": "7"})
        v1.customers.update(customer.id, {"phone": "+49 30 123"})
        pay(777, customer=customer.id)
        control("POST", "clock/advance", {"seconds": 61})
        return made

    @pytest.mark.parametrize(
        ("kind", "query"),
        [
            ("customers", 'email:"WORKSPACE-1@gateways.app"'),
            ("customers", 'name~"workspace"'),
            ("charges", "amount:777 AND status:'succeeded' AND refunded:'false'"),
            ("charges", "payment_method_details.card.last4:'4242' AND amount<1000"),
            ("invoices", "total>1000 AND status:'paid'"),
            ("payment_intents", "amount:777"),
            ("prices", "lookup_key:'gold'"),
            ("products", "name:'plan 1234' AND active:'true'"),
            ("subscriptions", "metadata['seat']:'7'"),
        ],
    )
    def test_finds_every_searchable_resource(self, v1, other, kind, query):
        found = getattr(v1, kind).search({"query": query, "expand": ["total_count"]})
        assert (len(found.data), found.total_count, found.has_more) == (1, 1, False)
        assert getattr(other, kind).search({"query": query}).data == []

    def test_knows_the_fields_of_each(self, v1):
        with pytest.raises(stripe.InvalidRequestError, match="cannot be searched"):
            v1.products.search({"query": "email:'a'"})
