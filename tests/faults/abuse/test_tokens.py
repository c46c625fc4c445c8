"""Tokens that must not be believed, in both dialects, and good ones in the wrong place."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import datetime
from typing import Any

import jwt
import pytest
import sqlalchemy as sa
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from flask import Flask
from flask.testing import FlaskClient

from payments.auth.models import User
from payments.config import Settings
from payments.kit.db import db
from payments.kit.transactions import transaction
from tests.support.developers import ProjectSeat, register_developer
from tests.support.hostile import forged_tokens, read_identity, true_claims
from tests.support.people import Cast, bearer, sign_up

# An operation of each dialect that a good token opens, and who may use it.
DOORS = {
    "workspaces": "/api/auth/me",
    "a workspace": "/api/payments/{slug}/invoices",
    "projects": "/api/v1/auth/me",
    "a project": "/api/v1/payments/stripe/projects/{project_id}/config",
    "an end user": "/api/v1/payments/stripe/my-payments",
}
LEFT_OUT = "left out"
NOBODYS = jwt.encode({"sub": "nobody", "sid": "none"}, "x" * 64, "HS256")
FORGED = sorted(forged_tokens("x" * 64, NOBODYS))


def uuid_of(app: Flask, person: Any) -> str:
    if hasattr(person, "user_id"):
        return str(person.user_id)
    with app.app_context():
        return db.session.get_one(User, person.id).uuid


@pytest.fixture(params=DOORS)
def door(request: pytest.FixtureRequest, app: Flask, victim: Cast, project: ProjectSeat) -> Any:
    """A path, and whom a good token for it would name."""
    path = DOORS[request.param].format(slug=victim.workspace.slug, project_id=project.project_id)
    person = {
        "workspaces": victim.owner, "a workspace": victim.owner, "projects": project.developer,
        "a project": project.developer, "an end user": project.end_user,
    }[request.param]  # fmt: skip
    claims = {**true_claims(uuid_of(app, person)), **read_identity(person.token)}
    if person is project.end_user:
        claims["project_id"] = project.project_id
    return path, claims


def status(client: FlaskClient, door: Any, token: str) -> int:
    return client.get(door[0], headers=bearer(token)).status_code


class TestForged:
    def test_the_true_one_opens(self, client: FlaskClient, settings: Settings, door: Any) -> None:
        """The control: these claims, signed with the secret, are a good token."""
        assert status(client, door, jwt.encode(door[1], settings.jwt_secret_key, "HS256")) == 200

    @pytest.mark.parametrize("kind", FORGED)
    def test_is_a_401(self, client: FlaskClient, settings: Settings, door: Any, kind: str) -> None:
        good = jwt.encode(door[1], settings.jwt_secret_key, "HS256")
        token = forged_tokens(settings.jwt_secret_key, good)[kind]
        assert status(client, door, token) == 401

    @pytest.mark.parametrize(
        "changes",
        [
            {"aud": "another service"}, {"aud": ["a", "b"]},
            {"exp": 1_000_000_000}, {"exp": "soon"}, {"exp": LEFT_OUT},
            {"nbf": 4_000_000_000}, {"iat": "yesterday"},
            {"type": "refresh"}, {"type": ["access"]},
            {"sub": ""}, {"sub": {"id": 1}}, {"sub": "' OR 1=1 --"}, {"sub": "%"},
        ],
        ids=str,
    )  # fmt: skip
    def test_signed_but_wrong(
        self, client: FlaskClient, settings: Settings, door: Any, changes: dict[str, Any]
    ) -> None:
        claims = {
            name: value for name, value in {**door[1], **changes}.items() if value != LEFT_OUT
        }
        token = jwt.encode(claims, settings.jwt_secret_key, "HS256")
        assert status(client, door, token) == 401

    @pytest.mark.parametrize("algorithm", ["HS384", "HS512"])
    def test_another_strength_is_another_algorithm(
        self, client: FlaskClient, settings: Settings, door: Any, algorithm: str
    ) -> None:
        token = jwt.encode(door[1], settings.jwt_secret_key * 2, algorithm)
        assert status(client, door, token) == 401

    @pytest.mark.parametrize("algorithm", ["RS256", "ES256"])
    def test_a_key_pair_of_the_callers_own(
        self, client: FlaskClient, door: Any, algorithm: str
    ) -> None:
        """Also with the public half inside the token, as `jwk`, or an address to fetch it from."""
        key: Any = rsa.generate_private_key(65537, 2048)
        if algorithm == "ES256":
            key = ec.generate_private_key(ec.SECP256R1())
        public = key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        for headers in (
            {}, {"jwk": {"kty": "oct", "k": "AA"}}, {"jku": "http://127.0.0.1:1/keys"},
            {"x5u": "http://127.0.0.1:1/cert"}, {"kid": "1"}, {"crit": ["exp"]},
        ):  # fmt: skip
            assert status(client, door, jwt.encode(door[1], key, algorithm, headers=headers)) == 401
        # The old trick: what is public, used as if it were the shared secret.
        assert status(client, door, _signed_with(public, door[1])) == 401

    @pytest.mark.parametrize(
        "kid",
        [
            "../../../../dev/null", "/dev/null", "file:///dev/null", "' UNION SELECT 'a",
            "| sleep 5", "\x00", "a" * 5000, {"a": 1}, 7, None,
        ],
        ids=str,
    )  # fmt: skip
    def test_a_key_that_the_token_names(self, client: FlaskClient, door: Any, kid: Any) -> None:
        """No `kid` chooses a key: neither an empty file's nor one from a table."""
        for secret in (b"", b"\x00" * 32, b"a"):
            assert status(client, door, _signed_with(secret, door[1], {"kid": kid})) == 401


def _signed_with(secret: bytes, claims: dict[str, Any], headers: Any = None) -> str:
    """Sign with HS256 by hand: PyJWT refuses to use such keys."""
    head = {"alg": "HS256", "typ": "JWT", **(headers or {})}
    parts = [_b64(json.dumps(part, default=_seconds).encode()) for part in (head, claims)]
    signed = hmac.new(secret, ".".join(parts).encode(), hashlib.sha256).digest()
    return ".".join([*parts, _b64(signed)])


def _seconds(moment: datetime) -> int:
    return int(moment.timestamp())


def _b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


class TestElsewhere:
    """Good tokens, where they do not belong."""

    def test_in_the_wrong_room(
        self, client: FlaskClient, victim: Cast, project: ProjectSeat
    ) -> None:
        end_users = "/api/v1/payments/stripe/my-payments"
        developers = f"{project.path}/config"
        workspaces = f"/api/payments/{victim.workspace.slug}/invoices"
        for path, caller, expected in (
            (end_users, project.developer, 403),
            (developers, project.end_user, 403),
            (workspaces, project.developer, 403),
            (workspaces, project.end_user, 401),
            (end_users, victim.owner, 403),
            (developers, victim.owner, 403),
            ("/api/auth/me", project.end_user, 401),
        ):
            answer = client.get(path, headers=caller.headers)
            assert answer.status_code == expected, (path, answer.text)

    def test_a_refresh_token_only_refreshes(self, client: FlaskClient, door: Any, victim: Cast,
                                            project: ProjectSeat) -> None:  # fmt: skip
        for person in (victim.owner, project.developer, project.end_user):
            assert status(client, door, person.refresh_token) == 401

    @pytest.mark.parametrize("claimed", ["foreign", "none"])
    def test_an_end_users_project_is_not_his_to_choose(
        self, client: FlaskClient, settings: Settings, project: ProjectSeat, foreign: ProjectSeat,
        claimed: str,
    ) -> None:  # fmt: skip
        """Even a token that we signed is held against the row."""
        user = project.end_user
        claims = {**true_claims(user.user_id), **read_identity(user.token)}
        if claimed == "foreign":
            claims["project_id"] = foreign.project_id
        token = jwt.encode(claims, settings.jwt_secret_key, "HS256")
        for scope in ({}, {"X-Project-ID": foreign.project_id}):
            answer = client.get(
                "/api/v1/payments/stripe/my-payments", headers={**bearer(token), **scope}
            )
            assert answer.status_code == 401

    @pytest.mark.parametrize("role", ["admin", "owner", "developer", "platform_admin"])
    def test_a_role_in_the_token_counts_for_nothing(
        self, app: Flask, client: FlaskClient, settings: Settings, victim: Cast, role: str
    ) -> None:
        outsider = victim.outsider
        claims = {**true_claims(uuid_of(app, outsider)), **read_identity(outsider.token)}
        claims |= {"role": role, "is_admin": True}
        token = jwt.encode({**claims, "kind": role}, settings.jwt_secret_key, "HS256")
        for path in ("/api/admin/invoices/1", f"/api/payments/{victim.workspace.slug}/invoices"):
            assert client.get(path, headers=bearer(token)).status_code == 403


class TestGone:
    """A user who is gone takes his tokens along."""

    @pytest.mark.parametrize("how", ["deleted", "switched off"])
    @pytest.mark.parametrize("room", ["workspaces", "projects"])
    def test_at_once(
        self, app: Flask, client: FlaskClient, settings: Settings, how: str, room: str
    ) -> None:
        if room == "workspaces":
            person: Any = sign_up(client, "Gone")
            path = "/api/auth/me"
        else:
            person, path = register_developer(client, settings, "Gone"), "/api/v1/auth/me"
        assert client.get(path, headers=person.headers).status_code == 200
        self.take_away(app, uuid_of(app, person), how)
        assert client.get(path, headers=person.headers).status_code == 401
        body = {"refresh_token": person.refresh_token, "refreshToken": person.refresh_token}
        assert client.post(path.replace("/me", "/refresh"), json=body).status_code == 401

    def take_away(self, app: Flask, user: str, how: str) -> None:
        gone = sa.update(User).where(User.uuid == user)
        # Rows name him still, so deleting him means that his token names nobody any more.
        change = {"is_active": False} if how == "switched off" else {"uuid": f"gone-{user[:30]}"}
        with app.app_context(), transaction() as session:
            session.execute(gone.values(**change))
