"""End an end user's subscription: with its paid period, or at once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from payments.gateway.billing_results import Plan
from payments.gateway.errors import Rejected
from payments.kit import clock
from payments.projects.buyers import Buyer, approach, subscription_of
from payments.projects.errors import NoSubscription, StripeRefused
from payments.projects.guards import Seat
from payments.projects.known import read_ledger_version, take_in

ENDED = ("canceled", "incomplete_expired")

AT_PERIOD_END = "Subscription will be canceled at the end of the current billing period"
AT_ONCE = "Subscription has been canceled"


@dataclass(frozen=True)
class Cancellation:
    """What became of the subscription."""

    subscription_id: str
    status: str
    cancel_at: datetime | None
    cancelled_at: datetime | None
    message: str


def cancel_subscription(seat: Seat, *, immediately: bool, test_mode: bool) -> Cancellation:
    """Cancel the present subscription; NoSubscription when there is none.

    Asked twice, the second answer is the same: nothing is cancelled again.
    """
    buyer = approach(seat, test_mode=test_mode)
    subscription, since = subscription_of(buyer), read_ledger_version(buyer)
    plan = _at_once(buyer, subscription) if immediately else _at_period_end(buyer, subscription)
    take_in(buyer, plan, since=since)
    return Cancellation(
        subscription_id=plan.id,
        status=plan.status,
        cancel_at=None if immediately else _moment(plan.cancel_at or plan.period_end),
        cancelled_at=_moment(plan.canceled_at) or clock.now(),
        message=AT_ONCE if immediately else AT_PERIOD_END,
    )


def _at_period_end(buyer: Buyer, subscription: str) -> Plan:
    try:
        return buyer.billing.cancel_at_period_end(subscription, key=buyer.key("cancel"))
    except Rejected as error:
        raise NoSubscription from error


def _at_once(buyer: Buyer, subscription: str) -> Plan:
    try:
        return buyer.billing.cancel_now(subscription)
    except Rejected:
        return _ended_before(buyer, subscription)


def _ended_before(buyer: Buyer, subscription: str) -> Plan:
    """Return a subscription that ended while its event is still under way to us."""
    try:
        plan = buyer.billing.get_plan(subscription)
    except Rejected as error:
        raise NoSubscription from error
    if plan.status not in ENDED:
        raise StripeRefused
    return plan


def _moment(seconds: int | None) -> datetime | None:
    return None if seconds is None else clock.from_timestamp(seconds)
