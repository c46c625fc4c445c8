"""Secrets are rotated while the service runs: the first of a list signs, all verify."""

from __future__ import annotations

import secrets

import jwt
import pytest
from flask import Flask
from flask.sessions import SecureCookieSessionInterface
from flask.testing import FlaskClient

from payments.auth.provider import name_key
from payments.config import Settings
from tests.support.apps import another_app
from tests.support.people import Person, bearer, sign_up

NEW = secrets.token_hex(32)
ME = "/api/auth/me"


@pytest.fixture
def person(client: FlaskClient) -> Person:
    return sign_up(client, "Rota")


def log_in(app: Flask, person: Person) -> str:
    body = {"email": person.email, "password": person.password}
    answer = app.test_client().post("/api/auth/login", json=body)
    assert answer.status_code == 200, answer.text
    return str(answer.json["data"]["token"])


def status(app: Flask, token: str) -> int:
    return app.test_client().get(ME, headers=bearer(token)).status_code


class TestTokens:
    def test_nobody_is_logged_out(self, app: Flask, settings: Settings, person: Person) -> None:
        former = settings.jwt_secret_keys
        old = log_in(app, person)
        with another_app(settings, jwt_secret_keys=(NEW, *former)) as rotating:
            assert status(rotating, old) == 200
            new = log_in(rotating, person)
            assert status(rotating, new) == 200
            assert jwt.decode(new, NEW, ["HS256"])
        with another_app(settings, jwt_secret_keys=(NEW,)) as rotated:
            assert status(rotated, new) == 200
            assert status(rotated, old) == 401
        assert status(app, new) == 401, "the former secret alone does not verify it"

    def test_one_before_the_other_signs(
        self, app: Flask, settings: Settings, person: Person
    ) -> None:
        """Step one of a rotation: every process knows the new secret before one signs with it."""
        keys = (*settings.jwt_secret_keys, NEW)
        with another_app(settings, jwt_secret_keys=keys) as first:
            assert status(app, log_in(first, person)) == 200

    def test_the_name_of_a_key_tells_nothing_of_it(self, app: Flask, person: Person) -> None:
        secret = app.extensions["payments.settings"].jwt_secret_key
        kid = jwt.get_unverified_header(log_in(app, person))["kid"]
        assert kid == name_key(secret)
        assert kid not in secret
        assert secret not in kid

    @pytest.mark.parametrize("kid", ["", "another", 7, None, ["x"]])
    def test_a_token_cannot_choose_a_key(
        self, app: Flask, settings: Settings, person: Person, kid: object
    ) -> None:
        claims = jwt.decode(log_in(app, person), options={"verify_signature": False})
        forged = jwt.encode(claims, secrets.token_hex(32), "HS256", headers={"kid": "x"})
        head = {"kid": kid} if kid is not None else {}
        for keys in (settings.jwt_secret_keys, (NEW, *settings.jwt_secret_keys)):
            with another_app(settings, jwt_secret_keys=keys) as other:
                assert status(other, forged) == 401
                if isinstance(kid, str) and kid:
                    made = jwt.encode(claims, keys[0], "HS256", headers=head)
                    assert status(other, made) == 401


class TestLinksAndFingerprints:
    def test_a_signed_text_of_before_is_read(self, settings: Settings) -> None:
        def signer(of: Flask):
            return SecureCookieSessionInterface().get_signing_serializer(of)

        with (
            another_app(settings, secret_keys=("old" * 16,)) as before,
            another_app(settings, secret_keys=(NEW, "old" * 16)) as after,
        ):
            signed = signer(before).dumps({"a": 1})
            assert signer(after).loads(signed) == {"a": 1}
            assert after.config["SECRET_KEY"] == NEW

    def test_a_request_is_known_again(self, settings: Settings, client: FlaskClient) -> None:
        """Its fingerprint was made with the former secret, a moment before the rotation."""
        person = sign_up(client, "Again")
        headers = {**bearer(person.token), "Idempotency-Key": secrets.token_hex(8)}
        body = {"name": "Once only"}
        first = client.post("/api/workspaces", json=body, headers=headers)
        assert first.status_code == 200, first.text
        with another_app(settings, secret_keys=(NEW, *settings.secret_keys)) as after:
            again = after.test_client().post("/api/workspaces", json=body, headers=headers)
            assert again.headers["Idempotent-Replayed"] == "true"
            assert again.json == first.json
        with another_app(settings, secret_keys=(NEW,)) as without:
            refused = without.test_client().post("/api/workspaces", json=body, headers=headers)
            assert refused.status_code == 409
