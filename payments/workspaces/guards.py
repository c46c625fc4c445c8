"""Who may enter a workspace: token, slug, workspace, membership and role, in this order."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, TypeVar, cast

from payments.auth.models import User
from payments.auth.principals import current_user
from payments.kit import logs
from payments.workspaces import errors, queries
from payments.workspaces.models import Workspace
from payments.workspaces.models.workspaces import ADMIN, OWNER, ROLES

View = TypeVar("View", bound=Callable[..., Any])

ANYBODY, MANAGERS, OWNERS = ROLES, (OWNER, ADMIN), (OWNER,)
SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


@dataclass(frozen=True)
class Access:
    """A user inside a workspace, with the role that lets him do what he asks."""

    user: User
    workspace: Workspace
    role: str

    @property
    def actor(self) -> str:
        """Name the user in the timeline."""
        return f"user:{self.user.id}"

    @property
    def manages(self) -> bool:
        return self.role in MANAGERS


def enter(user: User, slug: str, roles: tuple[str, ...]) -> Access:
    """Let the user into the workspace of that slug, or raise what the first failed check says."""
    if len(slug) > 100 or not SLUG.fullmatch(slug):
        raise errors.InvalidSlug
    workspace = queries.find_workspace(slug)
    if workspace is None:
        raise errors.WorkspaceNotFound
    role = queries.find_role(workspace.id, user.id)
    if role is None:
        raise errors.NotAMember
    if role not in roles:
        raise errors.NotTheOwner if roles == OWNERS else errors.NotAManager
    logs.bind(workspace=workspace.id)
    return Access(user, workspace, role)


def lock_as_manager(workspace_id: int, user_id: int) -> Workspace:
    """Lock the workspace and check again, as it is now, that the user manages it.

    Runs inside the caller's transaction. Raises WorkspaceNotFound, NotAMember or NotAManager.
    """
    workspace = queries.lock_workspace(workspace_id)
    if not workspace.is_active:
        raise errors.WorkspaceNotFound
    role = queries.find_role(workspace_id, user_id)
    if role is None:
        raise errors.NotAMember
    if role not in MANAGERS:
        raise errors.NotAManager
    return workspace


def workspace_access(*roles: str) -> Callable[[View], View]:
    """Replace the path's `slug` by `access`; only the given roles pass (all when none is given)."""

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(*args: Any, slug: str, **kwargs: Any) -> Any:
            return view(*args, access=enter(current_user(), slug, roles or ANYBODY), **kwargs)

        return cast(View, guarded)

    return decorate
