"""A charge that was paid twice: the second payment is told of, and given back by itself."""

from __future__ import annotations

import pytest
from flask import Flask

from payments.workspaces.models import Charge
from tests.support.people import Cast, Person
from tests.support.shop import Shop
from tests.support.strangers import anomalies_of, pay_again, tell, tell_of_refund
from tests.support.till import column, find_charge_id, plan_of


@pytest.fixture
def paid(app: Flask, shop: Shop, payer: Cast) -> int:
    """Return a charge that has succeeded."""
    answer = shop.upgrade(payer.owner, payer.workspace.slug)
    return find_charge_id(app, answer.json["data"]["paymentIntent"]["id"])


@pytest.fixture
def duplicate(app: Flask, shop: Shop, paid: int) -> str:
    """Return a second PaymentIntent that took the charge's money, as Stripe told us of it."""
    intent = pay_again(app, shop, paid)
    tell(app, shop, "payment_intent.succeeded", intent)
    return intent


def attention_of(app: Flask, charge_id: int) -> tuple[bool, str | None]:
    return column(app, Charge, charge_id, "needs_attention", "attention_code")


def give_back(app: Flask, shop: Shop, intent: str, **amount: int) -> None:
    """Refund in Stripe's dashboard, and be told of it."""
    made = shop.stripe("POST", "/v1/refunds", payment_intent=intent, **amount)
    tell_of_refund(app, shop, made["id"])


class TestSecondPayment:
    def test_it_is_stored_flagged_and_told_once(
        self, app: Flask, shop: Shop, payer: Cast, paid: int, duplicate: str
    ) -> None:
        tell(app, shop, "payment_intent.succeeded", duplicate)
        (anomaly,) = anomalies_of(app, duplicate)
        assert (anomaly["kind"], anomaly["amount_minor"], anomaly["charge_id"]) == (
            "duplicate", 999, paid,
        )  # fmt: skip
        assert attention_of(app, paid) == (True, "paid_twice")
        entries = payer.owner.get(
            f"{payer.workspace.payments}/timeline", query_string={"kind": "charge.paid_twice"}
        ).json["data"]
        assert len(entries) == 1
        assert duplicate in entries[0]["sentence"]

    def test_the_charge_keeps_the_payment_that_settled_it(
        self, app: Flask, shop: Shop, payer: Cast, paid: int, duplicate: str
    ) -> None:
        (invoice,) = shop.invoices(payer.owner, payer.workspace.slug)
        kept = column(app, Charge, paid, "stripe_payment_intent_id")
        assert invoice["stripePaymentIntentId"] == kept != duplicate
        assert (invoice["status"], invoice["refundedAmount"]) == ("paid", 0)


class TestRefundOfTheDuplicate:
    def test_it_resolves_the_anomaly_and_leaves_the_invoice_paid(
        self, app: Flask, shop: Shop, payer: Cast, paid: int, duplicate: str, admin: Person
    ) -> None:
        give_back(app, shop, duplicate)
        (anomaly,) = anomalies_of(app, duplicate)
        assert anomaly["resolution"] == "refunded"
        assert attention_of(app, paid) == (False, None)
        (invoice,) = shop.invoices(payer.owner, payer.workspace.slug)
        assert (invoice["status"], invoice["refundedAmount"]) == ("paid", 0)
        assert plan_of(payer.owner, payer.workspace) == "starter"
        answer = admin.post(f"/api/admin/invoices/{invoice['id']}/refund", {})
        assert (answer.status_code, answer.json["data"]["status"]) == (200, "refunded")

    def test_a_part_of_it_resolves_nothing(
        self, app: Flask, shop: Shop, payer: Cast, paid: int, duplicate: str
    ) -> None:
        give_back(app, shop, duplicate, amount=500)
        (anomaly,) = anomalies_of(app, duplicate)
        assert anomaly["resolution"] is None
        assert attention_of(app, paid) == (True, "paid_twice")
        give_back(app, shop, duplicate)
        assert anomalies_of(app, duplicate)[0]["resolution"] == "refunded"
        (invoice,) = shop.invoices(payer.owner, payer.workspace.slug)
        assert (invoice["status"], invoice["refundedAmount"]) == ("paid", 0)

    def test_of_two_duplicates_the_last_one_takes_the_flag_back(
        self, app: Flask, shop: Shop, paid: int, duplicate: str
    ) -> None:
        third = pay_again(app, shop, paid)
        tell(app, shop, "payment_intent.succeeded", third)
        give_back(app, shop, duplicate)
        assert attention_of(app, paid) == (True, "paid_twice")
        give_back(app, shop, third)
        assert attention_of(app, paid) == (False, None)

    def test_a_refund_that_is_told_before_its_payment_touches_no_invoice(
        self, app: Flask, shop: Shop, payer: Cast, paid: int
    ) -> None:
        intent = pay_again(app, shop, paid)
        give_back(app, shop, intent)
        (invoice,) = shop.invoices(payer.owner, payer.workspace.slug)
        assert (invoice["status"], invoice["refundedAmount"]) == ("paid", 0)
        (anomaly,) = anomalies_of(app, intent)
        assert (anomaly["kind"], anomaly["resolution"]) == ("duplicate", "refunded")
        assert attention_of(app, paid) == (False, None)

    def test_a_refund_of_the_real_payment_is_still_taken_over(
        self, app: Flask, shop: Shop, payer: Cast, paid: int, duplicate: str
    ) -> None:
        give_back(app, shop, column(app, Charge, paid, "stripe_payment_intent_id"), amount=300)
        (invoice,) = shop.invoices(payer.owner, payer.workspace.slug)
        assert (invoice["status"], invoice["refundedAmount"]) == ("paid", 3)
        assert anomalies_of(app, duplicate)[0]["resolution"] is None
