"""One Stripe customer a workspace, found or made at the first need."""

from __future__ import annotations

from payments.gateway.gateway import Gateway
from payments.kit.transactions import end_read, transaction
from payments.workspaces import queries
from payments.workspaces.models import Workspace


def email_of(workspace_id: int) -> str:
    """Return the address that the contract gives the workspace's customer."""
    return f"workspace-{workspace_id}@gateways.app"


def ensure_customer(gateway: Gateway, workspace: Workspace) -> str:
    """Return the workspace's Stripe customer, creating it the first time.

    Two requests at once send the same key and get the same customer.
    """
    workspace_id, customer = workspace.id, workspace.stripe_customer_id
    if customer:
        return customer
    end_read()
    made = gateway.create_customer(
        email=email_of(workspace_id),
        metadata={"workspace_id": str(workspace_id)},
        key=f"customer-workspace-{workspace_id}",
    )
    with transaction():
        held = queries.lock_workspace(workspace_id)
        held.stripe_customer_id = held.stripe_customer_id or made
        return held.stripe_customer_id
