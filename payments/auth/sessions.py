"""Sessions: begun by a log-in, kept by refresh tokens that are good once, ended by whoever may."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from payments.auth import tokens
from payments.auth.errors import BadToken
from payments.auth.models import LoginSession, User, make_id
from payments.auth.queries import is_running
from payments.auth.tokens import Tokens
from payments.extensions import settings
from payments.kit import clock
from payments.kit.db import db
from payments.kit.security_log import REFUSED, log_security_event
from payments.kit.transactions import after_commit, demand_transaction, transaction
from payments.timeline.append import append

LOGGED_OUT, LOGGED_OUT_EVERYWHERE = "logged_out", "logged_out_everywhere"
PASSWORD_CHANGED, REFRESH_REUSED = "password_changed", "refresh_token_reused"


def start_session(user: User, *, methods: Sequence[str] = ("pwd",)) -> Tokens:
    """Begin a session of a person who proved who they are by `methods`, and return its tokens.

    It ends after SESSION_LIFETIME_DAYS, however often it is refreshed. Opens a transaction of its
    own. LoginElsewhere where the identity provider alone issues tokens.
    """
    tokens.demand_own()
    user_id = user.id
    end = clock.now() + timedelta(days=settings().session_lifetime_days)
    with transaction() as database:
        session = LoginSession(user_id=user_id, methods=" ".join(methods), expires_at=end)
        database.add(session)
        database.flush()
        return tokens.issue_tokens(user, session)


def refresh_session(user: User, claims: Mapping[str, Any]) -> Tokens:
    """Exchange the refresh token with these claims for fresh tokens of the same session.

    A refresh token is good once. One that was spent has two holders, one of whom stole it: the
    session ends at once. BadToken then, and of a session that is over. Opens a transaction of its
    own.
    https://www.rfc-editor.org/rfc/rfc9700#section-4.14.2
    """
    tokens.demand_own()
    user_id, sid = user.id, str(claims.get("sid"))
    with transaction():
        session = _spend_refresh_token(user_id, sid, str(claims.get("jti")))
        if session is not None:
            return tokens.issue_tokens(user, session)
        _end_reused(user, sid)
    raise BadToken


def end_session(session_id: str, reason: str) -> bool:
    """End the session of that `sid`; return whether it was still running.

    Call it inside a transaction: the tokens are refused from its commit on.
    """
    return _end(LoginSession.sid == session_id, reason) > 0


def end_sessions_of(user_id: int, *, reason: str, except_session: str | None = None) -> int:
    """End the user's sessions, all but the one of the `sid` given; return how many.

    Call it inside a transaction: the tokens are refused from its commit on.
    """
    which = LoginSession.user_id == user_id
    if except_session is not None:
        which &= LoginSession.sid != except_session
    return _end(which, reason)


def _spend_refresh_token(user_id: int, sid: str, spent: str) -> LoginSession | None:
    """Put a new refresh token in the place of the one that was used; None if it was not that one.

    The database decides which of two at the same moment comes first.
    """
    update = (
        sa.update(LoginSession)
        .where(
            LoginSession.sid == sid,
            LoginSession.user_id == user_id,
            LoginSession.refresh_id == spent,
            is_running(),
        )
        .values(refresh_id=make_id(), refreshed_at=clock.now())
        .returning(LoginSession)
    )
    return db.session.scalars(update).one_or_none()


def _end_reused(user: User, sid: str) -> None:
    whose = sa.and_(LoginSession.sid == sid, LoginSession.user_id == user.id)
    if not _end(whose, REFRESH_REUSED):
        return
    subject = f"user:{user.id}"
    append("session.reuse_detected", actor=subject, subject=subject, project_id=user.project_id)
    user_id = user.id
    after_commit(lambda: log_security_event(REFRESH_REUSED, REFUSED, user=user_id, session=sid))


def _end(which: sa.ColumnElement[bool], reason: str) -> int:
    demand_transaction()
    ended = (
        sa.update(LoginSession)
        .where(which, is_running())
        .values(ended_at=clock.now(), end_reason=reason)
        .returning(LoginSession.id)
        .execution_options(synchronize_session=False)
    )
    return len(db.session.scalars(ended).all())
