"""The commands that operators and `make run` give: `flask --app wsgi ...`."""

from __future__ import annotations

import os

import click
from flask import Flask
from flask.cli import with_appcontext

from payments import demo
from payments.config import Settings
from payments.extensions import settings
from payments.gateway.errors import GatewayError
from payments.workspaces import catalog


def register(app: Flask) -> None:
    """Add the commands to the app."""
    app.cli.add_command(seed)


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
    path = demo.write(held, made, webhook_secret=_webhook_secret(held))
    click.echo(f"plans, people and workspace are in place; who they are stands in {path}")


def _webhook_secret(held: Settings) -> str | None:
    # Secrets that the environment gives belong to endpoints that somebody else registered.
    if os.environ.get("STRIPE_WEBHOOK_SECRET") or not demo.on_sandbox(held):
        return next(iter(held.stripe_webhook_secrets), None)
    try:
        return demo.register_webhook(held)
    except GatewayError as error:
        raise click.ClickException(
            f"the sandbox at {held.stripe_api_base} took no webhook endpoint ({error}); "
            "start it first: python -m payments.sandbox"
        ) from error
