"""Each fault, seen through the SDK as an application would see it."""

import time

import pytest
import stripe

CHARGE = {"amount": 999, "currency": "usd", "payment_method": "pm_card_visa", "confirm": True}
KEY = {"idempotency_key": "k"}


class TestDrops:
    def test_before_the_effect(self, v1, fault):
        fault("drop_before", "/v1/payment_intents")
        with pytest.raises(stripe.APIConnectionError):
            v1.payment_intents.create(CHARGE, KEY)
        assert v1.charges.list().data == []

    def test_after_the_effect(self, v1, fault):
        fault("drop_after", "/v1/payment_intents")
        with pytest.raises(stripe.APIConnectionError):
            v1.payment_intents.create(CHARGE, KEY)
        assert len(v1.charges.list().data) == 1
        assert v1.payment_intents.create(CHARGE, KEY).status == "succeeded"
        assert len(v1.charges.list().data) == 1

    def test_are_overcome_by_a_retrying_sdk(self, client_for, key, fault):
        fault("drop_after")
        retrying = client_for(key, max_network_retries=2)
        assert retrying.payment_intents.create(CHARGE).status == "succeeded"
        assert len(retrying.charges.list().data) == 1


class TestDelay:
    @pytest.mark.parametrize("when", ["before", "after"])
    def test_comes_before_or_after_the_effect(self, sandbox, key, v1, fault, when):
        hasty = stripe.StripeClient(
            key,
            base_addresses={"api": sandbox.url},
            http_client=stripe.RequestsClient(timeout=(1, 0.1)),
        ).v1
        fault("delay", "/v1/customers", ms=250, when=when)
        with pytest.raises(stripe.APIConnectionError):
            hasty.customers.create()
        assert len(v1.customers.list().data) == (0 if when == "before" else 1)
        time.sleep(0.25)
        assert len(v1.customers.list().data) == 1


class TestStatus:
    @pytest.mark.parametrize(
        ("status", "error"),
        [(429, stripe.RateLimitError), (500, stripe.APIError), (503, stripe.APIError)],
    )
    def test_takes_no_effect(self, v1, fault, status, error):
        fault("status", status=status)
        with pytest.raises(error) as failure:
            v1.customers.create()
        assert failure.value.http_status == status
        assert v1.customers.list().data == []

    def test_may_carry_headers(self, call, fault):
        fault("status", status=429, headers={"Retry-After": "7"})
        answer = call("POST", "/v1/customers")
        assert answer.headers["Retry-After"] == "7"
        assert answer.json()["error"]["code"] == "rate_limit"


class TestStored500:
    @pytest.mark.parametrize("effect", [False, True])
    def test_comes_back_for_the_same_key(self, v1, fault, effect):
        fault("stored_500", "/v1/payment_intents", effect=effect)
        for _ in range(2):
            with pytest.raises(stripe.APIError) as failure:
                v1.payment_intents.create(CHARGE, KEY)
            assert failure.value.http_status == 500
        assert failure.value.headers["Idempotent-Replayed"] == "true"
        assert len(v1.charges.list().data) == int(effect)
        assert v1.payment_intents.create(CHARGE, {"idempotency_key": "k2"}).id


class TestError:
    def test_of_any_kind(self, v1, fault):
        error = {"type": "card_error", "code": "card_declined", "decline_code": "do_not_honor"}
        fault("error", status=402, error={**error, "message": "No."})
        with pytest.raises(stripe.CardError) as refusal:
            v1.payment_intents.create(CHARGE, KEY)
        assert refusal.value.error.decline_code == "do_not_honor"
        assert v1.payment_intents.create(CHARGE, KEY).status == "succeeded"


class TestMatching:
    def test_leaves_other_requests_alone(self, v1, fault):
        fault("status", "/v1/payment_intents/*/confirm")
        fault("status", "/v1/customers", method="DELETE")
        assert v1.customers.create().id
        assert v1.payment_intents.create(CHARGE).id

    def test_strikes_as_often_as_asked(self, v1, fault):
        fault("status", "/v1/customers*", method="*", times=2)
        for _ in range(2):
            with pytest.raises(stripe.APIError):
                v1.customers.list()
        assert v1.customers.list().data == []

    def test_stays_in_its_account(self, other, fault):
        fault("status", "/v1/customers")
        assert other.customers.create().id

    def test_can_be_listed_and_cleared(self, v1, fault, control):
        made = fault("status", "/v1/customers", status=503)
        assert made["times"] == 1
        assert [each["id"] for each in control("GET", "faults")["data"]] == [made["id"]]
        control("DELETE", "faults")
        assert v1.customers.create().id

    @pytest.mark.parametrize(
        "body",
        [
            {},
            {"action": "explode"},
            {"action": ["drop_before"]},
            {"action": "status", "status": 200},
            {"action": "status", "status": True},
            {"action": "status", "times": 0},
            {"action": "delay", "when": "later"},
            {"action": "status", "match": "x"},
            {"action": "status", "match": {"route": "x"}},
            {"action": "status", "match": {"path": 1}},
            {"action": "status", "headers": {"a": "b\n"}},
            {"action": "status", "sttaus": 500},
            {"action": "error", "error": "x"},
        ],
    )
    def test_refuses_what_it_does_not_understand(self, call, body):
        answer = call("POST", "/_sandbox/faults", json=body)
        assert answer.status_code == 400
        assert "not understood" in answer.json()["error"]["message"]
