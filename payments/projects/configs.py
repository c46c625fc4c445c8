"""A project's Stripe configuration: saved in part, shown masked, switched off and on again."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from payments.extensions import settings
from payments.kit import clock
from payments.kit.crypto import Unsealable
from payments.kit.db import db
from payments.kit.security_log import SUCCEEDED, log_security_event
from payments.kit.transactions import after_commit, transaction
from payments.projects import credentials, errors, key_destruction, queries, sealing
from payments.projects.masks import mask
from payments.projects.models import Project, StripeConfig, StripeCredentials
from payments.projects.models.configs import MODES
from payments.projects.models.projects import new_uuid
from payments.timeline.append import append

COLUMNS = ("secret_key", "publishable_key", "webhook_secret")

# How long events may still be signed with the secret that a PUT replaced: Stripe itself lets a
# rolled secret live for up to a day. https://docs.stripe.com/webhooks#roll-endpoint-secrets
GRACE = timedelta(hours=24)


def find(project: Project) -> dict[str, Any] | None:
    """Return the masked configuration; None when nothing was ever stored."""
    config = queries.find_config(project.id)
    return None if config is None else _masked(config)


def save(
    project: Project, allow_repeat_trials: bool | None = None, /, **keys: str | None
) -> dict[str, Any]:
    """Store the given keys (`test_secret_key=...`) and switch the configuration on.

    None and what is left out stay as they are. Stripe is not asked.
    """
    given = {name: key for name, key in keys.items() if key is not None}
    project_id, owner_id = project.id, project.owner_id
    with transaction():
        queries.lock_project(project_id)
        config, revived = _switched_on(project_id)
        changed: dict[str, bool] = {}
        for mode in MODES:
            changed |= _store(project_id, mode, _of_mode(given, mode))
        changed |= _set_trials(config, allow_repeat_trials)
        if given or changed or revived:
            config.updated_at = clock.now()
        if changed or revived:
            _tell_saved(config, owner_id, changed)
        db.session.flush()
        after_commit(lambda: credentials.forget(project_id))
        return _masked(config)


def switch_off(project: Project, *, destroys_keys: bool = False) -> None:
    """Stop using the keys, and destroy them after KEY_DESTRUCTION_DAYS or, if wanted, at once.

    ConfigNotFound when they are not in use and none are left to be destroyed at once.
    """
    project_id, owner_id = project.id, project.owner_id
    with transaction():
        queries.lock_project(project_id)
        config = queries.find_config(project_id)
        is_leftover = destroys_keys and key_destruction.has_keys(project_id)
        if config is None or not (config.is_active or is_leftover):
            raise errors.ConfigNotFound
        if config.is_active:
            config.is_active = False
            grace = None if destroys_keys else settings().key_destruction_days
            _tell("stripe_config.deactivated", config, owner_id, keys_destroyed_in_days=grace)
        if destroys_keys:
            key_destruction.destroy_keys(project_id, actor=f"user:{owner_id}")
        else:
            key_destruction.schedule_destruction(project_id)
        after_commit(lambda: credentials.forget(project_id))


def _switched_on(project_id: str) -> tuple[StripeConfig, bool]:
    """Return the configuration, and whether it had to be made or switched on."""
    config = queries.find_config(project_id)
    if config is None:
        config = StripeConfig(project_id=project_id, is_active=False)
        db.session.add(config)
        db.session.flush()
    revived = not config.is_active
    config.is_active = True
    if revived:
        key_destruction.cancel_destruction(project_id)
    return config, revived


def _set_trials(config: StripeConfig, allowed: bool | None) -> dict[str, bool]:
    """Store whether trials are repeated; return the field's name if that changed it."""
    if allowed is None or allowed == config.allow_repeat_trials:
        return {}
    config.allow_repeat_trials = allowed
    return {"allow_repeat_trials": False}


def _of_mode(given: dict[str, str], mode: str) -> dict[str, str]:
    return {c: given[f"{mode}_{c}"] for c in COLUMNS if f"{mode}_{c}" in given}


def _store(project_id: str, mode: str, keys: dict[str, str]) -> dict[str, bool]:
    """Store a mode's keys; return the names of those that changed, and which replaced another."""
    if not keys:
        return {}
    row = queries.find_credentials(project_id, mode)
    if row is None:
        row = StripeCredentials(id=new_uuid(), project_id=project_id, mode=mode)
        db.session.add(row)
    row.configured_at = clock.now()
    had = {column: getattr(row, column) is not None for column in keys}
    return {f"{mode}_{c}": had[c] for c, key in keys.items() if _replace(row, c, key)}


def _replace(row: StripeCredentials, column: str, key: str) -> bool:
    former = _present(row, column)
    if former == key:
        return False
    if column == "webhook_secret" and former is not None:
        sealing.put(row, "former_webhook_secret", former)
        row.former_until = clock.now() + GRACE
    sealing.put(row, column, key)
    setattr(row, f"{column}_masked", mask(key))
    return True


def _present(row: StripeCredentials, column: str) -> str | None:
    try:
        return sealing.take(row, column)
    except Unsealable:  # its key is lost: storing it anew is the way out
        return None


def _masked(config: StripeConfig) -> dict[str, Any]:
    shown = {
        "id": config.id,
        "project_id": config.project_id,
        "is_active": config.is_active,
        "allow_repeat_trials": config.allow_repeat_trials,
        "created_at": config.created_at,
        "updated_at": config.updated_at,
    }
    rows = {mode: queries.find_credentials(config.project_id, mode) for mode in MODES}
    for mode, row in rows.items():
        shown |= _masks(mode, row)
    due = [row.destroy_at for row in rows.values() if row is not None and row.destroy_at]
    return {**shown, "keys_destroyed_at": min(due, default=None)}


def _masks(mode: str, row: StripeCredentials | None) -> dict[str, Any]:
    configured: datetime | None = None if row is None else row.configured_at
    masks = {
        f"{mode}_{column}_masked": None if row is None else getattr(row, f"{column}_masked")
        for column in COLUMNS
    }
    has_key = row is not None and row.secret_key is not None
    return {**masks, f"has_{mode}_credentials": has_key, f"{mode}_configured_at": configured}


def _tell_saved(config: StripeConfig, owner_id: int, changed: dict[str, bool]) -> None:
    """Name the fields that changed, and never what is in them."""
    replaced = sorted(name for name, had in changed.items() if had)
    fields = sorted(changed)
    _tell("stripe_config.saved", config, owner_id, fields=fields, replaced=replaced or None)


def _tell(kind: str, config: StripeConfig, owner_id: int, **data: Any) -> None:
    project_id = config.project_id
    after_commit(lambda: log_security_event(kind, SUCCEEDED, project=project_id, user=owner_id))
    append(
        kind,
        actor=f"user:{owner_id}",
        subject=f"stripe_config:{config.id}",
        project_id=config.project_id,
        **data,
    )
