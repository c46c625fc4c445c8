"""Payments that settle nothing here: stored once, given back on demand, closed by a person."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from payments.config import Settings
from payments.gateway.errors import OutcomeUnknown, Rejected
from payments.kit.db import db
from payments.kit.transactions import transaction
from payments.timeline.models import TimelineEntry
from payments.workspaces import anomalies
from payments.workspaces.charges.record import record_payment
from payments.workspaces.models import Charge, StripeAnomaly
from tests.support.reserved import payment_of
from tests.support.shop import Shop
from tests.support.strangers import pay_again
from tests.support.till import fault, sent

Pay = Callable[[], str]


@pytest.fixture
def shop(app: Flask, client: FlaskClient, settings: Settings) -> Shop:
    return Shop(client, settings)


@pytest.fixture
def paid(charge_id: int) -> int:
    """Return a charge that was paid."""
    assert record_payment(charge_id, payment_of(charge_id), actor="test")
    return charge_id


@pytest.fixture
def pay_twice(app: Flask, shop: Shop, paid: int) -> Pay:
    """Return a function that takes the charge's money once more, and returns the PaymentIntent."""

    def pay() -> str:
        intent = pay_again(app, shop, paid)
        record_payment(paid, payment_of(paid, intent), actor="test")
        return intent

    return pay


def stored(stripe_id: str) -> list[StripeAnomaly]:
    db.session.rollback()
    query = sa.select(StripeAnomaly).where(StripeAnomaly.stripe_id == stripe_id)
    return list(db.session.scalars(query.execution_options(populate_existing=True)))


def resolution_of(stripe_id: str) -> str | None:
    (found,) = stored(stripe_id)
    return found.resolution


def is_flagged(charge_id: int) -> bool:
    db.session.rollback()
    return db.session.get_one(Charge, charge_id, populate_existing=True).needs_attention


def kinds_told(stripe_id: str) -> list[str]:
    query = sa.select(TimelineEntry.kind).where(TimelineEntry.stripe_id == stripe_id)
    return list(db.session.scalars(query.order_by(TimelineEntry.id)))


def refunds_of(shop: Shop, intent: str) -> list[int]:
    listed = shop.stripe("GET", "/v1/refunds", payment_intent=intent)["data"]
    return [made["amount"] for made in listed]


class TestReport:
    def test_a_duplicate_is_told_once_and_kept_up_to_date(self, paid: int) -> None:
        intent = f"pi_twice_{paid}"
        for _ in range(2):
            record_payment(paid, payment_of(paid, intent), actor="test")
        (found,) = stored(intent)
        assert (found.kind, found.charge_id, found.amount_minor) == ("duplicate", paid, 999)
        assert kinds_told(intent) == ["charge.paid_twice"]
        assert is_flagged(paid)

    def test_a_mismatch_that_took_money_later_shows_it(self, charge_id: int) -> None:
        intent = f"pi_odd_{charge_id}"
        for status, received in (("processing", 0), ("succeeded", 50)):
            odd = payment_of(charge_id, intent, status=status, amount=50, amount_received=received)
            record_payment(charge_id, odd, actor="test")
        (found,) = stored(intent)
        assert (found.kind, found.status, found.amount_minor) == ("mismatch", "succeeded", 50)

    def test_an_unknown_row_belongs_to_no_workspace(self, charge_id: int) -> None:
        intent = f"pi_lost_{charge_id}"
        anomalies.report_unknown_row(payment_of(charge_id, intent), actor="test")
        (found,) = stored(intent)
        assert (found.kind, found.charge_id, found.workspace_id) == ("unknown_row", None, None)
        assert found.stripe_id in {each.stripe_id for each in anomalies.list_unresolved()}


class TestRefund:
    def test_all_of_it_goes_back_and_the_flag_is_taken_back(
        self, shop: Shop, paid: int, pay_twice: Pay
    ) -> None:
        intent = pay_twice()
        anomalies.refund_anomaly(intent, actor="operator")
        assert refunds_of(shop, intent) == [999]
        assert resolution_of(intent) == "refunded"
        assert not is_flagged(paid)
        assert kinds_told(intent)[-1] == "anomaly.refunded"

    def test_asking_again_refunds_nothing_more(self, shop: Shop, pay_twice: Pay) -> None:
        intent = pay_twice()
        anomalies.refund_anomaly(intent, actor="operator")
        with pytest.raises(anomalies.AnomalyNotRefundable):
            anomalies.refund_anomaly(intent, actor="operator")
        assert refunds_of(shop, intent) == [999]

    def test_a_lost_answer_gives_the_money_back_once(self, shop: Shop, pay_twice: Pay) -> None:
        intent = pay_twice()
        fault(shop, "drop_after", "/v1/refunds")
        with pytest.raises(OutcomeUnknown):
            anomalies.refund_anomaly(intent, actor="operator")
        assert resolution_of(intent) is None
        anomalies.refund_anomaly(intent, actor="operator")
        assert refunds_of(shop, intent) == [999]
        assert resolution_of(intent) == "refunded"
        assert len(sent(shop, "/v1/refunds", payment_intent=intent)) == 2

    def test_one_that_was_given_back_in_the_dashboard_is_closed(
        self, shop: Shop, pay_twice: Pay
    ) -> None:
        intent = pay_twice()
        shop.stripe("POST", "/v1/refunds", payment_intent=intent)
        anomalies.refund_anomaly(intent, actor="operator")
        assert refunds_of(shop, intent) == [999]
        assert resolution_of(intent) == "refunded"

    def test_a_refusal_leaves_it_open(self, shop: Shop, pay_twice: Pay) -> None:
        intent = pay_twice()
        error = {"type": "invalid_request_error", "code": "charge_disputed", "message": "No."}
        fault(shop, "error", "/v1/refunds", status=400, error=error)
        with pytest.raises(Rejected):
            anomalies.refund_anomaly(intent, actor="operator")
        assert resolution_of(intent) is None

    def test_one_that_took_no_money_cannot_be(self, charge_id: int) -> None:
        intent = f"pi_odd_{charge_id}"
        odd = payment_of(charge_id, intent, status="canceled", amount=50, amount_received=0)
        record_payment(charge_id, odd, actor="test")
        with pytest.raises(anomalies.AnomalyNotRefundable):
            anomalies.refund_anomaly(intent, actor="operator")

    def test_the_payment_that_settled_the_charge_cannot_be(self, paid: int) -> None:
        with pytest.raises(anomalies.AnomalyNotRefundable):
            anomalies.refund_anomaly(f"pi_{paid}", actor="operator")


class TestSettleRefunded:
    def test_only_what_went_back_in_full_is_closed(self, shop: Shop, pay_twice: Pay) -> None:
        intent = pay_twice()
        for amount, resolution in ((400, None), (599, "refunded")):
            shop.stripe("POST", "/v1/refunds", payment_intent=intent, amount=amount)
            assert anomalies.settle_refunded_anomaly(intent, actor="event") is True
            assert resolution_of(intent) == resolution

    def test_what_is_no_anomaly_is_none_of_its_business(self, shop: Shop, paid: int) -> None:
        assert anomalies.settle_refunded_anomaly(f"pi_{paid}", actor="event") is False


class TestDismiss:
    def test_it_is_closed_and_told_without_a_call_to_stripe(
        self, shop: Shop, paid: int, pay_twice: Pay
    ) -> None:
        intent = pay_twice()
        anomalies.dismiss_anomaly(intent, actor="operator")
        assert resolution_of(intent) == "dismissed"
        assert refunds_of(shop, intent) == []
        assert not is_flagged(paid)
        assert kinds_told(intent)[-1] == "anomaly.dismissed"

    def test_the_flag_stays_while_another_one_is_open(self, paid: int, pay_twice: Pay) -> None:
        first, second = pay_twice(), pay_twice()
        anomalies.dismiss_anomaly(first, actor="operator")
        assert is_flagged(paid)
        anomalies.dismiss_anomaly(second, actor="operator")
        assert not is_flagged(paid)

    def test_a_flag_for_another_reason_stays(self, paid: int, pay_twice: Pay) -> None:
        intent = pay_twice()
        with transaction() as session:
            session.get_one(Charge, paid).attention_code = "not_at_stripe"
        anomalies.dismiss_anomaly(intent, actor="operator")
        assert is_flagged(paid)
