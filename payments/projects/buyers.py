"""An end user at their project's Stripe account: all that a call needs, free of the session."""

from __future__ import annotations

from dataclasses import dataclass, field
from uuid import uuid4

from payments.auth.models import User
from payments.gateway import billing
from payments.gateway.billing import Billing
from payments.idempotency.replay import request_key
from payments.kit.transactions import end_read
from payments.projects import credentials, holdings, queries
from payments.projects.errors import NoSubscription, StripeNotSetUp
from payments.projects.guards import Seat
from payments.projects.sync.account import Account


@dataclass(frozen=True)
class Buyer:
    """An end user and the door to their project's account, in one mode.

    `subscription` is the one that is not over, if there is one: see `holdings`.
    """

    project_id: str
    user_id: int
    uuid: str
    email: str = field(repr=False)
    name: str = field(repr=False)
    is_test_mode: bool
    subscription: str | None
    customer: str | None
    request: str
    billing: Billing = field(repr=False)

    @property
    def account(self) -> Account:
        """Return the tenant of the end user's rows."""
        return Account(self.project_id, self.is_test_mode)

    @property
    def actor(self) -> str:
        """Name the end user as the timeline does."""
        return f"user:{self.user_id}"

    def key(self, call: str) -> str:
        """Name a call to Stripe, which answers a repetition of the same request as it did before.

        So a request that died after Stripe's answer makes nothing twice when it is sent again.
        """
        return f"{call}-{self.request}"


def approach(seat: Seat, *, test_mode: bool) -> Buyer:
    """Read what a call to Stripe needs and end the read; StripeNotSetUp without a usable key."""
    user, project_id = seat.user, seat.project.id
    key = credentials.secret_key(project_id, credentials.mode_of(test_mode))
    held = (project_id, test_mode, user.id)
    buyer = Buyer(
        project_id=project_id,
        user_id=user.id,
        uuid=user.uuid,
        email=user.email,
        name=user.name,
        is_test_mode=test_mode,
        subscription=holdings.find_subscription(*held),
        customer=holdings.find_customer(*held),
        request=_request(user),
        billing=billing.account(key),
    )
    end_read()
    return buyer


def _request(user: User) -> str:
    """Name this request: the same as before if it came with an Idempotency-Key."""
    repeated = request_key()
    return f"{user.uuid}-{repeated}" if repeated else str(uuid4())


def demand_account(seat: Seat, *, test_mode: bool) -> None:
    """Raise StripeNotSetUp unless the project takes payments in this mode."""
    row = queries.find_usable_credentials(seat.project.id, credentials.mode_of(test_mode))
    if row is None or row.secret_key is None:
        raise StripeNotSetUp


def subscription_of(buyer: Buyer) -> str:
    """Return the id of the subscription that is not over; NoSubscription when there is none."""
    if buyer.subscription is None:
        raise NoSubscription
    return buyer.subscription


def demand_other(buyer: Buyer) -> None:
    """Raise NoSubscription unless the end user has another subscription that is not over.

    For calls that have found the buyer's to be over at Stripe, and its row with it.
    """
    held = holdings.find_subscription(buyer.project_id, buyer.is_test_mode, buyer.user_id)
    end_read()
    if held in (None, buyer.subscription):
        raise NoSubscription
