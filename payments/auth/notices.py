"""Notices: what happened to somebody's account, told to them by mail, so that a thief is noticed.

https://owasp.org/www-project-application-security-verification-standard/ (2.2.3)
"""

from __future__ import annotations

from payments.auth.models import User
from payments.mail.outbox import request_mail

PASSWORD_CHANGED = "password_changed"  # noqa: S105 - the kind of a mail
SECOND_FACTOR_ENABLED = "second_factor_enabled"
SECOND_FACTOR_DISABLED = "second_factor_disabled"

SUBJECTS = {
    PASSWORD_CHANGED: "Your password was changed",
    SECOND_FACTOR_ENABLED: "A second factor was added to your account",
    SECOND_FACTOR_DISABLED: "The second factor of your account was removed",
}


def request_notice(kind: str, user: User) -> None:
    """Ask for a notice to the user, inside the caller's transaction.

    An address that nobody has proven may be a stranger's: it gets none.
    """
    if user.is_email_verified:
        request_mail(kind, user.email, user_id=user.id, project_id=user.project_id)
