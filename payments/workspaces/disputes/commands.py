"""`flask disputes`: what has to be answered, for operators."""

from __future__ import annotations

import click
from flask.cli import AppGroup

from payments.kit import clock, money
from payments.workspaces.disputes.read import list_disputes
from payments.workspaces.models import Dispute

disputes = AppGroup("disputes", help="Look at disputes of workspaces' payments.")


@disputes.command("list")
@click.option("--all", "closed", is_flag=True, help="Closed ones too.")
def list_open_disputes(closed: bool) -> None:
    """List open disputes, the earliest deadline first."""
    found = list_disputes(closed=closed)
    for dispute in found:
        click.echo(_line(dispute))
    click.echo(f"{len(found)} disputes")


def _line(dispute: Dispute) -> str:
    due = dispute.response_due_at
    amount = money.plain(dispute.amount_minor, dispute.currency)
    return "  ".join(
        (
            "-" if due is None else clock.iso_millis(due),
            dispute.stripe_dispute_id,
            dispute.kind,
            dispute.status,
            dispute.reason,
            f"{amount} {dispute.currency.upper()}",
            "withdrawn" if dispute.is_withdrawn else "not withdrawn",
            f"workspace={dispute.workspace_id}",
            f"charge={dispute.charge_id}",
            f"invoice={dispute.invoice.invoice_number}",
        )
    )
