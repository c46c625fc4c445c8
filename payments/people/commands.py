"""`flask people`: what operators do for whoever asks for their data, or for its erasure."""

from __future__ import annotations

import json

import click
from flask.cli import AppGroup

from payments.people.erase import Erasure, erase_person, plan_erasure
from payments.people.export import export_person
from payments.people.obstacles import CannotErase

people = AppGroup("people", help="Export or erase what is stored about a person.")

_project = click.option("--project", "project_id", help="Only as an end user of this project.")


@people.command("export")
@click.argument("email")
@_project
def export(email: str, project_id: str | None) -> None:
    """Write all that is stored about a person as JSON; exits with 1 when there is nothing."""
    found = export_person(email, project_id)
    if found is None:
        raise click.ClickException("nothing is stored about this address")
    click.echo(json.dumps(found, indent=2, ensure_ascii=False))


@people.command("erase")
@click.argument("email")
@_project
@click.option("--dry-run", is_flag=True, help="Only count what would be erased.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def erase(email: str, project_id: str | None, dry_run: bool, yes: bool) -> None:
    """Erase a person; what the law has kept stays, and names nobody any more.

    Exits with 1 when something has to be done first. Safe to repeat.
    """
    try:
        planned = plan_erasure(email, project_id)
        if dry_run:
            return _show(planned, "would be erased")
        if not yes:
            _show(planned, "will be erased")
            click.confirm("This cannot be undone. Erase?", abort=True)
        _show(erase_person(email, project_id), "erased")
    except CannotErase as reason:
        raise click.ClickException(f"first:\n{reason}") from reason


def _show(erasure: Erasure, verb: str) -> None:
    for what, number in erasure.counts.items():
        if number or what == "accounts":
            click.echo(f"{what.replace('_', ' ')}: {number} {verb}")
    if erasure.waiting:
        click.echo(
            f"{erasure.waiting} events that name the person wait to be handled: repeat this later"
        )
    for customer in erasure.customers:
        click.echo(f"to be deleted at Stripe: {customer}")
