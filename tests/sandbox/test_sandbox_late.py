"""Requests that complete after their client has left, and errors whose effect comes later."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
import requests
import stripe

from payments.sandbox.server import Sandbox

PATH = "/v1/payment_intents"
CONFIRM = f"{PATH}/*/confirm"
KEY = {"idempotency_key": "k"}
DAY = 24 * 3600


@pytest.fixture
def intent(v1: Any, customer: Any, saved_card: Callable[[], str]) -> Any:
    """Unconfirmed, with a saved card; beside it another one that is none of our business."""
    body = {
        "amount": 999, "currency": "usd", "customer": customer.id, "payment_method": saved_card(),
    }  # fmt: skip
    v1.payment_intents.create(body)
    return v1.payment_intents.create(body)


@pytest.fixture
def advance(control: Callable[..., Any]) -> Callable[[int], Any]:
    return lambda seconds: control("POST", "clock/advance", {"seconds": seconds})


def confirm(v1: Any, intent: Any, key: str = "k") -> Any:
    return v1.payment_intents.confirm(intent.id, {"off_session": True}, {"idempotency_key": key})


def leave(request: Callable[..., Any], *args: Any) -> None:
    with pytest.raises(stripe.APIConnectionError):
        request(*args)


class TestLate:
    def test_confirmation_takes_effect_at_its_moment(
        self, v1, intent, fault, advance, control, event_types
    ):
        fault("late", CONFIRM, seconds=120)
        before = control("GET", "clock")["now"]
        leave(confirm, v1, intent)
        advance(100)
        assert v1.payment_intents.retrieve(intent.id).status == "requires_confirmation"
        advance(25)
        paid = v1.payment_intents.retrieve(intent.id, {"expand": ["latest_charge"]})
        assert paid.status == "succeeded"
        assert before + 120 <= paid.latest_charge.created <= before + 122
        assert event_types()[-2:] == ["charge.succeeded", "payment_intent.succeeded"]
        event = v1.events.list({"type": "payment_intent.succeeded"}).data[0]
        assert event.created == paid.latest_charge.created
        assert event.request.idempotency_key == "k"

    def test_answer_is_replayed_once_it_is_there(self, v1, intent, fault, advance):
        fault("late", CONFIRM, seconds=60)
        leave(confirm, v1, intent)
        advance(61)
        answer = confirm(v1, intent)
        assert answer.status == "succeeded"
        assert answer.last_response.headers["Idempotent-Replayed"] == "true"
        assert len(v1.charges.list().data) == 1

    def test_decline_is_replayed_too(self, v1, customer, saved_card, fault, advance):
        declined = v1.payment_intents.create(
            {
                "amount": 999,
                "currency": "usd",
                "customer": customer.id,
                "payment_method": saved_card("pm_card_chargeCustomerFail"),
            }
        )
        fault("late", CONFIRM, seconds=60)
        leave(confirm, v1, declined)
        advance(61)
        assert v1.payment_intents.retrieve(declined.id).status == "requires_payment_method"
        for _ in range(2):
            with pytest.raises(stripe.CardError) as refusal:
                confirm(v1, declined)
        assert refusal.value.headers["Idempotent-Replayed"] == "true"
        assert len(v1.charges.list().data) == 1

    @pytest.mark.parametrize(
        ("path", "body"),
        [(PATH, {"amount": 999, "currency": "usd"}), (PATH, {"amount": 5, "currency": "eur"}),
         ("/v1/customers", {})],
    )  # fmt: skip
    def test_key_is_in_use_for_every_request(self, v1, call, fault, advance, path, body):
        fault("late", PATH, seconds=60)
        leave(v1.payment_intents.create, {"amount": 999, "currency": "usd"}, KEY)
        answer = call("POST", path, data=body, headers={"Idempotency-Key": "k"})
        assert answer.status_code == 409
        assert answer.json()["error"]["code"] == "idempotency_key_in_use"
        assert answer.headers["Stripe-Should-Retry"] == "true"
        assert v1.payment_intents.list().data == []
        advance(60)
        assert v1.payment_intents.create({"amount": 999, "currency": "usd"}, KEY).id
        assert len(v1.payment_intents.list().data) == 1

    def test_key_of_another_account_is_free(self, v1, other, fault):
        fault("late", "/v1/customers", seconds=60)
        leave(v1.customers.create, {}, KEY)
        assert other.customers.create({}, KEY).id

    def test_intent_is_locked_for_others_but_can_be_read(self, v1, call, intent, fault, advance):
        fault("late", CONFIRM, seconds=60)
        leave(confirm, v1, intent)
        for name in ("/confirm", "/cancel", ""):
            answer = call("POST", f"{PATH}/{intent.id}{name}")
            assert (answer.status_code, answer.json()["error"]["code"]) == (429, "lock_timeout")
            assert answer.json()["error"]["type"] == "invalid_request_error"
            assert answer.headers["Stripe-Should-Retry"] == "true"
        assert v1.payment_intents.retrieve(intent.id).status == "requires_confirmation"
        beside = next(each for each in v1.payment_intents.list().data if each.id != intent.id)
        assert v1.payment_intents.cancel(beside.id).status == "canceled"
        advance(61)
        with pytest.raises(stripe.InvalidRequestError) as refusal:
            v1.payment_intents.cancel(intent.id)
        assert refusal.value.code == "payment_intent_unexpected_state"

    def test_lock_timeout_is_not_kept_under_the_key(self, v1, intent, fault, advance):
        fault("late", CONFIRM, seconds=60)
        leave(confirm, v1, intent)
        with pytest.raises(stripe.RateLimitError):
            v1.payment_intents.cancel(intent.id, None, {"idempotency_key": "k2"})
        advance(61)
        with pytest.raises(stripe.InvalidRequestError, match="status of succeeded"):
            v1.payment_intents.cancel(intent.id, None, {"idempotency_key": "k2"})

    @pytest.mark.parametrize("by", ["payment_intent", "charge"])
    def test_refund_locks_the_payment_for_another_refund(self, v1, pay, fault, advance, by):
        paid = pay(1000)
        target = {"payment_intent": paid.id, "charge": paid.latest_charge}[by]
        fault("late", "/v1/refunds", seconds=60)
        leave(v1.refunds.create, {"payment_intent": paid.id, "amount": 700}, KEY)
        with pytest.raises(stripe.RateLimitError) as refusal:
            v1.refunds.create({by: target, "amount": 700})
        assert refusal.value.error.code == "lock_timeout"
        assert v1.refunds.list({"payment_intent": paid.id}).data == []
        advance(61)
        assert [each.amount for each in v1.refunds.list({"payment_intent": paid.id}).data] == [700]
        assert v1.refunds.create({"payment_intent": paid.id, "amount": 700}, KEY).amount == 700
        assert v1.charges.retrieve(paid.latest_charge).amount_refunded == 700

    def test_cancellation_decides_what_it_finds_at_its_moment(self, v1, intent, fault, advance):
        fault("late", f"{PATH}/*/cancel", seconds=60)
        leave(v1.payment_intents.cancel, intent.id)
        with pytest.raises(stripe.RateLimitError):
            confirm(v1, intent)
        advance(61)
        with pytest.raises(stripe.InvalidRequestError) as refusal:
            confirm(v1, intent, "k2")
        assert refusal.value.error.payment_intent.status == "canceled"

    def test_two_take_effect_in_the_order_of_their_moments(self, v1, fault, advance):
        fault("late", "/v1/customers", seconds=90)
        leave(v1.customers.create, {"name": "second"})
        fault("late", "/v1/customers", seconds=30)
        leave(v1.customers.create, {"name": "first"})
        advance(100)
        assert [each.name for each in v1.customers.list().data] == ["second", "first"]

    def test_real_time_is_enough(self, v1, fault, eventually):
        fault("late", "/v1/customers", seconds=0.3)
        started = time.monotonic()
        leave(v1.customers.create)
        assert v1.customers.list().data == []
        eventually(lambda: v1.customers.list().data)
        assert time.monotonic() - started >= 0.3

    def test_refused_parameters_open_nothing(self, v1, fault):
        fault("late", "/v1/customers", seconds=60)
        with pytest.raises(stripe.InvalidRequestError):
            v1.customers.create({"foo": "1"}, KEY)
        assert v1.customers.create({}, KEY).id

    def test_reading_is_only_cut_off(self, v1, fault):
        fault("late", "/v1/customers", method="GET", seconds=60)
        leave(v1.customers.list)
        assert v1.customers.list().data == []

    def test_reset_forgets_it_and_frees_the_key(self, v1, fault, control, advance):
        fault("late", "/v1/customers", seconds=60)
        leave(v1.customers.create, {"name": "A"}, KEY)
        control("POST", "reset")
        assert v1.customers.create({"name": "B"}, KEY).name == "B"
        advance(61)
        assert [each.name for each in v1.customers.list().data] == ["B"]

    def test_a_restart_keeps_it_and_its_key(self, tmp_path, transport):
        def open_client(sandbox: Sandbox) -> Any:
            addresses = {"api": sandbox.url}
            client = stripe.StripeClient(
                "sk_test_12345678", http_client=transport, base_addresses=addresses
            )
            return client.v1

        file = str(tmp_path / "sandbox.sqlite3")
        auth = ("sk_test_12345678", "")
        with Sandbox(database=file) as first:
            body = {"action": "late", "seconds": 600, "match": {"path": "/v1/customers"}}
            requests.post(f"{first.url}/_sandbox/faults", json=body, auth=auth, timeout=5)
            leave(open_client(first).customers.create, {}, KEY)
        with Sandbox(database=file) as second:
            v1 = open_client(second)
            with pytest.raises(stripe.APIError) as refusal:
                v1.customers.create({}, KEY)
            assert refusal.value.http_status == 409
            url = f"{second.url}/_sandbox/clock/advance"
            requests.post(url, json={"seconds": 601}, auth=auth, timeout=5)
            made = v1.customers.create({}, KEY)
            assert made.last_response.headers["Idempotent-Replayed"] == "true"


class TestLateError:
    @pytest.mark.parametrize("effect", [True, False])
    def test_is_kept_with_or_without_the_effect(self, v1, intent, fault, advance, effect):
        fault("late", CONFIRM, seconds=60, status=500, effect=effect)
        leave(confirm, v1, intent)
        advance(61)
        for _ in range(2):
            with pytest.raises(stripe.APIError) as failure:
                confirm(v1, intent)
        assert failure.value.http_status == 500
        assert failure.value.headers["Idempotent-Replayed"] == "true"
        status = "succeeded" if effect else "requires_confirmation"
        assert v1.payment_intents.retrieve(intent.id).status == status

    def test_a_request_that_got_lost_leaves_its_key_free(self, v1, intent, fault, advance):
        fault("late", CONFIRM, seconds=60, effect=False)
        leave(confirm, v1, intent)
        with pytest.raises(stripe.APIError) as refusal:
            confirm(v1, intent)
        assert refusal.value.error.code == "idempotency_key_in_use"
        advance(61)
        assert v1.payment_intents.retrieve(intent.id).status == "requires_confirmation"
        assert confirm(v1, intent).status == "succeeded"


class TestEffectAfterAnError:
    def test_create(self, v1, fault, advance, event_types):
        fault("stored_500", PATH, effect_after_seconds=60)
        body = {"amount": 999, "currency": "usd", "metadata": {"charge": "1"}}
        with pytest.raises(stripe.APIError):
            v1.payment_intents.create(body, KEY)
        assert v1.payment_intents.list().data == []
        advance(61)
        assert v1.payment_intents.list().data[0].metadata["charge"] == "1"
        assert event_types() == ["payment_intent.created"]
        with pytest.raises(stripe.APIError) as failure:
            v1.payment_intents.create(body, KEY)
        assert failure.value.headers["Idempotent-Replayed"] == "true"

    def test_confirm(self, v1, intent, fault, advance):
        fault("stored_500", CONFIRM, effect_after_seconds=60)
        with pytest.raises(stripe.APIError):
            confirm(v1, intent)
        assert v1.payment_intents.retrieve(intent.id).status == "requires_confirmation"
        advance(61)
        assert v1.payment_intents.retrieve(intent.id).status == "succeeded"

    def test_confirm_is_overtaken_by_a_cancellation(self, v1, intent, fault, advance):
        fault("stored_500", CONFIRM, effect_after_seconds=60)
        with pytest.raises(stripe.APIError):
            confirm(v1, intent)
        assert v1.payment_intents.cancel(intent.id).status == "canceled"
        advance(61)
        assert v1.payment_intents.retrieve(intent.id).status == "canceled"
        assert v1.charges.list().data == []

    def test_cancel(self, v1, intent, fault, advance):
        fault("stored_500", f"{PATH}/*/cancel", effect_after_seconds=60)
        with pytest.raises(stripe.APIError):
            v1.payment_intents.cancel(intent.id)
        advance(61)
        assert v1.payment_intents.retrieve(intent.id).status == "canceled"

    def test_refund(self, v1, pay, fault, advance):
        paid = pay(1000)
        fault("error", "/v1/refunds", status=503, stored=True, effect_after_seconds=60)
        with pytest.raises(stripe.APIError):
            v1.refunds.create({"payment_intent": paid.id}, KEY)
        assert v1.refunds.list({"payment_intent": paid.id}).data == []
        advance(61)
        assert len(v1.refunds.list({"payment_intent": paid.id}).data) == 1


class TestStored500:
    @pytest.mark.parametrize("effect", [True, False])
    @pytest.mark.parametrize("step", ["create", "confirm", "cancel", "refund"])
    def test_with_and_without_the_effect(self, v1, intent, pay, fault, step, effect):
        paid = pay(1000) if step == "refund" else None
        path, send, happened = {
            "create": (PATH, _create(v1), lambda: len(v1.payment_intents.list().data) == 3),
            "confirm": (CONFIRM, lambda: confirm(v1, intent), _has(v1, intent, "succeeded")),
            "cancel": (f"{PATH}/*/cancel", _cancel(v1, intent), _has(v1, intent, "canceled")),
            "refund": ("/v1/refunds", _refund(v1, paid), lambda: bool(v1.refunds.list().data)),
        }[step]
        fault("stored_500", path, effect=effect)
        for _ in range(2):
            with pytest.raises(stripe.APIError) as failure:
                send()
        assert failure.value.headers["Idempotent-Replayed"] == "true"
        assert happened() is effect


def _create(v1: Any) -> Callable[[], Any]:
    return lambda: v1.payment_intents.create({"amount": 999, "currency": "usd"}, KEY)


def _cancel(v1: Any, intent: Any) -> Callable[[], Any]:
    return lambda: v1.payment_intents.cancel(intent.id, {}, KEY)


def _refund(v1: Any, paid: Any) -> Callable[[], Any]:
    return lambda: v1.refunds.create({"payment_intent": paid.id}, KEY)


def _has(v1: Any, intent: Any, status: str) -> Callable[[], bool]:
    return lambda: v1.payment_intents.retrieve(intent.id).status == status


@pytest.mark.parametrize(
    "body",
    [
        {"action": "late"},
        {"action": "late", "seconds": -1},
        {"action": "late", "seconds": True},
        {"action": "late", "seconds": "60"},
        {"action": "delay", "seconds": 60},
        {"action": "late", "seconds": 1, "effect_after_seconds": 1},
        {"action": "status", "effect_after_seconds": 1},
    ],
)
def test_options_that_an_action_does_not_have_are_refused(call, body):
    assert call("POST", "/_sandbox/faults", json=body).status_code == 400
