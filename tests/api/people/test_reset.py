"""Forgotten passwords."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from payments.config import Settings
from payments.kit import clock
from payments.kit.db import db
from payments.mail.models import OutgoingMail
from payments.timeline.models import TimelineEntry
from tests.api.people.test_verification import log_in, row, row_is_verified, verified_person
from tests.support.developers import developer_with_project
from tests.support.mailbox import Mailbox
from tests.support.people import bearer, fresh_email, sign_up
from tests.support.shop import eventually
from tests.support.till import settings_of

FORGOT, RESET = "/api/auth/forgot-password", "/api/auth/reset-password"
NEW = "quite another staple"


def forget(client: FlaskClient, email: str):
    return client.post(FORGOT, json={"email": email})


def reset(client: FlaskClient, token: str, password: str = NEW):
    return client.post(RESET, json={"token": token, "password": password})


@pytest.fixture
def person(verifying: FlaskClient, box: Mailbox):
    return verified_person(verifying, box)


def test_the_link_sets_a_new_password(verifying: FlaskClient, box: Mailbox, person) -> None:
    assert forget(verifying, person.email.upper()).status_code == 200
    token = box.token(person.email, "reset-password", number=2)
    assert reset(verifying, token).status_code == 200
    assert log_in(verifying, person.email).status_code == 401
    assert log_in(verifying, person.email, NEW).status_code == 200


def test_every_session_ends_and_the_owner_is_told(
    app: Flask, verifying: FlaskClient, box: Mailbox, person
) -> None:
    forget(verifying, person.email)
    reset(verifying, box.token(person.email, "reset-password", number=2))
    assert person.get("/api/auth/me").status_code == 401
    refreshed = verifying.post("/api/auth/refresh", headers=bearer(person.refresh_token))
    assert refreshed.status_code == 401
    assert box.wait(person.email, number=3)["Subject"] == "Your password was changed"
    with app.app_context():
        kinds = sa.select(TimelineEntry.kind).where(TimelineEntry.subject == f"user:{person.id}")
        assert "user.password_reset" in set(db.session.scalars(kinds))


def test_a_link_is_good_once_and_so_are_all_of_them(
    verifying: FlaskClient, box: Mailbox, person
) -> None:
    forget(verifying, person.email)
    forget(verifying, person.email)
    first, second = (box.token(person.email, "reset-password", number=n) for n in (2, 3))
    assert reset(verifying, first).status_code == 200
    for token in (first, second):
        again = reset(verifying, token)
        assert (again.status_code, again.json["code"]) == (400, "invalid_link")


def test_a_link_lasts_an_hour(verifying: FlaskClient, box: Mailbox, person) -> None:
    forget(verifying, person.email)
    token = box.token(person.email, "reset-password", number=2)
    with clock.frozen(clock.now() + timedelta(minutes=61)):
        assert reset(verifying, token).status_code == 400


def test_a_weak_password_leaves_the_link(verifying: FlaskClient, box: Mailbox, person) -> None:
    forget(verifying, person.email)
    token = box.token(person.email, "reset-password", number=2)
    for weak in ("short", "password1234", person.email):
        answer = reset(verifying, token, weak)
        assert (answer.status_code, answer.json["code"]) == (400, "invalid_field")
    assert reset(verifying, token).status_code == 200


def test_the_answer_does_not_tell_who_has_an_account(
    app: Flask, verifying: FlaskClient, person
) -> None:
    nobody = fresh_email()
    answers = [forget(verifying, email) for email in (person.email, nobody)]
    assert len({(answer.status_code, answer.text) for answer in answers}) == 1

    def is_done() -> bool:
        with app.app_context():
            query = sa.select(OutgoingMail.id).where(OutgoingMail.recipient == nobody)
            return db.session.scalars(query).first() is None

    assert eventually(is_done)


def test_it_proves_the_address(app: Flask, verifying: FlaskClient, box: Mailbox) -> None:
    squatter = sign_up(verifying)
    newest = sign_up(verifying, email=squatter.email)
    forget(verifying, newest.email)
    eventually(lambda: len(box.to(newest.email)) >= 3)
    mails = box.to(newest.email)
    number = next(n for n, mail in enumerate(mails, 1) if mail["Subject"] == "Set a new password")
    link = box.token(newest.email, "reset-password", number=number)
    assert reset(verifying, link).status_code == 200
    token = log_in(verifying, newest.email, NEW).json["data"]["token"]
    me = verifying.get("/api/auth/me", headers=bearer(token)).json["data"]
    assert (me["id"], me["emailVerified"]) == (newest.id, True)
    assert not row(app, squatter).is_active


def test_no_mailbox_is_filled(app: Flask, verifying: FlaskClient) -> None:
    email = fresh_email()
    with settings_of(app, rate_limit="3000 per minute"):
        statuses = [forget(verifying, email).status_code for _ in range(6)]
        assert statuses == [200] * 5 + [429]
        assert forget(verifying, fresh_email()).status_code == 200


def test_without_mail_in_production_it_says_so(app: Flask, client: FlaskClient) -> None:
    with settings_of(app, env="production", smtp_host=None):
        for path in (FORGOT, "/api/v1/auth/forgot-password"):
            answer = client.post(path, json={"email": fresh_email()})
            assert answer.status_code == 503
    assert "sends no mail" in answer.json["detail"]


class TestEndUsers:
    def test_of_a_project(self, verifying: FlaskClient, settings: Settings, box: Mailbox) -> None:
        seat = developer_with_project(verifying, settings)
        user, scope = seat.end_user, {"X-Project-ID": seat.project_id}
        forgot = "/api/v1/auth/forgot-password"
        assert verifying.post(forgot, json={"email": user.email}, headers=scope).status_code == 200
        token = box.token(user.email, "reset-password")
        # The other dialect knows no end users.
        assert reset(verifying, token).status_code == 400
        body = {"token": token, "password": NEW}
        answer = verifying.post("/api/v1/auth/reset-password", json=body)
        assert answer.status_code == 200
        assert user.get("/api/v1/auth/me").status_code == 401
        login = {"email": user.email, "password": NEW}
        assert verifying.post("/api/v1/auth/login", json=login, headers=scope).status_code == 200

    def test_of_no_project(self, verifying: FlaskClient) -> None:
        answer = verifying.post(
            "/api/v1/auth/forgot-password",
            json={"email": fresh_email()},
            headers={"X-Project-ID": "x"},
        )
        assert answer.status_code == 400


def test_a_changed_password_is_told(verifying: FlaskClient, box: Mailbox, person) -> None:
    body = {"currentPassword": person.password, "newPassword": NEW}
    assert person.post("/api/auth/change-password", body).status_code == 200
    assert box.wait(person.email, number=2)["Subject"] == "Your password was changed"


def test_whoever_signs_in_is_still_verified(verifying: FlaskClient, person) -> None:
    assert row_is_verified(person)
