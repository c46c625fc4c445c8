"""Blots secrets and personal data out of a text, in time that grows with its length alone.

Every pattern either begins at the edge of a word or is possessive, so that no character is read
again for each of those before it: what a stranger sends may be long, and may repeat itself.
https://owasp.org/www-community/attacks/Regular_expression_Denial_of_Service_-_ReDoS
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

MASK = "***"
# A text that is cut before it is redacted keeps this many characters, so that a secret that stands
# across the later, shorter end is still whole when it is looked for.
_SPARE = 1000


class _Rule(NamedTuple):
    """A pattern, what takes its place, and the texts without which it is not worth a try."""

    needles: tuple[str, ...]
    pattern: re.Pattern[str]
    replace: str | Callable[[re.Match[str]], str]


def _mask_client_secret(word: re.Match[str]) -> str:
    name, mark, _ = word[0].partition("_secret_")
    known = re.search(r"(?:seti|pi|src|cs)_", name)
    return f"{name}{mark}{MASK}" if mark and known else word[0]


def _mask_address(found: re.Match[str]) -> str:
    """Mask the password of an address such as redis://user:password@host."""
    scheme, rest = found[1], found[2]
    # A password may hold a slash, a web address's path may hold an @.
    end = min((at for at in map(rest.find, "/?#") if at >= 0), default=len(rest))
    inside = rest[:end] if scheme in {"http", "https"} else rest
    user, at, _ = inside.rpartition("@")
    name, colon, _ = user.partition(":")
    if not (at and colon):
        return found[0]
    return f"{scheme}://{name}:{MASK}@{rest[len(user) + 1 :]}"


_NAMES = (
    r"password|passwd|password_hash|secret_keys?|credentials_keys|operator_key|api_key|token"
    r"|secret_access_key|client_secret|webhook_secret"
)
_RULES = (
    # PostgreSQL repeats the row, and the key, that it refuses; SQLAlchemy the parameters.
    _Rule(("Failing row contains",), re.compile(r"(Failing row contains)[^\n]*"), rf"\1 {MASK}"),
    _Rule((")=(",), re.compile(r"(\bKey \()[^\n]*"), rf"\1{MASK}"),
    _Rule(("[parameters:",), re.compile(r"(\[parameters:)[^\n]*"), rf"\1 {MASK}]"),
    # Stripe's keys, our own API and operator keys. Publishable keys are public and may stay.
    _Rule(
        ("sk_", "rk_", "whsec_", "ak_", "op_"),
        re.compile(
            r"((?:sk|rk)_(?:test|live)_|(?<![A-Za-z0-9])(?:sk|rk)_org_|whsec_)[A-Za-z0-9_\-]++"
            r"|(\b(?:ak|op)_)[A-Za-z0-9_\-]{4,}+"
        ),
        lambda found: f"{found[1] or found[2]}{MASK}",
    ),
    _Rule(
        ("_secret_",),
        re.compile(r"(?<![A-Za-z0-9_%])[A-Za-z0-9_%]++"),
        _mask_client_secret,
    ),
    # Tokens: base64 of a JSON object, whatever follows it.
    _Rule(("eyJ",), re.compile(r"eyJ[A-Za-z0-9_\-.=+/]{8,}+"), f"eyJ{MASK}"),
    _Rule(("://",), re.compile(r"\b([A-Za-z][A-Za-z0-9+.]{1,20})://([^\s\"'<>]++)"), _mask_address),
    _Rule(
        ("earer", "asic", "EARER", "ASIC"),
        re.compile(r"((?i:bearer|basic)\s++)[A-Za-z0-9+/=_.\-]{8,}+"),
        rf"\1{MASK}",
    ),
    _Rule(
        ("uthorization", "UTHORIZATION"),
        re.compile(
            r"((?i:authorization)[\"']?\s{0,3}+[:=]\s{0,3}+[\"']?)"
            r"(?:(?i:bearer|basic|token)\s++)?[^\s\"',;}\])]++"
        ),
        rf"\1{MASK}",
    ),
    # Hashes of passwords.
    _Rule(
        ("scrypt:", "pbkdf2:", "$argon2", "$2"),
        re.compile(r"(scrypt:|pbkdf2:|\$argon2(?:id|i|d)\$|\$2[aby]\$)[^\s\"')\]}]++"),
        rf"\1{MASK}",
    ),
    _Rule(("AKIA", "ASIA"), re.compile(r"(AKIA|ASIA)[A-Z0-9]{12,}+"), rf"\1{MASK}"),
    # Assignments: NAME=value, "name": "value", and tokens in the query of a link.
    _Rule(
        ("=", ":"),
        re.compile(
            rf"((?i:{_NAMES})(?:=|\\?[\"']\s?:\s?))"
            r"(?:\"[^\"]*+\"?|'[^']*+'?|[^\s\"'&;})\]]++)"
        ),
        rf"\1{MASK}",
    ),
    _Rule(
        ("@",),
        re.compile(r"(?<![\w.%+\-])([\w%+\-])[\w.%+\-]*+@([\w\-]++(?:\.[\w\-]++)++)"),
        rf"\1{MASK}@\2",
    ),
)
_CARD = re.compile(r"\b\d(?:[ -]?\d){12,18}\b")


def redact(text: str) -> str:
    """Return the text without keys, tokens, password hashes and card numbers.

    Of an e-mail address the first letter and the domain stay: `l***@example.com`.
    """
    for needles, pattern, replace in _RULES:
        if any(needle in text for needle in needles):
            text = pattern.sub(replace, text)
    return _CARD.sub("[card]", text)


def redact_line(text: str, most: int = 500) -> str:
    """Return the first line of a text, redacted, of at most `most` characters."""
    return redact(text.partition("\n")[0][: most + _SPARE])[:most]
