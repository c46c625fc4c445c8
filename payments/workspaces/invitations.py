"""Verbs of invitations: send, revoke, accept.

Whoever adds a member is never told whether the address has an account: an account becomes a
member at once, any other address gets a mail with a link, and both are answered alike.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from payments.auth.errors import EmailUnverified
from payments.auth.mail_allowance import has_mail_left
from payments.auth.models import END_USER, User
from payments.auth.queries import find_by_email, is_verified
from payments.kit import clock
from payments.kit.db import db
from payments.kit.http import parse_id
from payments.kit.inserts import inserted
from payments.kit.security_log import SUCCEEDED, log_security_event
from payments.kit.transactions import transaction
from payments.mail.outbox import request_mail
from payments.timeline.append import append
from payments.users import links
from payments.users.links import InvalidLink
from payments.workspaces import errors, members, queries, rosters
from payments.workspaces.guards import Access
from payments.workspaces.models import Invitation, Membership, Workspace
from payments.workspaces.models.invitations import ACCEPTED, PENDING, REVOKED

# Kinds of mails.
INVITED, ADDED = "invited", "member_added"

LIFETIME = timedelta(days=7)
MOST_PENDING = 50


@dataclass(frozen=True)
class Addressee:
    """Whom an answer may name: what the caller said, and nothing that was looked up."""

    email: str
    name: None = None


@dataclass(frozen=True)
class Added:
    """What adding a member answers, whether the address has an account or not."""

    user: Addressee
    role: str
    user_id: None = None
    joined_at: None = None


def add_or_invite(access: Access, *, email: str, role: str) -> Added:
    """Let an account in by its verified address, or send an invitation to any other address."""
    is_mailed = has_mail_left(email)
    with transaction():
        members.check_may_give(access, role)
        if not is_verified(db.session.get_one(User, access.user.id)):
            raise EmailUnverified
        user = find_by_email(email)
        if user is not None and user.is_active and user.kind != END_USER:
            members.insert_member(access, user, role=role)
            kind, user_id, invitation_id = ADDED, user.id, None
        else:
            kind, user_id, invitation_id = INVITED, None, _invite(access, email, role)
        if is_mailed:
            request_mail(kind, email, user_id=user_id, invitation_id=invitation_id)
    return Added(Addressee(email), role)


def _invite(access: Access, email: str, role: str) -> int:
    """Add an invitation, or renew the one that the address has, and return its id."""
    expires_at = clock.now() + LIFETIME
    pending = list_pending(access.workspace.id)
    found = next((each for each in pending if each.email == email), None)
    if found is None:
        if len(pending) >= MOST_PENDING:
            raise errors.TooManyInvitations
        found = Invitation(workspace_id=access.workspace.id, email=email, state=PENDING)
        db.session.add(found)
    found.role, found.inviter_id, found.expires_at = role, access.user.id, expires_at
    db.session.flush()
    _note("member.invited", access.actor, found, role=role)
    return found.id


def list_pending(workspace_id: int) -> list[Invitation]:
    """Return the workspace's invitations that can still be accepted, the oldest first."""
    query = (
        sa.select(Invitation)
        .where(Invitation.workspace_id == workspace_id, Invitation.state == PENDING)
        .where(Invitation.expires_at > clock.now())
        .order_by(Invitation.id)
    )
    return list(db.session.scalars(query))


def revoke_invitation(access: Access, raw_id: str) -> int:
    """Take an invitation back: its link is worth nothing any more; return its id."""
    number = parse_id(raw_id)
    with transaction():
        pending = list_pending(access.workspace.id)
        found = next((each for each in pending if each.id == number), None)
        if found is None:
            raise errors.InvitationNotFound
        members.check_may_give(access, found.role)
        found = _lock_invitation(found.id)
        found.state = REVOKED
        _note("invitation.revoked", access.actor, found)
        return found.id


def sign_invitation(invitation: Invitation) -> str:
    """Return the token of the invitation's link; what it is worth is in the row."""
    return links.sign_token(links.ACCEPT_INVITATION, LIFETIME, invitation=invitation.id)


def find_invitation(token: str) -> Invitation:
    """Return the invitation of a link that can still be accepted; InvalidLink otherwise."""
    facts = links.read_token(links.ACCEPT_INVITATION, token)
    number = facts.get("invitation")
    found = db.session.get(Invitation, number) if isinstance(number, int) else None
    if found is None or not is_open(found):
        raise InvalidLink
    return found


def is_open(invitation: Invitation, *, at: datetime | None = None) -> bool:
    """Return whether the invitation can be accepted."""
    return invitation.state == PENDING and invitation.expires_at > (at or clock.now())


def accept_invitation(user: User, token: str) -> Membership:
    """Make the caller a member; the invitation must be for their own verified address."""
    user_id = user.id
    with transaction():
        seat = accept_within(db.session.get_one(User, user_id), token)
    log_security_event("invitation_accepted", SUCCEEDED, user=user_id)
    return seat


def accept_within(user: User, token: str) -> Membership:
    """Do what `accept_invitation` does, inside the caller's transaction."""
    number = find_invitation(token).id
    workspace = queries.lock_workspace(db.session.get_one(Invitation, number).workspace_id)
    invitation = _lock_invitation(number)
    _check_acceptable(user, invitation, workspace)
    invitation.state = ACCEPTED
    seat = Membership(workspace_id=workspace.id, user_id=user.id, role=invitation.role)
    if not inserted(seat):  # they were added meanwhile: their role stays as it is
        return rosters.get_seat(workspace.id, user.id)
    append(
        "member.added",
        actor=f"user:{user.id}",
        subject=f"user:{user.id}",
        workspace_id=workspace.id,
        role=seat.role,
        invitation=invitation.id,
        invited_by=f"user:{invitation.inviter_id}",
    )
    return seat


def _check_acceptable(user: User, invitation: Invitation, workspace: Workspace) -> None:
    """Raise what stands against it now: the inviter must still have the rank to give that role."""
    if not is_open(invitation) or not workspace.is_active:
        raise InvalidLink
    if user.email != invitation.email or user.kind == END_USER:
        raise errors.InvitedElsewhere
    if not is_verified(user):
        raise EmailUnverified
    own_role = queries.find_role(workspace.id, invitation.inviter_id)
    if own_role is None or not members.may_give(own_role, invitation.role):
        raise InvalidLink


def _lock_invitation(number: int) -> Invitation:
    return db.session.get_one(Invitation, number, with_for_update=True, populate_existing=True)


def _note(kind: str, actor: str, invitation: Invitation, **data: str) -> None:
    append(
        kind,
        actor=actor,
        subject=f"invitation:{invitation.id}",
        workspace_id=invitation.workspace_id,
        **data,
    )
