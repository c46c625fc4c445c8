"""Takes a person out of the data: accounts become pseudonyms, what is only about them goes.

Invoices, charges, refunds and payments stay: bookkeeping has them kept (GDPR article 17(3)(b)), and
they name nobody once their account is a pseudonym.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field

import sqlalchemy as sa

from payments.auth.models import User
from payments.installation.names import get_installation_id
from payments.invoices.models import Invoice
from payments.kit.crypto import digest
from payments.kit.db import db
from payments.kit.security_log import SUCCEEDED, log_security_event
from payments.kit.transactions import transaction
from payments.people import find, payloads, tables
from payments.people.obstacles import check_obstacles
from payments.timeline.append import append
from payments.workspaces import queries
from payments.workspaces.models import Membership, Workspace
from payments.workspaces.notes import note_method

ACTOR = "operator"
# Nobody's password has this hash.
_NO_PASSWORD = "!"  # noqa: S105 - the opposite of one


@dataclass
class Erasure:
    """What was erased, or would be: how many, by kind; and what is left to be done elsewhere."""

    counts: dict[str, int] = field(default_factory=dict)
    waiting: int = 0
    customers: list[str] = field(default_factory=list)


def plan_erasure(email: str, project_id: str | None = None) -> Erasure:
    """Return what `erase_person` would do; CannotErase when it would refuse."""
    address = find.normalize_address(email)
    accounts = find.list_accounts(address, project_id)
    ids = [user.id for user in accounts]
    check_obstacles(ids)
    customers = find.list_customers(ids)
    over, waiting = payloads.count_payloads(address, customers, project_id)
    counts = {
        "accounts": len(ids),
        "workspaces": len(find.list_lone_workspaces(ids)),
        "webhook_payloads": over,
        **tables.count_rows(ids, address, project_id),
    }
    return Erasure(counts, waiting, [customer.id for customer in customers])


def erase_person(email: str, project_id: str | None = None) -> Erasure:
    """Erase whoever has this address, in one project or everywhere; a repetition finds nothing.

    Raise CannotErase, with what to do first. Payloads of events go before the accounts: a run that
    is interrupted still finds the accounts by their address.
    """
    address = find.normalize_address(email)
    ids = [user.id for user in find.list_accounts(address, project_id)]
    check_obstacles(ids)
    customers = find.list_customers(ids)
    dropped = payloads.drop_named_payloads(address, customers, project_id)
    _, waiting = payloads.count_payloads(address, customers, project_id)
    counts = {**_erase_accounts(address, project_id), "webhook_payloads": dropped}
    return Erasure(counts, waiting, [customer.id for customer in customers])


def _erase_accounts(address: str, project_id: str | None) -> dict[str, int]:
    with transaction():
        accounts = find.list_accounts(address, project_id)
        ids = [user.id for user in accounts]
        _lock_workspaces(ids)
        check_obstacles(ids)
        alone = find.list_lone_workspaces(ids)
        for workspace in alone:
            _close_workspace(workspace)
        _tell_of_memberships(ids)
        gone = tables.delete_rows(ids, address, project_id)
        for user in accounts:
            _pseudonymize(user, address)
    for user_id in ids:
        log_security_event("user.erased", SUCCEEDED, user=user_id)
    return {"accounts": len(ids), "workspaces": len(alone), **gone}


def _lock_workspaces(ids: Sequence[int]) -> None:
    """Hold the workspaces, in one order: nobody becomes or leaves a member meanwhile."""
    seats = sa.select(Membership.workspace_id).where(Membership.user_id.in_(ids)).distinct()
    for workspace_id in sorted(db.session.scalars(seats)):
        queries.lock_workspace(workspace_id)


def _pseudonymize(user: User, address: str) -> None:
    append(
        "user.erased",
        actor=ACTOR,
        subject=f"user:{user.id}",
        project_id=user.project_id,
        address_digest=digest(f"{get_installation_id()}:{address}")[:16],
    )
    # At random: nobody can tell the new address from the old one, or log in with it.
    user.email = f"erased-{secrets.token_hex(12)}@erased.invalid"
    user.name, user.password_hash = "", _NO_PASSWORD
    user.is_active = user.is_admin = False


def _tell_of_memberships(ids: Sequence[int]) -> None:
    for seat in db.session.scalars(sa.select(Membership).where(Membership.user_id.in_(ids))):
        append(
            "member.removed",
            actor=ACTOR,
            subject=f"user:{seat.user_id}",
            workspace_id=seat.workspace_id,
            role=seat.role,
        )


def _close_workspace(workspace: Workspace) -> None:
    """Close a workspace that nobody else is in; what its invoices show stays."""
    append(
        "workspace.closed",
        actor=ACTOR,
        subject=f"workspace:{workspace.id}",
        workspace_id=workspace.id,
    )
    workspace.is_active = False
    workspace.slug = f"erased-{workspace.reference[:12]}"
    workspace.description, workspace.profile_image = "", None
    if not _has_invoices(workspace):
        workspace.name = "Erased"
        for column in ("line1", "line2", "city", "state", "postal_code", "country"):
            setattr(workspace, f"billing_{column}", None)
    _forget_cards(workspace.id)


def _has_invoices(workspace: Workspace) -> bool:
    """Return whether a document names the workspace: name and address belong to it by law."""
    query = sa.select(sa.exists().where(Invoice.workspace_id == workspace.id))
    return bool(db.session.scalar(query))


def _forget_cards(workspace_id: int) -> None:
    for method in queries.payment_methods(workspace_id, inactive=True):
        method.billing_name = method.billing_postal_code = None
        if method.is_active:
            method.is_active = method.is_default = False
            note_method("removed", method, actor=ACTOR)
