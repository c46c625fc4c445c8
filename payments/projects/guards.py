"""Who may do what in the projects room: developers their own projects, end users their own rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, TypeVar, cast
from uuid import UUID

from flask import request

from payments.auth.errors import BadToken as Unproven
from payments.auth.models import DEVELOPER, END_USER, User
from payments.auth.principals import Caller, find_caller
from payments.kit import logs
from payments.projects import errors, queries
from payments.projects.models import Project

View = TypeVar("View", bound=Callable[..., Any])


@dataclass(frozen=True)
class Seat:
    """An end user in the project that his token and his row name."""

    user: User
    project: Project


def signed_in(view: View) -> View:
    """Give the view any caller as `user`; end users only while their project stands."""

    @wraps(view)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        caller = demand_caller()
        if caller.user.kind == END_USER:
            _find_seat(caller)
        return view(*args, user=caller.user, **kwargs)

    return cast(View, guarded)


def with_caller(view: View) -> View:
    """Give the view the `caller` with their session, whoever it is; 401 without a valid token."""

    @wraps(view)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        return view(*args, caller=demand_caller(), **kwargs)

    return cast(View, guarded)


def developer(view: View) -> View:
    """Give the view a developer as `user`; 403 for everybody else."""

    @wraps(view)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        return view(*args, user=_developer(), **kwargs)

    return cast(View, guarded)


def project_owner(view: View) -> View:
    """Replace the path's `project_id` by the developer's own `project`; 404, or 403 if foreign."""

    @wraps(view)
    def guarded(*args: Any, project_id: UUID, **kwargs: Any) -> Any:
        user = _developer()
        return view(*args, project=owned_project(user, str(project_id)), **kwargs)

    return cast(View, guarded)


def end_user(view: View) -> View:
    """Give the view an end user's `seat`; 403 for developers, 404 once the project is gone."""

    @wraps(view)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        return view(*args, seat=_find_seat(demand_caller()), **kwargs)

    return cast(View, guarded)


def owned_project(user: User, project_id: str) -> Project:
    """Return the developer's project; ProjectNotFound or NotTheOwner."""
    project = queries.find_project(project_id)
    if project is None or not project.is_active:
        raise errors.ProjectNotFound
    if project.owner_id != user.id:
        raise errors.NotTheOwner
    logs.bind(project=project.id)
    return project


def _developer() -> User:
    user = demand_caller().user
    if user.kind != DEVELOPER:
        raise errors.DeveloperRequired
    return user


def _find_seat(caller: Caller) -> Seat:
    user, claims = caller.user, caller.claims
    if user.kind != END_USER:
        raise errors.EndUserRequired
    named = request.headers.get("X-Project-ID", user.project_id or "").lower()
    if claims.get("project_id") != user.project_id or named != user.project_id:
        raise errors.BadToken
    project = queries.find_project(user.project_id or "")
    if project is None or not project.is_active:
        raise errors.ProjectNotFound
    logs.bind(project=project.id)
    return Seat(user, project)


def demand_caller(*, token: str | None = None) -> Caller:
    """Return the caller; BadToken of this dialect without a good access token.

    `token` is a refresh token that came in the body instead.
    """
    try:
        return find_caller(token=token)
    except Unproven as error:
        raise errors.BadToken from error
