"""Customers, as the platform keeps one for each workspace."""

import pytest
import stripe


class TestCreate:
    def test_returns_what_was_given(self, v1):
        made = v1.customers.create(
            {"email": "a@example.com", "name": "A", "metadata": {"workspace": "7"}}
        )
        assert made.id.startswith("cus_")
        assert (made.email, made.name, made.metadata["workspace"]) == ("a@example.com", "A", "7")
        assert made.livemode is False
        assert made.invoice_settings.default_payment_method is None

    def test_attaches_a_payment_method(self, v1, event_types):
        made = v1.customers.create({"payment_method": "pm_card_visa"})
        assert len(v1.customers.payment_methods.list(made.id).data) == 1
        assert event_types() == ["payment_method.attached", "customer.created"]

    def test_makes_the_method_it_attaches_the_default(self, v1, customer):
        settings = {"default_payment_method": "pm_card_visa"}
        made = v1.customers.create({"payment_method": "pm_card_visa", "invoice_settings": settings})
        (method,) = v1.customers.payment_methods.list(made.id).data
        assert made.invoice_settings.default_payment_method == method.id
        with pytest.raises(stripe.InvalidRequestError, match="No such PaymentMethod"):
            v1.customers.create({"invoice_settings": settings})

    def test_takes_a_token_as_source(self, v1):
        made = v1.customers.create({"source": "tok_visa"})
        assert made.default_source.startswith("card_")
        v1.invoice_items.create({"customer": made.id, "amount": 500, "currency": "usd"})
        invoice = v1.invoices.create(
            {"customer": made.id, "pending_invoice_items_behavior": "include"}
        )
        assert v1.invoices.pay(invoice.id).status == "paid"
        v1.payment_methods.detach(made.default_source)
        assert v1.customers.retrieve(made.id).default_source is None

    def test_leaves_nothing_behind_when_the_card_is_refused(self, v1, event_types):
        with pytest.raises(stripe.CardError):
            v1.customers.create({"payment_method": "pm_card_visa_chargeDeclined"})
        assert v1.customers.list().data == []
        assert event_types() == []

    @pytest.mark.parametrize("email", ["nobody", "a@b", "a b@example.com"])
    def test_refuses_an_email_that_is_none(self, v1, email):
        with pytest.raises(stripe.InvalidRequestError) as refusal:
            v1.customers.create({"email": email})
        assert refusal.value.code == "email_invalid"


class TestUpdate:
    def test_merges_metadata_and_removes_emptied_keys(self, v1, customer):
        v1.customers.update(customer.id, {"metadata": {"a": "1", "b": "2"}})
        changed = v1.customers.update(customer.id, {"metadata": {"a": "", "c": "3"}})
        assert changed.metadata.to_dict() == {"b": "2", "c": "3"}
        assert v1.customers.update(customer.id, {"metadata": ""}).metadata.to_dict() == {}

    def test_unsets_with_an_empty_value(self, v1, customer):
        assert v1.customers.update(customer.id, {"name": ""}).name is None

    def test_tells_what_was_before(self, v1, customer):
        v1.customers.update(customer.id, {"name": "B"})
        event = v1.events.list({"type": "customer.updated"}).data[0]
        assert event.data.previous_attributes["name"] == "Workspace 1"
        assert event.data.object["name"] == "B"

    def test_stays_silent_when_nothing_changed(self, v1, customer, event_types):
        v1.customers.update(customer.id, {"name": "Workspace 1"})
        assert event_types() == ["customer.created"]

    def test_makes_an_attached_method_the_default(self, v1, customer, saved_card):
        settings = {"default_payment_method": saved_card()}
        changed = v1.customers.update(
            customer.id,
            {
                "invoice_settings": settings,
                "expand": ["invoice_settings.default_payment_method"],
            },
        )
        assert changed.invoice_settings.default_payment_method.card.last4 == "4242"

    def test_refuses_a_default_of_somebody_else(self, v1, customer):
        method = v1.payment_methods.create({"type": "card", "card": {"token": "tok_visa"}})
        with pytest.raises(stripe.InvalidRequestError, match="must be attached to the customer"):
            v1.customers.update(
                customer.id, {"invoice_settings": {"default_payment_method": method.id}}
            )

    @pytest.mark.parametrize(
        "metadata",
        [{"k" * 41: "v"}, {"k": "v" * 501}, {f"k{number}": "v" for number in range(51)}],
    )
    def test_keeps_to_the_limits_of_metadata(self, v1, customer, metadata):
        with pytest.raises(stripe.InvalidRequestError):
            v1.customers.update(customer.id, {"metadata": metadata})


class TestDelete:
    def test_can_still_be_read_but_not_used(self, v1, customer, saved_card):
        method = saved_card()
        assert v1.customers.delete(customer.id).deleted is True
        assert v1.customers.retrieve(customer.id).deleted is True
        assert v1.customers.list().data == []
        assert v1.payment_methods.retrieve(method).customer is None
        for attempt in (
            lambda: v1.customers.update(customer.id, {"name": "x"}),
            lambda: v1.setup_intents.create({"customer": customer.id}),
        ):
            with pytest.raises(stripe.InvalidRequestError) as refusal:
                attempt()
            assert refusal.value.code == "resource_missing"

    def test_nothing_new_can_name_it(self, v1, customer, saved_card, event_types):
        method = saved_card()
        v1.customers.delete(customer.id)
        assert "customer.deleted" in event_types()
        payment = {"amount": 999, "currency": "usd", "customer": customer.id}
        for attempt in (
            lambda: v1.setup_intents.create({"customer": customer.id}),
            lambda: v1.payment_intents.create(payment),
            lambda: v1.payment_methods.attach("pm_card_visa", {"customer": customer.id}),
        ):
            with pytest.raises(stripe.InvalidRequestError, match="No such customer") as refusal:
                attempt()
            assert (refusal.value.http_status, refusal.value.param) == (400, "customer")
            assert refusal.value.code == "resource_missing"
        with pytest.raises(stripe.InvalidRequestError, match="may not be used again"):
            v1.payment_intents.create(
                {"amount": 999, "currency": "usd", "payment_method": method, "confirm": True}
            )

    def test_an_intent_made_before_cannot_be_confirmed(self, v1, customer, saved_card):
        intent = v1.payment_intents.create(
            {
                "amount": 999,
                "currency": "usd",
                "customer": customer.id,
                "payment_method": saved_card(),
            }
        )
        v1.customers.delete(customer.id)
        with pytest.raises(stripe.InvalidRequestError):
            v1.payment_intents.confirm(intent.id, {"off_session": True})
        assert v1.charges.list().data == []
        assert v1.payment_intents.cancel(intent.id).status == "canceled"


def test_fields_that_only_expansion_shows(v1):
    made = v1.customers.create({"expand": ["tax", "invoice_credit_balance"]})
    assert made.tax.automatic_tax == "unrecognized_location"
    assert made.invoice_credit_balance.to_dict() == {}
    assert "tax" not in v1.customers.retrieve(made.id).to_dict()


class TestPaymentMethodsOfOne:
    def test_lists_only_its_own(self, v1, customer, saved_card):
        mine = saved_card()
        v1.customers.create({"payment_method": "pm_card_mastercard"})
        listed = v1.customers.payment_methods.list(customer.id, {"type": "card"})
        assert [method.id for method in listed.data] == [mine]
        assert v1.customers.payment_methods.retrieve(customer.id, mine).id == mine

    def test_does_not_show_those_of_others(self, v1, customer):
        stranger = v1.customers.create({"payment_method": "pm_card_visa"})
        method = v1.customers.payment_methods.list(stranger.id).data[0]
        with pytest.raises(stripe.InvalidRequestError) as refusal:
            v1.customers.payment_methods.retrieve(customer.id, method.id)
        assert refusal.value.http_status == 404


def test_list_finds_by_email(v1, customer):
    v1.customers.create({"email": "noise@example.com"})
    found = v1.customers.list({"email": "workspace-1@gateways.app"})
    assert [each.id for each in found.data] == [customer.id]
