"""End an end user's subscription: with its paid period, or at once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from payments.gateway.billing_results import Plain
from payments.gateway.errors import Rejected
from payments.kit import clock
from payments.projects.buyers import Buyer, approach, demand_other, subscription_of
from payments.projects.errors import NoSubscription
from payments.projects.guards import Seat
from payments.projects.known import find_subscription, read_state, take_in
from payments.projects.models.ledger import FINAL, INCOMPLETE
from payments.projects.refusals import telling_refusals
from payments.projects.sync.fetch import fetching

ACTION = "cancel a subscription"
# Nothing is paid and no period runs that could end, so these can only end at once.
# https://docs.stripe.com/billing/subscriptions/overview#subscription-statuses
WITHOUT_PERIOD = (INCOMPLETE, "paused")

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
    """Cancel the subscription that is not over; NoSubscription when there is none.

    Asked twice, the second answer is the same: nothing is cancelled again. One that is paused, or
    whose first payment is open, ends at once in either case. Raises StripeRefused or
    ManagedBySchedule when Stripe keeps it going.
    """
    buyer = approach(seat, test_mode=test_mode)
    subscription = subscription_of(buyer)
    try:
        with telling_refusals(buyer, ACTION), fetching(buyer.account) as fetch:
            found = _cancel(buyer, subscription, immediately=immediately)
    except NoSubscription:
        demand_other(buyer)
        return cancel_subscription(seat, immediately=immediately, test_mode=test_mode)
    take_in(buyer, found, fetch)
    return _describe(buyer, found)


def _cancel(buyer: Buyer, subscription: str, *, immediately: bool) -> Plain:
    try:
        if immediately:
            return buyer.billing.cancel_now(subscription)
        found = buyer.billing.cancel_at_period_end(subscription, key=buyer.key("cancel"))
    except Rejected as error:
        return _cancel_refused(buyer, subscription, error, immediately=immediately)
    return buyer.billing.cancel_now(subscription) if _has_no_period(found) else found


def _cancel_refused(
    buyer: Buyer, subscription: str, refusal: Rejected, *, immediately: bool
) -> Plain:
    """Look why Stripe refused, and end the subscription in the way that is left."""
    found = find_subscription(buyer, subscription)
    if found is None:
        raise NoSubscription from refusal
    if found["status"] in FINAL:
        if immediately:
            return found  # it ended while its event is still under way to us
        raise NoSubscription from refusal
    if _has_no_period(found) and not immediately:
        return buyer.billing.cancel_now(subscription)
    schedule = read_state(buyer, found).schedule
    if schedule is None:
        raise refusal
    return _cancel_scheduled(buyer, subscription, schedule, immediately=immediately)


def _cancel_scheduled(
    buyer: Buyer, subscription: str, schedule: str, *, immediately: bool
) -> Plain:
    """End a subscription that a schedule manages: Stripe wants the schedule to be changed.

    At once the schedule is canceled together with it. At its period's end the schedule is released
    first: its later phases would come after the end.
    https://docs.stripe.com/billing/subscriptions/subscription-schedules#managing
    """
    if immediately:
        buyer.billing.cancel_schedule(schedule)
        return buyer.billing.get_subscription(subscription)
    buyer.billing.release_schedule(schedule)
    return buyer.billing.cancel_at_period_end(subscription, key=buyer.key("cancel-released"))


def _has_no_period(found: Plain) -> bool:
    return found["status"] in WITHOUT_PERIOD


def _describe(buyer: Buyer, found: Plain) -> Cancellation:
    state = read_state(buyer, found)
    is_over = state.status in FINAL
    return Cancellation(
        subscription_id=state.id,
        status=state.status,
        cancel_at=None if is_over else _moment(state.cancel_at or state.period_end),
        cancelled_at=_moment(state.canceled_at) or clock.now(),
        message=AT_ONCE if is_over else AT_PERIOD_END,
    )


def _moment(seconds: int | None) -> datetime | None:
    return None if seconds is None else clock.from_timestamp(seconds)
