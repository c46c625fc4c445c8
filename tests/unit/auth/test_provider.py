"""Which key a token is given: the algorithm follows from the key, before any library is asked."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from jwt.exceptions import InvalidAlgorithmError, InvalidKeyError

from payments.auth import provider
from payments.config import Settings
from tests.support.provider import pem


@pytest.fixture
def chosen(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    held = replace(settings, jwt_public_key=pem("rsa"))
    monkeypatch.setattr(provider, "settings", lambda: held)
    return held


def test_each_door_has_its_key(chosen: Settings) -> None:
    assert provider.algorithms(chosen) == ["HS256", "RS256"]
    assert provider.key_for({"alg": "HS256"}, {}) == chosen.jwt_secret_key
    assert provider.key_for({"alg": "RS256"}, {}).key_size == 2048


@pytest.mark.parametrize("algorithm", ["none", "ES256", "HS512", "RS512", None, 7, ["RS256"]])
def test_no_other_door_is_open(chosen: Settings, algorithm: Any) -> None:
    with pytest.raises(InvalidAlgorithmError):
        provider.key_for({"alg": algorithm}, {})


def test_ours_is_shut_without_our_secret(chosen: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    alone = replace(chosen, jwt_secret_keys=())
    monkeypatch.setattr(provider, "settings", lambda: alone)
    assert provider.algorithms(alone) == ["RS256"]
    with pytest.raises(InvalidAlgorithmError):
        provider.key_for({"alg": "HS256"}, {})


def test_a_key_of_another_kind_is_not_handed_out(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    both = replace(settings, jwt_jwks_url="http://127.0.0.1:9/")
    monkeypatch.setattr(provider, "settings", lambda: both)
    monkeypatch.setattr(provider, "_public_key", lambda _kid: provider.from_pem(pem("ec")))
    assert provider.key_for({"alg": "ES256", "kid": "x"}, {}).curve.name == "secp256r1"
    with pytest.raises(InvalidKeyError):
        provider.key_for({"alg": "RS256", "kid": "x"}, {})
