"""Each error of the SDK becomes one of six, by what a caller can do about it."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import requests
import stripe
from urllib3.exceptions import (
    ConnectTimeoutError,
    MaxRetryError,
    NewConnectionError,
    ProtocolError,
    ReadTimeoutError,
)

from payments.gateway.client import client
from payments.gateway.errors import (
    ActionRequired,
    BadCredentials,
    Declined,
    GatewayError,
    OutcomeUnknown,
    Rejected,
    Unavailable,
    translated,
)
from payments.gateway.gateway import Gateway
from payments.sandbox.server import Sandbox

# What Stripe sends along with an error of the card's.
# https://docs.stripe.com/api/errors#errors-payment_intent
PAYMENT_INTENT = {
    "object": "payment_intent",
    "status": "requires_payment_method",
    "amount": 999,
    "amount_received": 0,
    "currency": "usd",
    "client_secret": "pi_1_secret_x",
    "created": 1,
    "customer": "cus_1",
    "payment_method": None,
    "last_payment_error": {"code": "card_declined", "decline_code": "lost_card"},
    "metadata": {"charge": "x"},
}


def translate(error: Exception) -> GatewayError:
    with pytest.raises(GatewayError) as caught, translated():
        raise error
    return caught.value


def card_error(code: str | None, intent: str | None = "pi_1") -> stripe.CardError:
    body = {"type": "card_error", "code": code, "decline_code": "lost_card", "message": "No."}
    if intent:
        body["payment_intent"] = {**PAYMENT_INTENT, "id": intent}
    return stripe.CardError("No.", None, code, json_body={"error": body}, http_status=402)


class TestAnswers:
    def test_a_decline(self) -> None:
        error = translate(card_error("card_declined"))
        assert isinstance(error, Declined)
        assert (error.code, error.decline_code) == ("card_declined", "lost_card")
        assert error.message == "No."
        assert error.payment is not None
        assert (error.payment.id, error.payment.status) == ("pi_1", "requires_payment_method")
        assert error.payment.metadata == {"charge": "x"}

    def test_missing_authentication(self) -> None:
        error = translate(card_error("authentication_required"))
        assert isinstance(error, ActionRequired)
        assert error.payment.id == "pi_1"

    def test_missing_authentication_without_a_payment_is_a_decline(self) -> None:
        """There is nothing that its holder could confirm."""
        assert isinstance(translate(card_error("authentication_required", None)), Declined)

    @pytest.mark.parametrize(
        ("error", "kind"),
        [
            (stripe.RateLimitError("slow down", http_status=429), Unavailable),
            (stripe.AuthenticationError("who?", http_status=401), BadCredentials),
            (stripe.PermissionError("no", http_status=403), BadCredentials),
            (stripe.InvalidRequestError("bad", "amount", http_status=400), Rejected),
            (stripe.IdempotencyError("running", http_status=409), OutcomeUnknown),
            (stripe.APIError("oops", http_status=500), OutcomeUnknown),
            (stripe.StripeError("what?"), OutcomeUnknown),
        ],
    )
    def test_the_others(self, error: stripe.StripeError, kind: type[GatewayError]) -> None:
        assert type(translate(error)) is kind

    def test_a_reused_key_says_so(self) -> None:
        error = translate(stripe.IdempotencyError("other parameters", http_status=400))
        assert isinstance(error, Rejected)
        assert error.key_reused
        assert not translate(stripe.InvalidRequestError("bad", "amount")).key_reused

    def test_other_exceptions_are_bugs_and_pass(self) -> None:
        with pytest.raises(KeyError), translated():
            raise KeyError("x")


POOL = SimpleNamespace(host="x", port=1)
RETRY = MaxRetryError(POOL, "/", NewConnectionError(POOL, "refused"))  # type: ignore[arg-type]


class TestConnections:
    """Only what surely never reached Stripe may be repeated without its key."""

    @pytest.mark.parametrize(
        ("cause", "kind"),
        [
            (requests.exceptions.ConnectTimeout("slow"), Unavailable),
            (requests.exceptions.ConnectionError(RETRY), Unavailable),
            (requests.exceptions.ConnectionError(NewConnectionError(POOL, "no")), Unavailable),
            (requests.exceptions.ConnectionError(ConnectTimeoutError("slow")), Unavailable),
            (requests.exceptions.ConnectionError(ProtocolError("cut")), OutcomeUnknown),
            (
                requests.exceptions.ConnectionError(ReadTimeoutError(POOL, "/", "late")),
                OutcomeUnknown,
            ),
            (requests.exceptions.ConnectionError(), OutcomeUnknown),
            (requests.exceptions.ReadTimeout("late"), OutcomeUnknown),
            (requests.exceptions.SSLError("bad"), OutcomeUnknown),
            (None, OutcomeUnknown),
        ],
    )
    def test_by_their_cause(self, cause: BaseException | None, kind: type[GatewayError]) -> None:
        error = stripe.APIConnectionError("no connection")
        error.__cause__ = cause
        assert type(translate(error)) is kind


class TestForReal:
    """The same over a real connection to the sandbox, or to nobody."""

    def test_no_key_at_all(self) -> None:
        for key in (None, ""):
            with pytest.raises(BadCredentials) as caught:
                client(key, None)
            assert caught.value.code == "missing_key"

    def test_nobody_listens(self) -> None:
        with pytest.raises(Unavailable):
            Gateway(client("sk_test_12345678", "http://127.0.0.1:9")).get_card("pm_1")

    def test_the_sandboxs_answers(self, sandbox: Sandbox) -> None:
        key = "sk_test_errors12345678"
        gateway = Gateway(client(key, sandbox.url))
        with pytest.raises(Rejected) as caught:
            gateway.get_card("pm_nothing")
        assert caught.value.code == "resource_missing"
        with pytest.raises(BadCredentials):
            Gateway(client("nonsense", sandbox.url)).get_card("pm_1")
        for action, more, kind in (
            ("drop_before", {}, OutcomeUnknown),
            ("drop_after", {}, OutcomeUnknown),
            ("status", {"status": 500}, OutcomeUnknown),
            ("status", {"status": 503}, OutcomeUnknown),
            ("status", {"status": 429}, Unavailable),
            ("status", {"status": 403}, BadCredentials),
        ):
            requests.post(
                f"{sandbox.url}/_sandbox/faults",
                auth=(key, ""),
                json={"action": action, **more},
                timeout=5,
            ).raise_for_status()
            with pytest.raises(kind):
                gateway.get_card("pm_nothing")

    def test_detaching_what_is_gone_is_no_error(self, sandbox: Sandbox) -> None:
        Gateway(client("sk_test_errors12345678", sandbox.url)).detach_card("pm_nothing")
