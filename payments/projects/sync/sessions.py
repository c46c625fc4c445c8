"""Lets the rows of Checkout pages follow what Stripe says of them."""

from __future__ import annotations

import sqlalchemy as sa

from payments.kit.db import db
from payments.projects.models import CheckoutSession
from payments.projects.sync.account import Account

# https://docs.stripe.com/api/checkout/sessions/object#checkout_session_object-status
OPEN, COMPLETE, EXPIRED = "open", "complete", "expired"


def follow(account: Account, session_id: str, status: str | None) -> None:
    """Take a page's end over; once it has ended it stays so."""
    if status not in (COMPLETE, EXPIRED):
        return
    page = sa.update(CheckoutSession).where(
        *account.owns(CheckoutSession),
        CheckoutSession.session_id == session_id,
        CheckoutSession.state == OPEN,
    )
    db.session.execute(page.values(state=status))
