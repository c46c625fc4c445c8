"""One Stripe customer a workspace, found or made at the first need."""

from __future__ import annotations

from payments.gateway.errors import KEY_IN_USE, OutcomeUnknown
from payments.gateway.gateway import Gateway
from payments.kit import clock, steps
from payments.kit.transactions import end_read, transaction
from payments.timeline.append import append
from payments.workspaces import queries
from payments.workspaces.models import Workspace

# How long the second of two requests at once waits for Stripe to be done with the first.
_WAITS = (0.1, 0.2, 0.4, 0.8, 1.6, 3.2)


def email_of(workspace_id: int) -> str:
    """Return the address that the contract gives the workspace's customer."""
    return f"workspace-{workspace_id}@gateways.app"


def ensure_customer(gateway: Gateway, workspace: Workspace, *, actor: str) -> str:
    """Return the workspace's Stripe customer, creating it the first time.

    Two requests at once send the same key and get the same customer.
    """
    workspace_id, customer = workspace.id, workspace.stripe_customer_id
    if customer:
        return customer
    end_read()
    made = _created(gateway, workspace_id)
    steps.passed("customer.created")
    with transaction():
        held = queries.lock_workspace(workspace_id)
        if held.stripe_customer_id is None:
            held.stripe_customer_id = made
            _note(workspace_id, made, actor)
        return held.stripe_customer_id


def _note(workspace_id: int, customer: str, actor: str) -> None:
    append(
        "customer.created",
        actor=actor,
        subject=f"workspace:{workspace_id}",
        workspace_id=workspace_id,
        stripe_id=customer,
    )


def _created(gateway: Gateway, workspace_id: int) -> str:
    """Create the customer; while another request does so under the same key, Stripe says 409."""
    for wait in _WAITS:
        try:
            return _asked(gateway, workspace_id)
        except OutcomeUnknown as error:
            if error.code != KEY_IN_USE:
                raise
        clock.pause(wait)
    return _asked(gateway, workspace_id)


def _asked(gateway: Gateway, workspace_id: int) -> str:
    return gateway.create_customer(
        email=email_of(workspace_id),
        metadata={"workspace_id": str(workspace_id)},
        key=f"customer-workspace-{workspace_id}",
    )
