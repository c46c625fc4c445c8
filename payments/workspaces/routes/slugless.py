"""Find the workspace of a path that names none."""

from __future__ import annotations

from typing import Any

from flask import request

from payments.auth.models import User
from payments.kit.db import db
from payments.workspaces import errors, queries
from payments.workspaces.guards import MANAGERS, Access, enter
from payments.workspaces.models import Workspace
from payments.workspaces.payment_methods.setup import workspace_of


def resolved(user: User, *, setup_id: str | None = None) -> Access:
    """Enter the workspace that body, query or SetupIntent names, else the caller's only one.

    SlugRequired when he manages several, WorkspaceNotFound when none. Every check of a path with
    a slug is made.
    """
    user_id = user.id
    slug = _named() or _of_setup(setup_id) or _only(user_id)
    return enter(db.session.get_one(User, user_id), slug, MANAGERS)


def _named() -> str | None:
    body = _body()
    named = body.get("workspaceSlug") if isinstance(body, dict) else None
    named = named or request.args.get("workspaceSlug")
    if named is not None and not isinstance(named, str):
        raise errors.InvalidSlug
    return named or None


def _body() -> Any:
    try:
        return request.get_json(silent=True)
    except RecursionError:  # brackets a hundred thousand deep
        return None


def _of_setup(setup_id: str | None) -> str | None:
    workspace_id = None if setup_id is None else workspace_of(setup_id)
    workspace = None if workspace_id is None else db.session.get(Workspace, workspace_id)
    return workspace.slug if workspace else None


def _only(user_id: int) -> str:
    managed = queries.managed_workspaces(user_id)
    if len(managed) > 1:
        raise errors.SlugRequired
    if not managed:
        raise errors.WorkspaceNotFound
    return managed[0].slug
