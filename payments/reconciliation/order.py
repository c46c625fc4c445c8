"""Somebody wants an account compared now, not when its time has come."""

from __future__ import annotations

from payments.kit.transactions import transaction
from payments.reconciliation.accounts import Account
from payments.runs.begin import begin
from payments.runs.models import ReconciliationRun


def order(
    account: Account, kind: str, *, actor: str, dry_run: bool, wakes: bool = True
) -> tuple[ReconciliationRun, bool]:
    """Return the run that compares the account, and whether it was begun for this."""
    with transaction():
        return begin(*account, kind, actor=actor, dry_run=dry_run, wakes=wakes)
