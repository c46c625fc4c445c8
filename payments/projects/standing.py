"""What of an end user's subscriptions stands in the way of another one, by Stripe's own word.

An event may be late, and a row may tell of what is gone: so nobody is refused, and nobody is sold a
second subscription, by our rows alone.
"""

from __future__ import annotations

from payments.gateway.errors import Rejected
from payments.kit.transactions import end_read
from payments.projects import holdings
from payments.projects.buyers import Buyer
from payments.projects.errors import AlreadySubscribed
from payments.projects.known import find_subscription, take_in
from payments.projects.models.ledger import FINAL, INCOMPLETE
from payments.projects.refusals import refuse
from payments.projects.sync.fetch import fetching


def refuse_second(buyer: Buyer) -> None:
    """Raise AlreadySubscribed beside a subscription that can be billed again: an active one, one
    on trial, past due, unpaid or paused.

    One whose first payment never came is ended instead: whoever begins anew has given it up, and
    Stripe would let it be paid for 23 hours.
    https://docs.stripe.com/billing/subscriptions/overview#subscription-statuses
    """
    statuses = _list_statuses(buyer)
    if any(status not in (*FINAL, INCOMPLETE) for status in statuses.values()):
        raise AlreadySubscribed
    for subscription, status in statuses.items():
        if status == INCOMPLETE:
            with fetching(buyer.account) as fetch:
                found = buyer.billing.cancel_now(subscription)
            take_in(buyer, found, fetch)


def _list_statuses(buyer: Buyer) -> dict[str, str]:
    """Return the statuses of the customer's subscriptions and of those that our rows tell of."""
    statuses = _list_of_customer(buyer)
    held = holdings.list_subscriptions(buyer.project_id, buyer.is_test_mode, buyer.user_id)
    end_read()
    for subscription in held:
        if subscription not in statuses:
            found = find_subscription(buyer, subscription)
            statuses[subscription] = FINAL[0] if found is None else found["status"]
    return statuses


def _list_of_customer(buyer: Buyer) -> dict[str, str]:
    if buyer.customer is None:
        return {}
    try:
        return buyer.billing.list_statuses(buyer.customer)
    except Rejected as error:
        if not error.is_missing:
            raise refuse(buyer, "list subscriptions", error) from error
        return {}  # the account does not know the customer: they will get another one
