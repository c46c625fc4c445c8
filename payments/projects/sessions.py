"""Which Checkout pages of an end user can be paid: of several for a subscription, the newest.

Stripe keeps a page open for a day. Two of them in two tabs would sell two subscriptions, so the
older one is closed before the address of the newer one is given to anybody.
"""

from __future__ import annotations

import sqlalchemy as sa

from payments.auth.models import User
from payments.gateway.billing_results import ClosedPage, HostedPage
from payments.gateway.errors import Rejected
from payments.kit import clock
from payments.kit.db import db
from payments.kit.inserts import inserted
from payments.kit.transactions import end_read, transaction
from payments.projects.buyers import Buyer
from payments.projects.known import find_subscription
from payments.projects.models import CheckoutSession
from payments.projects.models.ledger import FINAL
from payments.projects.sync.sessions import COMPLETE, EXPIRED, OPEN, follow

SUBSCRIPTION = "subscription"
# Of pages that may all be paid, so that nobody ever has to close hundreds.
MOST_OPEN = 10


def keep(buyer: Buyer, page: HostedPage, *, mode: str) -> int:
    """Write a page down and return its place in the row of the buyer's pages.

    Places are given one after the other: whoever comes later sees all that came before. A
    repeated request finds the place it was given.
    """
    with transaction():
        db.session.execute(
            sa.select(User.id).where(User.id == buyer.user_id).with_for_update(key_share=True)
        )
        row = CheckoutSession(
            project_id=buyer.project_id,
            is_test_mode=buyer.is_test_mode,
            user_id=buyer.user_id,
            session_id=page.id,
            mode=mode,
            expires_at=clock.from_timestamp(page.expires_at) if page.expires_at else None,
        )
        return row.id if inserted(row) else _place(buyer, page.id)


def close_older(buyer: Buyer, place: int, *, but: int) -> bool:
    """Close the buyer's pages for a subscription from before this one, `but` the newest of them.

    Tell whether one was paid meanwhile, so that a subscription runs.
    """
    closed = [close(buyer, session_id) for session_id in _older(buyer, place, but)]
    return any(_is_paid(buyer, page) for page in closed)


def close(buyer: Buyer, session_id: str) -> ClosedPage:
    """Close one page and write down how it ended; one that Stripe does not know has expired."""
    try:
        found = buyer.billing.close_checkout_session(session_id)
    except Rejected as error:
        if not error.is_missing:
            raise
        # of another account, from before the project's keys were changed
        found = ClosedPage(EXPIRED, None)
    with transaction():
        follow(buyer.account, session_id, found.status)
    return found


def _is_paid(buyer: Buyer, page: ClosedPage) -> bool:
    if page.status != COMPLETE or page.subscription is None:
        return False
    found = find_subscription(buyer, page.subscription)
    return found is not None and found["status"] not in FINAL


def _older(buyer: Buyer, place: int, but: int) -> list[str]:
    query = (
        sa.select(CheckoutSession.session_id)
        .where(
            *buyer.account.owns(CheckoutSession),
            CheckoutSession.user_id == buyer.user_id,
            CheckoutSession.mode == SUBSCRIPTION,
            CheckoutSession.state == OPEN,
            CheckoutSession.id < place,
        )
        .order_by(CheckoutSession.id.desc())
        .offset(but)
    )
    found = list(db.session.scalars(query))
    end_read()
    return found


def _place(buyer: Buyer, session_id: str) -> int:
    query = sa.select(CheckoutSession.id).where(
        *buyer.account.owns(CheckoutSession), CheckoutSession.session_id == session_id
    )
    return db.session.scalars(query).one()
