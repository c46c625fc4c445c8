"""The commands that operators and `make run` give: `flask --app wsgi ...`."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TypeVar

import click
from flask import Flask
from flask.cli import with_appcontext

from payments import demo, rotation
from payments.config import Settings
from payments.extensions import settings
from payments.gateway.errors import GatewayError
from payments.invoices.commands import invoices
from payments.reconciliation.commands import reconcile
from payments.users.commands import users
from payments.webhooks.commands import events
from payments.workspaces import catalog
from payments.workspaces.commands import anomalies, charges, refunds
from payments.workspaces.disputes.commands import disputes

T = TypeVar("T")


def register(app: Flask) -> None:
    """Add the commands to the app."""
    app.cli.add_command(seed)
    app.cli.add_command(keys)
    app.cli.add_command(events)
    app.cli.add_command(reconcile)
    app.cli.add_command(invoices)
    app.cli.add_command(charges)
    app.cli.add_command(refunds)
    app.cli.add_command(anomalies)
    app.cli.add_command(disputes)
    app.cli.add_command(users)


@click.command("seed")
@with_appcontext
def seed() -> None:
    """Make the plans and, in development, people to try the service with. Changes nothing twice."""
    held = settings()
    catalog.seed()
    if held.production:
        click.echo("plans are in place; production gets no demo people")
        return
    made = demo.make(held)
    project = _on_sandbox(held, lambda: demo.connect_project(held, made)) or {}
    path = demo.write(held, made, webhook_secret=_webhook_secret(held), project=project)
    click.echo(f"plans, people, workspace and project are in place; who they are: {path}")


@click.group("keys")
def keys() -> None:
    """Look after the keys that seal secret columns (CREDENTIALS_KEYS)."""


@keys.command("rotate")
@with_appcontext
def rotate_keys() -> None:
    """Seal everything with the first key. Safe to interrupt and to repeat.

    Exits with 1 when a text opens with none of the keys: keep the old ones then.
    """
    done = rotation.rotate()
    click.echo(
        f"{done.renewed} sealed anew, {done.current} already under the first key, "
        f"{done.unreadable} open with no key"
    )
    if done.unreadable:
        raise click.exceptions.Exit(1)


def _webhook_secret(held: Settings) -> str | None:
    # Secrets that the environment gives belong to endpoints that somebody else registered.
    given = os.environ.get("STRIPE_WEBHOOK_SECRET")
    made = None if given else _on_sandbox(held, lambda: demo.register_webhook(held))
    return made or next(iter(held.stripe_webhook_secrets), None)


def _on_sandbox(held: Settings, act: Callable[[], T]) -> T | None:
    """Do something at the sandbox; None where Stripe itself stands in its place."""
    if not demo.on_sandbox(held):
        return None
    try:
        return act()
    except GatewayError as error:
        raise click.ClickException(
            f"the sandbox at {held.stripe_api_base} did not serve ({error}); "
            "start it first: python -m payments.sandbox"
        ) from error
