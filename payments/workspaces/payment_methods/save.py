"""Keep a card's row and the one default among a workspace's cards."""

from __future__ import annotations

import logging

from payments.gateway.errors import GatewayError
from payments.gateway.gateway import Gateway
from payments.gateway.results import Card
from payments.kit.db import db
from payments.kit.transactions import transaction
from payments.timeline.append import append
from payments.workspaces import errors, queries
from payments.workspaces.models import PaymentMethod

log = logging.getLogger(__name__)


def save_card(workspace_id: int, card: Card, *, actor: str) -> PaymentMethod:
    """Add the card to the workspace or bring its row up to date; the first becomes the default.

    The card must be attached to the workspace's customer. InvalidPaymentMethod when the row
    belongs to another workspace.
    """
    with transaction():
        queries.lock_workspace(workspace_id)
        method = queries.find_stripe_method(card.id)
        if method is None:
            method = _added(workspace_id, card, actor)
        elif method.workspace_id != workspace_id:
            raise errors.InvalidPaymentMethod
        _describe(method, card)
        method.is_active = True
        db.session.flush()
        method.is_default = method.is_default or queries.default_method(workspace_id) is None
        return method


def _added(workspace_id: int, card: Card, actor: str) -> PaymentMethod:
    method = PaymentMethod(
        workspace_id=workspace_id,
        stripe_payment_method_id=card.id,
        stripe_customer_id=card.customer or "",
        type=card.type,
        is_default=False,
    )
    db.session.add(method)
    db.session.flush()
    append(
        "payment_method.added",
        actor=actor,
        subject=f"payment_method:{method.id}",
        workspace_id=workspace_id,
        stripe_id=card.id,
    )
    return method


def _describe(method: PaymentMethod, card: Card) -> None:
    method.card_brand, method.card_last4 = card.brand, card.last4
    method.card_exp_month, method.card_exp_year = card.exp_month, card.exp_year
    method.billing_name, method.billing_postal_code = card.billing_name, card.billing_postal_code


def refresh_card(card: Card) -> None:
    """Take over what the issuer changed: a new expiry date, a new number."""
    with transaction():
        method = queries.find_stripe_method(card.id)
        if method is not None:
            _describe(method, card)


def sync_default(gateway: Gateway, customer: str, method_id: str | None) -> None:
    """Tell Stripe which card is the default. Our own row decides, so a failure is only logged."""
    try:
        gateway.set_default_card(customer, method_id)
    except GatewayError as error:
        log.warning("could not set the default card at Stripe: %s", error.code)
