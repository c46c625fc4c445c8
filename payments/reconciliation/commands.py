"""`flask reconcile`: how we and Stripe compare, for operators, with an exit code for scripts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from uuid import UUID

import click
from flask.cli import with_appcontext

from payments.kit.db import db
from payments.reconciliation import accounts
from payments.reconciliation.accounts import Account
from payments.reconciliation.whole import whole
from payments.runs import shelf
from payments.runs.models import KINDS, SUCCEEDED, Drift, ReconciliationRun

ACTOR = "operator"
_PAGE = 100


@click.command("reconcile")
@click.option("--project", type=click.UUID, help="Only this project.")
@click.option("--platform", is_flag=True, help="Only the platform's own account.")
@click.option("--mode", type=click.Choice(("test", "live")), help="Only this mode.")
@click.option("--kind", type=click.Choice((*KINDS, "all")), default="all", show_default=True)
@click.option("--dry-run", is_flag=True, help="Change nothing.")
@with_appcontext
def reconcile(
    project: UUID | None, platform: bool, mode: str | None, kind: str, dry_run: bool
) -> None:
    """Compare Stripe's events and objects with ours, and mend what differs.

    Exits with 0 when all is level, with 1 when anything differed or could not be compared.
    """
    kinds = KINDS if kind == "all" else (kind,)
    level = [
        _compare(account, each, dry_run)
        for account in _chosen(project, platform, mode)
        for each in kinds
    ]
    if not level:
        click.echo("there is no account to compare")
    if not all(level):
        raise click.exceptions.Exit(1)


def _chosen(project: UUID | None, platform: bool, mode: str | None) -> Iterable[Account]:
    """Return the accounts that are meant; whoever names one wants to hear that it is not there."""
    if project is not None and platform:
        raise click.UsageError("--project and --platform exclude each other")
    if project is None and not platform:
        return (account for account in accounts.every() if mode in {None, account.mode})
    ours = accounts.platform()
    named = accounts.of_project(str(project)) if project else [ours] if ours else []
    found = [account for account in named if mode in {None, account.mode}]
    if not found:
        whose = f"project {project}" if project else "the platform"
        raise click.UsageError(f"{whose} has no Stripe key{f' of {mode} mode' if mode else ''}")
    return found


def _compare(account: Account, kind: str, dry_run: bool) -> bool:
    """Do one run and print what it found; tell whether all was level."""
    run = whole(account, kind, actor=ACTOR, dry_run=dry_run)
    for drift in _drifts(run):
        click.echo("  ".join(_line(drift)))
    click.echo(_summary(run))
    level = run.state == SUCCEEDED and run.missing + run.drifted + run.failed == 0
    db.session.rollback()
    return level


def _drifts(run: ReconciliationRun) -> Iterator[Drift]:
    number = 1
    while found := shelf.drifts(run.owner, run.id, page=number, page_size=_PAGE)[0]:
        yield from found
        number += 1


def _line(drift: Drift) -> tuple[str, ...]:
    values = (f"ours={drift.ours or '-'}", f"theirs={drift.theirs or '-'}")
    return drift.object, drift.object_id, drift.field, *values, "fixed" if drift.fixed else "open"


def _summary(run: ReconciliationRun) -> str:
    counts = ("seen", "missing", "drifted", "fixed", "failed")
    told = ", ".join(f"{getattr(run, name)} {name}" for name in counts)
    text = f"{run.owner} {run.mode} {run.kind}: {told}, {run.stripe_calls} Stripe calls"
    return text if run.state == SUCCEEDED else f"{text}; {run.state}: {run.error or 'throttled'}"
