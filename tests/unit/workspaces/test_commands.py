"""`flask charges` and `flask anomalies`: what an operator sees, does, and is told."""

from __future__ import annotations

import pytest
from click.testing import Result
from flask import Flask
from flask.testing import FlaskClient

from payments.config import Settings
from payments.workspaces.charges.record import record_payment
from payments.workspaces.models import Charge
from tests.support.hostile import HUGE_IDS
from tests.support.reserved import payment_of
from tests.support.shop import Shop
from tests.support.strangers import pay_again
from tests.support.till import PAYMENT_INTENTS, column, fault, settings_of, try_again


@pytest.fixture
def shop(app: Flask, client: FlaskClient, settings: Settings) -> Shop:
    return Shop(client, settings)


@pytest.fixture
def duplicate(app: Flask, shop: Shop, charge_id: int) -> str:
    """Return a second PaymentIntent that took the charge's money."""
    record_payment(charge_id, payment_of(charge_id), actor="test")
    intent = pay_again(app, shop, charge_id)
    record_payment(charge_id, payment_of(charge_id, intent), actor="test")
    return intent


def run(app: Flask, *words: str | int) -> Result:
    return app.test_cli_runner().invoke(args=[str(word) for word in words])


def line_of(result: Result, word: str) -> str:
    """Return the one line of the output that begins with the words, or names the object."""
    (found,) = [line for line in result.output.splitlines() if word in f"{line} "]
    return found


class TestListCharges:
    def test_an_open_charge_stands_there_with_what_it_is_about(
        self, app: Flask, charge_id: int
    ) -> None:
        result = run(app, "charges", "list")
        assert result.exit_code == 0
        workspace_id = column(app, Charge, charge_id, "workspace_id")
        assert line_of(result, f"charge {charge_id} ").split("  ") == [
            f"charge {charge_id}", f"workspace {workspace_id}", "pending", "9.99 usd", "-", "-",
        ]  # fmt: skip

    def test_a_settled_one_only_if_it_needs_a_person(self, app: Flask, charge_id: int) -> None:
        record_payment(charge_id, payment_of(charge_id), actor="test")
        assert f"charge {charge_id} " not in run(app, "charges", "list").output
        second = payment_of(charge_id, f"pi_second_{charge_id}")
        record_payment(charge_id, second, actor="test")
        line = line_of(run(app, "charges", "list"), f"charge {charge_id} ")
        assert line.endswith(f"pi_{charge_id}  paid_twice")


class TestGiveUp:
    def test_one_that_nobody_sent_is_abandoned(self, app: Flask, charge_id: int) -> None:
        result = run(app, "charges", "give-up", charge_id)
        assert (result.exit_code, result.output) == (0, f"charge {charge_id} is given up\n")
        assert column(app, Charge, charge_id, "status") == "abandoned"

    def test_one_that_stripe_has_is_canceled_there(
        self, app: Flask, shop: Shop, charge_id: int
    ) -> None:
        fault(shop, "drop_before", f"{PAYMENT_INTENTS}/*/confirm")
        try_again(app, charge_id)
        intent = column(app, Charge, charge_id, "stripe_payment_intent_id")
        assert run(app, "charges", "give-up", charge_id).exit_code == 0
        assert column(app, Charge, charge_id, "status") == "canceled"
        assert shop.stripe("GET", f"{PAYMENT_INTENTS}/{intent}")["status"] == "canceled"

    def test_a_settled_one_cannot_be(self, app: Flask, charge_id: int) -> None:
        record_payment(charge_id, payment_of(charge_id), actor="test")
        result = run(app, "charges", "give-up", charge_id)
        assert result.exit_code == 1
        assert result.output == f"Error: charge {charge_id} is settled, or was paid just now\n"

    @pytest.mark.parametrize("word", ["0", "999999999", *HUGE_IDS, "x", "1.5", ""])
    def test_one_that_is_not_there_is_told(self, app: Flask, word: str) -> None:
        result = run(app, "charges", "give-up", word)
        assert (result.exit_code, result.output) == (1, f"Error: there is no charge {word}\n")

    def test_without_stripe_nothing_changes(self, app: Flask, charge_id: int) -> None:
        with settings_of(app, stripe_secret_key=None):
            result = run(app, "charges", "give-up", charge_id)
        assert result.exit_code == 1
        assert result.output.startswith("Error: Stripe could not be asked, nothing changed: ")
        assert column(app, Charge, charge_id, "status") == "pending"


class TestAnomalies:
    def test_the_list_tells_of_it_and_exits_with_1(
        self, app: Flask, charge_id: int, duplicate: str
    ) -> None:
        result = run(app, "anomalies", "list")
        assert result.exit_code == 1
        line = line_of(result, duplicate + "  ")
        assert line.startswith(f"duplicate  {duplicate}  succeeded  9.99 usd  charge {charge_id}  ")

    def test_a_refund_gives_it_back_and_takes_it_off_the_list(
        self, app: Flask, shop: Shop, duplicate: str
    ) -> None:
        result = run(app, "anomalies", "refund", duplicate)
        assert (result.exit_code, result.output) == (0, f"{duplicate} is refunded\n")
        listed = shop.stripe("GET", "/v1/refunds", payment_intent=duplicate)["data"]
        assert [made["amount"] for made in listed] == [999]
        assert f"duplicate  {duplicate}" not in run(app, "anomalies", "list").output
        result = run(app, "anomalies", "refund", duplicate)
        assert result.exit_code == 1
        assert result.output == f"Error: {duplicate} is no open anomaly that took money\n"

    def test_a_refund_that_stripe_refuses_is_told(
        self, app: Flask, shop: Shop, duplicate: str
    ) -> None:
        error = {"type": "invalid_request_error", "code": "charge_disputed", "message": "Disputed."}
        fault(shop, "error", "/v1/refunds", status=400, error=error)
        result = run(app, "anomalies", "refund", duplicate)
        assert result.exit_code == 1
        assert result.output == "Error: Stripe did not refund it: Disputed.\n"
        assert duplicate in run(app, "anomalies", "list").output

    def test_dismissing_takes_it_off_the_list(self, app: Flask, duplicate: str) -> None:
        result = run(app, "anomalies", "dismiss", duplicate)
        assert (result.exit_code, result.output) == (0, f"{duplicate} is dismissed\n")
        assert f"duplicate  {duplicate}" not in run(app, "anomalies", "list").output
        result = run(app, "anomalies", "dismiss", duplicate)
        assert (result.exit_code, result.output) == (1, f"Error: {duplicate} is no open anomaly\n")

    @pytest.mark.parametrize("verb", ["refund", "dismiss"])
    def test_what_is_unknown_is_told(self, app: Flask, verb: str) -> None:
        result = run(app, "anomalies", verb, "pi_unknown")
        assert result.exit_code == 1
        assert result.output.startswith("Error: pi_unknown is no open anomaly")
