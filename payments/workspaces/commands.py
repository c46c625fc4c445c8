"""`flask charges` and `flask anomalies`: what waits for an operator, and how it is settled."""

from __future__ import annotations

from typing import cast

import click
import sqlalchemy as sa
from flask.cli import AppGroup

from payments.gateway.errors import GatewayError
from payments.kit import money
from payments.kit.db import db
from payments.kit.http import parse_id
from payments.kit.transactions import transaction
from payments.workspaces import anomalies as verbs
from payments.workspaces.attention import clear_flag
from payments.workspaces.charges.give_up import give_up_charge, release_blocked_charge
from payments.workspaces.errors import ChargeNotCancelable
from payments.workspaces.models import Charge, Refund
from payments.workspaces.models.charges import OPEN, PENDING, SUBMITTED
from payments.workspaces.notes import note_cleared

charges = AppGroup("charges", help="Look after charges that are open or need a person.")
refunds = AppGroup("refunds", help="Look after refunds that are open or need a person.")
anomalies = AppGroup("anomalies", help="Settle payments at Stripe that settle nothing here.")

ACTOR = "operator"


@charges.command("list")
def list_charges() -> None:
    """List charges that are open or need attention, the oldest first."""
    wanted = sa.or_(Charge.status.in_(OPEN), Charge.needs_attention)
    for charge in db.session.scalars(sa.select(Charge).where(wanted).order_by(Charge.id)):
        amount = money.plain(charge.amount_minor, charge.currency)
        click.echo(
            f"charge {charge.id}  workspace {charge.workspace_id}  {charge.status}  "
            f"{amount} {charge.currency}  {charge.stripe_payment_intent_id or '-'}  "
            f"{charge.attention_code or '-'}"
        )


@charges.command("give-up")
@click.argument("number")
def give_up(number: str) -> None:
    """Cancel a charge that is not settled, at Stripe first; exit 1 when that cannot be."""
    charge_id = parse_id(number)
    if charge_id is None or db.session.get(Charge, charge_id) is None:
        raise click.ClickException(f"there is no charge {number}")
    try:
        give_up_charge(charge_id, actor=ACTOR)
    except ChargeNotCancelable as error:
        raise click.ClickException(
            f"charge {charge_id} is settled, or was paid just now"
        ) from error
    except GatewayError as error:
        raise click.ClickException(
            f"Stripe could not be asked, nothing changed: {error}"
        ) from error
    click.echo(f"charge {charge_id} is given up")


@charges.command("clear-flag")
@click.argument("number")
def clear_charge_flag(number: str) -> None:
    """Say that a person has looked at a charge and nothing more is to be done."""
    _clear_flag(Charge, number)


@refunds.command("list")
def list_refunds() -> None:
    """List refunds that are on their way or need attention, the oldest first."""
    wanted = sa.or_(Refund.status.in_((PENDING, SUBMITTED)), Refund.needs_attention)
    for row in db.session.scalars(sa.select(Refund).where(wanted).order_by(Refund.id)):
        amount = money.plain(row.amount_minor, row.currency)
        click.echo(
            f"refund {row.id}  workspace {row.workspace_id}  {row.status}  "
            f"{amount} {row.currency}  {row.stripe_refund_id or '-'}  {row.attention_code or '-'}"
        )


@refunds.command("clear-flag")
@click.argument("number")
def clear_refund_flag(number: str) -> None:
    """Say that a person has looked at a refund and nothing more is to be done."""
    _clear_flag(Refund, number)


def _clear_flag(model: type[Charge | Refund], number: str) -> None:
    noun, row_id = model.key_prefix, parse_id(number)
    with transaction():
        found = None if row_id is None else db.session.get(model, row_id, with_for_update=True)
        row = cast("Charge | Refund | None", found)
        if row is None or not row.needs_attention:
            raise click.ClickException(f"{noun} {number} asks for nobody")
        clear_flag(row)
        note_cleared(row, actor=ACTOR)
        left = row.attention_code
    click.echo(f"{noun} {row_id} " + (f"still needs attention: {left}" if left else "is cleared"))


@anomalies.command("list")
def list_anomalies() -> None:
    """List payments and other objects at Stripe that were stored and not applied; exit 1 if any."""
    found = verbs.list_unresolved()
    for each in found:
        amount = money.plain(each.amount_minor or 0, each.currency or "usd")
        click.echo(
            f"{each.kind}  {each.stripe_id}  {each.status}  {amount} {each.currency or ''}  "
            f"charge {each.charge_id or '-'}  {each.reason}"
        )
    if found:
        raise click.exceptions.Exit(1)


@anomalies.command("refund")
@click.argument("payment_intent")
def refund(payment_intent: str) -> None:
    """Give back all that the PaymentIntent of an anomaly took, and close it."""
    try:
        is_back = verbs.refund_anomaly(payment_intent, actor=ACTOR)
        release_blocked_charge(payment_intent, actor=ACTOR)
    except verbs.AnomalyNotRefundable as error:
        raise click.ClickException(
            f"{payment_intent} is no open anomaly that took money"
        ) from error
    except GatewayError as error:
        raise click.ClickException(f"Stripe did not refund it: {error}") from error
    click.echo(f"{payment_intent} is {'refunded' if is_back else 'being refunded'}")


@anomalies.command("dismiss")
@click.argument("stripe_id")
def dismiss(stripe_id: str) -> None:
    """Close an anomaly that needs nothing to be done."""
    if verbs.find_unresolved(stripe_id) is None:
        raise click.ClickException(f"{stripe_id} is no open anomaly")
    verbs.dismiss_anomaly(stripe_id, actor=ACTOR)
    try:
        release_blocked_charge(stripe_id, actor=ACTOR)
    except GatewayError as error:
        raise click.ClickException(f"dismissed, but Stripe could not be asked: {error}") from error
    click.echo(f"{stripe_id} is dismissed")
