"""`flask users`."""

from __future__ import annotations

import json

import pytest
import sqlalchemy as sa
from click.testing import Result
from flask import Flask
from flask.testing import FlaskClient

from payments.kit.db import db
from payments.timeline.models import TimelineEntry
from tests.api.people.test_second_factor import protect
from tests.support.people import PASSWORD, Person, fresh_email, sign_up


@pytest.fixture
def person(client: FlaskClient) -> Person:
    return sign_up(client)


def run(app: Flask, *words: str) -> Result:
    return app.test_cli_runner().invoke(args=["users", *words])


def kinds(app: Flask, person: Person) -> list[tuple[str, str]]:
    with app.app_context():
        query = sa.select(TimelineEntry.kind, TimelineEntry.actor).order_by(TimelineEntry.id)
        whose = query.where(TimelineEntry.subject == f"user:{person.id}")
        return [(kind, actor) for kind, actor in db.session.execute(whose)]


def listed(app: Flask, person: Person, *words: str) -> dict | None:
    lines = run(app, "list", "--json", *words).output.splitlines()
    found = [json.loads(line) for line in lines]
    return next((each for each in found if each["id"] == person.id), None)


def test_an_administrator_is_made_and_unmade(app: Flask, client, person: Person) -> None:
    promoted = run(app, "promote", person.email.upper())
    assert (promoted.exit_code, "now an administrator" in promoted.output) == (0, True)
    assert person.get("/api/auth/me").status_code == 401  # the former session is over
    told = listed(app, person, "--admins")
    assert told is not None
    assert (told["email"], told["is_admin"]) == (person.email, True)
    assert "already" in run(app, "promote", person.email).output
    assert run(app, "demote", person.email).exit_code == 0
    assert listed(app, person, "--admins") is None
    assert kinds(app, person)[-2:] == [("user.promoted", "operator"), ("user.demoted", "operator")]


def test_whoever_is_deactivated_is_out(app: Flask, client: FlaskClient, person: Person) -> None:
    assert run(app, "deactivate", person.email).exit_code == 0
    assert person.get("/api/auth/me").status_code == 401
    body = {"email": person.email, "password": PASSWORD}
    assert client.post("/api/auth/login", json=body).status_code == 403
    assert run(app, "promote", person.email).exit_code == 1
    assert ("user.deactivated", "operator") in kinds(app, person)
    assert "deactivated" in run(app, "list").output


def test_a_lost_second_factor_is_taken_away(
    app: Flask, client: FlaskClient, person: Person
) -> None:
    assert run(app, "reset-second-factor", person.email).exit_code == 1
    protect(person)
    assert run(app, "reset-second-factor", person.email).exit_code == 0
    body = {"email": person.email, "password": PASSWORD}
    assert "token" in client.post("/api/auth/login", json=body).json["data"]
    assert ("user.second_factor_disabled", "operator") in kinds(app, person)


@pytest.mark.parametrize("command", ["promote", "demote", "deactivate", "reset-second-factor"])
def test_nobody_is_told_in_one_line(app: Flask, command: str) -> None:
    done = run(app, command, fresh_email())
    assert done.exit_code == 1
    assert done.output.startswith("Error: there is no account")


def test_an_unproven_address_is_not_promoted(app: Flask, verifying: FlaskClient) -> None:
    done = run(app, "promote", sign_up(verifying).email)
    assert (done.exit_code, "has not verified" in done.output) == (1, True)
