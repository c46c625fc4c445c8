"""Logging in; how often that may be tried is in tests/api/test_guessing.py."""

from __future__ import annotations

from typing import Literal

import pytest
import sqlalchemy as sa
from argon2 import PasswordHasher
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.security import generate_password_hash

from payments.auth import passwords
from payments.auth.models import END_USER, User
from payments.kit.db import db
from payments.kit.transactions import transaction
from tests.support.hostile import (
    BROKEN_BODIES,
    NO_TEXTS,
)
from tests.support.people import PASSWORD, Person, as_json, bearer, fresh_email, sign_up

SIGNUP, LOGIN = "/api/auth/signup", "/api/auth/login"
REFRESH, ME = "/api/auth/refresh", "/api/auth/me"


def details(answer) -> dict[str, str]:
    return answer.json["details"]["fields"]


def change_user(app: Flask, person: Person, **values) -> None:
    with app.app_context(), transaction() as session:
        session.execute(sa.update(User).where(User.id == person.id).values(**values))


def stored_hash(app: Flask, person: Person) -> str:
    with app.app_context():
        return db.session.get_one(User, person.id).password_hash


@pytest.fixture(scope="module")
def ann(app: Flask, worker: None) -> Person:
    """Somebody whose account no test changes."""
    return sign_up(app.test_client(), "Ann")


class TestLogIn:
    def test_returns_fresh_tokens(self, client: FlaskClient, ann: Person) -> None:
        sign_up(client, "Bob")
        answer = client.post(LOGIN, **as_json({"email": ann.email, "password": ann.password}))
        assert answer.status_code == 200
        data = answer.json["data"]
        assert data["user"] == {"id": ann.id, "email": ann.email, "name": ann.name}
        assert set(data) == {"user", "token", "refreshToken", "expiresAt"}
        assert client.get(ME, headers=bearer(data["token"])).json["data"]["id"] == ann.id

    def test_capitals_and_spaces_around_the_address(self, client: FlaskClient, ann: Person) -> None:
        body = {"email": f" {ann.email.title()} ", "password": ann.password}
        assert client.post(LOGIN, **as_json(body)).status_code == 200

    def test_the_wrong_password(self, client: FlaskClient, ann: Person) -> None:
        answer = client.post(LOGIN, **as_json({"email": ann.email, "password": "wrong password"}))
        assert (answer.status_code, answer.json["code"]) == (401, "invalid_credentials")

    def test_somebody_elses_password(self, client: FlaskClient, ann: Person) -> None:
        bob = sign_up(client, password="bobs own password")
        answer = client.post(LOGIN, **as_json({"email": ann.email, "password": bob.password}))
        assert answer.status_code == 401

    def test_an_unknown_address_says_the_same(self, client: FlaskClient, ann: Person) -> None:
        wrong = client.post(LOGIN, **as_json({"email": ann.email, "password": "wrong password"}))
        unknown = client.post(
            LOGIN, **as_json({"email": fresh_email(), "password": "wrong password"})
        )
        assert (unknown.status_code, unknown.json) == (wrong.status_code, wrong.json)

    def test_an_unknown_address_costs_the_same(
        self, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        checked: list[str] = []

        class Counting(PasswordHasher):
            def verify(self, stored: str | bytes, password: str | bytes) -> Literal[True]:
                checked.append(str(stored))
                return super().verify(stored, password)

        hasher = Counting(time_cost=1, memory_cost=8, parallelism=1)
        monkeypatch.setattr(passwords, "HASHER", hasher)
        client.post(LOGIN, **as_json({"email": fresh_email(), "password": "wrong password"}))
        assert len(checked) == 1
        assert checked[0].startswith("$argon2id$v=19$m=8,t=1,p=1$")

    def test_a_hash_of_before_opens_and_is_renewed(self, app: Flask, client: FlaskClient) -> None:
        """Also of a password that nobody may choose today."""
        ann = sign_up(client)
        change_user(app, ann, password_hash=generate_password_hash("old", "scrypt:1024:8:1"))
        body = {"email": ann.email, "password": "old"}
        wrong = client.post(LOGIN, **as_json({**body, "password": "new"}))
        assert (wrong.status_code, stored_hash(app, ann)[:7]) == (401, "scrypt:")
        for _ in range(2):
            assert client.post(LOGIN, **as_json(body)).status_code == 200
            assert stored_hash(app, ann).startswith("$argon2id$")

    def test_what_is_no_hash_opens_nothing(self, app: Flask, client: FlaskClient) -> None:
        ann = sign_up(client)
        for stored in ("", "x", "!", "$argon2id$", "scrypt:", "$2b$12$abc"):
            change_user(app, ann, password_hash=stored)
            for password in ("x", stored or " "):
                body = {"email": ann.email, "password": password}
                assert client.post(LOGIN, **as_json(body)).status_code == 401

    def test_an_inactive_account(self, app: Flask, client: FlaskClient) -> None:
        ann = sign_up(client)
        change_user(app, ann, is_active=False)
        answer = client.post(LOGIN, **as_json({"email": ann.email, "password": ann.password}))
        assert (answer.status_code, answer.json["code"]) == (403, "inactive_account")

    def test_an_inactive_account_with_a_wrong_password_tells_nothing(
        self, app: Flask, client: FlaskClient
    ) -> None:
        ann = sign_up(client)
        change_user(app, ann, is_active=False)
        answer = client.post(LOGIN, **as_json({"email": ann.email, "password": "wrong password"}))
        assert answer.status_code == 401

    def test_an_end_user_does_not_get_in(self, app: Flask, client: FlaskClient) -> None:
        ann = sign_up(client)
        change_user(app, ann, kind=END_USER)
        answer = client.post(LOGIN, **as_json({"email": ann.email, "password": ann.password}))
        assert answer.status_code == 401

    def test_a_projects_user_of_the_same_address_is_somebody_else(
        self, app: Flask, client: FlaskClient
    ) -> None:
        ann = sign_up(client)
        with app.app_context(), transaction() as session:
            hashed = passwords.hash_password("the other password")
            other = User(
                email=ann.email, name="Other", password_hash=hashed, kind=END_USER, project_id="p1"
            )
            session.add(other)
        wrong = client.post(
            LOGIN, **as_json({"email": ann.email, "password": "the other password"})
        )
        right = client.post(LOGIN, **as_json({"email": ann.email, "password": ann.password}))
        assert (wrong.status_code, right.status_code) == (401, 200)

    @pytest.mark.parametrize("missing", ["email", "password"])
    def test_both_fields_are_required(self, client: FlaskClient, missing: str) -> None:
        body = {"email": "ann@example.com", "password": PASSWORD}
        del body[missing]
        answer = client.post(LOGIN, **as_json(body))
        assert (answer.status_code, answer.json["code"]) == (400, "missing_field")

    @pytest.mark.parametrize("field", ["email", "password"])
    @pytest.mark.parametrize("value", [*NO_TEXTS.values(), "", "\ud800", "x" * 10_000])
    def test_a_bad_value(self, client: FlaskClient, field: str, value: object) -> None:
        body = {"email": "ann@example.com", "password": PASSWORD, field: value}
        assert client.post(LOGIN, **as_json(body)).status_code == 400

    @pytest.mark.parametrize("body", BROKEN_BODIES.values(), ids=BROKEN_BODIES)
    def test_a_broken_body(self, client: FlaskClient, body: bytes) -> None:
        answer = client.post(LOGIN, data=body, content_type="application/json")
        assert answer.status_code == 400

    @pytest.mark.parametrize("email", ["' OR 1=1 --", "%", "_%@example.com", "*"])
    def test_an_address_is_no_pattern(self, client: FlaskClient, ann: Person, email: str) -> None:
        assert (
            client.post(LOGIN, **as_json({"email": email, "password": PASSWORD})).status_code == 401
        )
