"""Every test card, by token or number: saved, charged while the customer is there and while not."""

import pytest
import stripe

from payments.sandbox.cards import BY_NUMBER, CARDS, TOKEN_NUMBERS

EXPIRY = {"exp_month": 12, "exp_year": 2034, "cvc": "123"}
SUCCESSES = [
    ("pm_card_visa", "visa", "4242"),
    ("pm_card_visa_debit", "visa", "5556"),
    ("pm_card_mastercard", "mastercard", "4444"),
    ("pm_card_amex", "amex", "0005"),
    ("pm_card_discover", "discover", "1117"),
    ("pm_card_diners", "diners", "0004"),
    ("pm_card_jcb", "jcb", "0505"),
    ("pm_card_unionpay", "unionpay", "0005"),
    ("pm_card_createDispute", "visa", "0259"),
]
REFUSALS = [
    ("4000000000000002", "card_declined", "generic_decline", "Your card was declined."),
    (
        "4000000000009995",
        "card_declined",
        "insufficient_funds",
        "Your card has insufficient funds.",
    ),
    ("4000000000009987", "card_declined", "lost_card", "Your card was declined."),
    ("4000000000009979", "card_declined", "stolen_card", "Your card was declined."),
    ("4000000000000069", "expired_card", "expired_card", "Your card has expired."),
    (
        "4000000000000127",
        "incorrect_cvc",
        "incorrect_cvc",
        "Your card's security code is incorrect.",
    ),
    ("4000000000000119", "processing_error", "processing_error", "An error occurred"),
    ("4000000000006975", "card_declined", "card_velocity_exceeded", "Your card was declined"),
    ("4100000000000019", "card_declined", "fraudulent", "Your card was declined."),
    ("4111111111111111", "card_declined", "test_mode_live_card", "Your card was declined."),
    ("343434343434343", "card_declined", "test_mode_live_card", "Your card was declined."),
]


@pytest.fixture
def card(v1):
    def make(number):
        return v1.payment_methods.create({"type": "card", "card": {"number": number, **EXPIRY}})

    return make


@pytest.fixture
def on_file(v1, customer):
    """Attached without a setup, so without any authentication."""

    def attach(token):
        return v1.payment_methods.attach(token, {"customer": customer.id}).id

    return attach


class TestSuccesses:
    @pytest.mark.parametrize(("token", "brand", "last4"), SUCCESSES)
    def test_are_saved_and_charged(self, v1, customer, saved_card, pay, token, brand, last4):
        method = saved_card(token)
        paid = pay(method=method, customer=customer.id, off_session=True)
        assert paid.status == "succeeded"
        shown = v1.payment_methods.retrieve(method)
        assert (shown.card.brand, shown.card.last4, shown.customer) == (brand, last4, customer.id)

    def test_old_tokens_stand_for_the_same_cards(self, v1):
        made = v1.payment_methods.create({"type": "card", "card": {"token": "tok_mastercard"}})
        assert made.card.last4 == "4444"

    @pytest.mark.parametrize(
        ("token", "country"), [("at", "AT"), ("br", "BR"), ("gb_debit", "GB"), ("sg", "SG")]
    )
    def test_are_of_many_countries(self, v1, pay, token, country):
        paid = pay(method=f"pm_card_{token}")
        assert paid.status == "succeeded"
        assert v1.payment_methods.retrieve(paid.payment_method).card.country == country

    @pytest.mark.parametrize(
        ("token", "line1", "postal_code"),
        [
            ("avsFail", "fail", "fail"),
            ("avsLine1Fail", "fail", None),
            ("avsZipFail", None, "fail"),
            ("avsUnchecked", "unavailable", "unavailable"),
        ],
    )
    def test_may_have_failed_checks(self, v1, pay, token, line1, postal_code):
        checks = v1.payment_methods.retrieve(pay(method=f"pm_card_{token}").payment_method).card
        assert checks.checks.address_line1_check == line1
        assert checks.checks.address_postal_code_check == postal_code

    def test_may_be_risky(self, pay):
        paid = pay(method="pm_card_riskLevelElevated", expand=["latest_charge"])
        assert paid.latest_charge.outcome.risk_level == "elevated"

    def test_may_be_reported_as_fraud_later(self, v1, call, pay, event_types):
        pay()
        paid = pay(method="pm_card_createIssuerFraudRecord")
        call("POST", "/_sandbox/clock/advance", json={"seconds": 5})
        (warning,) = v1.radar.early_fraud_warnings.list().data
        assert (warning.charge, warning.actionable) == (paid.latest_charge, True)
        assert v1.radar.early_fraud_warnings.retrieve(warning.id).payment_intent == paid.id
        assert event_types()[-1] == "radar.early_fraud_warning.created"

    def test_every_token_names_a_known_card(self):
        assert set(TOKEN_NUMBERS.values()) <= BY_NUMBER.keys()
        assert len(BY_NUMBER) == len(CARDS)


class TestRefusals:
    @pytest.mark.parametrize(("number", "code", "decline_code", "message"), REFUSALS)
    def test_when_charged(self, v1, card, pay, number, code, decline_code, message):
        with pytest.raises(stripe.CardError) as refusal:
            pay(method=card(number).id, off_session=True)
        error = refusal.value.error
        assert (refusal.value.http_status, error.code) == (402, code)
        assert error.decline_code == decline_code
        assert error.message.startswith(message)
        assert error.doc_url.endswith(code.replace("_", "-"))
        intent = v1.payment_intents.retrieve(error.payment_intent.id, {"expand": ["latest_charge"]})
        assert (intent.status, intent.payment_method) == ("requires_payment_method", None)
        assert intent.last_payment_error.decline_code == decline_code
        assert intent.latest_charge.id == error.charge
        assert (intent.latest_charge.status, intent.latest_charge.failure_code) == ("failed", code)

    @pytest.mark.parametrize(("number", "code", "decline_code", "message"), REFUSALS)
    def test_when_set_up(self, v1, card, customer, number, code, decline_code, message):
        intent = v1.setup_intents.create({"customer": customer.id})
        with pytest.raises(stripe.CardError) as refusal:
            v1.setup_intents.confirm(intent.id, {"payment_method": card(number).id})
        assert (refusal.value.code, refusal.value.error.decline_code) == (code, decline_code)
        shown = refusal.value.error.setup_intent
        assert (shown.id, shown.status) == (intent.id, "requires_payment_method")
        assert shown.last_setup_error.message.startswith(message)
        assert v1.customers.payment_methods.list(customer.id).data == []

    @pytest.mark.parametrize(("number", "code", "decline_code", "message"), REFUSALS)
    def test_when_attached(self, v1, card, customer, number, code, decline_code, message):
        with pytest.raises(stripe.CardError) as refusal:
            v1.payment_methods.attach(card(number).id, {"customer": customer.id})
        assert (refusal.value.code, refusal.value.error.decline_code) == (code, decline_code)

    def test_of_0341_come_only_with_the_charge(self, customer, saved_card, pay):
        method = saved_card("pm_card_chargeCustomerFail")
        with pytest.raises(stripe.CardError) as refusal:
            pay(method=method, customer=customer.id, off_session=True)
        assert refusal.value.error.decline_code == "generic_decline"
        assert refusal.value.error.advice_code == "try_again_later"

    @pytest.mark.parametrize(
        ("entered", "code"),
        [
            ({"number": "4242424242424241"}, "incorrect_number"),
            ({"number": "42x"}, "incorrect_number"),
            ({"number": "378282246310006"}, "incorrect_number"),
            ({"exp_month": 13}, "invalid_expiry_month"),
            ({"exp_year": 1999}, "invalid_expiry_year"),
            ({"cvc": "99"}, "invalid_cvc"),
        ],
    )
    def test_of_what_was_mistyped(self, v1, entered, code):
        with pytest.raises(stripe.CardError) as refusal:
            v1.payment_methods.create(
                {"type": "card", "card": {"number": "4242424242424242", **EXPIRY, **entered}}
            )
        assert refusal.value.code == code

    def test_a_blocked_card_never_reaches_the_network(self, v1, pay):
        with pytest.raises(stripe.CardError) as refusal:
            pay(method="pm_card_radarBlock")
        charge = v1.charges.retrieve(refusal.value.error.charge)
        assert (charge.outcome.type, charge.outcome.network_status) == (
            "blocked",
            "not_sent_to_network",
        )


AUTHENTICATED = [  # token, asked when off-session without a setup, and with one
    ("pm_card_authenticationRequiredOnSetup", True, False),
    ("pm_card_authenticationRequired", True, True),
    ("pm_card_authenticationRequiredSetupForOffSession", False, False),
    ("pm_card_threeDSecure2Required", True, True),
]


class TestAuthentication:
    @pytest.mark.parametrize(("token", "asked", "_"), AUTHENTICATED)
    def test_off_session_without_a_setup(self, customer, on_file, pay, token, asked, _):
        method = on_file(token)
        if not asked:
            assert pay(method=method, customer=customer.id, off_session=True).status == "succeeded"
            return
        with pytest.raises(stripe.CardError) as refusal:
            pay(method=method, customer=customer.id, off_session=True)
        error = refusal.value.error
        assert (error.code, error.decline_code) == ("authentication_required",) * 2
        assert error.payment_intent.status == "requires_payment_method"
        assert error.payment_intent.last_payment_error.payment_method.id == method
        assert error.payment_method.id == method

    @pytest.mark.parametrize(("token", "_", "asked"), AUTHENTICATED)
    def test_off_session_after_a_setup(self, v1, call, customer, saved_card, pay, token, _, asked):
        method = saved_card(token)
        intent = v1.setup_intents.list().data[0]
        assert intent.status == "requires_action"
        page = intent.next_action.use_stripe_sdk["stripe_js"].removeprefix(call.url)
        assert call("POST", page, data={"outcome": "complete"}).status_code == 200
        assert v1.setup_intents.retrieve(intent.id).status == "succeeded"
        if asked:
            with pytest.raises(stripe.CardError) as refusal:
                pay(method=method, customer=customer.id, off_session=True)
            assert refusal.value.code == "authentication_required"
        else:
            assert pay(method=method, customer=customer.id, off_session=True).status == "succeeded"

    @pytest.mark.parametrize(("token", "_", "__"), AUTHENTICATED)
    def test_on_session(self, v1, pay, event_types, token, _, __):
        intent = pay(method=token, return_url="https://example.com/back?x=1")
        assert intent.status == "requires_action"
        assert intent.next_action.redirect_to_url.return_url == "https://example.com/back?x=1"
        assert event_types() == ["payment_intent.created", "payment_intent.requires_action"]

    def test_insufficient_funds_even_after_a_setup(self, v1, call, customer, saved_card, pay):
        method = saved_card("pm_card_authenticationRequiredChargeDeclinedInsufficientFunds")
        action = v1.setup_intents.list().data[0].next_action
        page = action.use_stripe_sdk["stripe_js"].removeprefix(call.url)
        call("POST", page, data={"outcome": "complete"})
        with pytest.raises(stripe.CardError) as refusal:
            pay(method=method, customer=customer.id, off_session=True)
        assert refusal.value.error.decline_code == "insufficient_funds"

    @pytest.mark.parametrize(
        ("token", "decline_code"),
        [
            ("pm_card_threeDSecureRequiredChargeDeclined", "generic_decline"),
            ("pm_card_authenticationRequiredChargeDeclinedInsufficientFunds", "insufficient_funds"),
        ],
    )
    def test_passed_but_then_declined(self, v1, call, pay, token, decline_code):
        intent = pay(method=token)
        page = intent.next_action.use_stripe_sdk["stripe_js"].removeprefix(call.url)
        assert "Authentication failed" in call("POST", page, data={"outcome": "complete"}).text
        intent = v1.payment_intents.retrieve(intent.id)
        assert intent.last_payment_error.decline_code == decline_code

    def test_a_lookup_that_fails_hurts_only_on_request(self, v1, pay, customer):
        token = "pm_card_threeDSecureOptionalProcessingError"
        assert pay(method=token).status == "succeeded"
        asked = {"card": {"request_three_d_secure": "any"}}
        with pytest.raises(stripe.CardError, match="declined"):
            pay(method=token, payment_method_options=asked)
        with pytest.raises(stripe.CardError, match="declined"):
            v1.setup_intents.create(
                {"payment_method": token, "confirm": True, "payment_method_options": asked}
            )

    def test_optional_3ds_happens_only_on_request(self, pay):
        assert pay(method="pm_card_threeDSecureOptional").status == "succeeded"
        asked = pay(
            method="pm_card_threeDSecureOptional",
            payment_method_options={"card": {"request_three_d_secure": "any"}},
        )
        assert asked.status == "requires_action"

    def test_can_be_turned_into_an_error(self, pay):
        with pytest.raises(stripe.CardError) as refusal:
            pay(method="pm_card_authenticationRequired", error_on_requires_action=True)
        assert refusal.value.code == "authentication_required"
