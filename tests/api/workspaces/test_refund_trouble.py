"""Refunds whose answer is lost, late or a refusal: given back once, and never forgotten."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from payments.installation.names import make_metadata
from payments.kit import clock
from payments.workspaces.models import Refund
from payments.workspaces.refunds import call
from tests.support.people import Cast, Person
from tests.support.shop import Shop, eventually
from tests.support.strangers import tell_of_refund
from tests.support.till import column, fault, installation_of, sent

REFUNDS = "/v1/refunds"
ASYNC = {"Prefer": "respond-async"}


@pytest.fixture
def invoice(shop: Shop, payer: Cast) -> dict[str, Any]:
    """Return a paid invoice over 29.99."""
    assert shop.upgrade(payer.owner, payer.workspace.slug, "pro").status_code == 200
    return read_invoice(shop, payer)


def read_invoice(shop: Shop, cast: Cast) -> dict[str, Any]:
    return shop.invoices(cast.owner, cast.workspace.slug)[0]


def ask_for_refund(app: Flask, admin: Person, invoice: dict[str, Any], **body: Any) -> int:
    """Ask for a refund, and wait until the worker has tried once; return the row's id."""
    path = f"/api/admin/invoices/{invoice['id']}/refund"
    answer = admin.post(path, body, headers=ASYNC)
    assert answer.status_code == 202, answer.text
    refund_id = int(answer.json["data"]["refund"]["id"])

    def is_tried() -> bool:
        fence, leased = column(app, Refund, refund_id, "fence", "leased_until")
        return bool(fence >= 1 and leased is None)

    eventually(is_tried)
    return refund_id


def try_refund_again(app: Flask, refund_id: int, *, after: timedelta = timedelta(0)) -> None:
    """Do what a worker does once the row is due, or after so long."""
    due = column(app, Refund, refund_id, "due_at") + timedelta(seconds=1)
    with app.app_context(), clock.frozen(max(due, clock.now() + after)):
        call.run(refund_id)


def status_of(app: Flask, refund_id: int) -> tuple[str, str | None]:
    return column(app, Refund, refund_id, "status", "error_code")


def amounts_at_stripe(shop: Shop, invoice: dict[str, Any]) -> list[int]:
    intent = invoice["stripePaymentIntentId"]
    return [r["amount"] for r in shop.stripe("GET", REFUNDS, payment_intent=intent)["data"]]


def keys_of(shop: Shop, invoice: dict[str, Any]) -> list[str]:
    calls = sent(shop, REFUNDS, payment_intent=invoice["stripePaymentIntentId"])
    return [entry["idempotency_key"] for entry in calls]


def make_late(app: Flask, shop: Shop, invoice: dict[str, Any], refund_id: int, amount: int) -> str:
    """Let Stripe finish a request of ours that it had answered otherwise; return the refund."""
    with app.app_context():
        names = make_metadata(refund=column(app, Refund, refund_id, "reference"))
    made = shop.stripe(
        "POST", REFUNDS, payment_intent=invoice["stripePaymentIntentId"], amount=amount,
        **{f"metadata[{name}]": value for name, value in names.items()},
    )  # fmt: skip
    return str(made["id"])


class TestOneKey:
    def test_a_500_that_stripe_stored_never_leads_to_a_second_key(
        self, app: Flask, shop: Shop, invoice: dict[str, Any], admin: Person
    ) -> None:
        """It may have been done all the same: a second key would pay twice."""
        fault(shop, "stored_500", REFUNDS, effect=False)
        refund_id = ask_for_refund(app, admin, invoice, amount=3)
        for _ in range(7):
            try_refund_again(app, refund_id)
            assert status_of(app, refund_id) == ("pending", None)
        reference = column(app, Refund, refund_id, "reference")
        assert keys_of(shop, invoice) == [f"{installation_of(app)}:refund:{reference}"] * 8
        assert column(app, Refund, refund_id, "attention_code") == "outcome_unknown"
        assert amounts_at_stripe(shop, invoice) == []

    def test_a_500_whose_refund_was_made_is_found(
        self, app: Flask, shop: Shop, payer: Cast, invoice: dict[str, Any], admin: Person
    ) -> None:
        fault(shop, "stored_500", REFUNDS, effect=True)
        refund_id = ask_for_refund(app, admin, invoice, amount=3)
        try_refund_again(app, refund_id)
        assert status_of(app, refund_id) == ("succeeded", None)
        assert amounts_at_stripe(shop, invoice) == [300]
        assert read_invoice(shop, payer)["refundedAmount"] == 3

    def test_too_many_requests_and_a_key_in_use_count_as_no_try(
        self, app: Flask, shop: Shop, invoice: dict[str, Any], admin: Person
    ) -> None:
        in_use = {"type": "idempotency_error", "code": "idempotency_key_in_use", "message": "Wait."}
        fault(shop, "status", REFUNDS, status=429)
        fault(shop, "error", REFUNDS, status=409, error=in_use, times=8)
        refund_id = ask_for_refund(app, admin, invoice, amount=3)
        for _ in range(8):
            try_refund_again(app, refund_id)
            assert column(app, Refund, refund_id, "status", "tries") == ("pending", 0)
        try_refund_again(app, refund_id)
        assert status_of(app, refund_id) == ("succeeded", None)
        assert amounts_at_stripe(shop, invoice) == [300]
        assert len(set(keys_of(shop, invoice))) == 1


class TestWhatStripeMadeCounts:
    def test_a_refund_that_was_given_up_and_made_after_all(
        self, app: Flask, shop: Shop, payer: Cast, invoice: dict[str, Any], admin: Person
    ) -> None:
        fault(shop, "drop_before", REFUNDS)
        refund_id = ask_for_refund(app, admin, invoice, amount=3)
        try_refund_again(app, refund_id, after=timedelta(hours=30))
        assert status_of(app, refund_id) == ("abandoned", "expired")
        assert read_invoice(shop, payer)["refundedAmount"] == 0
        tell_of_refund(app, shop, make_late(app, shop, invoice, refund_id, 300))
        assert status_of(app, refund_id) == ("succeeded", None)
        assert read_invoice(shop, payer)["refundedAmount"] == 3

    def test_a_refund_that_was_refused_and_made_after_all(
        self, app: Flask, shop: Shop, payer: Cast, invoice: dict[str, Any], admin: Person
    ) -> None:
        error = {"type": "invalid_request_error", "code": "charge_disputed", "message": "No."}
        fault(shop, "error", REFUNDS, status=400, error=error)
        refund_id = ask_for_refund(app, admin, invoice)
        assert status_of(app, refund_id) == ("failed", "charge_disputed")
        tell_of_refund(app, shop, make_late(app, shop, invoice, refund_id, 2999))
        assert status_of(app, refund_id) == ("succeeded", None)
        shown = read_invoice(shop, payer)
        assert (shown["status"], shown["refundedAmount"]) == ("refunded", 29.99)

    def test_a_refund_with_our_names_and_another_amount_is_flagged_and_not_applied(
        self, app: Flask, shop: Shop, payer: Cast, invoice: dict[str, Any], admin: Person
    ) -> None:
        fault(shop, "drop_before", REFUNDS)
        refund_id = ask_for_refund(app, admin, invoice, amount=3)
        tell_of_refund(app, shop, make_late(app, shop, invoice, refund_id, 200))
        assert status_of(app, refund_id) == ("pending", None)
        assert column(app, Refund, refund_id, "attention_code") == "facts_disagree"
        assert read_invoice(shop, payer)["refundedAmount"] == 0


class TestMadeElsewhere:
    def test_the_same_amount_in_the_dashboard_stops_ours_until_a_person_has_looked(
        self, app: Flask, shop: Shop, payer: Cast, invoice: dict[str, Any], admin: Person
    ) -> None:
        """Somebody may have made up for the one whose outcome was not known."""
        fault(shop, "drop_before", REFUNDS)
        refund_id = ask_for_refund(app, admin, invoice, amount=3)
        intent = invoice["stripePaymentIntentId"]
        shop.control("POST", "clock/advance", {"seconds": 2})
        shop.stripe("POST", REFUNDS, payment_intent=intent, amount=300)
        for _ in range(2):
            try_refund_again(app, refund_id)
        assert status_of(app, refund_id) == ("pending", None)
        assert column(app, Refund, refund_id, "attention_code") == "refunded_elsewhere"
        assert amounts_at_stripe(shop, invoice) == [300]
        assert read_invoice(shop, payer)["refundedAmount"] == 3

    def test_another_amount_does_not(
        self, app: Flask, shop: Shop, payer: Cast, invoice: dict[str, Any], admin: Person
    ) -> None:
        fault(shop, "drop_before", REFUNDS)
        refund_id = ask_for_refund(app, admin, invoice, amount=3)
        intent = invoice["stripePaymentIntentId"]
        shop.stripe("POST", REFUNDS, payment_intent=intent, amount=400)
        try_refund_again(app, refund_id)
        assert status_of(app, refund_id) == ("succeeded", None)
        assert sorted(amounts_at_stripe(shop, invoice)) == [300, 400]
        assert read_invoice(shop, payer)["refundedAmount"] == 7
