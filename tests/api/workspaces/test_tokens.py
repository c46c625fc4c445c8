"""Refreshing tokens, and who is let in with which token."""

from __future__ import annotations

import jwt
import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from payments.auth.models import END_USER, User
from payments.kit.db import db
from payments.kit.transactions import transaction
from tests.support.hostile import (
    BROKEN_BODIES,
    forged_tokens,
    read_identity,
    true_claims,
)
from tests.support.people import Person, as_json, bearer, sign_up

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
        for name, token in forged_tokens(secret, ann.token).items():
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
        tokens = forged_tokens(app.config["JWT_SECRET_KEY"], ann.token)
        for name, token in tokens.items():
            assert client.get(ME, headers=bearer(token)).status_code == 401, name

    def test_a_true_token_of_the_same_making_is_believed(
        self, app: Flask, client: FlaskClient
    ) -> None:
        """Without this the test above could pass because its tokens are all broken."""
        ann = sign_up(client)
        claims = {**true_claims(uuid_of(app, ann)), **read_identity(ann.token)}
        token = jwt.encode(claims, app.config["JWT_SECRET_KEY"], "HS256")
        assert client.get(ME, headers=bearer(token)).json["data"]["id"] == ann.id

    def test_a_deactivated_account_is_out_at_once(self, app: Flask, client: FlaskClient) -> None:
        ann = sign_up(client)
        change_user(app, ann, is_active=False)
        assert ann.get(ME).status_code == 401

    def test_an_end_user_is_out(self, app: Flask, client: FlaskClient) -> None:
        ann = sign_up(client)
        change_user(app, ann, kind=END_USER)
        assert ann.get(ME).status_code == 401
