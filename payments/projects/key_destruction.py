"""Destroys a project's key material: days after it was switched off, or at once.

Who deletes a configuration or a project takes the keys back: nothing needs them any more, and what
is not stored cannot be stolen. The grace is for a DELETE by mistake.
https://cheatsheetseries.owasp.org/cheatsheets/Secrets_Management_Cheat_Sheet.html
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from payments.extensions import settings
from payments.kit.db import db
from payments.kit.leases import moment_in
from payments.kit.security_log import SUCCEEDED, log_security_event
from payments.kit.transactions import after_commit, transaction
from payments.projects import credentials, queries
from payments.projects.models import StripeConfig, StripeCredentials
from payments.projects.models.configs import HAS_DESTROY_AT, HAS_FORMER_SECRET
from payments.projects.sealing import SEALED
from payments.timeline.append import append

_FORMER = "former_webhook_secret"


def schedule_destruction(project_id: str) -> None:
    """Let the project's keys be destroyed in KEY_DESTRUCTION_DAYS, in the caller's transaction."""
    due = moment_in(timedelta(days=settings().key_destruction_days))
    _set_due(project_id, due)


def cancel_destruction(project_id: str) -> None:
    """Keep the project's keys after all, in the caller's transaction."""
    _set_due(project_id, None)


def has_keys(project_id: str) -> bool:
    """Return whether anything that is sealed is stored of the project."""
    return any(_list_held(row, SEALED) for row in queries.list_credentials(project_id))


def destroy_keys(project_id: str, *, actor: str) -> bool:
    """Destroy all keys of both modes, in the caller's transaction, which holds the project.

    Return whether there were any.
    """
    rows = queries.list_credentials(project_id)
    destroyed = [_destroy(row, SEALED, actor=actor) for row in rows]
    return any(destroyed)


def destroy_keys_now(project_id: str, *, actor: str) -> bool:
    """Switch the configuration off and destroy its keys; return whether there were any."""
    with transaction():
        queries.lock_project(project_id)
        config = queries.find_config(project_id)
        if config is None:
            return False
        if config.is_active:
            config.is_active = False
            _tell("stripe_config.deactivated", config, actor=actor)
        after_commit(lambda: credentials.forget(project_id))
        return destroy_keys(project_id, actor=actor)


def destroy_due_keys(limit: int = 200) -> int:
    """Destroy what is due of up to `limit` projects; return of how many rows something went.

    Due are keys whose grace is over, and former webhook secrets that are no longer accepted.
    """
    row = StripeCredentials
    lapsed = sa.and_(HAS_FORMER_SECRET, row.former_until <= moment_in())
    query = sa.select(row.project_id).where(sa.or_(_are_due(), lapsed)).distinct().limit(limit)
    return sum(_destroy_due(project_id) for project_id in list(db.session.scalars(query)))


def _destroy_due(project_id: str) -> int:
    row = StripeCredentials
    with transaction() as session:
        queries.lock_project(project_id)
        whole = _select(project_id, _are_due())
        gone = [_destroy(each, SEALED, actor="sweep") for each in session.scalars(whole)]
        lapsed = _select(project_id, HAS_FORMER_SECRET, row.former_until <= moment_in())
        gone += [_destroy(each, (_FORMER,), actor="sweep") for each in session.scalars(lapsed)]
        after_commit(lambda: credentials.forget(project_id))
    return sum(gone)


def _are_due() -> sa.ColumnElement[bool]:
    return sa.and_(HAS_DESTROY_AT, StripeCredentials.destroy_at <= moment_in())


def _select(project_id: str, *conditions: Any) -> sa.Select[StripeCredentials]:
    of_project = StripeCredentials.project_id == project_id
    return sa.select(StripeCredentials).where(of_project, *conditions)


def _destroy(row: StripeCredentials, columns: tuple[str, ...], *, actor: str) -> bool:
    """Overwrite sealed columns with nothing; return whether something was in them."""
    held = _list_held(row, columns)
    for column in held:
        setattr(row, column, None)
        if column == _FORMER:
            row.former_until = None
        else:
            setattr(row, f"{column}_masked", None)
    if columns == SEALED:
        row.configured_at = row.destroy_at = None
    config = queries.find_config(row.project_id)
    if held and config is not None:
        fields = [f"{row.mode}_{column}" for column in held]
        _tell("stripe_config.keys_destroyed", config, actor=actor, mode=row.mode, fields=fields)
    db.session.flush()
    return bool(held)


def _list_held(row: StripeCredentials, columns: tuple[str, ...]) -> list[str]:
    return [column for column in columns if getattr(row, column) is not None]


def _set_due(project_id: str, due: Any) -> None:
    change = sa.update(StripeCredentials).where(StripeCredentials.project_id == project_id)
    db.session.execute(change.values(destroy_at=due))


def _tell(kind: str, config: StripeConfig, *, actor: str, **data: Any) -> None:
    project_id = config.project_id
    after_commit(lambda: log_security_event(kind, SUCCEEDED, project=project_id, actor=actor))
    append(
        kind,
        actor=actor,
        subject=f"stripe_config:{config.id}",
        project_id=config.project_id,
        **data,
    )
