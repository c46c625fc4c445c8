"""Idempotency keys and metadata: unique in Stripe's space, whatever other databases use it."""

from __future__ import annotations

from collections.abc import Mapping

from flask import current_app

from payments.installation.models import Installation
from payments.kit.db import db

INSTALLATION = "installation"
_CACHE = "payments.installation_id"


def get_installation_id() -> str:
    """Return this installation's random id, read once a process.

    RuntimeError when the migrations have not been run.
    """
    held: str | None = current_app.extensions.get(_CACHE)
    if held is None:
        row = db.session.get(Installation, 1)
        if row is None:
            raise RuntimeError("the installation has no id: run `flask --app wsgi db upgrade`")
        held = current_app.extensions[_CACHE] = row.installation_id
    return held


def make_idempotency_key(*parts: str | int) -> str:
    """Return a key that only this installation uses, from what it is for and a row's reference.

    https://docs.stripe.com/api/idempotent_requests: random enough not to collide, at most 255
    characters.
    """
    return ":".join((get_installation_id(), *map(str, parts)))


def make_metadata(**names: str) -> dict[str, str]:
    """Return metadata that says whose object it is: this installation's, and of which rows."""
    return {INSTALLATION: get_installation_id(), **names}


def is_own_metadata(metadata: Mapping[str, str]) -> bool:
    """Return whether an object at Stripe was made by this installation."""
    return metadata.get(INSTALLATION) == get_installation_id()
