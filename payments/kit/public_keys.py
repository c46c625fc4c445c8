"""Public keys of an identity provider: each is good for one algorithm, which its kind decides."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from jwt import PyJWK
from jwt.exceptions import PyJWTError

RS256, ES256 = "RS256", "ES256"
ALGORITHMS = (RS256, ES256)
SHORTEST_RSA = 2048


@dataclass(frozen=True)
class PublicKey:
    """A key with the only algorithm that it may check; `kid` is what a set calls it."""

    algorithm: str
    key: Any = field(repr=False)
    kid: str | None = None


def from_pem(pem: str) -> PublicKey:
    """Read a PEM, its line ends maybe written as \\n; ValueError for anything unfit."""
    key = load_pem_public_key(pem.replace("\\n", "\n").encode())
    return PublicKey(_algorithm(key), key)


def from_set(document: Any) -> list[PublicKey]:
    """Return the keys of a JWKS that check signatures of ours; others in it are nobody's fault.

    https://www.rfc-editor.org/rfc/rfc7517
    """
    listed = document.get("keys") if isinstance(document, dict) else None
    return list(_fit(listed if isinstance(listed, list) else []))


def _fit(listed: list[Any]) -> Iterator[PublicKey]:
    for found in listed:
        if not isinstance(found, dict) or found.get("use", "sig") != "sig" or "d" in found:
            continue
        try:
            key = PyJWK(found, _named(found)).key
            algorithm = _algorithm(key)
        except (PyJWTError, ValueError, TypeError, KeyError):  # of a kind that we do not read
            continue
        if found.get("alg", algorithm) == algorithm:
            kid = found.get("kid")
            yield PublicKey(algorithm, key, kid if isinstance(kid, str) else None)


def _named(found: dict[str, Any]) -> str:
    return {"RSA": RS256, "EC": ES256}[found["kty"]]


def _algorithm(key: object) -> str:
    if isinstance(key, rsa.RSAPublicKey) and key.key_size >= SHORTEST_RSA:
        return RS256
    if isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1):
        return ES256
    raise ValueError(f"must be an RSA key of {SHORTEST_RSA} bits or more, or a P-256 key")
