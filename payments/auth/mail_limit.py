"""How often mail may be asked for: nobody's mailbox is filled, whoever asks from wherever."""

from __future__ import annotations

from flask import request
from flask_limiter.util import get_remote_address
from limits import parse

from payments.auth.login_limit import _email
from payments.extensions import settings
from payments.kit import crypto

# Of what an address may ask for in a minute: 5 mails an hour where that is 3000 requests.
_SHARE = 600


def mail_limit() -> str:
    """Return the limit of mails to one address, derived from RATE_LIMIT."""
    return f"{max(parse(settings().rate_limit).amount // _SHARE, 1)} per 1 hour"


def mail_key() -> str:
    """Count by the mail address that is named, in its project: known or not, from anywhere."""
    project_id = request.headers.get("X-Project-ID", "")
    return f"mail:{crypto.digest(ascii((project_id.lower(), _email())))}"


def caller_key() -> str:
    """Count by the token that is sent, for mails to the caller's own address."""
    return f"mail:{crypto.digest(request.headers.get('Authorization', get_remote_address()))}"
