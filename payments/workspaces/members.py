"""Verbs of membership: add, change a role, remove.

Each one holds the workspace's lock while it decides: two owners who demote each other at the same
moment come one after the other, and the second is refused.
"""

from __future__ import annotations

from payments.auth.models import END_USER, User
from payments.auth.queries import find_by_email
from payments.kit.db import db
from payments.kit.http import parse_id
from payments.kit.inserts import inserted
from payments.kit.transactions import transaction
from payments.timeline.append import append
from payments.workspaces import errors, queries, rosters
from payments.workspaces.guards import MANAGERS, Access
from payments.workspaces.models import Membership
from payments.workspaces.models.workspaces import OWNER


def add_member(access: Access, *, email: str, role: str) -> Membership:
    """Let a user in by his address; he must have an account already."""
    with transaction():
        check_may_give(access, role)
        return insert_member(access, _get_user(email), role=role)


def check_may_give(access: Access, role: str) -> None:
    """Hold the workspace and raise what keeps the caller from giving that role, as of now."""
    _check_rank(_lock_and_reread(access), role)


def insert_member(access: Access, user: User, *, role: str) -> Membership:
    """Add the membership, inside the caller's transaction; AlreadyAMember when it is there."""
    seat = Membership(workspace_id=access.workspace.id, user_id=user.id, role=role)
    if not inserted(seat):
        raise errors.AlreadyAMember
    _note("member.added", access, user.id, role=role)
    return seat


def change_role(access: Access, raw_user_id: str, *, role: str) -> Membership:
    """Give a member another role."""
    user_id = _parsed(raw_user_id)
    with transaction():
        own_role = _lock_and_reread(access)
        seat = _get_seat(access, user_id)
        _check_rank(own_role, seat.role, role)
        if seat.role == role:
            return seat
        _keep_an_owner(seat)
        _note("member.role_changed", access, user_id, role=role, previous=seat.role)
        seat.role = role
        return seat


def remove_member(access: Access, raw_user_id: str) -> int:
    """Take a member out, or leave: everybody may take himself out; return the user's id."""
    user_id = _parsed(raw_user_id)
    with transaction():
        own_role = _lock_and_reread(access)
        leaving = user_id == access.user.id
        if not leaving and own_role not in MANAGERS:
            raise errors.NotAManager
        seat = _get_seat(access, user_id)
        if not leaving:
            _check_rank(own_role, seat.role)
        _keep_an_owner(seat)
        db.session.delete(seat)
        _note("member.left" if leaving else "member.removed", access, user_id, role=seat.role)
    return user_id


def _lock_and_reread(access: Access) -> str:
    """Hold the workspace and return the caller's role as it is now, not as it was at the door."""
    queries.lock_workspace(access.workspace.id)
    role = queries.find_role(access.workspace.id, access.user.id)
    if role is None:
        raise errors.NotAMember
    return role


def may_give(own_role: str, role: str) -> bool:
    """Return whether somebody of `own_role` may give that role."""
    return own_role in MANAGERS and (role != OWNER or own_role == OWNER)


def _check_rank(own_role: str, *roles: str) -> None:
    """Only managers touch memberships, and only owners those of owners."""
    if own_role not in MANAGERS:
        raise errors.NotAManager
    if not all(may_give(own_role, role) for role in roles):
        raise errors.NotTheOwner


def _keep_an_owner(seat: Membership) -> None:
    if seat.role == OWNER and rosters.count_owners(seat.workspace_id) == 1:
        raise errors.LastOwner


def _get_seat(access: Access, user_id: int) -> Membership:
    seat = rosters.find_seat(access.workspace.id, user_id)
    if seat is None:
        raise errors.MemberNotFound
    return seat


def _get_user(email: str) -> User:
    user = find_by_email(email)
    if user is None or not user.is_active or user.kind == END_USER:
        raise errors.UserNotFound
    return user


def _parsed(raw_user_id: str) -> int:
    user_id = parse_id(raw_user_id)
    if user_id is None:
        raise errors.InvalidUserId
    return user_id


def _note(kind: str, access: Access, user_id: int, **data: str) -> None:
    append(
        kind,
        actor=access.actor,
        subject=f"user:{user_id}",
        workspace_id=access.workspace.id,
        **data,
    )
