"""The commands that operators and `make run` give: `flask --app wsgi ...`."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from typing import TypeVar

import click
from flask import Flask
from flask.cli import with_appcontext
from flask_migrate import upgrade

from payments import demo, rotation, sealed_texts
from payments.config import Settings
from payments.extensions import settings
from payments.gateway.errors import GatewayError
from payments.invoices.commands import invoices
from payments.kit import crypto
from payments.people.commands import people
from payments.projects.key_destruction import destroy_keys_now
from payments.projects.queries import find_project
from payments.reconciliation.commands import reconcile
from payments.users.commands import users
from payments.webhooks.commands import events
from payments.workspaces import catalog, queries
from payments.workspaces.commands import anomalies, charges, refunds
from payments.workspaces.disputes.commands import disputes
from payments.workspaces.plan_commands import plans

T = TypeVar("T")


def register(app: Flask) -> None:
    """Add the commands to the app."""
    app.cli.add_command(seed)
    app.cli.add_command(release)
    app.cli.add_command(keys)
    app.cli.add_command(events)
    app.cli.add_command(people)
    app.cli.add_command(reconcile)
    app.cli.add_command(invoices)
    app.cli.add_command(charges)
    app.cli.add_command(refunds)
    app.cli.add_command(anomalies)
    app.cli.add_command(disputes)
    app.cli.add_command(plans)
    app.cli.add_command(users)


@click.command("seed")
@with_appcontext
def seed() -> None:
    """Make the plans and, in development, people to try the service with. Changes nothing twice."""
    held = settings()
    if held.production:
        _seed_plans()
        click.echo("plans are in place; production gets no demo people")
        return
    catalog.seed()
    made = demo.make(held)
    project = _on_sandbox(held, lambda: demo.connect_project(held, made)) or {}
    path = demo.write(held, made, webhook_secret=_webhook_secret(held), project=project)
    click.echo(f"plans, people, workspace and project are in place; who they are: {path}")


@click.command("release")
@with_appcontext
def release() -> None:
    """Migrate the database and, if it has no plans at all, make the first ones."""
    upgrade()
    _seed_plans()
    click.echo("the database is migrated, plans are in place")


def _seed_plans() -> None:
    """Make the first plans only: those of a running service are its operator's."""
    if not queries.plans(inactive=True):
        catalog.seed()


@click.group("keys")
def keys() -> None:
    """Look after secrets, and the keys that seal secret columns (CREDENTIALS_KEYS)."""


@keys.command("new")
@click.option(
    "--kind",
    type=click.Choice(["credentials", "secret", "jwt", "operator", "metrics"]),
    default="credentials",
    help="For CREDENTIALS_KEYS (default), SECRET_KEY, JWT_SECRET_KEY, OPERATOR_KEY, METRICS_TOKEN.",
)
def new_key(kind: str) -> None:
    """Print a fresh random key; nothing is stored."""
    prefix = {"operator": "op_", "metrics": "mt_"}.get(kind, "")
    made = crypto.new_key() if kind == "credentials" else secrets.token_urlsafe(48)
    click.echo(f"{prefix}{made}")


@keys.command("check")
@with_appcontext
def check_keys() -> None:
    """Open everything that is sealed, changing nothing; exits with 1 when a text does not open."""
    counts = sealed_texts.count_sealed_texts()
    for table, count in counts.items():
        click.echo(
            f"{table}: {count.current} open with the first key, {count.former} with a later one, "
            f"{count.unreadable} with none"
        )
    if any(count.unreadable for count in counts.values()):
        raise click.exceptions.Exit(1)


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


@keys.command("destroy")
@click.option("--project", "project_id", required=True, help="The project's id.")
@with_appcontext
def destroy_project_keys(project_id: str) -> None:
    """Destroy a project's Stripe keys at once, and switch its configuration off."""
    if find_project(project_id.lower()) is None:
        raise click.ClickException(f"there is no project {project_id}")
    had = destroy_keys_now(project_id.lower(), actor="operator")
    click.echo("the keys are destroyed" if had else "there were no keys")


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
