"""`flask events`: what lies in the inbox, for operators: list, show, replay."""

from __future__ import annotations

import json

import click
from flask.cli import AppGroup

from payments.webhooks import shelf, storage
from payments.webhooks.models import DEAD, STATES, WebhookEvent

MOST_LISTED = 100

events = AppGroup("events", help="Look into the inbox of Stripe's events.")

_project = click.option("--project", help="Only of this project (or `platform`).")
_state = click.option("--state", type=click.Choice(STATES), help="Only in this state.")


@events.command("list")
@_project
@_state
@click.option("--type", "kind", help="Only of this type.")
def list_events(project: str | None, state: str | None, kind: str | None) -> None:
    """List the newest events."""
    found, total = shelf.page(project, state=state, type=kind, page_size=MOST_LISTED)
    for event in found:
        click.echo(_line(event))
    click.echo(f"{len(found)} of {total}")


@events.command("show")
@click.argument("event_id")
@_project
def show_event(event_id: str, project: str | None) -> None:
    """Show an event with its payload."""
    event = _found(project, event_id)
    click.echo(_line(event))
    if event.payload_dropped:
        click.echo("its payload is no longer stored")
    else:
        click.echo(json.dumps(event.content, indent=2, ensure_ascii=False))


@events.command("replay")
@click.argument("event_ids", nargs=-1)
@_project
@_state
def replay_events(event_ids: tuple[str, ...], project: str | None, state: str | None) -> None:
    """Have events handled once more: those named, else all that are dead (or in --state)."""
    rows = [_found(project, event_id).id for event_id in event_ids]
    replayed = [_replay(row_id) for row_id in rows or shelf.ids(project, state or DEAD)]
    if not all(replayed):
        raise click.exceptions.Exit(1)


@events.command("recount")
def recount_stored_bytes() -> None:
    """Count the stored bytes of every project anew, for its quota."""
    for owner, (before, there) in storage.recount_bytes(storage.list_owners()).items():
        click.echo(f"{owner}  {there} bytes" + ("" if before == there else f", not {before}"))


def _replay(row_id: int) -> bool:
    """Replay an event and say so; False for one whose payload is gone."""
    try:
        click.echo(f"replayed {shelf.replay(row_id, actor='operator').event_id}")
    except shelf.PayloadDropped as error:
        click.echo(f"event row {row_id}: {error.message}", err=True)
        return False
    return True


def _found(project: str | None, event_id: str) -> WebhookEvent:
    event = shelf.find(project, event_id)
    if event is None:
        raise click.ClickException(f"there is no event {event_id}")
    return event


def _line(event: WebhookEvent) -> str:
    words = (event.event_id, event.owner, event.mode, event.type, event.state, f"{event.tries}x")
    return "  ".join([*words, event.last_error or event.note or ""]).rstrip()
