"""Payment methods: made, attached, changed, detached."""

import pytest
import stripe


@pytest.fixture
def loose(v1):
    return v1.payment_methods.create(
        {
            "type": "card",
            "card": {"number": "5555555555554444", "exp_month": 8, "exp_year": 2031},
            "billing_details": {"name": "Jo", "email": "jo@example.com"},
            "metadata": {"a": "1"},
        }
    )


class TestCreate:
    def test_shows_the_card_without_its_number(self, loose):
        assert (loose.card.brand, loose.card.last4) == ("mastercard", "4444")
        assert (loose.card.exp_month, loose.card.exp_year) == (8, 2031)
        assert loose.billing_details.name == "Jo"
        assert "5555555555554444" not in str(loose)

    def test_by_the_browser(self, browser):
        answer = browser(
            "POST", "/v1/payment_methods", data={"type": "card", "card[token]": "tok_visa"}
        )
        assert answer.json()["card"]["last4"] == "4242"

    @pytest.mark.parametrize(
        ("params", "named"),
        [
            ({"card": {"token": "tok_visa"}}, "type"),
            ({"type": "card"}, "card"),
            ({"type": "card", "card": {"exp_month": 1}}, r"card\[number\]"),
        ],
    )
    def test_needs_type_and_card(self, v1, params, named):
        with pytest.raises(stripe.InvalidRequestError, match=f"Missing required param: {named}"):
            v1.payment_methods.create(params)

    def test_refuses_unknown_tokens_and_kinds(self, v1):
        with pytest.raises(stripe.InvalidRequestError, match="No such token"):
            v1.payment_methods.create({"type": "card", "card": {"token": "tok_none"}})
        with pytest.raises(stripe.InvalidRequestError, match="Invalid type: must be one of card, "):
            v1.payment_methods.create({"type": "barter"})

    @pytest.mark.parametrize(
        ("token", "check"),
        [
            ("pm_card_cvcCheckFail", "cvc_check"),
            ("pm_card_avsZipFail", "address_postal_code_check"),
            ("pm_card_avsLine1Fail", "address_line1_check"),
        ],
    )
    def test_marks_failed_checks(self, v1, saved_card, token, check):
        method = v1.payment_methods.retrieve(saved_card(token))
        assert getattr(method.card.checks, check) == "fail"


class TestAttach:
    def test_puts_it_on_the_customer(self, v1, customer, loose, event_types):
        attached = v1.payment_methods.attach(
            loose.id, {"customer": customer.id, "expand": ["customer"]}
        )
        assert attached.customer.id == customer.id
        assert event_types()[-1] == "payment_method.attached"

    def test_only_once(self, v1, customer, loose):
        v1.payment_methods.attach(loose.id, {"customer": customer.id})
        other = v1.customers.create()
        for owner in (customer.id, other.id):
            with pytest.raises(stripe.InvalidRequestError, match="already been attached"):
                v1.payment_methods.attach(loose.id, {"customer": owner})

    def test_to_nobody(self, v1, loose):
        with pytest.raises(stripe.InvalidRequestError) as refusal:
            v1.payment_methods.attach(loose.id, {"customer": "cus_none"})
        assert (refusal.value.code, refusal.value.param) == ("resource_missing", "customer")


class TestDetach:
    def test_takes_it_off_and_from_the_defaults(self, v1, customer, saved_card):
        method = saved_card()
        settings = {"invoice_settings": {"default_payment_method": method}}
        v1.customers.update(customer.id, settings)
        assert v1.payment_methods.detach(method).customer is None
        event = v1.events.list({"type": "payment_method.detached"}).data[0]
        assert event.data.previous_attributes["customer"] == customer.id
        changed = v1.customers.retrieve(customer.id)
        assert changed.invoice_settings.default_payment_method is None

    def test_twice_is_refused(self, v1, saved_card):
        method = saved_card()
        v1.payment_methods.detach(method)
        with pytest.raises(stripe.InvalidRequestError, match="not attached to a customer"):
            v1.payment_methods.detach(method)


class TestUpdate:
    def test_changes_details(self, v1, saved_card):
        changed = v1.payment_methods.update(
            saved_card(),
            {
                "billing_details": {"name": "New", "address": {"postal_code": "1"}},
                "card": {"exp_month": 1, "exp_year": 2033},
                "metadata": {"b": "2"},
                "allow_redisplay": "always",
            },
        )
        assert (changed.billing_details.name, changed.card.exp_year) == ("New", 2033)
        assert changed.billing_details.address.postal_code == "1"
        assert (changed.metadata["b"], changed.allow_redisplay) == ("2", "always")
        event = v1.events.list({"type": "payment_method.updated"}).data[0]
        assert event.data.previous_attributes["billing_details"]["name"] is None

    def test_needs_a_customer(self, v1, loose):
        with pytest.raises(stripe.InvalidRequestError, match="save this PaymentMethod"):
            v1.payment_methods.update(loose.id, {"metadata": {"a": "1"}})


class TestRead:
    def test_a_token_stands_for_a_new_card_each_time(self, v1):
        first, second = (v1.payment_methods.retrieve("pm_card_visa") for _ in range(2))
        assert first.id != second.id
        assert v1.payment_methods.retrieve(first.id).card.last4 == "4242"

    def test_list_of_a_customer(self, v1, customer, saved_card, loose):
        mine = saved_card()
        listed = v1.payment_methods.list({"customer": customer.id, "type": "card"})
        assert [each.id for each in listed.data] == [mine]
        assert len(v1.payment_methods.list().data) == 2


class TestAsRecorded:
    """What the real Stripe has been seen to answer."""

    def test_attaching_an_unknown_one_names_the_parameter(self, v1, customer):
        with pytest.raises(stripe.InvalidRequestError) as refusal:
            v1.payment_methods.attach("pm_unheard", {"customer": customer.id})
        assert (refusal.value.http_status, refusal.value.param) == (404, "payment_method")

    def test_attaching_a_declined_one_names_no_parameter(self, v1, customer):
        with pytest.raises(stripe.CardError) as refusal:
            v1.payment_methods.attach("pm_card_chargeDeclined", {"customer": customer.id})
        assert refusal.value.param == ""

    def test_display_brand_is_written_out(self, v1):
        card = v1.payment_methods.retrieve("pm_card_amex").card
        assert (card.brand, card.display_brand) == ("amex", "american_express")
        assert card.three_d_secure_usage.supported is True


@pytest.mark.parametrize(
    ("version", "method"), [("2023-10-16", "automatic"), ("2024-04-10", "automatic_async")]
)
def test_default_capture_method_follows_the_version(call, version, method):
    body = {"amount": 999, "currency": "usd"}
    headers = {"Stripe-Version": version}
    answer = call("POST", "/v1/payment_intents", data=body, headers=headers)
    assert answer.json()["capture_method"] == method
