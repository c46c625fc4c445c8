"""Which key checks a token: our own secret, or a public key of the platform's identity provider.

The configuration fixes which algorithms there are, and each key is good for one of them. So a
token can choose among the doors that are open, but never how one of them is locked.
"""

from __future__ import annotations

from datetime import timedelta
from functools import cache
from typing import Any

from flask import current_app
from jwt.exceptions import InvalidAlgorithmError, InvalidKeyError

from payments.auth.key_set import KeySet
from payments.config import Settings
from payments.extensions import settings
from payments.kit import clock
from payments.kit.crypto import digest
from payments.kit.public_keys import ALGORITHMS, PublicKey, from_pem

OWN = "HS256"
# From now on, of a token that the provider signed.
LONGEST_VALIDITY = timedelta(hours=24)
_KEY_SET = "payments.identity_key_set"


def algorithms(of: Settings) -> list[str]:
    """Return the algorithms that tokens may be signed with."""
    own = [OWN] if of.jwt_secret_keys else []
    if of.jwt_public_key:
        return [*own, _fixed(of.jwt_public_key).algorithm]
    return [*own, *ALGORITHMS] if of.jwt_jwks_url else own


def key_for(header: dict[str, Any], _claims: dict[str, Any]) -> Any:
    """Return the key that checks a token with this header, which nobody has verified yet."""
    algorithm = header.get("alg")
    if algorithm not in algorithms(settings()):
        raise InvalidAlgorithmError
    if algorithm == OWN:
        return _own_key(header.get("kid"))
    found = _public_key(header.get("kid"))
    if found is None or found.algorithm != algorithm:
        raise InvalidKeyError
    return found.key


def name_key(secret: str) -> str:
    """Return what a token's header calls one of our secrets: a digest of it, in its `kid`.

    https://www.rfc-editor.org/rfc/rfc7515#section-4.1.4
    """
    return digest(f"kid of {secret}")[:12]


def _own_key(kid: object) -> str:
    """Return the secret of that name; without a name the oldest, as older tokens bear none."""
    secrets = settings().jwt_secret_keys
    if kid is None:
        return secrets[-1]
    found = next((secret for secret in secrets if name_key(secret) == kid), None)
    if found is None:
        raise InvalidKeyError
    return found


def is_for_us(header: dict[str, Any], claims: dict[str, Any]) -> bool:
    """Tell whether a verified token is one of ours, or came from our provider and is meant for us.

    A provider signs tokens for other services too, with the same keys. One that is valid for
    longer than LONGEST_VALIDITY is refused: nothing here could end it.
    """
    if is_own(header):
        return True
    issuer, audience = settings().jwt_issuer, settings().jwt_audience
    meant = claims.get("aud")
    meant = meant if isinstance(meant, list) else [meant]
    is_meant = issuer in (None, claims.get("iss")) and (audience is None or audience in meant)
    return is_meant and _ends_soon(claims)


def _ends_soon(claims: dict[str, Any]) -> bool:
    # The library has read the number, which may be written as a text. A token without it is refused
    # by `principals`.
    return int(claims.get("exp", 0)) <= (clock.now() + LONGEST_VALIDITY).timestamp()


def is_own(header: dict[str, Any]) -> bool:
    """Tell a token that we signed ourselves; only such a one can be refreshed here."""
    return header.get("alg") == OWN


def _public_key(kid: object) -> PublicKey | None:
    pem, url = settings().jwt_public_key, settings().jwt_jwks_url
    if pem:
        return _fixed(pem)
    held = current_app.extensions.get(_KEY_SET)
    if held is None:
        held = current_app.extensions.setdefault(_KEY_SET, KeySet(url or ""))
    found: PublicKey | None = held.find(kid)
    return found


@cache
def _fixed(pem: str) -> PublicKey:
    return from_pem(pem)
