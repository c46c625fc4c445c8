"""Logging in, and how often that may be tried."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from payments.auth import passwords
from payments.auth.models import END_USER, User
from payments.config import Settings
from payments.kit.db import db
from payments.kit.transactions import transaction
from tests.support.apps import another_app
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


def uuid_of(app: Flask, person: Person) -> str:
    with app.app_context():
        return db.session.get_one(User, person.id).uuid


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
        real = passwords.check_password_hash

        def counting(stored: str, password: str) -> bool:
            checked.append(stored)
            return real(stored, password)

        monkeypatch.setattr(passwords, "check_password_hash", counting)
        client.post(LOGIN, **as_json({"email": fresh_email(), "password": "wrong password"}))
        assert len(checked) == 1
        assert checked[0].startswith(passwords.METHOD)

    def test_the_decoys_own_password_opens_nothing(self, client: FlaskClient) -> None:
        body = {"email": fresh_email(), "password": "nobody has this password"}
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
            hashed = passwords.hashed("the other password")
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


@pytest.fixture(scope="class")
def strict(settings: Settings, app: Flask, worker: None) -> Iterator[FlaskClient]:
    """The same service where an address may log in three times a minute."""
    with another_app(settings, rate_limit="300 per minute") as made:
        yield made.test_client()


class TestLoginLimit:
    def attempt(self, client: FlaskClient, email: str, address: str = "192.0.2.1"):
        body = {"email": email, "password": "wrong password"}
        return client.post(LOGIN, **as_json(body), environ_base={"REMOTE_ADDR": address})

    def test_guessing_is_stopped(self, strict: FlaskClient) -> None:
        email = fresh_email()
        statuses = [self.attempt(strict, email).status_code for _ in range(4)]
        assert statuses == [401, 401, 401, 429]

    def test_the_answer_says_when_to_come_back(self, strict: FlaskClient) -> None:
        email = fresh_email()
        answer = [self.attempt(strict, email) for _ in range(4)][-1]
        assert 0 < int(answer.headers["Retry-After"]) <= 61
        assert answer.json["code"] == "rate_limited"

    def test_spaces_and_capitals_are_the_same_address(self, strict: FlaskClient) -> None:
        email = fresh_email()
        for variant in (email, email.upper(), f" {email}"):
            assert self.attempt(strict, variant).status_code == 401
        assert self.attempt(strict, f"{email}\n").status_code == 429

    def test_another_account_or_place_goes_on(self, strict: FlaskClient) -> None:
        email = fresh_email()
        for _ in range(4):
            self.attempt(strict, email)
        assert self.attempt(strict, fresh_email()).status_code == 401
        assert self.attempt(strict, email, address="192.0.2.2").status_code == 401

    @pytest.mark.parametrize("body", BROKEN_BODIES.values(), ids=BROKEN_BODIES)
    def test_a_broken_body_does_not_break_the_counting(
        self, strict: FlaskClient, body: bytes, caplog: pytest.LogCaptureFixture
    ) -> None:
        address = {"REMOTE_ADDR": "192.0.2.3"}
        strict.post(LOGIN, data=body, content_type="application/json", environ_base=address)
        assert not [r for r in caplog.records if "rate limit" in r.getMessage().lower()]

    def test_the_limit_is_counted_by_default_as_thirty(
        self, app: Flask, settings: Settings
    ) -> None:
        from payments.auth.login_limit import login_limit

        usual = dataclasses.replace(settings, rate_limit="3000 per minute")
        with app.app_context():
            held = app.extensions["payments.settings"]
            app.extensions["payments.settings"] = usual
            try:
                assert login_limit() == "30 per 1 minute"
            finally:
                app.extensions["payments.settings"] = held
