"""Public keys: each is good for the one algorithm that its kind decides."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from payments.kit import public_keys
from tests.support.provider import jwk, pem, private_key

SPKI = (Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
EC = {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"}


@pytest.mark.parametrize(("name", "algorithm"), [("rsa", "RS256"), ("ec", "ES256")])
def test_the_kind_decides(name: str, algorithm: str) -> None:
    assert public_keys.from_pem(pem(name)).algorithm == algorithm
    assert public_keys.from_pem(pem(name).replace("\n", "\\n")).algorithm == algorithm
    (found,) = public_keys.from_set({"keys": [jwk(name)]})
    assert (found.algorithm, found.kid) == (algorithm, name)


def test_what_is_no_fit_pem() -> None:
    private = private_key("rsa").private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    unfit = [
        pem("rsa-short").encode(),
        ec.generate_private_key(ec.SECP384R1()).public_key().public_bytes(*SPKI),
        ed25519.Ed25519PrivateKey.generate().public_key().public_bytes(*SPKI),
        private,
        b"",
        b"/etc/passwd",
    ]
    for text in unfit:
        with pytest.raises(ValueError):
            public_keys.from_pem(text.decode())


@pytest.mark.parametrize(
    "found",
    [
        None,
        "rsa",
        {},
        {"kty": "oct", "k": "AAAA"},
        {"kty": "OKP", "crv": "Ed25519", "x": "AA"},
        {"kty": "EC", "crv": "P-384", "x": "AA", "y": "AA"},
        EC,
        {**EC, "crv": 7},
        {"kty": "RSA", "n": "AQAB", "e": "AQAB"},
        {"kty": "RSA"},
        {"kty": ["RSA"]},
    ],
    ids=repr,
)
def test_what_is_no_fit_member_of_a_set(found: object) -> None:
    assert public_keys.from_set({"keys": [found]}) == []
    assert len(public_keys.from_set({"keys": [found, jwk("rsa")]})) == 1


def test_members_for_something_else() -> None:
    for more in ({"use": "enc"}, {"alg": "RS512"}, {"alg": "ES256"}, {"d": "AA"}):
        assert public_keys.from_set({"keys": [jwk("rsa", **more)]}) == []
    assert len(public_keys.from_set({"keys": [jwk("rsa", alg="RS256")]})) == 1
    assert public_keys.from_set({"keys": [jwk("rsa", kid=7)]})[0].kid is None


@pytest.mark.parametrize("document", [None, [], "keys", 7, {}, {"keys": None}, {"keys": {}}])
def test_what_is_no_set(document: object) -> None:
    assert public_keys.from_set(document) == []
