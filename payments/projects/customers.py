"""One Stripe customer an end user and mode, found or made at the first need."""

from __future__ import annotations

import sqlalchemy as sa

from payments.gateway.errors import KEY_IN_USE, OutcomeUnknown
from payments.kit import clock
from payments.kit.db import db
from payments.kit.inserts import inserted
from payments.kit.transactions import transaction
from payments.projects import holdings
from payments.projects.buyers import Buyer
from payments.projects.models import StripeCustomer
from payments.timeline.append import append

# How long the second of two requests at once waits for Stripe to be done with the first.
_WAITS = (0.1, 0.2, 0.4, 0.8, 1.6, 3.2)


def ensure_customer(buyer: Buyer) -> str:
    """Return the buyer's customer, creating it the first time.

    Two requests at once send the same key and get the same customer.
    """
    return buyer.customer or _keep(buyer, _created(buyer, after=None))


def replace_customer(buyer: Buyer, gone: str) -> str:
    """Make another customer for a buyer whose former one is no longer at the account.

    It was deleted there, or the project's keys are those of another account now.
    """
    _forget(buyer, gone)
    return _keep(buyer, _created(buyer, after=gone))


def _created(buyer: Buyer, *, after: str | None) -> str:
    """Create the customer; while another request does so under the same key, Stripe says 409."""
    for wait in _WAITS:
        try:
            return _asked(buyer, after)
        except OutcomeUnknown as error:
            if error.code != KEY_IN_USE:
                raise
        clock.pause(wait)
    return _asked(buyer, after)


def _asked(buyer: Buyer, after: str | None) -> str:
    return buyer.billing.create_customer(
        email=buyer.email,
        name=buyer.name or None,
        metadata={"user_id": buyer.uuid, "project_id": buyer.project_id},
        key=f"customer-{buyer.uuid}" + (f"-after-{after}" if after else ""),
    )


def _keep(buyer: Buyer, customer: str) -> str:
    """Store the customer; whoever came first is right."""
    with transaction():
        row = StripeCustomer(
            project_id=buyer.project_id,
            is_test_mode=buyer.is_test_mode,
            user_id=buyer.user_id,
            customer_id=customer,
        )
        if inserted(row):
            _tell(buyer, "customer.created", customer)
        held = holdings.find_customer(buyer.project_id, buyer.is_test_mode, buyer.user_id)
    return held or customer


def _forget(buyer: Buyer, customer: str) -> None:
    with transaction():
        gone = db.session.scalars(
            sa.select(StripeCustomer).where(
                StripeCustomer.project_id == buyer.project_id,
                StripeCustomer.is_test_mode == buyer.is_test_mode,
                StripeCustomer.customer_id == customer,
            )
        ).one_or_none()
        if gone is not None:
            db.session.delete(gone)
            _tell(buyer, "customer.forgotten", customer)


def _tell(buyer: Buyer, kind: str, customer: str) -> None:
    append(
        kind,
        actor=buyer.actor,
        subject=f"customer:{customer}",
        project_id=buyer.project_id,
        stripe_id=customer,
        mode="test" if buyer.is_test_mode else "live",
    )
