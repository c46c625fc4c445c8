"""Disputes: a card that complains, evidence, and how it ends."""

import pytest
import stripe

from .conftest import DAY

TOKEN = "pm_card_createDispute"


@pytest.fixture
def disputed(v1, pay, control):
    intent = pay(5000, TOKEN)
    control("POST", "clock/advance", {"seconds": 6})
    return v1.disputes.list({"payment_intent": intent.id}).data[0]


def test_takes_the_money_away(v1, disputed, event_types):
    assert (disputed.status, disputed.reason, disputed.amount) == (
        "needs_response",
        "fraudulent",
        5000,
    )
    assert v1.charges.retrieve(disputed.charge).disputed is True
    assert (disputed.balance_transactions[0].amount, disputed.balance_transactions[0].fee) == (
        -5000,
        1500,
    )
    assert event_types()[-3:] == [
        "charge.updated",
        "charge.dispute.created",
        "charge.dispute.funds_withdrawn",
    ]
    with pytest.raises(stripe.InvalidRequestError, match="charged back"):
        v1.refunds.create({"charge": disputed.charge})


@pytest.mark.parametrize(
    ("words", "status", "events"),
    [
        ("winning_evidence", "won", ["funds_reinstated", "closed"]),
        ("losing_evidence", "lost", ["closed"]),
        ("a long story", "under_review", ["updated"]),
    ],
)
def test_is_decided_by_evidence(v1, disputed, control, event_types, words, status, events):
    sent = v1.disputes.update(disputed.id, {"evidence": {"uncategorized_text": words}})
    assert (sent.status, sent.evidence_details.submission_count) == ("under_review", 1)
    control("POST", "clock/advance", {"seconds": 6})
    assert v1.disputes.retrieve(disputed.id).status == status
    assert event_types()[-len(events) :] == [f"charge.dispute.{name}" for name in events]
    with pytest.raises(stripe.InvalidRequestError, match="no longer"):
        v1.disputes.update(disputed.id, {"evidence": {"receipt": "r"}})
    if status == "won":
        assert v1.refunds.create({"charge": disputed.charge}).status == "succeeded"


def test_evidence_can_be_kept_back(v1, disputed):
    params = {"evidence": {"receipt": "r"}, "submit": False, "metadata": {"a": "1"}}
    kept = v1.disputes.update(disputed.id, params)
    assert (kept.status, kept.evidence.receipt) == ("needs_response", "r")
    assert kept.metadata["a"] == "1"
    with pytest.raises(stripe.InvalidRequestError, match="Invalid object"):
        v1.disputes.update(disputed.id, {"evidence": {"other": "x"}})


def test_can_be_accepted_once(v1, disputed):
    assert v1.disputes.close(disputed.id).status == "lost"
    with pytest.raises(stripe.InvalidRequestError, match="status lost"):
        v1.disputes.close(disputed.id)


@pytest.mark.parametrize("answered", [True, False])
def test_is_lost_without_an_answer(v1, disputed, control, answered):
    if answered:
        v1.disputes.update(disputed.id, {"evidence": {"uncategorized_text": "story"}})
    control("POST", "clock/advance", {"seconds": 8 * DAY})
    now = v1.disputes.retrieve(disputed.id)
    assert now.status == ("under_review" if answered else "lost")
    assert now.evidence_details.past_due is not answered


def test_follows_a_test_clock(v1, subscriber, use_card, subscribe, price, until, history):
    use_card(subscriber, TOKEN)
    subscribe(price())
    until(DAY)
    assert (5, "charge.dispute.created") in history()
