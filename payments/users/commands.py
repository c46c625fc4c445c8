"""`flask users`: who has an account, who administers the platform, and who no longer may log in."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import click
import sqlalchemy as sa
from flask.cli import AppGroup

from payments.auth.models import User
from payments.auth.queries import find_claimants, is_verified
from payments.auth.sessions import end_sessions_of
from payments.kit.clock import iso_millis
from payments.kit.db import db
from payments.kit.security_log import SUCCEEDED, log_security_event
from payments.kit.transactions import transaction
from payments.timeline.append import append
from payments.users import codes
from payments.users.models import SecondFactor
from payments.users.second_factor import remove_factor

users = AppGroup("users", help="Look after accounts and the platform's administrators.")

ACTOR = "operator"


@users.command("list")
@click.option("--admins", is_flag=True, help="Only administrators of the platform.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def list_users(*, admins: bool, as_json: bool) -> None:
    """List the accounts outside of projects, the oldest first."""
    for found in _read_users(admins=admins):
        click.echo(json.dumps(found) if as_json else _write_line(found))


@users.command("promote")
@click.argument("email")
def promote_user(email: str) -> None:
    """Make the account an administrator of the platform; exit 1 when it cannot be."""
    with transaction():
        user = _lock_user(email)
        if not user.is_active:
            raise click.ClickException(f"{user.email} is deactivated")
        if not is_verified(user):
            raise click.ClickException(f"{user.email} has not verified the address")
        changed = _change(user, "user.promoted", is_admin=True)
    click.echo(f"{email} is {'now' if changed else 'already'} an administrator of the platform")


@users.command("demote")
@click.argument("email")
def demote_user(email: str) -> None:
    """Take the rights of an administrator away; exit 1 when there is no such account."""
    with transaction():
        changed = _change(_lock_user(email), "user.demoted", is_admin=False)
    click.echo(f"{email} is {'no longer' if changed else 'not'} an administrator of the platform")


@users.command("deactivate")
@click.argument("email")
def deactivate_user(email: str) -> None:
    """Log the account out everywhere and let it log in no more; exit 1 when there is none."""
    with transaction():
        changed = _change(_lock_user(email), "user.deactivated", is_active=False)
    click.echo(f"{email} is {'now' if changed else 'already'} deactivated")


@users.command("reset-second-factor")
@click.argument("email")
def reset_second_factor(email: str) -> None:
    """Take the second factor of an account away whose holder lost it; exit 1 without one."""
    with transaction():
        user = _lock_user(email)
        factor = codes.lock_factor(user.id)
        if factor is None:
            raise click.ClickException(f"{user.email} has no second factor")
        remove_factor(factor, actor=ACTOR)
        end_sessions_of(user.id, reason="second_factor_reset")
        user_id = user.id
    log_security_event("second_factor_reset", SUCCEEDED, user=user_id, by=ACTOR)
    click.echo(f"{email} has no second factor any more and has to log in again")


def _read_users(*, admins: bool) -> Iterator[dict[str, Any]]:
    second = sa.select(SecondFactor.id).where(
        SecondFactor.user_id == User.id, SecondFactor.is_enabled
    )
    query = sa.select(User, second.exists()).where(User.project_id.is_(None)).order_by(User.id)
    if admins:
        query = query.where(User.is_admin)
    for user, has_factor in db.session.execute(query):
        yield {
            "id": user.id,
            "email": user.email,
            "name": user.name,
            "kind": user.kind,
            "is_admin": user.is_admin,
            "is_active": user.is_active,
            "is_email_verified": user.is_email_verified,
            "has_second_factor": has_factor,
            "created_at": iso_millis(user.created_at),
        }


def _write_line(found: dict[str, Any]) -> str:
    marks = {
        "admin": found["is_admin"],
        "second factor": found["has_second_factor"],
        "unverified": not found["is_email_verified"],
        "deactivated": not found["is_active"],
    }
    told = ", ".join(mark for mark, holds in marks.items() if holds) or "-"
    return f"{found['id']}  {found['email']}  {found['kind']}  {told}"


def _lock_user(email: str) -> User:
    owner, newest = find_claimants(email.strip())
    user = owner or newest
    if user is None:
        raise click.ClickException(f"there is no account {email}")
    return db.session.get_one(User, user.id, with_for_update=True, populate_existing=True)


def _change(user: User, kind: str, **values: bool) -> bool:
    """Change the account, end its sessions and tell the timeline; False when nothing changed."""
    if all(getattr(user, name) == value for name, value in values.items()):
        return False
    for name, value in values.items():
        setattr(user, name, value)
    end_sessions_of(user.id, reason=kind.partition(".")[2])
    append(kind, actor=ACTOR, subject=f"user:{user.id}")
    log_security_event(kind, SUCCEEDED, user=user.id, by=ACTOR)
    return True
