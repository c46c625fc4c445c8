"""The outbox: a mail is a row first, so that neither a slow server nor a dead process loses it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from smtplib import SMTPException

import sqlalchemy as sa

from payments import jobs
from payments.extensions import settings
from payments.kit import clock, leases
from payments.kit.db import db
from payments.kit.pruning import delete_oldest
from payments.kit.repeat import repeated
from payments.kit.transactions import after_commit, end_read, transaction
from payments.mail.delivery import deliver_message, is_final
from payments.mail.messages import MailText, make_message
from payments.mail.models import DEAD, WAITING, OutgoingMail

log = logging.getLogger(__name__)

# Longer than a server may take: each of its answers is waited for delivery.TIMEOUT_SECONDS.
LEASE_SECONDS = 120
# With the growing waits between them these are about two hours.
MOST_TRIES = 12
DEAD_KEPT_FOR = timedelta(days=30)


@dataclass(frozen=True)
class Mail:
    """A row of the outbox as plain values, so that no transaction is open while it is sent."""

    id: int
    kind: str
    recipient: str
    user_id: int | None
    project_id: str | None
    invitation_id: int | None
    created_at: datetime


# Writes the text of a mail when it is sent; None when there is nothing (any more) to say.
Composer = Callable[[Mail], MailText | None]


def can_send_mail() -> bool:
    """Return whether mails leave: by SMTP, or printed to the log in development."""
    return settings().smtp_host is not None or not settings().production


def request_mail(
    kind: str,
    recipient: str,
    *,
    user_id: int | None = None,
    project_id: str | None = None,
    invitation_id: int | None = None,
) -> None:
    """Add a mail to the outbox, inside the caller's transaction; nothing without mail settings.

    The worker decides what it says, so that a request costs the same whoever has the address.
    """
    if not can_send_mail():
        return
    row = OutgoingMail(
        kind=kind, recipient=recipient, user_id=user_id, project_id=project_id,
        invitation_id=invitation_id,
    )  # fmt: skip
    db.session.add(row)
    db.session.flush()
    mail_id = row.id
    after_commit(lambda: jobs.enqueue(jobs.SEND_MAIL, mail_id=mail_id))


def wake_due_mails() -> int:
    """Send tasks for mails that are due and held by nobody; return how many."""
    room = jobs.SWEPT - jobs.queued(jobs.MAIL)
    due = leases.due(OutgoingMail, (WAITING,), limit=room, state="state") if room > 0 else []
    db.session.rollback()
    return sum(jobs.enqueue(jobs.SEND_MAIL, mail_id=mail_id) for mail_id in due)


def send_mail(mail_id: int, composers: Mapping[str, Composer]) -> None:
    """Compose and send the mail unless another worker does; what failed comes back later."""
    claimed = _claim(mail_id)
    if claimed is None:
        return
    fence, mail = claimed
    try:
        text = composers[mail.kind](mail)
        end_read()
        if text is not None:
            message = make_message(text, recipient=mail.recipient, name=_name_mail(mail))
            deliver_message(message, recipient=mail.recipient)
    except (SMTPException, OSError, ValueError) as error:
        # ValueError: an address that cannot stand in a header.
        _put_back(mail_id, fence, error)
    else:
        _finish(mail_id, fence)
        log.info("mail %s (%s) is done", mail_id, mail.kind)


def _name_mail(mail: Mail) -> str:
    """Return a name for good: SQLite, or a restored database, may give a number again."""
    return f"{mail.created_at:%Y%m%d%H%M%S%f}.{mail.id}"


@repeated
def _claim(mail_id: int) -> tuple[int, Mail] | None:
    with transaction():
        fence = leases.claim(
            OutgoingMail, mail_id, (WAITING,), seconds=LEASE_SECONDS, state="state"
        )
        if fence is None:
            return None
        row = db.session.get_one(OutgoingMail, mail_id, populate_existing=True)
        if row.tries > MOST_TRIES:
            _give_up(row, "its worker did not come back")
            return None
        return fence, Mail(**{name: getattr(row, name) for name in Mail.__dataclass_fields__})


@repeated
def _finish(mail_id: int, fence: int) -> None:
    with transaction() as session:
        done = sa.delete(OutgoingMail).where(
            OutgoingMail.id == mail_id, OutgoingMail.fence == fence
        )
        session.execute(done.execution_options(synchronize_session=False))


@repeated
def _put_back(mail_id: int, fence: int, error: Exception) -> None:
    """Let the mail come back after a growing wait; give it up when no later try can help."""
    with transaction() as session:
        row = session.get(OutgoingMail, mail_id, with_for_update=True, populate_existing=True)
        if row is None or row.fence != fence:
            return
        # What a server says may repeat the address; its class is enough.
        row.last_error = type(error).__name__
        if is_final(error) or row.tries >= MOST_TRIES:
            _give_up(row, row.last_error)
            return
        leases.release(row, due_in=leases.backoff(row.tries))
    log.warning("mail %s was not sent: %s", mail_id, type(error).__name__)


def _give_up(row: OutgoingMail, reason: str) -> None:
    row.state, row.last_error = DEAD, reason
    leases.release(row)
    log.error("mail %s (%s) is dead: %s", row.id, row.kind, reason)


def prune_mails(limit: int) -> int:
    """Delete up to `limit` mails that were given up long ago; return how many."""
    before = clock.now() - DEAD_KEPT_FOR
    return delete_oldest(OutgoingMail, OutgoingMail.created_at, before=before, limit=limit)
