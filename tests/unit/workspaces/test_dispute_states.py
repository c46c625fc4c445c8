"""Rules about disputes: which status may follow which, and which dispute is shown."""

from __future__ import annotations

from datetime import timedelta

import pytest

from payments.gateway.results import read_dispute
from payments.kit import clock
from payments.workspaces.disputes.read import choose_dispute
from payments.workspaces.disputes.states import can_follow, is_inquiry, name_changes
from payments.workspaces.models import Dispute
from payments.workspaces.models.disputes import FINAL

OPEN = ("needs_response", "under_review")
WARNINGS = ("warning_needs_response", "warning_under_review")


@pytest.mark.parametrize("status", [*WARNINGS, "warning_closed"])
def test_a_warning_is_an_inquiry(status: str) -> None:
    assert is_inquiry(status)


@pytest.mark.parametrize("status", [*OPEN, "won", "lost", "prevented", "a_new_word"])
def test_any_other_status_counts_as_a_chargeback(status: str) -> None:
    assert not is_inquiry(status)


@pytest.mark.parametrize("theirs", [*OPEN, *WARNINGS])
@pytest.mark.parametrize("ours", ["won", "lost", "prevented"])
def test_no_open_status_follows_a_decision(ours: str, theirs: str) -> None:
    assert not can_follow(ours, theirs)


@pytest.mark.parametrize("theirs", WARNINGS)
def test_a_closed_inquiry_is_not_an_open_inquiry_again(theirs: str) -> None:
    assert not can_follow("warning_closed", theirs)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("needs_response", "under_review"),
        ("under_review", "needs_response"),
        ("warning_needs_response", "needs_response"),
        ("warning_closed", "needs_response"),
        ("lost", "appeal_needs_response"),
        ("lost", "won"),
        ("warning_closed", "warning_closed"),
    ],
)
def test_what_stripe_documents_may_follow(ours: str, theirs: str) -> None:
    assert can_follow(ours, theirs)


@pytest.mark.parametrize(
    ("former", "status", "kinds"),
    [
        (None, "needs_response", ["opened"]),
        (None, "lost", ["opened", "lost"]),
        (None, "warning_needs_response", ["inquiry_opened"]),
        (None, "warning_closed", ["inquiry_opened", "inquiry_closed"]),
        ("needs_response", "under_review", ["updated"]),
        ("under_review", "under_review", ["updated"]),
        ("warning_under_review", "needs_response", ["escalated"]),
        ("warning_closed", "needs_response", ["escalated"]),
        ("under_review", "won", ["won"]),
        ("lost", "lost", ["updated"]),
        ("lost", "appeal_under_review", ["reopened"]),
        ("needs_response", "prevented", ["prevented"]),
    ],
)
def test_the_timeline_is_told_what_changed(
    former: str | None, status: str, kinds: list[str]
) -> None:
    assert name_changes(former, status) == kinds


def row(number: int, status: str) -> Dispute:
    made = clock.from_timestamp(1_000_000) + timedelta(days=number)
    closed = made if status in FINAL else None
    return Dispute(
        id=number, status=status, is_inquiry=is_inquiry(status), created_at=made, closed_at=closed
    )


def test_of_several_disputes_the_open_chargeback_is_shown() -> None:
    rows = [row(1, "needs_response"), row(2, "warning_needs_response"), row(3, "lost")]
    found = choose_dispute(rows)
    assert found is not None
    assert found.id == 1


def test_of_closed_disputes_a_chargeback_is_shown_before_a_newer_inquiry() -> None:
    found = choose_dispute([row(1, "lost"), row(2, "warning_closed")])
    assert found is not None
    assert found.id == 1


def test_of_no_dispute_none_is_shown() -> None:
    assert choose_dispute([]) is None


PLAIN = {
    "id": "du_1",
    "status": "lost",
    "reason": "fraudulent",
    "amount": 999,
    "currency": "usd",
    "payment_intent": {"id": "pi_1", "object": "payment_intent"},
    "created": 1,
    "evidence_details": {"due_by": 0},
    "is_charge_refundable": False,
    "balance_transactions": [{"amount": -999}, {"amount": 999}],
}


def test_a_due_date_of_zero_is_read_as_no_answer_possible() -> None:
    found = read_dispute(PLAIN)
    assert (found.due_by, found.payment_intent, found.is_withdrawn) == (None, "pi_1", False)


@pytest.mark.parametrize(
    ("moved", "is_withdrawn"),
    [
        ([], False),
        ([(-900, 1)], True),
        (
            [(-900, 1), (880, 2)],
            False,
        ),  # it came back at another day's rate
        ([(880, 2), (-900, 1)], False),
        ([(-900, 1), (880, 2), (-880, 3)], True),
    ],
)
def test_the_last_movement_tells_who_has_the_money(
    moved: list[tuple[int, int]], is_withdrawn: bool
) -> None:
    movements = [{"amount": amount, "created": created} for amount, created in moved]
    found = read_dispute({**PLAIN, "balance_transactions": movements})
    assert found.is_withdrawn is is_withdrawn
