"""One Stripe customer a workspace, made at the first need and replaced when it is gone."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TypeVar

import sqlalchemy as sa

from payments.gateway.errors import KEY_IN_USE, NO_ANSWER, OutcomeUnknown, Rejected
from payments.gateway.gateway import Gateway
from payments.installation.models import new_reference
from payments.installation.names import make_idempotency_key, make_metadata
from payments.kit import clock, steps
from payments.kit.db import db
from payments.kit.repeat import repeated
from payments.kit.transactions import end_read, transaction
from payments.timeline.append import append
from payments.workspaces import queries
from payments.workspaces.models import PaymentMethod, Workspace
from payments.workspaces.notes import note_method

log = logging.getLogger(__name__)
T = TypeVar("T")

# How long the second of two requests at once waits for Stripe to be done with the first.
_WAITS = (0.1, 0.2, 0.4, 0.8, 1.6, 3.2)


def email_of(workspace_id: int) -> str:
    """Return the address that the contract gives the workspace's customer."""
    return f"workspace-{workspace_id}@gateways.app"


def ensure_customer(gateway: Gateway, workspace: Workspace, *, actor: str) -> str:
    """Return the workspace's Stripe customer, creating it the first time.

    Two requests at once send the same key and get the same customer. The key is made of the
    workspace's random reference, so no other database ever sends it.
    """
    if workspace.stripe_customer_id:
        return workspace.stripe_customer_id
    workspace_id, reference = workspace.id, workspace.reference
    former = workspace.former_stripe_customer_id
    end_read()
    made = _create_patiently(gateway, workspace_id, reference, former)
    steps.passed("customer.created")
    return _keep_customer(workspace_id, made, actor)


def call_with_customer(
    gateway: Gateway, workspace: Workspace, call: Callable[[str], T], *, actor: str
) -> T:
    """Do something with the workspace's customer; once again with another if this one is gone.

    A customer is gone when somebody deleted it at Stripe, or when the secret key is another
    account's now. https://docs.stripe.com/api/customers/delete
    """
    workspace_id = workspace.id
    customer = ensure_customer(gateway, workspace, actor=actor)
    end_read()
    try:
        return call(customer)
    except Rejected as error:
        if not error.is_missing_customer:
            raise
    forget_customer(workspace_id, customer, actor=actor)
    renewed = db.session.get_one(Workspace, workspace_id)
    customer = ensure_customer(gateway, renewed, actor=actor)
    end_read()
    return call(customer)


@repeated
def forget_customer(workspace_id: int, customer: str, *, actor: str) -> None:
    """Give up a customer that is no longer at Stripe, and the cards that went with it.

    Does nothing when the workspace has another one by now.
    """
    with transaction():
        workspace = queries.lock_workspace(workspace_id)
        if workspace.stripe_customer_id != customer:
            return
        workspace.stripe_customer_id, workspace.former_stripe_customer_id = None, customer
        _deactivate_cards(workspace_id, customer, actor)
        _note("customer.forgotten", workspace_id, customer, actor)
    log.warning("customer %s of workspace %s is gone at Stripe", customer, workspace_id)


def _deactivate_cards(workspace_id: int, customer: str, actor: str) -> None:
    query = sa.select(PaymentMethod).where(
        PaymentMethod.workspace_id == workspace_id,
        PaymentMethod.stripe_customer_id == customer,
        PaymentMethod.is_active,
    )
    for method in db.session.scalars(query):
        method.is_default = method.is_active = False
        note_method("removed", method, actor=actor)


@repeated
def _keep_customer(workspace_id: int, customer: str, actor: str) -> str:
    """Store the customer; whoever came first is right."""
    with transaction():
        held = queries.lock_workspace(workspace_id)
        if held.stripe_customer_id is None:
            held.stripe_customer_id = customer
            _note("customer.created", workspace_id, customer, actor)
        return held.stripe_customer_id


def _note(kind: str, workspace_id: int, customer: str, actor: str) -> None:
    append(
        kind,
        actor=actor,
        subject=f"workspace:{workspace_id}",
        workspace_id=workspace_id,
        stripe_id=customer,
    )


def _create_patiently(
    gateway: Gateway, workspace_id: int, reference: str, former: str | None
) -> str:
    """Create the customer; while another request does so under the same key, Stripe says 409."""
    # Under the same key Stripe would give the former customer, which is gone, again for a day.
    names = ["workspace", reference, "customer", *(("after", former) if former else ())]
    for wait in _WAITS:
        try:
            return _create(gateway, workspace_id, reference, names)
        except OutcomeUnknown as error:
            if error.code == NO_ANSWER:
                raise  # asked again under the same key, it is the same customer
            if error.code != KEY_IN_USE:
                # A stored 500 would be replayed for a day. A customer too many costs nothing.
                names = [*names[:3], "again", new_reference()]
        clock.pause(wait)
    return _create(gateway, workspace_id, reference, names)


def _create(gateway: Gateway, workspace_id: int, reference: str, names: list[str]) -> str:
    return gateway.create_customer(
        email=email_of(workspace_id),
        metadata=make_metadata(workspace=reference),
        key=make_idempotency_key(*names),
    )
