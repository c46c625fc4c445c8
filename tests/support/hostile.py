"""What a client may send that nobody asked for: bodies, texts and tokens."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt

# Bodies that are no JSON object; each one must be a 400.
BROKEN_BODIES = {
    "nothing": b"",
    "half": b'{"email": ',
    "text": b"hello",
    "latin-1": '{"name": "é"}'.encode("latin-1"),
    "list": b"[1, 2]",
    "string": b'"name"',
    "number": b"7",
    "null": b"null",
    "deep": b"[" * 100_000,
    "deep object": b'{"name":' * 50_000,
    "endless integer": b'{"name": ' + b"1" * 10_000 + b"}",
}

# Values that are no text; a field that wants a text must refuse them.
NO_TEXTS: dict[str, Any] = {
    "null": None,
    "number": 7,
    "true": True,
    "list": ["a"],
    "object": {"$ne": ""},
}

# Texts that no database keeps: NUL, other controls, half of a surrogate pair.
UNSTORABLE = {"nul": "a\x00b", "escape": "a\x1bb", "delete": "a\x7fb", "surrogate": "a\ud800b"}

# Texts that mean something elsewhere; here they are kept letter by letter.
LITERAL = {
    "sql": "'; DROP TABLE users; --",
    "markup": "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "template": "{{7*7}} ${7*7} %s %(x)s",
    "quotes": "\"double\" 'single' `back` \\ slash",
    "right to left": "\u202eevil\u2066",
    "emoji": "👩‍👩‍👧 team",
    "letters": "Łódź – Москва – 東京",
    "like": "100%_of_it",
}

NOBODY = "00000000-0000-0000-0000-000000000000"

HUGE_IDS = ("9223372036854775807", "9223372036854775808", "9" * 30)
NO_IDS = ("abc", "1.5", "-1", "1e3", "0x1", "٣", "9" * 31, "%00", "1%20OR%201=1", "1;--")


def forged_tokens(secret: str, believed: str) -> dict[str, str]:
    """Return tokens that must not be believed, though some carry a true signature.

    Their claims are those of the token `believed`, which names a user and a running session.
    """
    good = {**true_claims(NOBODY), **read_identity(believed)}
    past, later = (datetime.now(UTC) + timedelta(minutes=m) for m in (-1, 60))
    parts = jwt.encode(good, secret, "HS256").split(".")
    other = _encoded({**good, "sub": "somebody else"})
    return {
        "nonsense": "nonsense",
        "empty": "",
        "two parts": ".".join(parts[:2]),
        "not base64": "%%%.%%%.%%%",
        "non-ascii": "\xe9.\xe9.\xe9",
        "other secret": jwt.encode(good, "x" * 48, "HS256"),
        "expired": jwt.encode({**good, "exp": past}, secret, "HS256"),
        "not yet": jwt.encode({**good, "nbf": later}, secret, "HS256"),
        "alg none": f"{_encoded({'alg': 'none', 'typ': 'JWT'})}.{_encoded(good)}.",
        "alg None": f"{_encoded({'alg': 'None', 'typ': 'JWT'})}.{_encoded(good)}.{parts[2]}",
        "other alg": jwt.encode(good, secret, "HS512"),
        "swapped claims": f"{parts[0]}.{other}.{parts[2]}",
        "no signature": f"{parts[0]}.{parts[1]}.",
        "kid path": jwt.encode(good, "\0" * 32, "HS256", headers={"kid": "../../../../dev/null"}),
        "unknown user": jwt.encode({**good, "sub": NOBODY}, secret, "HS256"),
        "no session": jwt.encode({k: v for k, v in good.items() if k != "sid"}, secret, "HS256"),
        "unknown session": jwt.encode({**good, "sid": NOBODY}, secret, "HS256"),
        "list session": jwt.encode({**good, "sid": [good["sid"]]}, secret, "HS256"),
        "nul session": jwt.encode({**good, "sid": "\x00"}, secret, "HS256"),
        "no subject": jwt.encode({**good, "sub": None}, secret, "HS256"),
        "numeric subject": jwt.encode({**good, "sub": 1}, secret, "HS256"),
        "list subject": jwt.encode({**good, "sub": ["a"]}, secret, "HS256"),
        "nul subject": jwt.encode({**good, "sub": "\x00"}, secret, "HS256"),
        "endless": jwt.encode({k: v for k, v in good.items() if k != "exp"}, secret, "HS256"),
        "odd type": jwt.encode({**good, "type": "admin"}, secret, "HS256"),
        "deep header": f"{_b64(b'[' * 5_000)}.{parts[1]}.{parts[2]}",
        "endless number": f"{_b64(b'1' * 5_000)}.{parts[1]}.{parts[2]}",
        "header no object": f"{_b64(b'[]')}.{parts[1]}.{parts[2]}",
        "signed list": _signed_list(secret),
        "deep claims": f"{parts[0]}.{_b64(b'[' * 100_000)}.{parts[2]}",
    }


def read_identity(token: str) -> dict[str, Any]:
    """Return the claims of one of our tokens that name its user and their session."""
    claims = jwt.decode(token, options={"verify_signature": False})
    return {name: claims[name] for name in ("sub", "sid")}


def true_claims(subject: str, **more: Any) -> dict[str, Any]:
    """Return the claims of an access token that is believed once it is signed.

    One of our own must also name a running session of that user: `sid`.
    """
    now = datetime.now(UTC)
    return {
        "sub": subject,
        "type": "access",
        "fresh": False,
        "jti": "1",
        "iat": now,
        "nbf": now - timedelta(seconds=5),
        "exp": now + timedelta(minutes=5),
        **more,
    }


def _signed_list(secret: str) -> str:
    return jwt.api_jws.encode(b"[1, 2]", secret, "HS256")


def _encoded(part: dict[str, Any]) -> str:
    return _b64(json.dumps(part, default=lambda moment: int(moment.timestamp())).encode())


def _b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
