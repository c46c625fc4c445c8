"""Signing up."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import jwt
import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from payments.auth.models import User
from payments.kit import clock
from payments.kit.db import db
from payments.kit.transactions import transaction
from payments.timeline.models import TimelineEntry
from payments.workspaces.models import Membership
from tests.support.hostile import (
    BROKEN_BODIES,
    LITERAL,
    NO_TEXTS,
    UNSTORABLE,
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


class TestSignUp:
    def test_makes_an_account_and_signs_in(self, client: FlaskClient) -> None:
        email = fresh_email("Jane")
        answer = client.post(
            SIGNUP, **as_json({"email": email, "password": PASSWORD, "name": "Jane"})
        )
        assert answer.status_code == 200
        assert answer.json["message"] == "Account created successfully"
        data = answer.json["data"]
        assert data["user"] == {"id": data["user"]["id"], "email": email, "name": "Jane"}
        assert set(data) == {"user", "token", "refreshToken", "expiresAt", "workspace"}
        me = client.get(ME, headers=bearer(data["token"]))
        assert me.json["data"] == data["user"]

    def test_makes_a_first_workspace_on_the_free_plan(self, client: FlaskClient) -> None:
        ann = sign_up(client, "Ann")
        assert ann.home.name == "Ann's Workspace"
        assert ann.home.slug.startswith("anns-workspace")
        workspace = ann.get(ann.home.path).json["data"]
        assert workspace["userRole"] == "owner"
        assert workspace["plan"]["slug"] == "free"
        assert workspace["planId"] == workspace["plan"]["id"] == 1

    def test_the_same_name_gets_another_slug(self, client: FlaskClient) -> None:
        first, second = sign_up(client, "Twin"), sign_up(client, "Twin")
        assert first.home.slug != second.home.slug
        assert first.home.name == second.home.name

    def test_a_token_lives_half_an_hour(self, client: FlaskClient) -> None:
        email = fresh_email()
        body = {"email": email, "password": PASSWORD, "name": "Ann"}
        data = client.post(SIGNUP, **as_json(body)).json["data"]
        claims = jwt.decode(data["token"], options={"verify_signature": False})
        refresh = jwt.decode(data["refreshToken"], options={"verify_signature": False})
        assert claims["exp"] - claims["iat"] == 30 * 60
        assert refresh["exp"] - refresh["iat"] == 7 * 24 * 3600
        assert abs(claims["exp"] - time.time() - 30 * 60) < 10
        soon = clock.iso_millis(clock.now() + timedelta(minutes=30))
        assert data["expiresAt"][:15] <= soon[:15]
        assert data["expiresAt"].endswith("Z")

    def test_a_token_carries_no_role(self, client: FlaskClient) -> None:
        claims = jwt.decode(sign_up(client).token, options={"verify_signature": False})
        session = {"sid", "amr", "auth_time"}
        known = {"sub", "type", "fresh", "iat", "nbf", "exp", "jti"}
        assert set(claims) - {"csrf"} == known | session

    def test_the_address_is_kept_in_lower_case(self, client: FlaskClient) -> None:
        email = fresh_email("Case")
        person = sign_up(client, email=f"  {email.upper()} ")
        assert person.email == email
        taken = client.post(
            SIGNUP, **as_json({"email": email, "password": PASSWORD, "name": "Other"})
        )
        assert taken.status_code == 409

    def test_an_address_belongs_to_one_account(self, client: FlaskClient) -> None:
        ann = sign_up(client)
        body = {"email": ann.email, "password": "another password", "name": "Thief"}
        answer = client.post(SIGNUP, **as_json(body))
        assert answer.status_code == 409
        assert answer.json["code"] == "email_taken"
        assert "data" not in answer.json
        still = client.post(LOGIN, **as_json({"email": ann.email, "password": ann.password}))
        assert still.json["data"]["user"]["name"] == ann.name

    def test_a_refused_signup_leaves_nothing(self, app: Flask, client: FlaskClient) -> None:
        ann = sign_up(client)
        with app.app_context():
            before = db.session.scalar(sa.select(sa.func.count()).select_from(Membership))
        client.post(SIGNUP, **as_json({"email": ann.email, "password": PASSWORD, "name": "Ann"}))
        with app.app_context():
            after = db.session.scalar(sa.select(sa.func.count()).select_from(Membership))
        assert before == after

    def test_two_at_the_same_moment_give_one_account(self, app: Flask, client: FlaskClient) -> None:
        body = {"email": fresh_email("race"), "password": PASSWORD, "name": "Race"}

        def attempt(_: int) -> int:
            return app.test_client().post(SIGNUP, **as_json(body)).status_code

        with ThreadPoolExecutor(6) as pool:
            statuses = sorted(pool.map(attempt, range(6)))
        assert statuses == [200, 409, 409, 409, 409, 409]

    def test_many_of_one_name_at_the_same_moment(self, app: Flask, client: FlaskClient) -> None:
        def attempt(_: int) -> str:
            return sign_up(app.test_client(), "Crowd").home.slug

        with ThreadPoolExecutor(6) as pool:
            slugs = list(pool.map(attempt, range(12)))
        assert len(set(slugs)) == 12

    def test_the_password_is_stored_as_a_hash(self, app: Flask, client: FlaskClient) -> None:
        ann = sign_up(client)
        with app.app_context():
            stored = db.session.get_one(User, ann.id).password_hash
        assert stored.startswith("$argon2id$")
        assert ann.password not in stored

    def test_the_timeline_remembers(self, app: Flask, client: FlaskClient) -> None:
        ann = sign_up(client)
        with app.app_context():
            actor = TimelineEntry.actor == f"user:{ann.id}"
            kinds = list(
                db.session.scalars(
                    sa.select(TimelineEntry.kind).where(actor).order_by(TimelineEntry.id)
                )
            )
        assert kinds == ["user.signed_up", "workspace.created", "member.added"]

    def test_unknown_fields_are_ignored(self, client: FlaskClient, app: Flask) -> None:
        body = {
            "email": fresh_email(), "password": PASSWORD, "name": "Eve",
            "isAdmin": True, "is_admin": True, "id": 1, "kind": "developer", "isActive": False,
        }  # fmt: skip
        answer = client.post(SIGNUP, **as_json(body))
        assert answer.status_code == 200
        with app.app_context():
            user = db.session.get_one(User, answer.json["data"]["user"]["id"])
            assert (user.is_admin, user.kind, user.is_active) == (False, "member", True)

    @pytest.mark.parametrize("missing", ["email", "password", "name"])
    def test_every_field_is_required(self, client: FlaskClient, missing: str) -> None:
        body = {"email": fresh_email(), "password": PASSWORD, "name": "Ann"}
        del body[missing]
        answer = client.post(SIGNUP, **as_json(body))
        assert (answer.status_code, answer.json["code"]) == (400, "missing_field")
        assert answer.json["message"] == f"{missing} is required"
        assert answer.json["error"] == answer.json["message"]

    @pytest.mark.parametrize("field", ["email", "password", "name"])
    @pytest.mark.parametrize("value", NO_TEXTS.values(), ids=NO_TEXTS)
    def test_only_texts_are_taken(self, client: FlaskClient, field: str, value: object) -> None:
        body = {"email": fresh_email(), "password": PASSWORD, "name": "Ann", field: value}
        answer = client.post(SIGNUP, **as_json(body))
        assert answer.status_code == 400
        assert list(details(answer)) == [field]

    @pytest.mark.parametrize("body", BROKEN_BODIES.values(), ids=BROKEN_BODIES)
    def test_a_broken_body(self, client: FlaskClient, body: bytes) -> None:
        answer = client.post(SIGNUP, data=body, content_type="application/json")
        assert answer.status_code == 400
        assert answer.json["code"] in {"invalid_json", "missing_field", "invalid_field"}

    def test_a_body_of_another_type(self, client: FlaskClient) -> None:
        form = {"email": fresh_email(), "password": PASSWORD, "name": "Ann"}
        assert client.post(SIGNUP, data=form).status_code == 415

    def test_a_body_beyond_every_measure(self, client: FlaskClient) -> None:
        answer = client.post(SIGNUP, **as_json({"email": "a@b.co", "name": "x" * 2_000_000}))
        assert answer.status_code == 413
        assert answer.json["code"] == "too_large"

    @pytest.mark.parametrize(
        "email",
        [
            "", " ", "ann", "ann@", "@example.com", "ann@example", "ann example@example.com",
            "ann@exam ple.com", "ann@@example.com", "ann@example..com", "ann@-example.com",
            "ann@example.com\nBcc: all@example.com", "ann@example.com,bob@example.com",
            "a" * 65 + "@" + "b" * 190 + ".com", "x" * 10_000 + "@example.com",
            "ann@ex\x00ample.com", "ann\ud800@example.com", "<script>@example.com",
            "\u212ate@example.com",
        ],
    )  # fmt: skip
    def test_a_bad_address(self, client: FlaskClient, email: str) -> None:
        answer = client.post(
            SIGNUP, **as_json({"email": email, "password": PASSWORD, "name": "Ann"})
        )
        assert answer.status_code == 400
        assert list(details(answer)) == ["email"]

    @pytest.mark.parametrize(
        "password",
        [
            "",
            "short",
            "elevenchars",
            "x" * 129,
            "x" * 10_000,
            "\ud800" * 12,
            "password1234",
            "123456789012",
        ],
    )
    def test_a_bad_password(self, client: FlaskClient, password: str) -> None:
        body = {"email": fresh_email(), "password": password, "name": "Ann"}
        answer = client.post(SIGNUP, **as_json(body))
        assert (answer.status_code, answer.json["code"]) == (400, "invalid_field")
        assert list(details(answer)) == ["password"]

    @pytest.mark.parametrize(
        "password",
        [
            "plain letters",
            "xyz0" * 31 + "xxxx",
            "  so many spaces  ",
            "мой-пароль-密码",
            "nul\x00inside it",
        ],
    )
    def test_a_password_is_taken_as_typed(self, client: FlaskClient, password: str) -> None:
        ann = sign_up(client, password=password)
        good = client.post(LOGIN, **as_json({"email": ann.email, "password": password}))
        assert good.status_code == 200
        if password.strip() != password:
            trimmed = {"email": ann.email, "password": password.strip()}
            assert client.post(LOGIN, **as_json(trimmed)).status_code == 401

    @pytest.mark.parametrize("name", ["", "   ", "x" * 101, "x" * 10_000, *UNSTORABLE.values()])
    def test_a_bad_name(self, client: FlaskClient, name: str) -> None:
        body = {"email": fresh_email(), "password": PASSWORD, "name": name}
        answer = client.post(SIGNUP, **as_json(body))
        assert answer.status_code == 400
        assert list(details(answer)) == ["name"]

    @pytest.mark.parametrize("name", LITERAL.values(), ids=LITERAL)
    def test_a_name_is_kept_literally(self, client: FlaskClient, name: str) -> None:
        person = sign_up(client, name)
        assert person.name == name
        assert person.home.name == f"{name}'s Workspace"
        assert person.get(ME).json["data"]["name"] == name

    def test_the_longest_name_still_names_a_workspace(self, client: FlaskClient) -> None:
        person = sign_up(client, "N" * 100)
        assert len(person.name) == 100
        assert len(person.home.name) == 100
        assert person.home.name.endswith("'s Workspace")
