"""How often a login may be tried: guessing a password must be slow, loading a page must not."""

from __future__ import annotations

from flask import request
from flask_limiter.util import get_remote_address
from limits import parse
from werkzeug.exceptions import HTTPException

from payments.extensions import settings
from payments.kit import crypto

# A hundredth of what an address may ask for in general: 30 a minute where that is 3000.
_SHARE = 100


def login_limit() -> str:
    """Return the limit of logins, derived from RATE_LIMIT."""
    general = parse(settings().rate_limit)
    allowed = max(general.amount // _SHARE, 1)
    return f"{allowed} per {general.multiples} {general.GRANULARITY.name}"


def login_key() -> str:
    """Count by address and email together: nobody can lock another's account from elsewhere."""
    # The digest is bounded and plain ASCII, whatever was sent as an email.
    return f"{get_remote_address()}:{crypto.digest(ascii(_email()))}"


def _email() -> str:
    """Return the email as the look-up will see it, so that spaces and capitals count as one."""
    try:
        body = request.get_json(silent=True)
    except (RecursionError, ValueError, HTTPException):  # a body that the view will refuse
        return ""
    email = body.get("email") if isinstance(body, dict) else None
    return email.strip().lower() if isinstance(email, str) else ""
