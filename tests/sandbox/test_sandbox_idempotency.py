"""One key, one effect, one answer."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import stripe

CHARGE = {"amount": 999, "currency": "usd", "payment_method": "pm_card_visa", "confirm": True}


class TestReplay:
    def test_gives_the_same_answer_and_charges_once(self, v1, call):
        first = v1.payment_intents.create(CHARGE, {"idempotency_key": "k"})
        again = v1.payment_intents.create(CHARGE, {"idempotency_key": "k"})
        assert again.id == first.id
        assert len(v1.charges.list().data) == 1
        headers = again.last_response.headers
        assert headers["Idempotent-Replayed"] == "true"
        assert headers["Original-Request"] == first.last_response.request_id
        assert "Idempotent-Replayed" not in first.last_response.headers
        assert call("GET", "/_sandbox/requests").json()["data"][1]["replayed"] is True

    def test_gives_the_same_decline(self, v1):
        declined = {**CHARGE, "payment_method": "pm_card_visa_chargeDeclined"}
        errors = []
        for _ in range(2):
            with pytest.raises(stripe.CardError) as refusal:
                v1.payment_intents.create(declined, {"idempotency_key": "k"})
            errors.append(refusal.value.error.payment_intent.id)
        assert errors[0] == errors[1]
        assert len(v1.charges.list().data) == 1

    def test_shows_what_was_then_not_what_is_now(self, v1):
        made = v1.customers.create({"name": "A"}, {"idempotency_key": "k"})
        v1.customers.update(made.id, {"name": "B"})
        assert v1.customers.create({"name": "A"}, {"idempotency_key": "k"}).name == "A"

    def test_ends_after_a_day(self, v1, control):
        first = v1.customers.create({}, {"idempotency_key": "k"})
        control("POST", "clock/advance", {"seconds": 24 * 3600 - 5})
        assert v1.customers.create({}, {"idempotency_key": "k"}).id == first.id
        control("POST", "clock/advance", {"seconds": 10})
        assert v1.customers.create({}, {"idempotency_key": "k"}).id != first.id

    def test_belongs_to_one_account(self, v1, other):
        first = v1.customers.create({}, {"idempotency_key": "k"})
        assert other.customers.create({}, {"idempotency_key": "k"}).id != first.id

    def test_matters_to_posts_only(self, call):
        headers = {"Idempotency-Key": "k"}
        assert call("GET", "/v1/balance", headers=headers).status_code == 200
        assert call("GET", "/v1/customers", headers=headers).json()["url"] == "/v1/customers"


class TestConflict:
    def test_with_other_parameters(self, v1):
        v1.customers.create({"name": "A"}, {"idempotency_key": "k"})
        with pytest.raises(stripe.IdempotencyError) as refusal:
            v1.customers.create({"name": "B"}, {"idempotency_key": "k"})
        assert refusal.value.http_status == 400
        assert "the same parameters they were first used with" in str(refusal.value)
        assert len(v1.customers.list().data) == 1

    def test_at_another_address(self, v1):
        v1.customers.create({}, {"idempotency_key": "k"})
        with pytest.raises(stripe.IdempotencyError, match="'/v1/customers' vs '/v1/setup_intents'"):
            v1.setup_intents.create({}, {"idempotency_key": "k"})

    @pytest.mark.parametrize("when", ["before", "after"])
    def test_while_the_first_is_still_running(self, v1, call, fault, eventually, when):
        fault("delay", "/v1/customers", ms=400, when=when)
        with ThreadPoolExecutor(1) as pool:
            first = pool.submit(v1.customers.create, {}, {"idempotency_key": "k"})
            eventually(lambda: call("GET", "/_sandbox/faults").json()["data"] == [])
            answer = call("POST", "/v1/customers", headers={"Idempotency-Key": "k"})
            assert answer.status_code == 409
            assert answer.json()["error"]["code"] == "idempotency_key_in_use"
            assert answer.headers["Stripe-Should-Retry"] == "true"
            assert first.result().id
        assert len(v1.customers.list().data) == 1

    def test_is_waited_out_by_a_retrying_sdk(self, client_for, key, fault):
        patient = client_for(key, max_network_retries=3)
        fault("delay", "/v1/customers", ms=300)
        with ThreadPoolExecutor(2) as pool:
            made = list(
                pool.map(lambda _: patient.customers.create({}, {"idempotency_key": "k"}).id, "ab")
            )
        assert made[0] == made[1]

    def test_too_long_a_key(self, call):
        answer = call("POST", "/v1/customers", headers={"Idempotency-Key": "k" * 256})
        assert answer.status_code == 400


class TestNotStored:
    """Nothing was executed, so the key is still free."""

    def test_refused_parameters(self, v1):
        with pytest.raises(stripe.InvalidRequestError):
            v1.customers.create({"foo": "1"}, {"idempotency_key": "k"})
        assert v1.customers.create({"name": "A"}, {"idempotency_key": "k"}).name == "A"

    def test_rate_limits(self, v1, fault):
        fault("status", status=429)
        with pytest.raises(stripe.RateLimitError):
            v1.customers.create({}, {"idempotency_key": "k"})
        assert v1.customers.create({}, {"idempotency_key": "k"}).id

    def test_but_refusals_by_the_operation_are(self, v1, saved_card, customer):
        body = {"payment_intent": "pi_none"}
        with pytest.raises(stripe.InvalidRequestError) as first:
            v1.refunds.create(body, {"idempotency_key": "k"})
        with pytest.raises(stripe.InvalidRequestError) as second:
            v1.refunds.create(body, {"idempotency_key": "k"})
        assert second.value.headers["Original-Request"] == first.value.request_id


class TestConcurrency:
    def test_thirty_at_once_with_one_key_charge_once(self, call, v1):
        barrier = threading.Barrier(30)

        def attempt(_):
            barrier.wait()
            return call(
                "POST",
                "/v1/payment_intents",
                data={**CHARGE, "confirm": "true"},
                headers={"Idempotency-Key": "k"},
            )

        with ThreadPoolExecutor(30) as pool:
            answers = list(pool.map(attempt, range(30)))
        assert {answer.status_code for answer in answers} <= {200, 409}
        assert len({a.json()["id"] for a in answers if a.status_code == 200}) == 1
        assert len(v1.charges.list().data) == 1

    def test_thirty_refunds_at_once_never_exceed_the_charge(self, v1, pay):
        paid = pay(1000)

        def refund(_):
            try:
                return v1.refunds.create({"payment_intent": paid.id, "amount": 90}).amount
            except stripe.InvalidRequestError:
                return 0

        with ThreadPoolExecutor(30) as pool:
            assert sum(pool.map(refund, range(30))) == 990
        assert v1.charges.retrieve(paid.latest_charge).amount_refunded == 990

    def test_thirty_updates_at_once_are_all_kept(self, v1, customer):
        with ThreadPoolExecutor(30) as pool:
            list(
                pool.map(
                    lambda n: v1.customers.update(customer.id, {"metadata": {f"k{n}": "1"}}),
                    range(30),
                )
            )
        assert len(v1.customers.retrieve(customer.id).metadata.to_dict()) == 30
