"""Authenticated encryption for columns, bound to the place where the secret stands."""

from __future__ import annotations

import base64
import binascii
import hashlib
import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES = 32
_NONCE_BYTES = 12
# The first byte of a sealed text says how it is bound: to its row alone in former releases.
_BOUND_TO_ROW, _BOUND_TO_PLACE = b"\x01", b"\x02"


class Unsealable(ValueError):
    """No key opens this text, or it was moved from another place."""


def new_key() -> str:
    """Return a fresh key as it stands in CREDENTIALS_KEYS: 32 bytes, url-safe base64."""
    return base64.urlsafe_b64encode(secrets.token_bytes(KEY_BYTES)).decode()


def parse_key(text: str) -> bytes:
    """Read one key of CREDENTIALS_KEYS; ValueError when it is not 32 bytes of base64."""
    try:
        padded = text.strip() + "=" * (-len(text.strip()) % 4)
        key = base64.b64decode(padded, altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError("not url-safe base64") from error
    if len(key) != KEY_BYTES:
        raise ValueError(f"must be {KEY_BYTES} bytes, not {len(key)}")
    return key


class Sealer:
    """Seals with the first key and opens with all: that is how keys rotate."""

    def __init__(self, keys: tuple[bytes, ...]) -> None:
        self._keys = keys

    def __repr__(self) -> str:
        return f"<Sealer with {len(self._keys)} keys>"

    def seal(self, plain: str, *, place: str) -> str:
        """Encrypt `plain` so that it opens at `place` and nowhere else.

        The place is the associated data of AES-GCM: authenticated, and stored nowhere.
        https://www.rfc-editor.org/rfc/rfc5116#section-2.1
        """
        nonce = secrets.token_bytes(_NONCE_BYTES)
        body = AESGCM(self._keys[0]).encrypt(nonce, plain.encode(), place.encode())
        return base64.urlsafe_b64encode(_BOUND_TO_PLACE + nonce + body).decode()

    def open(self, sealed: str, *, place: str, former_place: str | None = None) -> str:
        """Decrypt what `seal` made at the same place; Unsealable otherwise.

        `former_place` is where a text of a former release opens, which named less.
        """
        version, nonce, body = _split(sealed, place)
        bound_to = place if version == _BOUND_TO_PLACE else former_place or place
        for key in self._keys:
            try:
                return AESGCM(key).decrypt(nonce, body, bound_to.encode()).decode()
            except InvalidTag:
                continue
        raise Unsealable(f"no key opens {_name_row(place)}")


def _split(sealed: str, place: str) -> tuple[bytes, bytes, bytes]:
    try:
        raw = base64.b64decode(sealed, altchars=b"-_", validate=True)
    except ValueError as error:
        raise Unsealable(f"{_name_row(place)} holds no sealed text") from error
    if raw[:1] not in (_BOUND_TO_ROW, _BOUND_TO_PLACE) or len(raw) <= 1 + _NONCE_BYTES:
        raise Unsealable(f"{_name_row(place)} holds no sealed text")
    return raw[:1], raw[1 : 1 + _NONCE_BYTES], raw[1 + _NONCE_BYTES :]


def _name_row(place: str) -> str:
    """Leave out whose the row is: it may be named by what a client has sent."""
    return place.partition(" ")[0]


def digest(data: bytes | str) -> str:
    """Return the SHA-256 of the data in hex: for fingerprints, not for passwords."""
    return hashlib.sha256(data.encode() if isinstance(data, str) else data).hexdigest()
