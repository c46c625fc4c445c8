"""Disputes: a bank takes a workspace's payment back, or asks about it."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask

from payments.gateway.results import Dispute as Found
from payments.kit import clock
from payments.workspaces.disputes.record import Overtaken, record_dispute
from payments.workspaces.models import Charge
from tests.api.test_metrics import scraped
from tests.support.disputes import (
    INQUIRY_CARD,
    deliver_events,
    deliver_news,
    dispute_events,
    dispute_payment,
    dispute_rows,
    submit_evidence,
)
from tests.support.drift import change
from tests.support.people import Cast, Person
from tests.support.shop import Shop
from tests.support.till import charge_of, column, plan_of, sent

REFUNDS = "/v1/refunds"


@pytest.fixture
def disputed(shop: Shop, cast: Cast) -> dict[str, Any]:
    """Stripe's dispute of the workspace's payment of 9.99, of which nobody told us yet."""
    return dispute_payment(shop, cast)


@pytest.fixture
def told(app: Flask, shop: Shop, disputed: dict[str, Any]) -> dict[str, Any]:
    """The same after Stripe's events came."""
    deliver_news(app, shop, disputed["id"])
    return disputed


@pytest.fixture
def inquiry(app: Flask, shop: Shop, cast: Cast) -> dict[str, Any]:
    """An inquiry about the workspace's payment, of which we were told."""
    made = dispute_payment(shop, cast, INQUIRY_CARD)
    deliver_news(app, shop, made["id"])
    return made


def invoice_of(shop: Shop, cast: Cast) -> dict[str, Any]:
    return shop.invoices(cast.owner, cast.workspace.slug)[0]


def row_of(app: Flask, dispute: dict[str, Any]) -> dict[str, Any]:
    (row,) = dispute_rows(app, dispute["id"])
    return row


def is_flagged(app: Flask, dispute: dict[str, Any]) -> bool:
    return bool(column(app, Charge, row_of(app, dispute)["charge_id"], "needs_attention"))


def refund(admin: Person, invoice: dict[str, Any]) -> Any:
    return admin.post(f"/api/admin/invoices/{invoice['id']}/refund", {})


def timeline(cast: Cast) -> list[dict[str, Any]]:
    """Return the entries about disputes, the oldest first."""
    path = f"/api/payments/{cast.workspace.slug}/timeline?kind=dispute."
    return list(cast.owner.get(path).json["data"])[::-1]


def kinds(cast: Cast) -> list[str]:
    return [entry["kind"].removeprefix("dispute.") for entry in timeline(cast)]


class TestChargeback:
    def test_a_disputed_payment_is_shown_by_invoice_and_charge(
        self, app: Flask, shop: Shop, cast: Cast, told: dict[str, Any], neighbours: Cast
    ) -> None:
        due = clock.iso_millis(clock.from_timestamp(told["evidence_details"]["due_by"]))
        shown = {
            "status": "needs_response",
            "reason": "fraudulent",
            "amount": 9.99,
            "currency": "usd",
            "isInquiry": False,
            "responseDueAt": due,
        }
        invoice = invoice_of(shop, cast)
        assert (invoice["status"], invoice["refundedAmount"]) == ("paid", 0)
        assert invoice["dispute"] == shown
        one = cast.member.get(f"{cast.workspace.payments}/invoices/{invoice['id']}").json["data"]
        assert one["dispute"] == shown
        row = row_of(app, told)
        assert charge_of(cast, row["charge_id"])["dispute"] == {**shown, "amount": 999}
        assert (row["workspace_id"], row["invoice_id"]) == (cast.workspace.id, invoice["id"])
        assert row["is_withdrawn"]
        others = shop.invoices(neighbours.owner, neighbours.workspace.slug)
        assert {each["dispute"] for each in others} == {None}

    def test_an_open_chargeback_flags_its_charge_once(
        self, app: Flask, shop: Shop, cast: Cast, told: dict[str, Any]
    ) -> None:
        deliver_news(app, shop, told["id"])
        assert is_flagged(app, told)
        path = f"/api/payments/{cast.workspace.slug}/timeline?kind=charge.needs_attention"
        (entry,) = cast.owner.get(path).json["data"]
        assert column(app, Charge, row_of(app, told)["charge_id"], "attention_code") == "disputed"
        assert entry["data"]["reason"] == f"its payment is disputed ({told['id']})"

    def test_the_timeline_tells_of_it_once(
        self, app: Flask, shop: Shop, cast: Cast, told: dict[str, Any], neighbours: Cast
    ) -> None:
        deliver_news(app, shop, told["id"])
        (entry,) = timeline(cast)
        number, due = invoice_of(shop, cast)["invoiceNumber"], entry["data"]["responseDueAt"]
        assert entry["sentence"] == (
            f"Dispute {told['id']} of 9.99 USD on invoice {number} was opened (fraudulent); "
            f"the bank takes an answer until {due}"
        )
        assert entry["source"] == "event"
        assert told["payment_intent"] in entry["stripeIds"]
        assert timeline(neighbours) == []

    def test_an_open_chargeback_is_counted_with_its_deadline(
        self, app: Flask, shop: Shop, disputed: dict[str, Any]
    ) -> None:
        before = scraped(shop.client)
        deliver_news(app, shop, disputed["id"])
        after = scraped(shop.client)
        open_ = ("payments_disputes_open", "chargeback")
        assert after[open_] == before[open_] + 1
        due = after["payments_disputes_earliest_response_due_seconds", "chargeback"]
        assert 0 < due <= disputed["evidence_details"]["due_by"]

    def test_operators_list_open_disputes_by_deadline(
        self, app: Flask, shop: Shop, told: dict[str, Any]
    ) -> None:
        listed = app.test_cli_runner().invoke(args=["disputes", "list"])
        (line,) = (line for line in listed.output.splitlines() if told["id"] in line)
        assert "needs_response  fraudulent  9.99 USD" in line
        deadlines = [line.split()[0] for line in listed.output.splitlines()[:-1]]
        assert deadlines == sorted(deadlines, key=lambda due: (due == "-", due))
        shop.stripe("POST", f"/v1/disputes/{told['id']}/close")
        deliver_news(app, shop, told["id"])
        assert told["id"] not in app.test_cli_runner().invoke(args=["disputes", "list"]).output
        everything = app.test_cli_runner().invoke(args=["disputes", "list", "--all"]).output
        assert told["id"] in everything

    def test_a_dispute_of_a_foreign_payment_with_our_metadata_is_ignored(
        self, app: Flask, shop: Shop, cast: Cast, told: dict[str, Any]
    ) -> None:
        """Metadata can be copied by anybody who shares the account; a PaymentIntent cannot."""
        ours = shop.stripe("GET", f"/v1/payment_intents/{told['payment_intent']}")["metadata"]
        made = shop.stripe(
            "POST", "/v1/payment_intents", amount=500, currency="usd", confirm="true",
            payment_method="pm_card_createDispute", return_url="https://example.com",
            **{f"metadata[{name}]": value for name, value in ours.items()},
        )  # fmt: skip
        shop.control("POST", "clock/advance", {"seconds": 60})
        (foreign,) = shop.stripe("GET", "/v1/disputes", payment_intent=made["id"])["data"]
        deliver_news(app, shop, foreign["id"])
        assert dispute_rows(app, foreign["id"]) == []
        assert kinds(cast) == ["opened"]

    def test_a_dispute_that_is_gone_at_stripe_is_no_work(
        self, app: Flask, shop: Shop, disputed: dict[str, Any]
    ) -> None:
        event = dispute_events(shop, disputed["id"])[0]
        event["id"], event["data"]["object"]["id"] = f"{event['id']}x", "du_gone"
        deliver_events(app, shop, [event])
        assert dispute_rows(app, "du_gone") == []


class TestOutcome:
    def test_a_lost_dispute_keeps_invoice_and_plan_and_drops_the_flag(
        self, app: Flask, shop: Shop, cast: Cast, told: dict[str, Any]
    ) -> None:
        before = scraped(shop.client)
        shop.stripe("POST", f"/v1/disputes/{told['id']}/close")
        deliver_news(app, shop, told["id"])
        invoice = invoice_of(shop, cast)
        assert (invoice["status"], invoice["dispute"]["status"]) == ("paid", "lost")
        assert plan_of(cast.owner, cast.workspace) == "starter"
        row = row_of(app, told)
        assert row["closed_at"] is not None
        assert row["is_withdrawn"]
        assert not is_flagged(app, told)
        assert kinds(cast) == ["opened", "lost"]
        assert timeline(cast)[-1]["sentence"].endswith("was lost: the money is not returned")
        lost = ("payments_disputes_closed", "lost")
        assert scraped(shop.client)[lost] == before[lost] + 1

    def test_a_won_dispute_returns_the_money(
        self, app: Flask, shop: Shop, cast: Cast, told: dict[str, Any], admin: Person
    ) -> None:
        submit_evidence(shop, told["id"], "winning_evidence")
        deliver_news(app, shop, told["id"])
        row = row_of(app, told)
        assert (row["status"], row["is_withdrawn"]) == ("won", False)
        assert not is_flagged(app, told)
        assert kinds(cast) == ["opened", "won"]
        assert refund(admin, invoice_of(shop, cast)).status_code == 200

    def test_evidence_under_review_is_told_as_an_update(
        self, app: Flask, shop: Shop, cast: Cast, told: dict[str, Any]
    ) -> None:
        submit_evidence(shop, told["id"], "a long story")
        deliver_news(app, shop, told["id"])
        assert kinds(cast) == ["opened", "updated"]
        assert timeline(cast)[-1]["data"]["stripeStatus"] == "under_review"
        assert is_flagged(app, told)

    def test_events_in_reverse_order_end_in_the_same_row(
        self, app: Flask, shop: Shop, cast: Cast, disputed: dict[str, Any]
    ) -> None:
        submit_evidence(shop, disputed["id"], "losing_evidence")
        events = dispute_events(shop, disputed["id"])
        assert len(events) >= 4
        deliver_events(app, shop, events[::-1])
        assert row_of(app, disputed)["status"] == "lost"
        assert kinds(cast) == ["opened", "lost"]
        assert not is_flagged(app, disputed)

    def test_a_flag_of_another_reason_outlives_the_dispute(
        self, app: Flask, shop: Shop, cast: Cast, disputed: dict[str, Any]
    ) -> None:
        intent = disputed["payment_intent"]
        change(app, Charge, Charge.stripe_payment_intent_id == intent, needs_attention=True)
        deliver_news(app, shop, disputed["id"])
        shop.stripe("POST", f"/v1/disputes/{disputed['id']}/close")
        deliver_news(app, shop, disputed["id"])
        assert is_flagged(app, disputed)

    def test_a_second_open_chargeback_keeps_the_flag_of_the_first(
        self, app: Flask, shop: Shop, told: dict[str, Any]
    ) -> None:
        second = found(told, id=f"{told['id']}_2")
        with app.app_context():
            assert record_dispute(second, after=None, actor="sweep")
        shop.stripe("POST", f"/v1/disputes/{told['id']}/close")
        deliver_news(app, shop, told["id"])
        assert is_flagged(app, told)
        with app.app_context():
            record_dispute(found(told, id=second.id, status="won"), after=0, actor="sweep")
        assert not is_flagged(app, told)


class TestInquiry:
    def test_an_inquiry_is_shown_and_told_and_asks_for_nobody(
        self, app: Flask, shop: Shop, cast: Cast, inquiry: dict[str, Any]
    ) -> None:
        shown = invoice_of(shop, cast)["dispute"]
        assert (shown["isInquiry"], shown["status"]) == (True, "warning_needs_response")
        assert not is_flagged(app, inquiry)
        assert not row_of(app, inquiry)["is_withdrawn"]
        (entry,) = timeline(cast)
        assert entry["kind"] == "dispute.inquiry_opened"
        assert "no money was taken" in entry["sentence"]
        metrics = scraped(shop.client)
        assert metrics["payments_disputes_open", "inquiry"] >= 1
        assert metrics["payments_disputes_earliest_response_due_seconds", "inquiry"] > 0

    def test_an_inquiry_that_becomes_a_chargeback_flags_its_charge(
        self, app: Flask, shop: Shop, cast: Cast, inquiry: dict[str, Any]
    ) -> None:
        submit_evidence(shop, inquiry["id"], "escalate_inquiry_evidence")
        deliver_news(app, shop, inquiry["id"])
        assert kinds(cast) == ["inquiry_opened", "escalated"]
        assert is_flagged(app, inquiry)
        assert row_of(app, inquiry)["is_withdrawn"]

    def test_a_closed_inquiry_leaves_the_payment_as_it_was(
        self, app: Flask, shop: Shop, cast: Cast, inquiry: dict[str, Any]
    ) -> None:
        shop.stripe("POST", f"/v1/disputes/{inquiry['id']}/close")
        deliver_news(app, shop, inquiry["id"])
        assert kinds(cast) == ["inquiry_opened", "inquiry_closed"]
        assert row_of(app, inquiry)["closed_at"] is not None
        assert not is_flagged(app, inquiry)

    def test_a_payment_under_inquiry_can_be_refunded(
        self, app: Flask, shop: Shop, cast: Cast, admin: Person, inquiry: dict[str, Any]
    ) -> None:
        assert row_of(app, inquiry)["closed_at"] is None
        assert refund(admin, invoice_of(shop, cast)).status_code == 200
        assert invoice_of(shop, cast)["status"] == "refunded"


class TestRefund:
    @pytest.mark.parametrize("outcome", ["open", "lost"])
    def test_a_refund_of_a_disputed_payment_is_refused_before_stripe_is_asked(
        self, app: Flask, shop: Shop, cast: Cast, admin: Person, told: dict[str, Any], outcome: str
    ) -> None:
        if outcome == "lost":
            shop.stripe("POST", f"/v1/disputes/{told['id']}/close")
            deliver_news(app, shop, told["id"])
        before = len(sent(shop, REFUNDS))
        answer = refund(admin, invoice_of(shop, cast))
        assert (answer.status_code, answer.json["code"]) == (400, "payment_disputed")
        assert answer.json["details"]["disputeId"] == told["id"]
        assert len(sent(shop, REFUNDS)) == before
        assert invoice_of(shop, cast)["refundedAmount"] == 0


def found(dispute: dict[str, Any], **changes: Any) -> Found:
    """Return a dispute as the gateway reads it."""
    values = {
        "id": dispute["id"],
        "status": "needs_response",
        "reason": "fraudulent",
        "amount": 999,
        "currency": "usd",
        "payment_intent": dispute["payment_intent"],
        "created": dispute["created"],
        "due_by": dispute["evidence_details"]["due_by"],
        "is_charge_refundable": False,
        "is_withdrawn": True,
    }
    return Found(**{**values, **changes})


class TestOlderAnswers:
    def test_an_answer_from_before_the_last_write_is_not_written(
        self, app: Flask, told: dict[str, Any]
    ) -> None:
        with app.app_context():
            review = found(told, status="under_review")
            assert record_dispute(review, after=0, actor="sweep")
            with pytest.raises(Overtaken):
                record_dispute(found(told), after=0, actor="sweep")
            with pytest.raises(Overtaken):
                record_dispute(found(told), after=None, actor="sweep")
        assert row_of(app, told)["status"] == "under_review"

    def test_a_final_status_is_never_revived(self, app: Flask, told: dict[str, Any]) -> None:
        with app.app_context():
            assert record_dispute(found(told, status="lost"), after=0, actor="sweep")
            assert not record_dispute(found(told), after=1, actor="sweep")
        assert row_of(app, told)["status"] == "lost"
        assert not is_flagged(app, told)
