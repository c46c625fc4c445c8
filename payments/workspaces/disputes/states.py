"""Rules about a dispute's status: what may follow what, and what the timeline is told of it.

https://docs.stripe.com/disputes/how-disputes-work
"""

from __future__ import annotations

from payments.workspaces.models.disputes import FINAL, LOST, PREVENTED, WARNING_CLOSED, WON

_CLOSED_AS = {
    WON: "won",
    LOST: "lost",
    PREVENTED: "prevented",
    WARNING_CLOSED: "inquiry_closed",
}


def is_inquiry(status: str) -> bool:
    """Return whether a status is an inquiry's: nothing was taken from the account's balance.

    https://docs.stripe.com/disputes/how-disputes-work#inquiries
    """
    return status.startswith("warning_")


def can_follow(ours: str, theirs: str) -> bool:
    """Return whether Stripe's status may replace ours: a final one is never revived.

    Two ways lead on: a closed inquiry may still become a chargeback, and a decision may be
    appealed or turned into the other one.
    """
    if ours not in FINAL:
        return True
    if ours == WARNING_CLOSED:
        return theirs == ours or not is_inquiry(theirs)
    return theirs in {WON, LOST, PREVENTED} or theirs.startswith("appeal_")


def name_changes(former: str | None, status: str) -> list[str]:
    """Return what the timeline is told when a status follows another one; None is no row yet."""
    kinds = []
    if former is None:
        kinds.append("inquiry_opened" if is_inquiry(status) else "opened")
    elif is_inquiry(former) and not is_inquiry(status):
        kinds.append("escalated")
    elif former in FINAL and status not in FINAL:
        kinds.append("reopened")
    if status in FINAL and status != former:
        kinds.append(_CLOSED_AS[status])
    return kinds or ["updated"]
