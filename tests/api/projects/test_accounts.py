"""Accounts of the projects room: who may register whom, tokens, and what they claim."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from payments.auth.models import User
from payments.config import Settings
from payments.kit.db import db
from payments.kit.transactions import transaction
from payments.timeline.models import TimelineEntry
from tests.support.apps import another_app
from tests.support.developers import (
    AUTH,
    PASSWORD,
    PROJECTS,
    Developer,
    EndUser,
    ProjectSeat,
    new_api_key,
    register_developer,
)
from tests.support.hostile import BROKEN_BODIES, forged_tokens
from tests.support.people import bearer, fresh_email, sign_up

PAIR = {"access_token", "refresh_token", "token_type"}


def body(**changes: Any) -> dict[str, Any]:
    return {"email": fresh_email("reg"), "password": PASSWORD, **changes}


def as_operator(settings: Settings) -> dict[str, str]:
    return {"X-Operator-Key": settings.operator_key or ""}


def as_project(seat: ProjectSeat, **changes: str) -> dict[str, str]:
    return {"X-Developer-Key": seat.api_key, "X-Project-ID": seat.project_id, **changes}


def claims(token: str) -> dict[str, Any]:
    part = token.split(".")[1]
    return dict(json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))))


class TestRegister:
    def test_the_operators_key_makes_a_developer(
        self, client: FlaskClient, settings: Settings, neighbours: ProjectSeat
    ) -> None:
        sent = body(full_name="Dora Dee")
        answer = client.post(f"{AUTH}/register", json=sent, headers=as_operator(settings))
        assert answer.status_code == 201
        assert answer.json["email"] == sent["email"]
        assert answer.json["full_name"] == "Dora Dee"
        assert answer.json["role"] == "developer"
        assert answer.json["is_active"] is True
        assert answer.json["project_id"] is None
        assert "password" not in answer.text

    def test_a_project_key_makes_an_end_user_of_its_project(self, seat: ProjectSeat) -> None:
        client = seat.developer.client
        answer = client.post(f"{AUTH}/register", json=body(), headers=as_project(seat))
        assert answer.status_code == 201
        assert answer.json["role"] == "end_user"
        assert answer.json["project_id"] == seat.project_id
        assert answer.json["full_name"] is None

    @pytest.mark.usefixtures("eve", "second")
    def test_it_is_told_in_the_timeline(self, app: Flask, seat: ProjectSeat) -> None:
        with app.app_context():
            query = sa.select(TimelineEntry.kind).where(
                TimelineEntry.project_id == seat.project_id, TimelineEntry.kind.like("user.%")
            )
            assert list(db.session.scalars(query)) == ["user.registered"] * 2

    def test_the_same_address_may_exist_in_several_projects(
        self, seat: ProjectSeat, neighbours: ProjectSeat, settings: Settings
    ) -> None:
        client, sent = seat.developer.client, body()
        for headers in (as_project(seat), as_project(neighbours), as_operator(settings)):
            assert client.post(f"{AUTH}/register", json=sent, headers=headers).status_code == 201
            again = client.post(f"{AUTH}/register", json=sent, headers=headers)
            assert again.status_code == 400
            assert again.json == {"detail": "Email already registered"}

    def test_capitals_and_spaces_make_no_other_address(self, seat: ProjectSeat) -> None:
        client, sent = seat.developer.client, body()
        client.post(f"{AUTH}/register", json=sent, headers=as_project(seat))
        sent["email"] = f"  {sent['email'].upper()} "
        answer = client.post(f"{AUTH}/register", json=sent, headers=as_project(seat))
        assert answer.status_code == 400

    def test_without_a_key_nobody_registers(self, client: FlaskClient) -> None:
        answer = client.post(f"{AUTH}/register", json=body())
        assert answer.status_code == 403
        assert "X-Operator-Key" in answer.json["detail"]

    def test_a_project_key_needs_its_project(self, seat: ProjectSeat) -> None:
        headers = {"X-Developer-Key": seat.api_key}
        client = seat.developer.client
        answer = client.post(f"{AUTH}/register", json=body(), headers=headers)
        assert answer.status_code == 403

    @pytest.mark.parametrize("key", ["", "wrong", "op_wrong", "\xe9\xff", "x" * 4000])
    def test_a_wrong_operator_key_is_403(self, client: FlaskClient, key: str) -> None:
        answer = client.post(f"{AUTH}/register", json=body(), headers={"X-Operator-Key": key})
        assert answer.status_code == 403
        assert answer.json == {"detail": "Invalid or revoked key"}

    def test_without_an_operator_key_in_the_settings_none_is_right(
        self, settings: Settings, client: FlaskClient
    ) -> None:
        with another_app(settings, operator_key=None) as app:
            for key in ("", "None"):
                answer = app.test_client().post(
                    f"{AUTH}/register", json=body(), headers={"X-Operator-Key": key}
                )
                assert answer.status_code == 403

    def test_a_key_of_another_project_is_403(
        self, seat: ProjectSeat, neighbours: ProjectSeat
    ) -> None:
        headers = as_project(seat, **{"X-Project-ID": neighbours.project_id})
        client = seat.developer.client
        assert client.post(f"{AUTH}/register", json=body(), headers=headers).status_code == 403

    @pytest.mark.parametrize(
        "changes", [{"X-Developer-Key": "ak_" + "x" * 32}, {"X-Project-ID": "nonsense"}]
    )
    def test_a_wrong_key_or_project_is_403(
        self, seat: ProjectSeat, changes: dict[str, str]
    ) -> None:
        headers = as_project(seat, **changes)
        client = seat.developer.client
        answer = client.post(f"{AUTH}/register", json=body(), headers=headers)
        assert answer.status_code == 403
        assert answer.json == {"detail": "Invalid or revoked key"}

    def test_a_revoked_key_is_403(self, seat: ProjectSeat) -> None:
        keys = f"{PROJECTS}/{seat.project_id}/api-keys"
        seat.developer.delete(f"{keys}/{seat.developer.get(keys).json[0]['id']}")
        client = seat.developer.client
        answer = client.post(f"{AUTH}/register", json=body(), headers=as_project(seat))
        assert answer.status_code == 403

    def test_a_deleted_project_takes_nobody(self, seat: ProjectSeat) -> None:
        seat.developer.delete(f"{PROJECTS}/{seat.project_id}")
        client = seat.developer.client
        answer = client.post(f"{AUTH}/register", json=body(), headers=as_project(seat))
        assert answer.status_code == 403

    @pytest.mark.parametrize(
        "changes",
        [
            {"password": "elevenchars"},
            {"password": "Password1234"},
            {"password": "abcdefghijkl"},
            {"password": "rabbitrabbit"},
            {"password": "Aa1" + "x" * 126},
            {"password": None},
            {"password": 12345678},
            {"email": "nobody"},
            {"email": "é@example.com"},
            {"email": "x" * 250 + "@example.com"},
            {"email": None},
            {"full_name": "x" * 201},
            {"full_name": 7},
        ],
    )
    def test_what_does_not_fit_is_422(
        self, client: FlaskClient, settings: Settings, changes: dict[str, Any]
    ) -> None:
        answer = client.post(
            f"{AUTH}/register", json=body(**changes), headers=as_operator(settings)
        )
        assert answer.status_code == 422
        assert answer.json["detail"][0]["loc"] == ["body", next(iter(changes))]
        assert str(changes.get("password") or "-" * 9) not in answer.text

    @pytest.mark.parametrize("name", BROKEN_BODIES)
    def test_a_body_that_is_no_object_is_400_or_422(
        self, client: FlaskClient, settings: Settings, name: str
    ) -> None:
        answer = client.post(
            f"{AUTH}/register",
            data=BROKEN_BODIES[name],
            content_type="application/json",
            headers=as_operator(settings),
        )
        assert answer.status_code in {400, 422}
        assert "detail" in answer.json

    def test_the_shortest_password_fits(self, client: FlaskClient, settings: Settings) -> None:
        sent = body(password="plain letter")
        answer = client.post(f"{AUTH}/register", json=sent, headers=as_operator(settings))
        assert answer.status_code == 201


class TestLogin:
    def log_in(self, user: Developer | EndUser, *, scope: str | None = None, **changes: Any) -> Any:
        sent = {"email": user.email, "password": user.password, **changes}
        headers = {} if scope is None else {"X-Project-ID": scope}
        return user.client.post(f"{AUTH}/login", json=sent, headers=headers)

    def test_a_developer_logs_in(self, developer: Developer) -> None:
        answer = self.log_in(developer)
        assert answer.status_code == 200
        assert set(answer.json) == PAIR
        assert answer.json["token_type"] == "bearer"
        held = claims(answer.json["access_token"])
        assert (held["sub"], held["type"]) == (developer.uuid, "access")
        assert "project_id" not in held
        assert held["exp"] - held["iat"] == 30 * 60
        refresh = claims(answer.json["refresh_token"])
        assert refresh["type"] == "refresh"
        assert refresh["exp"] - refresh["iat"] == 7 * 24 * 3600

    def test_an_end_user_logs_in_to_his_project(self, seat: ProjectSeat) -> None:
        answer = self.log_in(seat.end_user, scope=seat.project_id.upper())
        assert claims(answer.json["access_token"])["project_id"] == seat.project_id

    def test_without_a_project_an_end_user_is_unknown(self, seat: ProjectSeat) -> None:
        answer = self.log_in(seat.end_user)
        assert answer.status_code == 401
        assert answer.json == {"detail": "Incorrect email or password"}
        assert answer.headers["WWW-Authenticate"] == "Bearer"

    def test_in_another_project_an_end_user_is_unknown(
        self, seat: ProjectSeat, neighbours: ProjectSeat
    ) -> None:
        assert self.log_in(seat.end_user, scope=neighbours.project_id).status_code == 401

    def test_a_wrong_password_is_401(self, developer: Developer) -> None:
        answer = self.log_in(developer, password="Wrong-horse-9")
        assert answer.status_code == 401
        assert answer.json == {"detail": "Incorrect email or password"}

    def test_an_unknown_address_is_401(self, developer: Developer) -> None:
        assert self.log_in(developer, email=fresh_email()).status_code == 401

    @pytest.mark.parametrize("scope", ["nonsense", "753e4a23-bbb6-4c0c-b91b-1d65bd2cf007", ""])
    def test_a_bad_project_is_400(self, seat: ProjectSeat, scope: str) -> None:
        answer = self.log_in(seat.end_user, scope=scope)
        assert answer.status_code == 400
        assert "X-Project-ID" in answer.json["detail"]

    def test_an_account_that_is_not_active_is_400(self, app: Flask, developer: Developer) -> None:
        switch(app, developer, is_active=False)
        answer = self.log_in(developer)
        assert answer.status_code == 400
        assert answer.json == {"detail": "Account not activated"}
        assert self.log_in(developer, password="Wrong-horse-9").status_code == 401

    @pytest.mark.parametrize("field", ["email", "password"])
    def test_a_missing_field_is_422(self, developer: Developer, field: str) -> None:
        answer = self.log_in(developer, **{field: None})
        assert answer.status_code == 422
        assert answer.json["detail"][0]["loc"] == ["body", field]

    def test_guessing_is_slowed_down(self, settings: Settings, developer: Developer) -> None:
        with another_app(settings, rate_limit="200 per minute") as app:
            client, sent = app.test_client(), {"email": fresh_email(), "password": "x"}
            statuses = [client.post(f"{AUTH}/login", json=sent).status_code for _ in range(3)]
            assert statuses == [401, 401, 429]
            answer = client.post(f"{AUTH}/login", json=sent)
            wait = int(answer.headers["Retry-After"])
            sentence = f"Rate limit exceeded. Try again in {wait} seconds."
            assert answer.json == {"detail": sentence, "retry_after": wait}


class TestRefresh:
    def refresh(self, client: FlaskClient, token: Any) -> Any:
        return client.post(f"{AUTH}/refresh", json={"refresh_token": token})

    def test_fresh_tokens(self, seat: ProjectSeat) -> None:
        for user in (seat.developer, seat.end_user):
            answer = self.refresh(user.client, user.refresh_token)
            assert answer.status_code == 200
            assert set(answer.json) == PAIR
            me = user.client.get(f"{AUTH}/me", headers=bearer(answer.json["access_token"]))
            assert me.json["id"] == user.uuid

    def test_an_access_token_is_none(self, developer: Developer) -> None:
        answer = self.refresh(developer.client, developer.token)
        assert answer.status_code == 401
        assert answer.json == {"detail": "Could not validate credentials"}

    def test_of_a_deleted_project_there_are_none(self, seat: ProjectSeat) -> None:
        user = seat.end_user
        seat.developer.delete(f"{PROJECTS}/{seat.project_id}")
        assert self.refresh(seat.developer.client, user.refresh_token).status_code == 401

    def test_of_an_inactive_user_there_are_none(self, app: Flask, developer: Developer) -> None:
        switch(app, developer, is_active=False)
        assert self.refresh(developer.client, developer.refresh_token).status_code == 401

    def test_of_a_user_who_moved_there_are_none(
        self, app: Flask, seat: ProjectSeat, neighbours: ProjectSeat
    ) -> None:
        switch(app, seat.end_user, project_id=neighbours.project_id)
        assert self.refresh(seat.developer.client, seat.end_user.refresh_token).status_code == 401

    def test_a_missing_token_is_422(self, client: FlaskClient) -> None:
        assert client.post(f"{AUTH}/refresh", json={}).status_code == 422

    def test_forged_ones_are_401(
        self, client: FlaskClient, settings: Settings, developer: Developer
    ) -> None:
        forged = forged_tokens(settings.jwt_secret_key, developer.token)
        for name, token in forged.items():
            assert self.refresh(client, token).status_code in {401, 422}, name


class TestMe:
    def test_a_developer_sees_himself(self, developer: Developer) -> None:
        shown = developer.get(f"{AUTH}/me").json
        assert shown["id"] == developer.uuid
        assert shown["role"] == "developer"
        assert shown["project_id"] is None
        assert set(shown) == {
            "id", "email", "full_name", "role", "is_active", "created_at", "project_id",
        }  # fmt: skip

    def test_an_end_user_sees_himself_and_his_project(self, seat: ProjectSeat) -> None:
        shown = seat.end_user.get(f"{AUTH}/me").json
        assert (shown["id"], shown["role"]) == (seat.end_user.uuid, "end_user")
        assert shown["project_id"] == seat.project_id

    def test_a_member_of_a_workspace_has_his_own_role(self, client: FlaskClient) -> None:
        member = sign_up(client)
        assert member.get(f"{AUTH}/me").json["role"] == "member"
        assert member.get(f"{PROJECTS}/").status_code == 403

    def test_the_platforms_own_people_are_operators(self, app: Flask, developer: Developer) -> None:
        switch(app, developer, is_admin=True)
        assert developer.get(f"{AUTH}/me").json["role"] == "platform_operator"

    def test_another_project_in_the_header_is_401(
        self, seat: ProjectSeat, neighbours: ProjectSeat
    ) -> None:
        headers = {"X-Project-ID": neighbours.project_id}
        assert seat.end_user.get(f"{AUTH}/me", headers=headers).status_code == 401

    def test_his_own_project_in_the_header_is_fine(self, seat: ProjectSeat) -> None:
        for own in (seat.project_id, seat.project_id.upper()):
            headers = {"X-Project-ID": own, "X-User-Role": "end_user", "X-API-Key": seat.api_key}
            assert seat.end_user.get(f"{AUTH}/me", headers=headers).status_code == 200

    def test_a_token_that_claims_another_project_is_401(
        self, app: Flask, seat: ProjectSeat, neighbours: ProjectSeat
    ) -> None:
        switch(app, seat.end_user, project_id=neighbours.project_id)
        assert seat.end_user.get(f"{AUTH}/me").status_code == 401

    def test_of_a_deleted_project_nobody_is_left(self, seat: ProjectSeat) -> None:
        user = seat.end_user
        seat.developer.delete(f"{PROJECTS}/{seat.project_id}")
        assert user.get(f"{AUTH}/me").status_code == 404

    def test_forged_tokens_are_401(
        self, client: FlaskClient, settings: Settings, developer: Developer
    ) -> None:
        for name, token in forged_tokens(settings.jwt_secret_key, developer.token).items():
            answer = client.get(f"{AUTH}/me", headers=bearer(token))
            assert answer.status_code == 401, name
            assert answer.json == {"detail": "Could not validate credentials"}

    def test_refresh_tokens_open_nothing_else(self, developer: Developer) -> None:
        headers = bearer(developer.refresh_token)
        assert developer.client.get(f"{AUTH}/me", headers=headers).status_code == 401


def test_a_new_developer_has_nothing(client: FlaskClient, settings: Settings) -> None:
    developer = register_developer(client, settings)
    assert developer.get(f"{PROJECTS}/").json == []


def test_two_keys_of_a_project_are_as_good(seat: ProjectSeat) -> None:
    second = new_api_key(seat.developer, seat.project_id)
    headers = as_project(seat, **{"X-Developer-Key": second})
    answer = seat.developer.client.post(f"{AUTH}/register", json=body(), headers=headers)
    assert answer.status_code == 201


def switch(app: Flask, user: Developer | EndUser, **values: Any) -> None:
    """Change columns of a user that no request changes."""
    with app.app_context(), transaction() as session:
        session.execute(sa.update(User).where(User.uuid == user.uuid).values(**values))
