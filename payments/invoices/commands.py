"""`flask invoices`: prove that the numbers are whole, for operators and auditors."""

from __future__ import annotations

from datetime import date, datetime

import click
from flask.cli import AppGroup

from payments.invoices import audit, proof
from payments.invoices.numbering import skip_numbers
from payments.kit.transactions import transaction

invoices = AppGroup("invoices", help="Prove that invoice numbers have no gap and no duplicate.")

_A_DAY = click.DateTime(["%Y-%m-%d"])


@invoices.command("audit")
@click.option("--day", type=_A_DAY, help="Only this day.")
@click.option("--from", "first", type=_A_DAY, help="From this day on.")
@click.option("--to", "last", type=_A_DAY, help="Up to this day.")
def audit_days(day: datetime | None, first: datetime | None, last: datetime | None) -> None:
    """Recount every day and compare it with its counter and its proof; exit 1 if any is off."""
    if day and (first or last):
        raise click.UsageError("--day stands alone")
    wrong = 0
    for finding in audit.audit(_date(day or first), _date(day or last)):
        click.echo(finding.line())
        wrong += bool(finding.faults)
    if not (day or first or last):
        wrong += _tell_strays()
    if wrong:
        raise click.exceptions.Exit(1)


@invoices.command("close")
@click.option("--day", type=_A_DAY, help="Only this day (all that are over without it).")
def close_days(day: datetime | None) -> None:
    """Write the proof of days that are over; exit 1 if one disagrees with the proof it has."""
    if day is None:
        for closed in proof.close_due():
            click.echo(f"{closed}  {proof.CLOSED}")
        return
    verdict = _closed(day.date())
    click.echo(f"{day.date()}  {verdict}")
    if verdict == proof.DIFFERS:
        raise click.exceptions.Exit(1)


def _closed(day: date) -> str:
    try:
        return proof.close(day)
    except proof.NotOver as error:
        raise click.ClickException(f"{day} is not over yet") from error


@invoices.command("skip")
@click.argument("number")
def skip(number: str) -> None:
    """Give out no number of that day up to NUMBER any more (after a restore: docs/restore.md)."""
    try:
        with transaction():
            is_skipped = skip_numbers(number)
    except ValueError as error:
        raise click.UsageError(f"{number} is no invoice number") from error
    if not is_skipped:
        raise click.ClickException(f"{number} is given out already, or its day is closed")
    click.echo(f"the next number of that day comes after {number}")


def _tell_strays() -> int:
    strays = audit.strays()
    for beginning, number in sorted(strays.items()):
        click.echo(f"{beginning}...  {number} invoices of no day that gave out numbers")
    return len(strays)


def _date(moment: datetime | None) -> date | None:
    return moment.date() if moment else None
