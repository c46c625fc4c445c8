"""Signing up, logging in, refreshing, and who is let in with which token."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import jwt
import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from payments.auth import passwords
from payments.auth.models import END_USER, User
from payments.config import Settings
from payments.kit import clock
from payments.kit.db import db
from payments.kit.transactions import transaction
from payments.timeline.models import TimelineEntry
from payments.workspaces.models import Membership
from tests.support.apps import another_app
from tests.support.hostile import (
    BROKEN_BODIES,
    LITERAL,
    NO_TEXTS,
    UNSTORABLE,
    forged_tokens,
    true_claims,
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
        assert set(claims) - {"csrf"} == {"sub", "type", "fresh", "iat", "nbf", "exp", "jti"}

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
        assert stored.startswith("scrypt:")
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
        assert kinds == ["user.signed_up", "workspace.created"]

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
        assert client.post(SIGNUP, data=form).status_code == 400

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
        "password", ["", "short", "1234567", "x" * 129, "x" * 10_000, "\ud800" * 8]
    )
    def test_a_bad_password(self, client: FlaskClient, password: str) -> None:
        body = {"email": fresh_email(), "password": password, "name": "Ann"}
        answer = client.post(SIGNUP, **as_json(body))
        assert answer.status_code == 400
        assert list(details(answer)) == ["password"]

    @pytest.mark.parametrize(
        "password", ["12345678", "x" * 128, "  spaces  ", "пароль-密码", "nul\x00inside"]
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


class TestLogIn:
    def test_returns_fresh_tokens(self, client: FlaskClient) -> None:
        ann = sign_up(client)
        sign_up(client, "Bob")
        answer = client.post(LOGIN, **as_json({"email": ann.email, "password": ann.password}))
        assert answer.status_code == 200
        data = answer.json["data"]
        assert data["user"] == {"id": ann.id, "email": ann.email, "name": ann.name}
        assert set(data) == {"user", "token", "refreshToken", "expiresAt"}
        assert client.get(ME, headers=bearer(data["token"])).json["data"]["id"] == ann.id

    def test_capitals_and_spaces_around_the_address(self, client: FlaskClient) -> None:
        ann = sign_up(client)
        body = {"email": f" {ann.email.title()} ", "password": ann.password}
        assert client.post(LOGIN, **as_json(body)).status_code == 200

    def test_the_wrong_password(self, client: FlaskClient) -> None:
        ann = sign_up(client)
        answer = client.post(LOGIN, **as_json({"email": ann.email, "password": "wrong password"}))
        assert (answer.status_code, answer.json["code"]) == (401, "invalid_credentials")

    def test_somebody_elses_password(self, client: FlaskClient) -> None:
        ann, bob = sign_up(client), sign_up(client, password="bobs own password")
        answer = client.post(LOGIN, **as_json({"email": ann.email, "password": bob.password}))
        assert answer.status_code == 401

    def test_an_unknown_address_says_the_same(self, client: FlaskClient) -> None:
        ann = sign_up(client)
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
    def test_an_address_is_no_pattern(self, client: FlaskClient, email: str) -> None:
        sign_up(client)
        assert (
            client.post(LOGIN, **as_json({"email": email, "password": PASSWORD})).status_code == 401
        )


class TestLoginLimit:
    @pytest.fixture
    def strict(self, settings: Settings, client: FlaskClient) -> Iterator[FlaskClient]:
        """The same service where an address may log in three times a minute."""
        with another_app(settings, rate_limit="300 per minute") as app:
            yield app.test_client()

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


class TestRefresh:
    def test_by_bearer_token(self, client: FlaskClient) -> None:
        ann = sign_up(client)
        answer = client.post(REFRESH, headers=bearer(ann.refresh_token))
        assert answer.status_code == 200
        data = answer.json["data"]
        assert data["user"]["id"] == ann.id
        assert client.get(ME, headers=bearer(data["token"])).status_code == 200
        assert client.post(REFRESH, headers=bearer(data["refreshToken"])).status_code == 200

    def test_by_body(self, client: FlaskClient) -> None:
        ann = sign_up(client)
        answer = client.post(REFRESH, **as_json({"refreshToken": ann.refresh_token}))
        assert answer.json["data"]["user"]["id"] == ann.id

    def test_the_body_stands_beside_an_access_token(self, client: FlaskClient) -> None:
        ann = sign_up(client)
        answer = ann.post(REFRESH, {"refreshToken": ann.refresh_token})
        assert answer.status_code == 200

    def test_an_access_token_refreshes_nothing(self, client: FlaskClient) -> None:
        ann = sign_up(client)
        assert client.post(REFRESH, headers=ann.headers).status_code == 401
        assert client.post(REFRESH, **as_json({"refreshToken": ann.token})).status_code == 401

    def test_nothing_at_all(self, client: FlaskClient) -> None:
        answer = client.post(REFRESH)
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"] == "Bearer"

    @pytest.mark.parametrize("where", ["header", "body"])
    def test_forged_tokens(self, app: Flask, client: FlaskClient, where: str) -> None:
        ann = sign_up(client)
        secret = app.config["JWT_SECRET_KEY"]
        for name, token in forged_tokens(secret, uuid_of(app, ann)).items():
            if where == "header":
                answer = client.post(REFRESH, headers=bearer(token))
            else:
                answer = client.post(REFRESH, **as_json({"refreshToken": token}))
            assert answer.status_code in ({401} if where == "header" else {400, 401}), name

    def test_an_inactive_account(self, app: Flask, client: FlaskClient) -> None:
        ann = sign_up(client)
        change_user(app, ann, is_active=False)
        assert (
            client.post(REFRESH, **as_json({"refreshToken": ann.refresh_token})).status_code == 401
        )

    @pytest.mark.parametrize("value", [7, [], {}, "", "x" * 10_000, "\x00", "\ud800", "é.é.é"])
    def test_a_bad_value(self, client: FlaskClient, value: object) -> None:
        assert client.post(REFRESH, **as_json({"refreshToken": value})).status_code in {400, 401}

    @pytest.mark.parametrize("body", BROKEN_BODIES.values(), ids=BROKEN_BODIES)
    def test_a_broken_body(self, client: FlaskClient, body: bytes) -> None:
        answer = client.post(REFRESH, data=body, content_type="application/json")
        assert answer.status_code == (401 if body == b"" else 400)


class TestMe:
    def test_returns_the_caller(self, client: FlaskClient) -> None:
        sign_up(client, "Bob")
        ann = sign_up(client)
        answer = ann.get(ME)
        assert answer.status_code == 200
        assert answer.json == {
            "message": "User retrieved successfully",
            "data": {"id": ann.id, "email": ann.email, "name": ann.name},
        }

    def test_nobody(self, client: FlaskClient) -> None:
        answer = client.get(ME)
        assert (answer.status_code, answer.json["code"]) == (401, "unauthorized")
        assert answer.headers["WWW-Authenticate"] == "Bearer"

    def test_a_refresh_token_is_no_access_token(self, client: FlaskClient) -> None:
        ann = sign_up(client)
        assert client.get(ME, headers=bearer(ann.refresh_token)).status_code == 401

    @pytest.mark.parametrize("scheme", ["Basic", "Token", "bearer:", "", "Bearer Bearer"])
    def test_another_scheme(self, client: FlaskClient, scheme: str) -> None:
        ann = sign_up(client)
        headers = {"Authorization": f"{scheme} {ann.token}".strip()}
        assert client.get(ME, headers=headers).status_code == 401

    def test_a_token_elsewhere(self, client: FlaskClient) -> None:
        ann = sign_up(client)
        assert client.get(f"{ME}?token={ann.token}&jwt={ann.token}").status_code == 401
        assert client.get(ME, headers={"X-API-Key": ann.token}).status_code == 401
        client.set_cookie("access_token_cookie", ann.token)
        assert client.get(ME).status_code == 401
        client.delete_cookie("access_token_cookie")

    def test_forged_tokens(self, app: Flask, client: FlaskClient) -> None:
        ann = sign_up(client)
        tokens = forged_tokens(app.config["JWT_SECRET_KEY"], uuid_of(app, ann))
        for name, token in tokens.items():
            assert client.get(ME, headers=bearer(token)).status_code == 401, name

    def test_a_true_token_of_the_same_making_is_believed(
        self, app: Flask, client: FlaskClient
    ) -> None:
        """Without this the test above could pass because its tokens are all broken."""
        ann = sign_up(client)
        token = jwt.encode(true_claims(uuid_of(app, ann)), app.config["JWT_SECRET_KEY"], "HS256")
        assert client.get(ME, headers=bearer(token)).json["data"]["id"] == ann.id

    def test_a_deactivated_account_is_out_at_once(self, app: Flask, client: FlaskClient) -> None:
        ann = sign_up(client)
        change_user(app, ann, is_active=False)
        assert ann.get(ME).status_code == 401

    def test_an_end_user_is_out(self, app: Flask, client: FlaskClient) -> None:
        ann = sign_up(client)
        change_user(app, ann, kind=END_USER)
        assert ann.get(ME).status_code == 401
