"""Charges without a payment intent, as older programs make them."""

import pytest
import stripe


@pytest.fixture
def charge(v1):
    def make(**params):
        return v1.charges.create({"amount": 900, "currency": "usd", **params})

    return make


def test_of_a_token(v1, charge, event_types):
    made = charge(source="tok_visa", description="Shirt", metadata={"order": "7"})
    assert (made.status, made.paid, made.payment_intent) == ("succeeded", True, None)
    assert (made.description, made.metadata["order"]) == ("Shirt", "7")
    assert v1.balance_transactions.retrieve(made.balance_transaction).amount == 900
    assert v1.refunds.create({"charge": made.id, "amount": 300}).payment_intent is None
    assert v1.charges.retrieve(made.id).amount_refunded == 300
    assert event_types()[0] == "charge.succeeded"


def test_of_a_customers_source(v1, charge):
    customer = v1.customers.create({"source": "tok_mastercard"})
    made = charge(customer=customer.id)
    assert made.payment_method == customer.default_source
    bare = v1.customers.create()
    with pytest.raises(stripe.CardError, match="no active card"):
        charge(customer=bare.id)


def test_that_is_declined(v1, charge):
    with pytest.raises(stripe.CardError) as refusal:
        charge(source="tok_chargeDeclinedInsufficientFunds")
    assert refusal.value.error.decline_code == "insufficient_funds"
    kept = v1.charges.retrieve(refusal.value.error.charge)
    assert (kept.status, kept.failure_code) == ("failed", "card_declined")


def test_needs_a_source(charge):
    with pytest.raises(stripe.InvalidRequestError, match="source"):
        charge()


def test_captured_later(v1, charge, pay):
    held = charge(source="tok_visa", capture=False)
    assert (held.captured, held.amount_captured) == (False, 0)
    done = v1.charges.capture(held.id, {"amount": 500})
    assert (done.captured, done.amount_captured) == (True, 500)
    for other in (held.id, charge(source="tok_visa").id):
        with pytest.raises(stripe.InvalidRequestError, match="already been captured"):
            v1.charges.capture(other)
    intent = pay(capture_method="manual")
    with pytest.raises(stripe.InvalidRequestError, match="capturing the PaymentIntent"):
        v1.charges.capture(intent.latest_charge)
