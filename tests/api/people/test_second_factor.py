"""Second factors: TOTP at log-in, and what administrators may not do without."""

from __future__ import annotations

from datetime import timedelta

import jwt
import pyotp
import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from payments import rotation
from payments.config import Settings
from payments.kit import clock, crypto
from payments.kit.db import db
from payments.users.models import SecondFactor
from tests.support.developers import register_developer
from tests.support.people import PASSWORD, Person, bearer, sign_up
from tests.support.till import make_platform_admin, settings_of

SETUP, ENABLE, DISABLE = "/api/auth/2fa/setup", "/api/auth/2fa/enable", "/api/auth/2fa/disable"
LOGIN, VERIFY = "/api/auth/login", "/api/auth/login/verify-2fa"


def code_of(secret: str, *, steps: int = 0) -> str:
    return pyotp.TOTP(secret).at(clock.timestamp() + 30 * steps)


def protect(person) -> tuple[str, list[str]]:
    """Enable a second factor with the code of the step before; return secret and recovery codes."""
    secret = person.post(SETUP).json["data"]["secret"]
    answer = person.post(ENABLE, {"code": code_of(secret, steps=-1)})
    if answer.status_code == 400:  # the step ended between making the code and sending it
        answer = person.post(ENABLE, {"code": code_of(secret, steps=-1)})
    assert answer.status_code == 200, answer.text
    return secret, answer.json["data"]["recoveryCodes"]


def challenge(client: FlaskClient, person: Person) -> str:
    answer = client.post(LOGIN, json={"email": person.email, "password": person.password})
    assert answer.status_code == 200
    assert answer.json["data"].keys() == {"requires2FA", "challengeToken"}
    return str(answer.json["data"]["challengeToken"])


def verify(client: FlaskClient, token: str, code: str):
    return client.post(VERIFY, json={"challengeToken": token, "code": code})


@pytest.fixture
def person(client: FlaskClient) -> Person:
    return sign_up(client)


class TestChangedPassword:
    def test_proves_no_second_factor(self, client: FlaskClient, person: Person) -> None:
        secret, _ = protect(person)
        token = verify(client, challenge(client, person), code_of(secret)).json["data"]["token"]
        answer = client.post(
            "/api/auth/change-password",
            json={"currentPassword": person.password, "newPassword": f"{person.password} anew"},
            headers=bearer(token),
        )
        assert answer.status_code == 200, answer.text
        held = jwt.decode(answer.json["data"]["token"], options={"verify_signature": False})
        assert held["amr"] == ["pwd"]


class TestLogIn:
    def test_with_a_code(self, client: FlaskClient, person: Person) -> None:
        secret, _ = protect(person)
        answer = verify(client, challenge(client, person), code_of(secret))
        assert answer.status_code == 200
        token = answer.json["data"]["token"]
        claims = jwt.decode(token, options={"verify_signature": False})
        assert claims["amr"] == ["pwd", "otp", "mfa"]
        assert client.get("/api/auth/me", headers=bearer(token)).status_code == 200

    def test_refreshed_tokens_tell_the_same(self, client: FlaskClient, person: Person) -> None:
        secret, _ = protect(person)
        data = verify(client, challenge(client, person), code_of(secret)).json["data"]
        fresh = client.post("/api/auth/refresh", json={"refreshToken": data["refreshToken"]})
        claims = jwt.decode(fresh.json["data"]["token"], options={"verify_signature": False})
        assert claims["amr"] == ["pwd", "otp", "mfa"]

    def test_a_code_is_good_once(self, client: FlaskClient, person: Person) -> None:
        secret, _ = protect(person)
        code = code_of(secret)
        assert verify(client, challenge(client, person), code).status_code == 200
        again = verify(client, challenge(client, person), code)
        assert (again.status_code, again.json["code"]) == (400, "invalid_code")

    def test_a_recovery_code_is_good_once(self, client: FlaskClient, person: Person) -> None:
        _, (first, *others) = protect(person)
        assert len(others) == 9
        assert verify(client, challenge(client, person), first.upper()).status_code == 200
        assert verify(client, challenge(client, person), first).status_code == 400
        assert verify(client, challenge(client, person), others[0]).status_code == 200

    def test_a_challenge_lasts_five_minutes(self, client: FlaskClient, person: Person) -> None:
        secret, _ = protect(person)
        token = challenge(client, person)
        with clock.frozen(clock.now() + timedelta(minutes=6)):
            assert verify(client, token, code_of(secret)).status_code == 401

    def test_a_challenge_is_no_token(self, client: FlaskClient, person: Person) -> None:
        protect(person)
        headers = bearer(challenge(client, person))
        assert client.get("/api/auth/me", headers=headers).status_code == 401

    def test_a_token_is_no_challenge(self, client: FlaskClient, person: Person) -> None:
        secret, _ = protect(person)
        assert verify(client, person.token, code_of(secret)).status_code == 401

    def test_guessing_costs_time(self, client: FlaskClient, person: Person) -> None:
        secret, _ = protect(person)
        token, start = challenge(client, person), clock.now()
        with clock.frozen(start) as advance:
            statuses = [verify(client, token, "000000").status_code for _ in range(6)]
            assert statuses == [400] * 5 + [429]
            right = verify(client, token, code_of(secret))
            assert (right.status_code, right.headers["Retry-After"]) == (429, "30")
            advance(timedelta(seconds=31))
            assert verify(client, token, code_of(secret)).status_code == 200

    def test_of_a_developer_in_the_projects_dialect(
        self, client: FlaskClient, settings: Settings
    ) -> None:
        developer = register_developer(client, settings)
        secret, _ = protect(developer)
        body = {"email": developer.email, "password": developer.password}
        told = client.post("/api/v1/auth/login", json=body).json
        assert told.keys() - {"token_type"} == {"requires_2fa", "challenge_token"}
        answer = {"challenge_token": told["challenge_token"], "code": code_of(secret)}
        path = "/api/v1/auth/login/verify-2fa"
        assert client.post(path, json={**answer, "code": "000000"}).status_code == 400
        assert client.post(path, json=answer).json["access_token"]
        assert client.post(path, json={**answer, "challenge_token": "x"}).status_code == 401


class TestSetUp:
    def test_shown_once_and_in_no_cache(self, person: Person) -> None:
        answer = person.post(SETUP)
        assert answer.headers["Cache-Control"] == "no-store"
        data = answer.json["data"]
        assert data["otpauthUri"].startswith("otpauth://totp/Payments:")
        assert data["secret"] in data["otpauthUri"]

    def test_it_counts_once_it_is_enabled(self, client: FlaskClient, person: Person) -> None:
        person.post(SETUP)
        assert person.post(ENABLE, {"code": "000000"}).status_code == 400
        body = {"email": person.email, "password": PASSWORD}
        assert "token" in client.post(LOGIN, json=body).json["data"]

    def test_other_sessions_end(self, client: FlaskClient, person: Person) -> None:
        body = {"email": person.email, "password": PASSWORD}
        other = client.post(LOGIN, json=body).json["data"]["token"]
        protect(person)
        assert client.get("/api/auth/me", headers=bearer(other)).status_code == 401
        assert person.get("/api/auth/me").status_code == 200

    def test_not_over_one_that_is_enabled(self, person: Person) -> None:
        protect(person)
        for answer in (person.post(SETUP), person.post(ENABLE, {"code": "000000"})):
            assert (answer.status_code, answer.json["code"]) == (409, "second_factor_enabled")

    def test_without_set_up_there_is_nothing_to_enable(self, person: Person) -> None:
        answer = person.post(ENABLE, {"code": "000000"})
        assert (answer.status_code, answer.json["code"]) == (400, "no_second_factor")

    def test_it_is_sealed_and_rotates(self, app: Flask, settings: Settings, person: Person) -> None:
        secret, codes = protect(person)
        mine = sa.select(SecondFactor).where(SecondFactor.user_id == person.id)
        with app.app_context():
            row = db.session.scalars(mine).one()
            sealed = row.secret or ""
            assert secret not in sealed
            assert not any(code.replace("-", "") in str(row.recovery_hashes) for code in codes)
        keys = (crypto.parse_key(crypto.new_key()), *settings.credentials_keys)
        with settings_of(app, credentials_keys=keys), app.app_context():
            rotation.rotate()
            assert db.session.scalars(mine).one().secret != sealed
        keys = (*settings.credentials_keys, keys[0])
        with settings_of(app, credentials_keys=keys), app.app_context():
            assert rotation.rotate().unreadable == 0


class TestDisable:
    def test_with_password_and_code(self, client: FlaskClient, person: Person) -> None:
        secret, _ = protect(person)
        assert person.post(DISABLE, {"password": PASSWORD, "code": "000000"}).status_code == 400
        wrong = person.post(DISABLE, {"password": "wrong", "code": code_of(secret)})
        assert wrong.status_code == 401
        right = person.post(DISABLE, {"password": PASSWORD, "code": code_of(secret)})
        assert right.status_code == 200
        body = {"email": person.email, "password": PASSWORD}
        assert "token" in client.post(LOGIN, json=body).json["data"]


class TestAdministrators:
    REFUND = "/api/admin/invoices/1/refund"

    def test_need_a_second_factor(self, app: Flask, client: FlaskClient, person: Person) -> None:
        make_platform_admin(app, person)
        with settings_of(app, admin_second_factor=True):
            for answer in (
                person.post(self.REFUND, {"reason": "x"}),
                person.post("/api/admin/charges/1/cancel"),
                person.get("/api/admin/invoices/1"),
            ):
                assert (answer.status_code, answer.json["code"]) == (403, "second_factor_required")
            secret, _ = protect(person)
            assert person.get("/api/admin/invoices/1").status_code == 403
            data = verify(client, challenge(client, person), code_of(secret)).json["data"]
            strong = client.get("/api/admin/invoices/999999", headers=bearer(data["token"]))
            assert strong.status_code == 404

    def test_a_log_in_grows_old(self, app: Flask, client: FlaskClient, person: Person) -> None:
        make_platform_admin(app, person)
        secret, _ = protect(person)
        data = verify(client, challenge(client, person), code_of(secret)).json["data"]
        later = clock.now() + timedelta(hours=13)
        with settings_of(app, admin_second_factor=True), clock.frozen(later):
            from payments.auth.second_factor import has_recent_second_factor

            claims = jwt.decode(data["token"], options={"verify_signature": False})
            with app.app_context():
                assert not has_recent_second_factor(claims)

    @pytest.mark.parametrize(
        ("claims", "is_strong"),
        [
            ({"amr": ["pwd"]}, False), ({"amr": ["pwd", "otp"]}, True), ({"amr": ["hwk"]}, True),
            ({"amr": "mfa"}, False), ({"amr": [{"mfa": 1}, "mfa"]}, True), ({}, False),
            ({"acr": "urn:strong"}, True), ({"acr": "urn:weak"}, False), ({"acr": ["x"]}, False),
            ({"amr": ["mfa"], "auth_time": "now"}, False),
            ({"amr": ["mfa"], "auth_time": 1}, False),
        ],
    )  # fmt: skip
    def test_what_a_provider_may_say(self, app: Flask, claims: dict, is_strong: bool) -> None:
        from payments.auth.second_factor import has_recent_second_factor

        given = {"iat": clock.timestamp(), **claims}
        with settings_of(app, admin_acr_values=("urn:strong",)), app.app_context():
            assert has_recent_second_factor(given) is is_strong

    def test_in_development_they_need_none(self, app: Flask, person: Person) -> None:
        make_platform_admin(app, person)
        assert person.get("/api/admin/invoices/999999").status_code == 404


def test_an_unproven_address_gets_no_second_factor(verifying: FlaskClient) -> None:
    answer = sign_up(verifying).post(SETUP)
    assert (answer.status_code, answer.json["code"]) == (403, "email_unverified")
