"""Saved cards against those that Stripe still has: a detached one can never be charged again."""

from __future__ import annotations

from dataclasses import replace

import sqlalchemy as sa

from payments.gateway.errors import Rejected
from payments.gateway.results import Card
from payments.kit import clock
from payments.kit.db import db
from payments.kit.transactions import end_read
from payments.runs.slices import Difference
from payments.runs.walk import Place, Tally
from payments.workspaces import queries
from payments.workspaces.compare.job import Job, by_itself
from payments.workspaces.models import PaymentMethod
from payments.workspaces.payment_methods.manage import drop_detached
from payments.workspaces.payment_methods.save import refresh_card

# A call a customer: of more workspaces with cards than this, some have their turn another day.
MOST_A_DAY = 500
_SHOWN = {
    "card_brand": "brand",
    "card_last4": "last4",
    "card_exp_month": "exp_month",
    "card_exp_year": "exp_year",
}


def compare_cards(job: Job, place: Place, tally: Tally) -> Place | None:
    """Compare the cards of the next workspace whose turn it is today."""
    place = place or {"after": 0, "turn": _turn()}
    workspace_id = _following(place["after"], *place["turn"])
    if workspace_id is None:
        end_read()
        return None
    methods = queries.payment_methods(workspace_id)
    end_read()
    for customer in dict.fromkeys(method.stripe_customer_id for method in methods):
        held = [method for method in methods if method.stripe_customer_id == customer]
        _compare(job, customer, held, tally)
    return {**place, "after": workspace_id}


def _turn() -> tuple[int, int]:
    """Return into how many days the workspaces are dealt, and which of them today is."""
    count = db.session.scalar(
        sa.select(sa.func.count(PaymentMethod.workspace_id.distinct())).where(
            PaymentMethod.is_active
        )
    )
    days = max(-(-(count or 0) // MOST_A_DAY), 1)
    return days, clock.today().toordinal() % days


def _following(after: int, days: int, today: int) -> int | None:
    query = sa.select(sa.func.min(PaymentMethod.workspace_id)).where(
        PaymentMethod.is_active,
        PaymentMethod.workspace_id > after,
        PaymentMethod.workspace_id % days == today,
    )
    return db.session.scalar(query)


def _compare(job: Job, customer: str, methods: list[PaymentMethod], tally: Tally) -> None:
    attached = {card.id: card for card in _attached(job, customer)}
    for method in methods:
        tally.seen += 1
        with by_itself(f"payment method {method.id}", tally):
            card = attached.get(method.stripe_payment_method_id) or _alone(job, customer, method)
            tally.found(_mended(job, method, card))


def _mended(job: Job, method: PaymentMethod, card: Card | None) -> list[Difference]:
    found = differences(method, card)
    if job.dry_run or not found:
        return found
    if card is None:
        drop_detached(method.stripe_payment_method_id, actor=job.actor)
    else:
        refresh_card(card, actor=job.actor)
    return [replace(each, fixed=True) for each in found]


def _attached(job: Job, customer: str) -> list[Card]:
    try:
        return job.lists.cards(customer)
    except Rejected as error:  # the customer was deleted at Stripe, and its cards with it
        if not error.is_missing:
            raise
        return []


def _alone(job: Job, customer: str, method: PaymentMethod) -> Card | None:
    """Look once at a card that the list does not show: to drop it is not taken back."""
    try:
        card = job.gateway.get_card(method.stripe_payment_method_id)
    except Rejected:
        return None
    return card if card.customer == customer else None


def differences(method: PaymentMethod, card: Card | None) -> list[Difference]:
    """Compare a card's row with the card; None is one that was detached."""
    key = method.stripe_payment_method_id
    if card is None:
        return [Difference("payment_method", key, "attached", "true", "false")]
    return [
        Difference("payment_method", key, ours, str(getattr(method, ours)), str(theirs))
        for ours, name in _SHOWN.items()
        if getattr(method, ours) != (theirs := getattr(card, name))
    ]
