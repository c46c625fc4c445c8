"""Addresses that have to be proven: signing up, the mailed link, claims on one address."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from payments.auth.models import DEVELOPER, User
from payments.config import Settings
from payments.kit import clock
from payments.kit.db import db
from payments.mail.models import OutgoingMail
from payments.timeline.models import TimelineEntry
from payments.users import links
from tests.support.mailbox import Mailbox
from tests.support.people import (
    PASSWORD,
    Person,
    bearer,
    fresh_email,
    join,
    sign_up,
    workspace_with_roles,
)
from tests.support.till import settings_of

LOGIN, VERIFY = "/api/auth/login", "/api/auth/verify-email"
OTHER_PASSWORD = "another horse battery"


def log_in(client: FlaskClient, email: str, password: str = PASSWORD):
    return client.post(LOGIN, json={"email": email, "password": password})


def verify(client: FlaskClient, token: str):
    return client.post(VERIFY, json={"token": token})


def verified_person(client: FlaskClient, box: Mailbox, email: str | None = None) -> Person:
    person = sign_up(client, email=email)
    assert verify(client, box.token(person.email, "verify-email")).status_code == 200
    return person


def row(app: Flask, person: Person) -> User:
    with app.app_context():
        return db.session.get_one(User, person.id)


class TestLink:
    def test_the_mailed_link_verifies_the_address(self, verifying: FlaskClient, box: Mailbox):
        person = sign_up(verifying)
        assert person.get("/api/auth/me").json["data"]["emailVerified"] is False
        answer = verify(verifying, box.token(person.email, "verify-email"))
        assert answer.status_code == 200
        assert answer.json["data"]["user"]["email"] == person.email
        assert person.get("/api/auth/me").json["data"]["emailVerified"] is True

    def test_it_is_good_once(self, verifying: FlaskClient, box: Mailbox):
        person = sign_up(verifying)
        token = box.token(person.email, "verify-email")
        verify(verifying, token)
        again = verify(verifying, token)
        assert (again.status_code, again.json["code"]) == (400, "invalid_link")

    def test_it_lasts_a_day(self, verifying: FlaskClient, box: Mailbox):
        person = sign_up(verifying)
        token = box.token(person.email, "verify-email")
        with clock.frozen(clock.now() + timedelta(hours=25)):
            assert verify(verifying, token).status_code == 400
        assert verify(verifying, token).status_code == 200

    @pytest.mark.parametrize("token", ["x", "x" * 2048, "a.b", "a.b.c", "é", "\u202e"])
    def test_nonsense_is_no_link(self, verifying: FlaskClient, token: str):
        assert verify(verifying, token).status_code == 400

    def test_a_link_of_another_purpose_is_none(self, app: Flask, verifying: FlaskClient):
        person = sign_up(verifying)
        with app.app_context():
            facts = {"user": row(app, person).uuid, "email": person.email}
            token = links.sign_token(links.RESET_PASSWORD, timedelta(hours=1), **facts)
        assert verify(verifying, token).status_code == 400

    def test_a_second_link_comes_on_demand(self, verifying: FlaskClient, box: Mailbox):
        person = sign_up(verifying)
        box.wait(person.email)
        assert person.post("/api/auth/resend-verification").status_code == 200
        token = box.token(person.email, "verify-email", number=2)
        assert verify(verifying, token).status_code == 200
        assert row_is_verified(person)
        assert person.post("/api/auth/resend-verification").status_code == 200

    def test_in_the_projects_dialect(self, verifying: FlaskClient, box: Mailbox):
        person = sign_up(verifying)
        token = box.token(person.email, "verify-email")
        answer = verifying.post("/api/v1/auth/verify-email", json={"token": token})
        assert answer.status_code == 200
        again = verifying.post("/api/v1/auth/verify-email", json={"token": token})
        assert (again.status_code, set(again.json)) == (400, {"detail"})

    def test_a_key_that_was_rotated_still_opens_links(
        self, app: Flask, settings: Settings, verifying: FlaskClient, box: Mailbox, monkeypatch
    ):
        person = sign_up(verifying)
        token = box.token(person.email, "verify-email")
        with app.app_context(), monkeypatch.context() as patch:
            both = replace(settings, secret_keys=("n" * 32, *settings.secret_keys))
            patch.setitem(app.extensions, "payments.settings", both)
            assert links.read_token(links.VERIFY_EMAIL, token)["email"] == person.email
            new = replace(settings, secret_keys=("n" * 32,))
            patch.setitem(app.extensions, "payments.settings", new)
            with pytest.raises(links.InvalidLink):
                links.read_token(links.VERIFY_EMAIL, token)


def row_is_verified(person: Person) -> bool:
    return bool(person.get("/api/auth/me").json["data"]["emailVerified"])


class TestClaims:
    """Somebody signed up with an address that is not theirs."""

    def test_the_victim_may_sign_up_all_the_same(self, verifying: FlaskClient, box: Mailbox):
        squatter = sign_up(verifying)
        victim = sign_up(verifying, email=squatter.email, password=OTHER_PASSWORD)
        assert victim.id != squatter.id

    def test_whoever_proves_the_address_gets_it(
        self, app: Flask, verifying: FlaskClient, box: Mailbox
    ):
        squatter = sign_up(verifying)
        box.wait(squatter.email)
        victim = sign_up(verifying, email=squatter.email, password=OTHER_PASSWORD)
        token = box.token(victim.email, "verify-email", number=2)
        assert verify(verifying, token).json["data"]["user"]["id"] == victim.id
        lost = row(app, squatter)
        assert not lost.is_active
        assert lost.email.endswith("@released.invalid")
        assert squatter.get("/api/auth/me").status_code == 401
        assert log_in(verifying, victim.email).status_code == 401
        assert log_in(verifying, victim.email, OTHER_PASSWORD).status_code == 200

    def test_and_the_timeline_tells(self, app: Flask, verifying: FlaskClient, box: Mailbox):
        squatter = sign_up(verifying)
        box.wait(squatter.email)
        victim = sign_up(verifying, email=squatter.email, password=OTHER_PASSWORD)
        verify(verifying, box.token(victim.email, "verify-email", number=2))
        with app.app_context():
            whose = sa.select(TimelineEntry.kind).where(
                TimelineEntry.actor == f"user:{victim.id}",
                TimelineEntry.subject == f"user:{squatter.id}",
            )
            assert list(db.session.scalars(whose)) == ["user.address_released"]

    def test_the_link_of_the_one_that_lost_is_worth_nothing(
        self, verifying: FlaskClient, box: Mailbox
    ):
        squatter = sign_up(verifying)
        first = box.token(squatter.email, "verify-email")
        victim = sign_up(verifying, email=squatter.email, password=OTHER_PASSWORD)
        verify(verifying, box.token(victim.email, "verify-email", number=2))
        assert verify(verifying, first).status_code == 400

    def test_of_two_proofs_at_the_same_moment_one_counts(
        self, app: Flask, verifying: FlaskClient, box: Mailbox
    ):
        for _ in range(3):
            first = sign_up(verifying)
            box.wait(first.email)
            sign_up(verifying, email=first.email, password=OTHER_PASSWORD)
            tokens = [box.token(first.email, "verify-email", number=n) for n in (1, 2)]
            with ThreadPoolExecutor(2) as pool:
                answers = pool.map(lambda token: verify(app.test_client(), token), tokens)
                assert sorted(answer.status_code for answer in answers) == [200, 400]

    def test_signing_up_does_not_tell_of_an_account(self, verifying: FlaskClient, box: Mailbox):
        owner = verified_person(verifying, box)
        body = {"email": owner.email, "password": OTHER_PASSWORD, "name": "Thief"}
        taken = verifying.post("/api/auth/signup", json=body)
        fresh = verifying.post("/api/auth/signup", json={**body, "email": fresh_email()})
        assert taken.status_code == fresh.status_code == 200
        assert taken.json["data"].keys() == fresh.json["data"].keys()
        assert "signed up with your email" in box.wait(owner.email, number=2)["Subject"]
        thief = bearer(taken.json["data"]["token"])
        assert verifying.get("/api/auth/me", headers=thief).json["data"]["emailVerified"] is False
        assert log_in(verifying, owner.email, OTHER_PASSWORD).status_code == 200
        assert log_in(verifying, owner.email).json["data"]["user"]["id"] == owner.id

    def test_as_many_hashes_whoever_has_the_address(
        self, verifying: FlaskClient, box: Mailbox, monkeypatch: pytest.MonkeyPatch
    ):
        from payments.auth import passwords

        owner, newcomer = verified_person(verifying, box), sign_up(verifying)
        squatted = sign_up(verifying, email=owner.email, password=OTHER_PASSWORD)
        tried: list[object] = []
        check = passwords.is_password_correct
        monkeypatch.setattr(
            passwords, "is_password_correct", lambda *each: tried.append(1) or check(*each)
        )
        for email in (owner.email, newcomer.email, squatted.email, fresh_email()):
            tried.clear()
            assert log_in(verifying, email, "not the password").status_code == 401
            assert len(tried) == 2

    def test_an_attackers_log_in_gives_no_new_guesses(
        self, verifying: FlaskClient, box: Mailbox, monkeypatch: pytest.MonkeyPatch
    ):
        from payments.auth import guessing

        owner = verified_person(verifying, box)
        sign_up(verifying, email=owner.email, password=OTHER_PASSWORD)
        cleared: list[str] = []
        monkeypatch.setattr(guessing, "clear_attempts", cleared.append)
        log_in(verifying, owner.email, OTHER_PASSWORD)
        assert cleared == []
        log_in(verifying, owner.email)
        assert len(cleared) == 1


class TestStanding:
    """What an account that proved nothing may not."""

    def test_it_becomes_no_member(self, verifying: FlaskClient, box: Mailbox):
        owner = verified_person(verifying, box)
        squatter = sign_up(verifying)
        join(owner.home, owner, squatter, "admin")
        assert squatter.get(owner.home.path).status_code == 403

    def test_it_invites_nobody(self, verifying: FlaskClient):
        squatter = sign_up(verifying)
        answer = squatter.post(f"{squatter.home.path}/members", {"email": fresh_email()})
        assert (answer.status_code, answer.json["code"]) == (403, "email_unverified")

    def test_it_blocks_no_registration(
        self, app: Flask, settings: Settings, verifying: FlaskClient
    ):
        squatter = sign_up(verifying)
        headers = {"X-Operator-Key": settings.operator_key or ""}
        body = {"email": squatter.email, "password": OTHER_PASSWORD}
        made = verifying.post("/api/v1/auth/register", json=body, headers=headers)
        assert made.status_code == 201
        with app.app_context():
            query = sa.select(User).where(User.uuid == made.json["id"])
            developer = db.session.scalars(query).one()
            assert (developer.kind, developer.is_email_verified) == (DEVELOPER, True)
        assert not row(app, squatter).is_active


class TestOff:
    """Without mail settings everybody counts as verified."""

    def test_answers_are_as_before(self, app: Flask, client: FlaskClient):
        person = sign_up(client)
        assert "emailVerified" not in person.get("/api/auth/me").json["data"]
        body = {"email": person.email, "password": PASSWORD, "name": "Thief"}
        taken = client.post("/api/auth/signup", json=body)
        assert (taken.status_code, taken.json["code"]) == (409, "email_taken")
        assert row(app, person).is_email_verified
        with app.app_context():
            query = sa.select(OutgoingMail).where(OutgoingMail.recipient == person.email)
            assert list(db.session.scalars(query)) == []

    def test_a_member_is_added_at_once(self, client: FlaskClient):
        cast = workspace_with_roles(client)
        assert cast.member.get(cast.workspace.path).status_code == 200

    def test_who_was_there_before_counts_as_verified(
        self, app: Flask, client: FlaskClient, box: Mailbox
    ):
        with settings_of(app, email_verification=False):
            person = sign_up(client)
        assert row_is_verified(person)
