"""Open a SetupIntent, and save the card once its holder has completed it."""

from __future__ import annotations

from payments.gateway.errors import Rejected
from payments.gateway.gateway import Gateway, platform
from payments.gateway.results import Card, Setup
from payments.installation.names import make_metadata
from payments.kit.transactions import end_read
from payments.workspaces import errors, queries
from payments.workspaces.customers import call_with_customer
from payments.workspaces.guards import Access
from payments.workspaces.identity import is_named
from payments.workspaces.models import Workspace
from payments.workspaces.payment_methods.save import save_card, sync_default


def initialize(access: Access) -> Setup:
    """Return a fresh SetupIntent for the workspace's customer."""
    gateway = platform()
    metadata = make_metadata(workspace=access.workspace.reference)
    return call_with_customer(
        gateway,
        access.workspace,
        lambda customer: gateway.create_setup(customer, metadata=metadata),
        actor=access.actor,
    )


def workspace_of(setup_id: str) -> int | None:
    """Return the id of the workspace that a SetupIntent was opened for, None when unknown."""
    end_read()
    try:
        workspace = find_workspace_of_setup(platform().get_setup(setup_id))
    except Rejected:
        return None
    return None if workspace is None else workspace.id


def find_workspace_of_setup(setup: Setup) -> Workspace | None:
    """Return the workspace that a SetupIntent was opened for by this installation.

    Its customer must be the workspace's, whatever the metadata says.
    """
    if setup.customer is None:
        return None
    workspace = queries.find_workspace_of_customer(setup.customer)
    named = workspace is not None and is_named(workspace, "workspace", setup.metadata)
    return workspace if named else None


def confirm(
    access: Access, setup_id: str, method_id: str, *, name: str | None, postal_code: str | None
) -> None:
    """Save the card of a completed SetupIntent; asking twice saves it once.

    Raises SetupIncomplete or SetupMismatch when it is not done, or not this workspace's.
    """
    gateway = platform()
    workspace, actor = access.workspace, access.actor
    workspace_id, customer, user_id = workspace.id, workspace.stripe_customer_id, access.user.id
    end_read()
    _check(_find_setup(gateway, setup_id), workspace_id, method_id)
    card = _described(gateway, method_id, name, postal_code)
    if customer is None or card.customer != customer:
        raise errors.InvalidPaymentMethod("This payment method is no longer attached")
    saved = save_card(workspace_id, card, actor=actor, user_id=user_id)
    if saved.is_default:
        sync_default(gateway, customer, method_id)


def _find_setup(gateway: Gateway, setup_id: str) -> Setup:
    try:
        return gateway.get_setup(setup_id)
    except Rejected as error:
        raise errors.SetupIncomplete("Unknown setupIntentId") from error


def _check(setup: Setup, workspace_id: int, method_id: str) -> None:
    owner = find_workspace_of_setup(setup)
    owner_id = None if owner is None else owner.id
    end_read()
    if owner_id != workspace_id:
        raise errors.SetupMismatch
    if setup.status != "succeeded":
        raise errors.SetupIncomplete(f"The card setup is not complete (status {setup.status})")
    if setup.payment_method != method_id:
        raise errors.SetupMismatch


def _described(gateway: Gateway, method_id: str, name: str | None, postal_code: str | None) -> Card:
    try:
        if name is None and postal_code is None:
            return gateway.get_card(method_id)
        return gateway.describe_card(method_id, name=name, postal_code=postal_code)
    except Rejected as error:
        raise errors.InvalidPaymentMethod from error


def save_completed(workspace: Workspace, setup: Setup, *, actor: str) -> None:
    """Save the card of a SetupIntent that Stripe calls done, should the browser never say so."""
    workspace_id, customer = workspace.id, workspace.stripe_customer_id
    if customer is None or setup.customer != customer or setup.payment_method is None:
        return
    known = queries.find_stripe_method(setup.payment_method)
    if known is not None and not known.is_active:
        return  # deleted here meanwhile: a late event does not bring it back
    end_read()
    card = platform().get_card(setup.payment_method)
    if card.customer == customer:
        save_card(workspace_id, card, actor=actor)
