"""What every answer tells browsers and caches: keep nothing, guess nothing, frame nothing.

https://cheatsheetseries.owasp.org/cheatsheets/REST_Security_Cheat_Sheet.html#security-headers
"""

from __future__ import annotations

from flask import Flask, Response, request

from payments.extensions import settings

_ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    # An answer may hold tokens, keys and personal data. https://www.rfc-editor.org/rfc/rfc6749#section-5.1
    "Cache-Control": "no-store",
}
_POLICY = "default-src 'none'; frame-ancestors 'none'"
_ONE_YEAR = "max-age=31536000"


def register(app: Flask) -> None:
    """Add the headers to answers that do not say otherwise by themselves."""
    app.after_request(_add_headers)


def _add_headers(answer: Response) -> Response:
    for name, value in _ALWAYS.items():
        answer.headers.setdefault(name, value)
    if answer.mimetype != "application/pdf":  # a browser's own viewer obeys the policy, too
        answer.headers.setdefault("Content-Security-Policy", _POLICY)
    # Over plain http it means nothing. https://www.rfc-editor.org/rfc/rfc6797#section-7.2
    if settings().production and request.is_secure:
        answer.headers.setdefault("Strict-Transport-Security", _ONE_YEAR)
    return answer
