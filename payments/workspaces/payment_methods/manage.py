"""Choose the default among saved cards, and take one out of use."""

from __future__ import annotations

import logging
from collections.abc import Callable

from payments.gateway.errors import GatewayError
from payments.gateway.gateway import Gateway, platform
from payments.kit.db import db
from payments.kit.http import parse_id
from payments.kit.transactions import end_read, transaction
from payments.workspaces import errors, queries
from payments.workspaces.guards import Access
from payments.workspaces.models import PaymentMethod
from payments.workspaces.notes import note_method
from payments.workspaces.payment_methods.save import sync_default

log = logging.getLogger(__name__)


def get_method(workspace_id: int, raw_id: str) -> PaymentMethod:
    """Return an active method of the workspace by the id of its path.

    Not digits: InvalidPaymentMethodId. Another workspace's: ForeignPaymentMethod, as the contract
    says. Unknown or deleted: PaymentMethodNotFound.
    """
    method_id = parse_id(raw_id)
    if method_id is None:
        raise errors.InvalidPaymentMethodId
    method = queries.find_payment_method(method_id)
    if method is not None and method.workspace_id != workspace_id:
        raise errors.ForeignPaymentMethod
    if method is None or not method.is_active:
        raise errors.PaymentMethodNotFound
    return method


def set_default(access: Access, raw_id: str) -> int:
    """Make a method the workspace's only default; return its id."""
    workspace_id, actor = access.workspace.id, access.actor
    with transaction():
        queries.lock_workspace(workspace_id)
        method = get_method(workspace_id, raw_id)
        if not method.is_default:
            _move_default(workspace_id, method)
            note_method("made_default", method, actor=actor)
        method_id, customer, stripe_id = _keys(method)
    _at_stripe(lambda gateway: sync_default(gateway, customer, stripe_id))
    return method_id


def delete(access: Access, raw_id: str) -> int:
    """Deactivate a method; the one that has been there longest takes over as default."""
    workspace_id, actor = access.workspace.id, access.actor
    with transaction():
        queries.lock_workspace(workspace_id)
        method = get_method(workspace_id, raw_id)
        heir = _deactivate(method, actor)
        method_id, customer, stripe_id = _keys(method)
        heir_id = heir.stripe_payment_method_id if heir else None
    # Detaching cannot be undone, so it comes after the commit.
    _at_stripe(lambda gateway: _detach(gateway, customer, stripe_id, heir_id))
    return method_id


def drop_detached(stripe_id: str, *, actor: str) -> None:
    """Deactivate a card that was detached at Stripe, should we not know yet."""
    with transaction():
        method = queries.find_stripe_method(stripe_id)
        if method is None:
            return
        queries.lock_workspace(method.workspace_id)
        db.session.refresh(method)
        if method.is_active:
            _deactivate(method, actor)


def _deactivate(method: PaymentMethod, actor: str) -> PaymentMethod | None:
    was_default, method.is_default, method.is_active = method.is_default, False, False
    db.session.flush()
    note_method("removed", method, actor=actor)
    heir = queries.oldest_method(method.workspace_id) if was_default else None
    if heir is not None:
        heir.is_default = True
        note_method("made_default", heir, actor=actor)
    return heir


def _move_default(workspace_id: int, method: PaymentMethod) -> None:
    former = queries.default_method(workspace_id)
    if former is not None:
        former.is_default = False
        db.session.flush()  # two defaults, even for a moment, break the unique index
    method.is_default = True


def _keys(method: PaymentMethod) -> tuple[int, str, str]:
    return method.id, method.stripe_customer_id, method.stripe_payment_method_id


def _detach(gateway: Gateway, customer: str, stripe_id: str, heir_id: str | None) -> None:
    gateway.detach_card(stripe_id)
    if heir_id is not None:
        sync_default(gateway, customer, heir_id)


def _at_stripe(action: Callable[[Gateway], None]) -> None:
    """Do what is only a courtesy at Stripe: our rows hold, so a failure is logged and no more."""
    end_read()
    try:
        action(platform())
    except GatewayError as error:
        log.warning("Stripe does not know of the change yet: %s", error.code)
