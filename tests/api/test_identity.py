"""Tokens of the platform's own identity provider, beside ours or instead of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import jwt
import pytest
from flask import Flask
from flask.testing import FlaskClient

from payments.auth import key_set
from payments.config import Settings
from payments.kit import clock
from tests.support.apps import another_app
from tests.support.developers import AUTH, PASSWORD, STRIPE, ProjectSeat, developer_with_project
from tests.support.hostile import forged_tokens, true_claims
from tests.support.people import Person, bearer, sign_up
from tests.support.provider import (
    Provider,
    encoded,
    jwk,
    pem,
    private_key,
    serving,
    signed_with,
    token,
)
from tests.support.site import at_once

ME, LOGIN, REFRESH = "/api/auth/me", "/api/auth/login", "/api/auth/refresh"


@pytest.fixture(scope="module")
def ann(app: Flask, worker: None) -> Person:
    return sign_up(app.test_client())


@pytest.fixture(scope="module")
def uuid(ann: Person) -> str:
    return str(jwt.decode(ann.token, options={"verify_signature": False})["sub"])


@pytest.fixture(scope="module")
def server() -> Iterator[Provider]:
    with serving() as held:
        yield held


@pytest.fixture
def provider(server: Provider) -> Provider:
    """A provider with one key, whom nobody asked yet."""
    server.keys, server.asked = [jwk("rsa")], 0
    server.status, server.body, server.slow = 200, b"", 0.0
    return server


@pytest.fixture(scope="module")
def beside(app: Flask, settings: Settings, server: Provider) -> Iterator[Flask]:
    """The service beside a provider with a key set, with a log-in of its own as well."""
    with another_app(settings, jwt_jwks_url=server.url) as made:
        yield made


@pytest.fixture
def site(beside: Flask, provider: Provider) -> Flask:
    """The same in a process that has read no keys yet."""
    return forgetful(beside)


def forgetful(app: Flask) -> Flask:
    """Let an app read the provider's keys anew."""
    app.extensions.pop("payments.identity_key_set", None)
    return app


def status(app: Flask, made: str, path: str = ME) -> int:
    return app.test_client().get(path, headers=bearer(made)).status_code


class TestKeySet:
    @pytest.mark.parametrize("name", ["rsa", "ec"])
    def test_its_tokens_are_taken(
        self, site: Flask, provider: Provider, uuid: str, name: str
    ) -> None:
        provider.keys = [jwk("rsa"), jwk("ec")]
        assert status(site, token(uuid, name)) == 200
        assert status(site, token(uuid, name, type=None)) == 200, "a provider knows no type"

    def test_ours_are_taken_too(self, site: Flask, ann: Person) -> None:
        assert status(site, ann.token) == 200

    def test_one_look_serves_many(self, site: Flask, provider: Provider, uuid: str) -> None:
        assert at_once([lambda: status(site, token(uuid))] * 6) == [200] * 6
        assert provider.asked == 1

    def test_it_is_read_anew_after_a_while(
        self, site: Flask, provider: Provider, uuid: str
    ) -> None:
        assert status(site, token(uuid)) == 200
        provider.keys = [jwk("rsa2")]
        with clock.frozen(clock.now() + key_set.KEPT_FOR):
            assert status(site, token(uuid, "rsa2")) == 200
            assert status(site, token(uuid)) == 401, "it was withdrawn"

    def test_a_new_key_is_asked_for(self, site: Flask, provider: Provider, uuid: str) -> None:
        assert status(site, token(uuid)) == 200
        provider.keys.append(jwk("rsa2"))
        with clock.frozen(clock.now() + key_set.ASKED_EVERY):
            assert status(site, token(uuid, "rsa2")) == 200
        assert provider.asked == 2

    def test_but_not_with_every_invented_one(
        self, site: Flask, provider: Provider, uuid: str
    ) -> None:
        for n in range(20):
            assert status(site, token(uuid, kid=f"invented-{n}")) == 401
        assert provider.asked == 1

    def test_without_a_name_the_only_key_is_meant(
        self, site: Flask, provider: Provider, uuid: str
    ) -> None:
        assert status(site, token(uuid, kid=None)) == 200
        provider.keys.append(jwk("rsa2"))
        with clock.frozen(clock.now() + key_set.KEPT_FOR):
            assert status(site, token(uuid, kid=None)) == 401

    @pytest.mark.parametrize("fault", ["500", "redirect", "no json", "no keys", "huge", "deep"])
    def test_a_provider_that_fails_locks_nobody_out(
        self, site: Flask, provider: Provider, uuid: str, fault: str
    ) -> None:
        assert status(site, token(uuid)) == 200
        provider.fail(fault)
        with clock.frozen(clock.now() + key_set.KEPT_FOR) as later:
            assert status(site, token(uuid)) == 200
            assert provider.asked == 2
            assert status(site, token(uuid)) == 200
            assert provider.asked == 2, "it is left alone for a while"
            provider.status, provider.body, provider.keys = 200, b"", [jwk("rsa2")]
            later(key_set.ASKED_EVERY)
            assert status(site, token(uuid, "rsa2")) == 200

    @pytest.mark.parametrize("fault", ["500", "redirect", "no json", "no keys", "huge", "deep"])
    def test_before_the_first_set_it_is_503(
        self, site: Flask, provider: Provider, uuid: str, fault: str
    ) -> None:
        provider.fail(fault)
        answer = site.test_client().get(ME, headers=bearer(token(uuid)))
        assert (answer.status_code, answer.json["code"]) == (503, "identity_provider_unreachable")
        assert answer.headers["Retry-After"] == "10"

    def test_one_that_does_not_answer(
        self, site: Flask, provider: Provider, uuid: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(key_set, "READ_SECONDS", 0.2)
        provider.slow = 1
        assert status(site, token(uuid)) == 503


class TestForged:
    """HS/RS confusion, no algorithm, and names that are paths: 401."""

    def test_by_public_key_as_a_secret(self, site: Flask, ann: Person, uuid: str) -> None:
        public = pem("rsa")
        secrets = [public, public.strip(), public.replace("\n", "\\n"), json.dumps(jwk("rsa"))]
        assert status(site, token(uuid)) == 200
        for secret in secrets:
            for header in ({"alg": "HS256", "kid": "rsa"}, {"alg": "HS256"}):
                assert status(site, signed_with(secret.encode(), header, ann.token)) == 401

    @pytest.mark.parametrize("algorithm", ["none", "None", "RS512", "PS256", "HS512", "", None])
    def test_by_another_algorithm(self, site: Flask, uuid: str, algorithm: str | None) -> None:
        head = {"typ": "JWT", "kid": "rsa", "alg": algorithm}
        parts = token(uuid).split(".")
        for signature in ("", parts[2]):
            assert status(site, f"{encoded(head)}.{parts[1]}.{signature}") == 401

    def test_by_another_kind_of_key(self, site: Flask, provider: Provider, uuid: str) -> None:
        """The name of the RSA key over a signature of the other kind, and the reverse."""
        provider.keys = [jwk("rsa"), jwk("ec")]
        assert status(site, token(uuid, "ec", kid="rsa")) == 401
        assert status(site, token(uuid, "rsa", kid="ec")) == 401
        assert status(site, token(uuid, "rsa2", kid="rsa")) == 401

    @pytest.mark.parametrize(
        "kid", ["../../../../dev/null", "/etc/passwd", "http://127.0.0.1/", "' OR 1=1", "x" * 5000]
    )
    def test_by_a_name_that_leads_elsewhere(
        self, site: Flask, provider: Provider, ann: Person, uuid: str, kid: str
    ) -> None:
        assert status(site, token(uuid, kid=kid)) == 401
        assert status(site, signed_with(b"", {"alg": "HS256", "kid": kid}, ann.token)) == 401

    @pytest.mark.parametrize("kid", [7, ["rsa"], {"a": 1}, True])
    def test_by_a_name_that_is_none(self, site: Flask, uuid: str, kid: Any) -> None:
        parts = token(uuid).split(".")
        head = {"typ": "JWT", "alg": "RS256", "kid": kid}
        assert status(site, f"{encoded(head)}.{parts[1]}.{parts[2]}") == 401

    def test_by_keys_that_the_token_brings_along(self, site: Flask, uuid: str) -> None:
        head = {"alg": "RS256", "kid": "rsa2", "jwk": jwk("rsa2"), "jku": "http://127.0.0.1:9/"}
        made = jwt.encode(true_claims(uuid), private_key("rsa2"), "RS256", headers=head)
        assert status(site, made) == 401

    @pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning")
    def test_short_and_private_keys_are_no_keys(
        self, site: Flask, provider: Provider, uuid: str
    ) -> None:
        provider.keys = [jwk("rsa"), jwk("rsa-short"), jwk("rsa2", use="enc"), jwk("ec", d="AA")]
        for name in ("rsa-short", "rsa2", "ec"):
            assert status(site, token(uuid, name)) == 401, name
        assert status(site, token(uuid)) == 200

    def test_with_our_own_secret_as_ever(
        self, site: Flask, settings: Settings, ann: Person
    ) -> None:
        for name, made in forged_tokens(settings.jwt_secret_key or "", ann.token).items():
            assert status(site, made) == 401, name

    def test_claims_that_do_not_fit(self, site: Flask, uuid: str) -> None:
        moment = clock.now()
        for claims in (
            {"exp": moment - timedelta(minutes=1)},
            {"exp": None},
            {"nbf": moment + timedelta(minutes=5)},
            {"sub": "00000000-0000-0000-0000-000000000000"},
            {"sub": "\x00"},
            {"type": "refresh"},
        ):
            assert status(site, token(uuid, **claims)) == 401, claims


class TestMeantForUs:
    @pytest.fixture
    def strict(self, settings: Settings) -> Iterator[Flask]:
        strictly = {"jwt_issuer": "https://id.example", "jwt_audience": "payments"}
        with another_app(settings, jwt_public_key=pem("rsa"), **strictly) as app:
            yield app

    def test_issuer_and_audience(self, strict: Flask, uuid: str, ann: Person) -> None:
        right = {"iss": "https://id.example", "aud": "payments"}
        assert status(strict, token(uuid, **right)) == 200
        assert status(strict, token(uuid, **{**right, "aud": ["other", "payments"]})) == 200
        for wrong in (
            {"iss": "https://evil.example"}, {"iss": None}, {"aud": None}, {"aud": "payments2"},
            {"aud": ["other"]}, {"aud": []},
        ):  # fmt: skip
            assert status(strict, token(uuid, **{**right, **wrong})) == 401, wrong
        assert status(strict, ann.token) == 200, "ours name neither"

    def test_a_fixed_key_may_have_its_line_ends_written_out(
        self, settings: Settings, uuid: str
    ) -> None:
        with another_app(settings, jwt_public_key=pem("ec").replace("\n", "\\n")) as app:
            assert status(app, token(uuid, "ec")) == 200
            assert status(app, token(uuid, "rsa")) == 401


class TestRoles:
    def test_they_come_from_the_row(
        self, client: FlaskClient, settings: Settings, site: Flask
    ) -> None:
        seat: ProjectSeat = developer_with_project(client, settings)
        config, mine = f"{seat.path}/config", f"{STRIPE}/my-payments"
        as_developer = token(seat.developer.user_id, role="platform_operator")
        assert status(site, as_developer, config) == 200
        assert status(site, as_developer, mine) == 403
        as_end_user = token(seat.end_user.user_id, project_id=seat.project_id, role="developer")
        assert status(site, as_end_user, mine) == 200
        assert status(site, as_end_user, config) == 403
        assert status(site, token(seat.end_user.user_id), mine) == 401, "no project is named"


@pytest.fixture(scope="class")
def lonely(app: Flask, settings: Settings, server: Provider) -> Iterator[Flask]:
    with another_app(settings, jwt_jwks_url=server.url, jwt_secret_key=None) as made:
        yield made


class TestProviderAlone:
    @pytest.fixture
    def alone(self, lonely: Flask, provider: Provider) -> Flask:
        return forgetful(lonely)

    def test_nothing_else_is_taken(self, alone: Flask, ann: Person, uuid: str) -> None:
        assert status(alone, token(uuid)) == 200
        assert status(alone, ann.token) == 401
        for secret in (alone.config["SECRET_KEY"], "", "None"):
            assert status(alone, signed_with(secret.encode(), {"alg": "HS256"}, ann.token)) == 401

    def test_nobody_logs_in_here(self, alone: Flask, ann: Person) -> None:
        client, person = alone.test_client(), {"email": ann.email, "password": ann.password}
        for path, body in (
            (LOGIN, person),
            ("/api/auth/signup", {**person, "email": "new@example.com", "name": "New"}),
        ):
            answer = client.post(path, json=body)
            assert (answer.status_code, answer.json["code"]) == (403, "login_elsewhere"), path
        answer = client.post(f"{AUTH}/login", json=person)
        assert answer.status_code == 403
        assert answer.json == {"detail": "Log in at the platform's identity provider"}
        assert client.post(REFRESH, headers=bearer(ann.refresh_token)).status_code == 401

    def test_registering_goes_on(self, alone: Flask, settings: Settings, ann: Person) -> None:
        body = {"email": f"dev.{ann.email}", "password": PASSWORD}
        headers = {"X-Operator-Key": settings.operator_key or ""}
        made = alone.test_client().post(f"{AUTH}/register", json=body, headers=headers)
        assert made.status_code == 201
        assert status(alone, token(made.json["id"]), f"{AUTH}/me") == 200


def test_the_providers_tokens_are_not_refreshed_here(site: Flask, uuid: str) -> None:
    """What the provider ends must end here, too."""
    made, client = token(uuid, type="refresh"), site.test_client()
    assert client.post(REFRESH, headers=bearer(made)).status_code == 401
    assert client.post(REFRESH, json={"refreshToken": made}).status_code == 401
    assert client.post(f"{AUTH}/refresh", json={"refresh_token": made}).status_code == 401
