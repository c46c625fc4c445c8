"""Find the card that an upgrade is to be charged to."""

from __future__ import annotations

import re

from payments.gateway.errors import Declined, Rejected
from payments.gateway.gateway import Gateway, platform
from payments.gateway.results import Card
from payments.kit.db import db
from payments.kit.http import parse_id
from payments.workspaces import errors, queries
from payments.workspaces.customers import call_with_customer
from payments.workspaces.guards import Access
from payments.workspaces.models import PaymentMethod, Workspace
from payments.workspaces.payment_methods.save import save_card

STRIPE_ID = re.compile(r"pm_[A-Za-z0-9_]{1,250}")


def choose_method(access: Access, reference: int | str | None) -> PaymentMethod:
    """Return the method that `reference` names: a database id, digits, or `pm_...`.

    Without one it is the default. A `pm_...` that we do not know yet is attached and saved.
    Raises NoPaymentMethod or InvalidPaymentMethod.
    """
    workspace_id = access.workspace.id
    if reference is None:
        return _default(workspace_id)
    if isinstance(reference, str) and STRIPE_ID.fullmatch(reference):
        return _by_stripe_id(access, reference)
    return _by_id(workspace_id, str(reference))


def _default(workspace_id: int) -> PaymentMethod:
    method = queries.default_method(workspace_id)
    if method is None:
        raise errors.NoPaymentMethod
    return method


def _by_id(workspace_id: int, raw: str) -> PaymentMethod:
    method_id = parse_id(raw)
    method = None if method_id is None else queries.find_payment_method(method_id)
    return _usable(workspace_id, method)


def _usable(workspace_id: int, method: PaymentMethod | None) -> PaymentMethod:
    if method is None or method.workspace_id != workspace_id or not method.is_active:
        raise errors.InvalidPaymentMethod
    return method


def _by_stripe_id(access: Access, stripe_id: str) -> PaymentMethod:
    workspace_id, actor = access.workspace.id, access.actor
    known = queries.find_stripe_method(stripe_id)
    if known is not None:
        return _usable(workspace_id, known)
    gateway, user_id = platform(), access.user.id
    card = call_with_customer(
        gateway,
        db.session.get_one(Workspace, workspace_id),
        lambda customer: _attached(gateway, stripe_id, customer),
        actor=actor,
    )
    return save_card(workspace_id, card, actor=actor, user_id=user_id)


def _attached(gateway: Gateway, stripe_id: str, customer: str) -> Card:
    try:
        card = gateway.get_card(stripe_id)
        if card.type != "card" or card.customer not in {None, customer}:
            raise errors.InvalidPaymentMethod
        return card if card.customer else _attach(gateway, stripe_id, customer)
    except Rejected as error:
        if error.is_missing_customer:
            raise
        raise errors.InvalidPaymentMethod from error
    except Declined as error:
        raise errors.PaymentRequired(
            error.message, details={"declineCode": error.decline_code or error.code}
        ) from error


def _attach(gateway: Gateway, stripe_id: str, customer: str) -> Card:
    try:
        return gateway.attach_card(stripe_id, customer)
    except Rejected:
        # A double click: the other request has attached it between our look and our call.
        card = gateway.get_card(stripe_id)
        if card.customer != customer:
            raise
        return card
