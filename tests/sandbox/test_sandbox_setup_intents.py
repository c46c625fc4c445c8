"""Saving a card: what the platform's server and the member's browser do together."""

import pytest
import stripe


class TestSetup:
    def test_starts_without_a_method(self, v1, customer):
        intent = v1.setup_intents.create(
            {"customer": customer.id, "usage": "off_session", "metadata": {"workspaceId": "1"}}
        )
        assert intent.client_secret.startswith(f"{intent.id}_secret_")
        assert (intent.status, intent.usage) == ("requires_payment_method", "off_session")
        assert intent.payment_method_types[0] == "card"
        assert {"link", "us_bank_account"} < set(intent.payment_method_types)
        assert intent.metadata["workspaceId"] == "1"

    def test_is_confirmed_by_the_browser(self, v1, browser, customer, event_types):
        intent = v1.setup_intents.create({"customer": customer.id})
        answer = browser(
            "POST",
            f"/v1/setup_intents/{intent.id}/confirm",
            data={
                "client_secret": intent.client_secret,
                "payment_method_data[type]": "card",
                "payment_method_data[card][number]": "4242 4242 4242 4242",
                "payment_method_data[card][exp_month]": "12",
                "payment_method_data[card][exp_year]": "34",
                "payment_method_data[card][cvc]": "123",
                "payment_method_data[billing_details][name]": "Jo",
                "payment_method_data[billing_details][address][postal_code]": "10115",
            },
        )
        assert answer.status_code == 200
        assert answer.json()["status"] == "succeeded"
        assert "customer" not in answer.json()
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        method = v1.payment_methods.retrieve(answer.json()["payment_method"])
        assert (method.customer, method.card.exp_year) == (customer.id, 2034)
        assert method.card.checks.cvc_check == "pass"
        assert method.billing_details.address.postal_code == "10115"
        assert event_types() == [
            "customer.created",
            "setup_intent.created",
            "payment_method.attached",
            "setup_intent.succeeded",
        ]

    def test_takes_the_key_as_a_parameter_too(self, v1, http, sandbox, suffix, customer):
        intent = v1.setup_intents.create({"customer": customer.id})
        answer = http.post(
            f"{sandbox.url}/v1/setup_intents/{intent.id}/confirm",
            data={
                "key": f"pk_test_{suffix}",
                "client_secret": intent.client_secret,
                "payment_method": "pm_card_visa",
            },
            timeout=5,
        )
        assert answer.json()["status"] == "succeeded"

    def test_without_a_customer_only_verifies(self, v1):
        intent = v1.setup_intents.create({"payment_method": "pm_card_visa", "confirm": True})
        assert intent.status == "succeeded"
        assert v1.payment_methods.retrieve(intent.payment_method).customer is None

    def test_can_be_tried_again_with_another_card(self, v1, customer):
        intent = v1.setup_intents.create({"customer": customer.id})
        with pytest.raises(stripe.CardError):
            v1.setup_intents.confirm(intent.id, {"payment_method": "pm_card_visa_chargeDeclined"})
        again = v1.setup_intents.confirm(intent.id, {"payment_method": "pm_card_visa"})
        assert (again.status, again.last_setup_error) == ("succeeded", None)

    def test_emits_setup_failed(self, v1, event_types):
        with pytest.raises(stripe.CardError):
            v1.setup_intents.create(
                {"payment_method": "pm_card_visa_chargeDeclined", "confirm": True}
            )
        assert event_types() == ["setup_intent.created", "setup_intent.setup_failed"]

    def test_optional_3ds_happens_only_on_request(self, v1):
        options = {"card": {"request_three_d_secure": "challenge"}}
        intent = v1.setup_intents.create(
            {
                "payment_method": "pm_card_threeDSecureOptional",
                "payment_method_options": options,
                "confirm": True,
            }
        )
        assert intent.status == "requires_action"


class TestBrowser:
    def test_needs_the_client_secret(self, v1, browser):
        intent = v1.setup_intents.create()
        answer = browser("GET", f"/v1/setup_intents/{intent.id}")
        assert answer.json()["error"]["code"] == "parameter_missing"

    def test_needs_the_right_client_secret(self, v1, browser):
        intent = v1.setup_intents.create()
        wrong = {"client_secret": f"{intent.id}_secret_wrong"}
        answer = browser("POST", f"/v1/setup_intents/{intent.id}/confirm", data=wrong)
        assert answer.json()["error"]["code"] == "setup_intent_invalid_parameter"

    def test_sees_its_own_intent(self, v1, browser):
        intent = v1.setup_intents.create()
        answer = browser(
            "GET", f"/v1/setup_intents/{intent.id}?client_secret={intent.client_secret}"
        )
        assert answer.json()["id"] == intent.id

    @pytest.mark.parametrize(
        ("method", "path"), [("POST", "/v1/setup_intents"), ("GET", "/v1/customers")]
    )
    def test_may_do_nothing_else(self, browser, method, path):
        answer = browser(method, path)
        assert (answer.status_code, answer.json()["error"]["code"]) == (401, "secret_key_required")

    def test_may_ask_from_any_page(self, browser):
        answer = browser("OPTIONS", "/v1/setup_intents/seti_1/confirm")
        assert (answer.status_code, answer.headers["Access-Control-Allow-Headers"]) == (204, "*")


class TestUpdate:
    def test_sets_customer_and_method(self, v1, customer):
        intent = v1.setup_intents.create()
        changed = v1.setup_intents.update(
            intent.id,
            {
                "customer": customer.id,
                "payment_method": "pm_card_visa",
                "description": "d",
                "metadata": {"a": "1"},
            },
        )
        assert (changed.status, changed.description) == ("requires_confirmation", "d")
        assert v1.setup_intents.confirm(intent.id).status == "succeeded"

    def test_only_of_metadata_once_it_is_done(self, v1):
        intent = v1.setup_intents.create({"payment_method": "pm_card_visa", "confirm": True})
        assert v1.setup_intents.update(intent.id, {"metadata": {"a": "1"}}).metadata["a"] == "1"
        with pytest.raises(stripe.InvalidRequestError) as refusal:
            v1.setup_intents.update(intent.id, {"description": "late"})
        assert refusal.value.code == "setup_intent_unexpected_state"


class TestCancel:
    def test_ends_it(self, v1, event_types):
        intent = v1.setup_intents.create()
        ended = v1.setup_intents.cancel(intent.id, {"cancellation_reason": "abandoned"})
        assert (ended.status, ended.cancellation_reason) == ("canceled", "abandoned")
        assert event_types()[-1] == "setup_intent.canceled"

    @pytest.mark.parametrize("step", ["cancel", "confirm"])
    def test_of_a_finished_one_is_refused(self, v1, step):
        intent = v1.setup_intents.create({"payment_method": "pm_card_visa", "confirm": True})
        with pytest.raises(stripe.InvalidRequestError) as refusal:
            getattr(v1.setup_intents, step)(intent.id)
        assert refusal.value.code == "setup_intent_unexpected_state"
        assert refusal.value.error.setup_intent.id == intent.id


class TestRefusals:
    def test_confirm_without_a_method(self, v1):
        intent = v1.setup_intents.create()
        with pytest.raises(stripe.InvalidRequestError, match="missing a payment method"):
            v1.setup_intents.confirm(intent.id)

    def test_a_method_of_another_customer(self, v1, customer, saved_card):
        method = saved_card()
        other = v1.customers.create()
        with pytest.raises(stripe.InvalidRequestError, match="does not have a payment method"):
            v1.setup_intents.create({"customer": other.id, "payment_method": method})

    def test_a_return_url_before_its_time(self, v1):
        with pytest.raises(stripe.InvalidRequestError, match="without also setting `confirm`"):
            v1.setup_intents.create({"return_url": "https://example.com"})

    def test_types_that_leave_nothing(self, v1):
        for kind in ("pix", "wechat_pay"):  # not turned on; cannot be saved
            with pytest.raises(stripe.InvalidRequestError, match="No valid payment method types"):
                v1.setup_intents.create({"allowed_payment_method_types": [kind]})


def test_list_filters(v1, customer, saved_card):
    method = saved_card()
    v1.setup_intents.create()
    for filters in ({"customer": customer.id}, {"payment_method": method}):
        assert len(v1.setup_intents.list(filters).data) == 1


class TestMethodTypes:
    """Writable until 2026-09-30, read-only since."""

    def test_are_refused_by_the_present_version(self, v1):
        with pytest.raises(stripe.InvalidRequestError) as refusal:
            v1.setup_intents.create({"payment_method_types": ["card"]})
        assert refusal.value.code == "payment_method_types_no_longer_supported"

    def test_are_accepted_by_older_ones(self, v1):
        old = {"stripe_version": "2025-03-31.basil"}
        made = v1.setup_intents.create({"payment_method_types": ["card"]}, old)
        assert made.payment_method_types == ["card"]
        with pytest.raises(stripe.InvalidRequestError, match='"pix" is invalid'):
            v1.setup_intents.create({"payment_method_types": ["pix"]}, old)
