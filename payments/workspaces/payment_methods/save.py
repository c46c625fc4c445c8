"""Keep a card's row and the one default among a workspace's cards."""

from __future__ import annotations

import logging

from payments.gateway.errors import GatewayError
from payments.gateway.gateway import Gateway
from payments.gateway.results import Card
from payments.kit.db import db
from payments.kit.transactions import transaction
from payments.workspaces import errors, queries
from payments.workspaces.guards import lock_as_manager
from payments.workspaces.models import PaymentMethod
from payments.workspaces.notes import note_method

log = logging.getLogger(__name__)


def save_card(
    workspace_id: int, card: Card, *, actor: str, user_id: int | None = None
) -> PaymentMethod:
    """Add the card to the workspace or bring its row up to date; the first becomes the default.

    Under the workspace's lock it is checked again that the user (if one asks) manages it, and that
    the card is attached to the customer that the workspace has now. Raises NotAMember,
    NotAManager or InvalidPaymentMethod.
    """
    with transaction():
        workspace = (
            queries.lock_workspace(workspace_id)
            if user_id is None
            else lock_as_manager(workspace_id, user_id)
        )
        known = queries.find_stripe_method(card.id)
        foreign = known is not None and known.workspace_id != workspace_id
        if foreign or card.customer is None or card.customer != workspace.stripe_customer_id:
            raise errors.InvalidPaymentMethod
        method = known or _new(workspace_id, card)
        kind = "added" if known is None else "updated" if known.is_active else "restored"
        _put_in_use(method, card, kind=kind, actor=actor)
        return method


def _put_in_use(method: PaymentMethod, card: Card, *, kind: str, actor: str) -> None:
    changed = _describe(method, card)
    method.is_active, method.stripe_customer_id = True, card.customer or ""
    db.session.add(method)
    db.session.flush()
    if kind != "updated":
        note_method(kind, method, actor=actor)
    elif changed:
        note_method(kind, method, actor=actor, fields=changed)
    if queries.default_method(method.workspace_id) is None:
        method.is_default = True
        note_method("made_default", method, actor=actor)


def _new(workspace_id: int, card: Card) -> PaymentMethod:
    return PaymentMethod(
        workspace_id=workspace_id,
        stripe_payment_method_id=card.id,
        stripe_customer_id=card.customer or "",
        type=card.type,
        is_default=False,
        is_active=False,
    )


def _describe(method: PaymentMethod, card: Card) -> list[str]:
    """Take over what may be shown of a card; return the names of what changed."""
    shown = {
        "card_brand": card.brand,
        "card_last4": card.last4,
        "card_exp_month": card.exp_month,
        "card_exp_year": card.exp_year,
        "billing_name": card.billing_name,
        "billing_postal_code": card.billing_postal_code,
    }
    changed = [name for name, value in shown.items() if getattr(method, name) != value]
    for name in changed:
        setattr(method, name, shown[name])
    return changed


def refresh_card(card: Card, *, actor: str) -> None:
    """Take over what the issuer changed: a new expiry date, a new number."""
    with transaction():
        method = queries.find_stripe_method(card.id)
        changed = [] if method is None else _describe(method, card)
        if method is not None and changed:
            note_method("updated", method, actor=actor, fields=changed)


def sync_default(gateway: Gateway, customer: str, method_id: str | None) -> None:
    """Tell Stripe which card is the default. Our own row decides, so a failure is only logged."""
    try:
        gateway.set_default_card(customer, method_id)
    except GatewayError as error:
        log.warning("could not set the default card at Stripe: %s", error.code)
