"""Disputes: a bank that takes the money or only asks, evidence, and how it ends."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import stripe

from .conftest import DAY

TOKEN, INQUIRY = "pm_card_createDispute", "pm_card_createDisputeInquiry"


@pytest.fixture
def dispute_of(v1: Any, pay: Callable[..., Any], control: Callable[..., Any]) -> Any:
    """Pay with a card whose bank complains, beside a payment that nobody complains of."""

    def make(token: str = TOKEN, **params: Any) -> Any:
        pay(700)
        intent = pay(5000, token, **params)
        control("POST", "clock/advance", {"seconds": 6})
        return v1.disputes.list({"payment_intent": intent.id}).data[0]

    return make


@pytest.fixture
def disputed(dispute_of: Callable[..., Any]) -> Any:
    return dispute_of()


@pytest.fixture
def inquiry(dispute_of: Callable[..., Any]) -> Any:
    return dispute_of(INQUIRY)


@pytest.fixture
def answer(v1: Any, control: Callable[..., Any]) -> Callable[[Any, str], Any]:
    """Hand in evidence and let the bank decide."""

    def send(dispute: Any, words: str) -> Any:
        v1.disputes.update(dispute.id, {"evidence": {"uncategorized_text": words}})
        control("POST", "clock/advance", {"seconds": 6})
        return v1.disputes.retrieve(dispute.id)

    return send


class TestChargeback:
    def test_takes_the_money_away(self, v1, disputed, event_types):
        assert (disputed.status, disputed.reason, disputed.amount) == (
            "needs_response",
            "fraudulent",
            5000,
        )
        charge = v1.charges.retrieve(disputed.charge)
        assert (charge.disputed, charge.dispute) == (True, disputed.id)
        movement = disputed.balance_transactions[0]
        assert (movement.amount, movement.fee, movement.net) == (-5000, 1500, -6500)
        assert event_types()[-3:] == [
            "charge.updated",
            "charge.dispute.created",
            "charge.dispute.funds_withdrawn",
        ]

    @pytest.mark.parametrize(
        ("token", "reason", "code"),
        [(TOKEN, "fraudulent", "10.4"),
         ("pm_card_createDisputeProductNotReceived", "product_not_received", "13.1")],
    )  # fmt: skip
    def test_reason_follows_the_card(self, dispute_of, token, reason, code):
        made = dispute_of(token)
        card = made.payment_method_details.card
        assert (made.reason, card.network_reason_code) == (reason, code)
        assert (card.case_type, card.network) == ("chargeback", "visa")
        assert made.is_charge_refundable is False

    @pytest.mark.parametrize("by", ["charge", "payment_intent"])
    def test_refund_is_refused(self, v1, disputed, by):
        with pytest.raises(stripe.InvalidRequestError, match="charged back") as refusal:
            v1.refunds.create({by: disputed[by]})
        assert refusal.value.code == "charge_disputed"

    def test_evidence_is_due_at_the_end_of_a_day(self, disputed):
        due_by = disputed.evidence_details.due_by
        assert (due_by + 1) % DAY == 0
        assert 8 * DAY <= due_by + 1 - disputed.created <= 9 * DAY

    @pytest.mark.parametrize(
        ("words", "status", "events"),
        [
            ("winning_evidence", "won", ["funds_reinstated", "closed"]),
            ("losing_evidence", "lost", ["closed"]),
            ("a long story", "under_review", ["updated"]),
            ("escalate_inquiry_evidence", "under_review", ["updated"]),
        ],
    )
    def test_is_decided_by_evidence(self, v1, disputed, answer, event_types, words, status, events):
        decided = answer(disputed, words)
        assert (decided.status, decided.evidence_details.submission_count) == (status, 1)
        assert event_types()[-len(events) :] == [f"charge.dispute.{name}" for name in events]
        closed = "no longer" if status == "under_review" else "already closed"
        with pytest.raises(stripe.InvalidRequestError, match=closed):
            v1.disputes.update(disputed.id, {"evidence": {"receipt": "r"}})
        assert decided.is_charge_refundable is (status == "won")
        if status == "won":
            assert v1.refunds.create({"charge": disputed.charge}).status == "succeeded"

    def test_evidence_can_be_kept_back(self, v1, disputed):
        params = {"evidence": {"receipt": "r"}, "submit": False, "metadata": {"a": "1"}}
        kept = v1.disputes.update(disputed.id, params)
        assert (kept.status, kept.evidence.receipt) == ("needs_response", "r")
        assert kept.metadata["a"] == "1"
        with pytest.raises(stripe.InvalidRequestError, match="Invalid object"):
            v1.disputes.update(disputed.id, {"evidence": {"other": "x"}})

    def test_can_be_accepted_once(self, v1, disputed, event_types):
        assert v1.disputes.close(disputed.id).status == "lost"
        assert event_types()[-1] == "charge.dispute.closed"
        for attempt in (v1.disputes.close, v1.disputes.update):
            with pytest.raises(stripe.InvalidRequestError, match="already closed"):
                attempt(disputed.id)

    @pytest.mark.parametrize("answered", [True, False])
    def test_is_lost_without_an_answer(self, v1, disputed, control, answered):
        if answered:
            v1.disputes.update(disputed.id, {"evidence": {"uncategorized_text": "story"}})
        control("POST", "clock/advance", {"seconds": 9 * DAY})
        now = v1.disputes.retrieve(disputed.id)
        assert now.status == ("under_review" if answered else "lost")
        assert now.evidence_details.past_due is not answered

    def test_begins_with_the_capture(self, v1, pay, control):
        held = pay(5000, TOKEN, capture_method="manual")
        control("POST", "clock/advance", {"seconds": 60})
        assert v1.disputes.list({"payment_intent": held.id}).data == []
        v1.payment_intents.capture(held.id)
        control("POST", "clock/advance", {"seconds": 6})
        assert len(v1.disputes.list({"payment_intent": held.id}).data) == 1

    def test_follows_a_test_clock(self, v1, subscriber, use_card, subscribe, price, until, history):
        use_card(subscriber, TOKEN)
        subscribe(price())
        until(DAY)
        assert (5, "charge.dispute.created") in history()


class TestInquiry:
    def test_takes_no_money(self, v1, inquiry, event_types):
        assert (inquiry.status, inquiry.is_charge_refundable) == ("warning_needs_response", True)
        assert inquiry.balance_transactions == []
        card = inquiry.payment_method_details.card
        assert (card.case_type, card.network_reason_code) == ("inquiry", "10")
        assert event_types()[-2:] == ["charge.updated", "charge.dispute.created"]

    @pytest.mark.parametrize("words", ["winning_evidence", "losing_evidence"])
    def test_ends_by_an_answer(self, v1, inquiry, answer, event_types, words):
        sent = v1.disputes.update(inquiry.id, {"evidence": {"receipt": "r"}, "submit": False})
        assert sent.status == "warning_needs_response"
        assert answer(inquiry, words).status == "warning_closed"
        assert event_types()[-2:] == ["charge.dispute.updated", "charge.dispute.closed"]
        assert v1.refunds.create({"charge": inquiry.charge}).status == "succeeded"

    def test_is_under_review_after_an_answer(self, v1, inquiry):
        sent = v1.disputes.update(inquiry.id, {"evidence": {"uncategorized_text": "a story"}})
        assert sent.status == "warning_under_review"

    def test_ends_by_itself_after_120_days(self, v1, inquiry, control):
        control("POST", "clock/advance", {"seconds": 119 * DAY})
        waiting = v1.disputes.retrieve(inquiry.id)
        assert waiting.status == "warning_needs_response"
        assert waiting.evidence_details.past_due is True
        control("POST", "clock/advance", {"seconds": DAY})
        assert v1.disputes.retrieve(inquiry.id).status == "warning_closed"

    def test_is_settled_by_a_full_refund(self, v1, inquiry, event_types):
        v1.refunds.create({"charge": inquiry.charge, "amount": 2000})
        assert v1.disputes.retrieve(inquiry.id).status == "warning_needs_response"
        v1.refunds.create({"charge": inquiry.charge})
        assert v1.disputes.retrieve(inquiry.id).status == "warning_closed"
        assert event_types()[-2:] == ["charge.refunded", "charge.dispute.closed"]

    def test_can_be_closed(self, v1, inquiry):
        assert v1.disputes.close(inquiry.id).status == "warning_closed"


class TestEscalation:
    def test_takes_the_money_and_asks_again(self, v1, inquiry, answer, event_types):
        escalated = answer(inquiry, "escalate_inquiry_evidence")
        assert (escalated.status, escalated.is_charge_refundable) == ("needs_response", False)
        assert [each.amount for each in escalated.balance_transactions] == [-5000]
        card = escalated.payment_method_details.card
        assert (card.case_type, card.network_reason_code) == ("chargeback", "10.4")
        assert event_types()[-2:] == ["charge.dispute.updated", "charge.dispute.funds_withdrawn"]
        event = v1.events.list({"type": "charge.dispute.updated"}).data[0]
        assert event.data.previous_attributes.status == "warning_under_review"
        assert answer(escalated, "winning_evidence").status == "won"

    def test_brings_back_what_was_refunded_meanwhile(self, v1, inquiry, answer):
        refund = v1.refunds.create({"charge": inquiry.charge, "amount": 2000})
        answer(inquiry, "escalate_inquiry_evidence")
        failed = v1.refunds.retrieve(refund.id)
        assert failed.status == "failed"
        assert failed.failure_reason == "charge_for_pending_refund_disputed"
        assert v1.charges.retrieve(inquiry.charge).amount_refunded == 0
        with pytest.raises(stripe.InvalidRequestError, match="charged back"):
            v1.refunds.create({"charge": inquiry.charge})

    def test_has_a_deadline_of_its_own(self, v1, inquiry, answer, control):
        control("POST", "clock/advance", {"seconds": 5 * DAY})
        answer(inquiry, "escalate_inquiry_evidence")
        control("POST", "clock/advance", {"seconds": 5 * DAY})
        assert v1.disputes.retrieve(inquiry.id).status == "needs_response"

    def test_is_lost_without_another_answer(self, v1, inquiry, answer, control):
        answer(inquiry, "escalate_inquiry_evidence")
        control("POST", "clock/advance", {"seconds": 9 * DAY})
        assert v1.disputes.retrieve(inquiry.id).status == "lost"


def test_lists_by_payment_charge_and_time(v1, dispute_of):
    first, second = dispute_of(), dispute_of(INQUIRY)
    assert [each.id for each in v1.disputes.list().data] == [second.id, first.id]
    for params in (
        {"payment_intent": first.payment_intent},
        {"charge": first.charge},
        {"created": {"lt": second.created}},
    ):
        assert [each.id for each in v1.disputes.list(params).data] == [first.id]


def test_unknown_dispute_is_404(v1):
    with pytest.raises(stripe.InvalidRequestError, match="No such dispute: 'du_x'") as refusal:
        v1.disputes.retrieve("du_x")
    assert (refusal.value.http_status, refusal.value.param) == (404, "dispute")
