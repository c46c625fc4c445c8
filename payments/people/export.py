"""All that is stored about a person, as one JSON object (GDPR articles 15 and 20)."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from payments.auth.models import User
from payments.invoices.models import Invoice
from payments.kit import clock
from payments.people import find, tables
from payments.people.payloads import export_payloads
from payments.timeline.read import list_entries_of_user
from payments.workspaces.models import PaymentMethod, Workspace


def export_person(email: str, project_id: str | None = None) -> dict[str, Any] | None:
    """Return what is stored about whoever has this address; None when nothing is.

    Passwords' hashes, keys and other secrets are left out.
    """
    address = find.normalize_address(email)
    accounts = find.list_accounts(address, project_id)
    ids = [user.id for user in accounts]
    found = {
        "accounts": [_export_account(user) for user in accounts],
        "workspaces_owned": [_export_workspace(w) for w in find.list_owned_workspaces(ids)],
        "other_rows": _export_by_address(address, project_id),
        "webhook_payloads": export_payloads(address, find.list_customers(ids), project_id),
    }
    if not any(found.values()):
        return None
    return {"email": address, "exported_at": clock.iso_millis(clock.now()), **found}


def _export_account(user: User) -> dict[str, Any]:
    (account,) = tables.export_rows(_table(User), _table(User).c.id == user.id)
    for table in tables.list_tables_of_users():
        account[table.name] = tables.export_rows(table, table.c.user_id == user.id)
    account["timeline"] = [
        {"at": clock.iso_millis(e.at), "kind": e.kind, "actor": e.actor, "subject": e.subject,
         "stripe_id": e.stripe_id, "data": e.data}
        for e in list_entries_of_user(user.id)
    ]  # fmt: skip
    return account


def _export_workspace(workspace: Workspace) -> dict[str, Any]:
    (shown,) = tables.export_rows(_table(Workspace), _table(Workspace).c.id == workspace.id)
    for model in (PaymentMethod, Invoice):
        table = _table(model)
        shown[table.name] = tables.export_rows(table, table.c.workspace_id == workspace.id)
    return shown


def _export_by_address(address: str, project_id: str | None) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for table, name in tables.list_tables_of_addresses():
        if project_id is None or "project_id" in table.c:
            ours = [table.c.project_id == project_id] if project_id is not None else []
            found[table.name] = tables.export_rows(
                table, sa.func.lower(table.c[name]) == address, *ours
            )
    return {name: rows for name, rows in found.items() if rows}


def _table(model: Any) -> sa.Table:
    table: sa.Table = model.__table__
    return table
