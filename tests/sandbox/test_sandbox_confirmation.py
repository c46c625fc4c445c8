"""A PaymentIntent that is created first and confirmed by a request of its own, off session."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import stripe

FAILING, ASKING = "pm_card_chargeCustomerFail", "pm_card_authenticationRequired"


@pytest.fixture
def make_intent(
    v1: Any, customer: Any, saved_card: Callable[[str], str], call: Any
) -> Callable[..., Any]:
    """Create one, unconfirmed, as a server does that will confirm it in a moment."""

    def make(token: str = "pm_card_visa", **params: Any) -> Any:
        method = v1.payment_methods.attach(token, {"customer": customer.id})
        body = {
            "amount": 999,
            "currency": "usd",
            "customer": customer.id,
            "payment_method": method.id,
            "allowed_payment_method_types": ["card"],
            "metadata": {"charge": "c1"},
        }
        return v1.payment_intents.create({**body, **params})

    return make


def confirm(v1: Any, intent: Any, key: str = "k", **params: Any) -> Any:
    options = {"idempotency_key": key}
    return v1.payment_intents.confirm(intent.id, {"off_session": True, **params}, options)


def refused(v1: Any, intent: Any, key: str = "k", **params: Any) -> Any:
    with pytest.raises(stripe.StripeError) as refusal:
        confirm(v1, intent, key, **params)
    return refusal.value


class TestCreation:
    def test_with_a_method_awaits_confirmation(self, v1, make_intent, event_types):
        intent = make_intent()
        assert (intent.status, intent.latest_charge) == ("requires_confirmation", None)
        assert intent.metadata["charge"] == "c1"
        assert event_types()[-1] == "payment_intent.created"
        assert v1.charges.list().data == []

    def test_without_a_method_awaits_one(self, v1):
        intent = v1.payment_intents.create({"amount": 999, "currency": "usd"})
        assert intent.status == "requires_payment_method"

    @pytest.mark.parametrize("name", ["off_session", "error_on_requires_action"])
    def test_refuses_what_belongs_to_confirmation(self, v1, make_intent, name):
        with pytest.raises(stripe.InvalidRequestError) as refusal:
            make_intent(**{name: True})
        assert refusal.value.param == name
        assert v1.payment_intents.list().data == []

    def test_shows_the_types_it_was_given(self, v1, make_intent):
        assert make_intent().allowed_payment_method_types == ["card"]
        plain = v1.payment_intents.create({"amount": 999, "currency": "usd"})
        assert plain.allowed_payment_method_types is None
        assert plain.excluded_payment_method_types is None

    def test_is_listed_under_its_customer(self, v1, make_intent, customer):
        intent = make_intent()
        v1.payment_intents.create({"amount": 999, "currency": "usd"})
        listed = v1.payment_intents.list({"customer": customer.id}).data
        assert [each.id for each in listed] == [intent.id]


class TestConfirmation:
    def test_takes_the_money_once(self, v1, make_intent, event_types):
        intent = make_intent()
        paid = confirm(v1, intent)
        assert (paid.status, paid.amount_received) == ("succeeded", 999)
        assert event_types()[-2:] == ["charge.succeeded", "payment_intent.succeeded"]
        again = confirm(v1, intent)
        assert again.last_response.headers["Idempotent-Replayed"] == "true"
        assert len(v1.charges.list().data) == 1

    def test_with_another_key_is_refused_with_the_intent_that_succeeded(self, v1, make_intent):
        intent = make_intent()
        paid = confirm(v1, intent)
        error = refused(v1, intent, "k2")
        assert (error.http_status, error.code) == (400, "payment_intent_unexpected_state")
        assert error.error.payment_intent.to_dict() == paid.to_dict()
        assert len(v1.charges.list().data) == 1

    @pytest.mark.parametrize("params", [{}, {"payment_method": "pm_card_visa"}])
    def test_of_a_canceled_one_is_refused_with_the_intent(self, v1, make_intent, params):
        intent = make_intent()
        v1.payment_intents.cancel(intent.id)
        error = refused(v1, intent, **params)
        assert (error.http_status, error.code) == (400, "payment_intent_unexpected_state")
        assert error.error.payment_intent.status == "canceled"
        assert "status of canceled" in str(error)

    def test_of_one_that_is_processing_is_refused(self, v1, make_intent):
        intent = make_intent("pm_card_sandbox_processing")
        assert confirm(v1, intent).status == "processing"
        error = refused(v1, intent, "k2")
        assert error.code == "payment_intent_unexpected_state"
        assert error.error.payment_intent.status == "processing"

    def test_declined_takes_the_method_off(self, v1, make_intent, event_types):
        intent = make_intent(FAILING)
        error = refused(v1, intent)
        assert (error.http_status, error.code) == (402, "card_declined")
        assert error.error.decline_code == "generic_decline"
        now = v1.payment_intents.retrieve(intent.id)
        assert error.error.payment_intent.to_dict() == now.to_dict()
        assert (now.status, now.payment_method) == ("requires_payment_method", None)
        assert now.last_payment_error.charge == now.latest_charge
        assert now.last_payment_error.payment_method.id == intent.payment_method
        assert event_types()[-2:] == ["charge.failed", "payment_intent.payment_failed"]

    def test_after_a_decline_needs_a_method(self, v1, make_intent, customer, saved_card):
        intent = make_intent(FAILING)
        refused(v1, intent)
        error = refused(v1, intent, "k2")
        assert (error.http_status, error.code) == (400, "payment_intent_unexpected_state")
        assert "missing a payment method" in str(error)
        assert customer.id in str(error)
        paid = confirm(v1, intent, "k3", payment_method=saved_card("pm_card_visa"))
        assert (paid.status, paid.last_payment_error) == ("succeeded", None)

    def test_that_needs_its_holder_is_refused_off_session(self, v1, make_intent):
        intent = make_intent(ASKING)
        error = refused(v1, intent)
        assert (error.http_status, error.code) == (402, "authentication_required")
        assert error.error.decline_code == "authentication_required"
        shown = error.error.payment_intent
        assert (shown.status, shown.next_action) == ("requires_payment_method", None)
        assert shown.last_payment_error.code == "authentication_required"
        assert shown.last_payment_error.payment_method.id == intent.payment_method

    def test_with_a_card_that_is_detached_by_now_is_refused(self, v1, make_intent):
        intent = make_intent()
        v1.payment_methods.detach(intent.payment_method)
        error = refused(v1, intent)
        assert (error.http_status, error.code) == (400, "payment_method_unexpected_state")
        assert v1.charges.list().data == []


class TestCancellation:
    @pytest.mark.parametrize(
        "status",
        ["requires_payment_method", "requires_confirmation", "requires_action", "requires_capture",
         "processing"],
    )  # fmt: skip
    def test_ends_every_open_state(self, v1, make_intent, status):
        intent = _brought_to(v1, make_intent, status)
        assert intent.status == status
        assert v1.payment_intents.cancel(intent.id).status == "canceled"

    @pytest.mark.parametrize("status", ["succeeded", "canceled"])
    def test_of_what_has_ended_is_refused(self, v1, make_intent, status):
        intent = make_intent()
        if status == "succeeded":
            confirm(v1, intent)
        else:
            v1.payment_intents.cancel(intent.id)
        with pytest.raises(stripe.InvalidRequestError) as refusal:
            v1.payment_intents.cancel(intent.id)
        assert refusal.value.code == "payment_intent_unexpected_state"
        assert refusal.value.error.payment_intent.status == status


def _brought_to(v1: Any, make_intent: Callable[..., Any], status: str) -> Any:
    if status == "requires_payment_method":
        return v1.payment_intents.create({"amount": 999, "currency": "usd"})
    if status == "requires_action":
        return v1.payment_intents.confirm(make_intent(ASKING).id)
    if status == "requires_capture":
        return confirm(v1, make_intent(capture_method="manual"))
    if status == "processing":
        return confirm(v1, make_intent("pm_card_sandbox_processing"))
    return make_intent()
