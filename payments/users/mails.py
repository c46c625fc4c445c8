"""The texts of mails about accounts, written when they are sent."""

from __future__ import annotations

from payments.auth import notices
from payments.auth.models import User
from payments.auth.queries import find_claimants, is_verified
from payments.extensions import settings
from payments.kit.db import db
from payments.mail.messages import MailText
from payments.mail.outbox import Composer, Mail
from payments.users import links, reset, verification

_UNASKED = "If you did not ask for this, do nothing: nothing changes unless the link is opened."


def write_verification(mail: Mail) -> MailText | None:
    """Return the link that proves the address, or tell the address's owner of the attempt."""
    user = _find(mail)
    if user is None or is_verified(user) or not user.is_active or user.email != mail.recipient:
        return None
    owner, _ = find_claimants(mail.recipient)
    if owner is not None:
        return None if mail.kind == verification.RESENT else _tell_owner()
    link = links.make_link(links.VERIFY_EMAIL, verification.sign_verification(user))
    signed_up = f"{user.created_at:%Y-%m-%d %H:%M} UTC"
    return MailText(
        "Verify your email address",
        f"Somebody signed up with this address on {signed_up}. If it was you, open this link "
        f"within 24 hours:\n\n{link}\n\n"
        "If it was not you, do not open it: the link would give that person an account in your "
        "name.\n",
    )


def _tell_owner() -> MailText:
    forgot = f"{settings().frontend_url}/forgot-password"
    return MailText(
        "Somebody signed up with your email address",
        "You have an account with this address, and somebody has just signed up with it again.\n\n"
        f"If it was you, log in as before, or set a new password at {forgot}\n\n"
        "If it was not you, there is nothing to do: your account is as it was.\n",
    )


def write_reset(mail: Mail) -> MailText | None:
    """Return the link to a new password; None when no account has the address."""
    user = reset.find_resettable(mail.recipient, mail.project_id)
    if user is None:
        return None
    link = links.make_link(links.RESET_PASSWORD, reset.sign_reset(user))
    return MailText(
        "Set a new password",
        f"Open this link within an hour to set a new password:\n\n{link}\n\n{_UNASKED}\n",
    )


def write_notice(mail: Mail) -> MailText | None:
    """Return the notice of its kind; None when the account has another address by now."""
    user = _find(mail)
    if user is None or user.email != mail.recipient:
        return None
    subject = notices.SUBJECTS[mail.kind]
    happened = f"{mail.created_at:%Y-%m-%d %H:%M} UTC"
    return MailText(
        subject,
        f"{subject} on {happened}.\n\n"
        "If it was not you, set a new password at once and tell the operator of this service.\n",
    )


def _find(mail: Mail) -> User | None:
    return None if mail.user_id is None else db.session.get(User, mail.user_id)


COMPOSERS: dict[str, Composer] = {
    verification.SIGNED_UP: write_verification,
    verification.RESENT: write_verification,
    reset.FORGOTTEN: write_reset,
    **dict.fromkeys(notices.SUBJECTS, write_notice),
}
