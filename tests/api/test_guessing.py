"""Guessing is slow: one limit an address over both log-ins, and a growing wait an account."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import limits.storage.memory
import pytest
from flask import Flask
from flask.testing import FlaskClient

from payments.app import MAX_BODY_BYTES
from payments.auth import guessing
from payments.auth.errors import TooManyAttempts
from payments.config import Settings
from payments.extensions import limiter
from payments.kit import clock
from tests.support.apps import another_app
from tests.support.developers import ProjectSeat, developer_with_project
from tests.support.hostile import BROKEN_BODIES
from tests.support.logins import PROJECTS, WORKSPACES, Dialect
from tests.support.people import Person, as_json, bearer, fresh_email, sign_up

LOGIN, LOGIN_V1 = "/api/auth/login", "/api/v1/auth/login"
SIGNUP, REGISTER = "/api/auth/signup", "/api/v1/auth/register"
DEAD = "storage unreachable"


@contextmanager
def heard(caplog: pytest.LogCaptureFixture) -> Iterator[list[logging.LogRecord]]:
    """Listen to the log from now on: an app that is made takes the handlers of before away."""
    root = logging.getLogger()
    root.addHandler(caplog.handler)
    with caplog.at_level(logging.INFO):
        yield caplog.records
    root.removeHandler(caplog.handler)


def refused(answer: Any) -> bool:
    """Return whether it is a 429 that says in its dialect when to come back."""
    if answer.status_code != 429:
        return False
    wait = int(answer.headers["Retry-After"])
    assert 1 <= wait <= 61
    if "detail" in answer.json:
        sentence = f"Rate limit exceeded. Try again in {wait} seconds."
        assert answer.json == {"detail": sentence, "retry_after": wait}
    else:
        sentence = f"Too many requests, try again in {wait} seconds"
        assert answer.json == {"message": sentence, "error": sentence, "code": "rate_limited"}
    return True


@dataclass
class Site:
    """The service where an address may log in three times a minute."""

    client: FlaskClient
    address: str = "192.0.2.1"

    def from_address(self, address: str) -> Site:
        return replace(self, address=address)

    def post(self, path: str, body: Any, **options: Any) -> Any:
        origin = {"REMOTE_ADDR": self.address}
        return self.client.post(path, **as_json(body), environ_base=origin, **options)

    def guess(self, path: str = LOGIN, email: str | None = None) -> Any:
        return self.post(path, {"email": email or fresh_email(), "password": "wrong password"})


@pytest.fixture
def strict(settings: Settings, app: Flask, worker: None) -> Iterator[Site]:
    with another_app(settings, rate_limit="300 per minute") as made:
        with made.app_context():
            limiter.reset()
        yield Site(made.test_client())


class TestAddress:
    @pytest.mark.parametrize("other", [LOGIN, LOGIN_V1])
    def test_both_log_ins_count_together_whatever_is_guessed(
        self, strict: Site, other: str
    ) -> None:
        statuses = [strict.guess(path).status_code for path in (LOGIN, LOGIN_V1, LOGIN)]
        assert statuses == [401, 401, 401]
        assert refused(strict.guess(other))
        assert strict.from_address("192.0.2.2").guess(other).status_code == 401

    def test_an_ipv6_network_is_one_client(self, strict: Site) -> None:
        guesses = [strict.from_address(f"2001:db8:1:2:{n}::1").guess() for n in range(4)]
        assert [answer.status_code for answer in guesses] == [401, 401, 401, 429]
        assert strict.from_address("2001:db8:1:3::1").guess().status_code == 401

    def test_an_ipv4_address_is_the_same_inside_an_ipv6_one(self, strict: Site) -> None:
        for _ in range(3):
            strict.guess()
        assert refused(strict.from_address("::ffff:192.0.2.1").guess())

    def test_a_changed_password_counts_as_a_log_in(self, strict: Site) -> None:
        ann = sign_up(strict.client)
        sent = {"currentPassword": "wrong password", "newPassword": "another good password"}
        headers = bearer(ann.token)
        path = "/api/auth/change-password"
        statuses = [strict.post(path, sent, headers=headers).status_code for _ in range(3)]
        assert statuses[0] == 400
        assert refused(strict.post(path, sent, headers=headers))
        assert refused(strict.guess())

    def test_sign_ups_have_a_limit_of_their_own(self, strict: Site) -> None:
        body = {"password": "a fairly good one", "name": "Ann"}
        answers = [strict.post(SIGNUP, {**body, "email": fresh_email()}) for _ in range(4)]
        assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
        assert refused(answers[-1])
        assert strict.guess().status_code == 401

    def test_registrations_too(self, strict: Site, settings: Settings) -> None:
        headers = {"X-Operator-Key": settings.operator_key or ""}
        bodies = ({"email": fresh_email(), "password": "a fairly good one"} for _ in range(11))
        answers = [strict.post(REGISTER, body, headers=headers) for body in bodies]
        assert [answer.status_code for answer in answers] == [201] * 10 + [429]
        assert refused(answers[-1])

    def test_what_is_shipped(self, app: Flask, settings: Settings) -> None:
        usual = replace(settings, rate_limit="3000 per minute")
        with another_app(usual) as made, made.app_context():
            assert guessing._share(guessing._LOGINS) == "30 per 1 minute"
            assert guessing._share(guessing._SIGN_UPS) == "30 per 1 minute"
            assert guessing._share(guessing._REGISTRATIONS) == "100 per 1 minute"
            assert guessing._share(guessing._WRONG_KEYS) == "5 per 1 minute"


class TestBodies:
    """No body turns the counting off: not even one that cannot be read."""

    def bodies(self) -> dict[str, Any]:
        lie = b'{"email": "a@example.com"'
        return {
            "more than a mebibyte": {"data": b" " * (MAX_BODY_BYTES + 1)},
            "shorter than it says": {
                "input_stream": io.BytesIO(lie), "content_length": len(lie) + 100,
            },
            "a length that is none": {"data": lie, "headers": {"Content-Length": "-5"}},
            **{name: {"data": body} for name, body in BROKEN_BODIES.items()},
        }  # fmt: skip

    @pytest.mark.parametrize("path", [LOGIN, LOGIN_V1])
    def test_they_count_like_any_other(
        self, strict: Site, path: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        with heard(caplog) as records:
            for number, (name, options) in enumerate(self.bodies().items()):
                origin = {"REMOTE_ADDR": f"198.51.100.{number}"}
                known = {"content_type": "application/json", "environ_base": origin}
                answers = [strict.client.post(path, **known, **options) for _ in range(3)]
                assert all(400 <= answer.status_code < 423 for answer in answers), name
                assert refused(strict.from_address(origin["REMOTE_ADDR"]).guess(path)), name
        assert any("exceeded" in r.getMessage() for r in records), "the limiter is heard"
        assert not [r for r in records if DEAD in r.getMessage()]
        assert limiter._storage_dead is False


class Attempts:
    """An account's attempts, counted in memory as without Redis, by a clock that the test moves."""

    def __init__(self, pass_time: Callable[[timedelta], None]) -> None:
        self.account = guessing.name_account(fresh_email())
        self.now, self._pass_time = 0.0, pass_time

    def try_once(self) -> int:
        """Return 0 when the attempt may go on, else the seconds to wait."""
        try:
            guessing.admit_attempt(self.account)
        except TooManyAttempts as error:
            return int(error.headers["Retry-After"])
        return 0

    def wait(self, seconds: float) -> None:
        self.now += seconds
        self._pass_time(timedelta(seconds=seconds))


@pytest.fixture
def attempts(app: Flask, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Attempts]:
    usual = replace(settings, rate_limit="3000 per minute")
    with another_app(usual) as made, made.app_context(), clock.frozen(clock.now()) as pass_time:
        monkeypatch.setattr(limiter, "_storage_dead", True)
        ours = SimpleNamespace(time=lambda: clock.now().timestamp())
        monkeypatch.setattr(limits.storage.memory, "time", ours)
        yield Attempts(pass_time)


class TestAccount:
    def test_the_first_few_go_at_once_then_waits_grow(self, attempts: Attempts) -> None:
        assert [attempts.try_once() for _ in range(6)] == [0] * 6
        waits = []
        for _ in range(8):
            wait = attempts.try_once()
            waits.append(wait)
            attempts.wait(wait)
            assert attempts.try_once() == 0, "whoever waits as told gets in"
        assert waits == sorted(waits)
        assert waits[0] == 1
        assert waits[-1] == guessing.LONGEST_WAIT

    def test_about_a_hundred_an_hour_and_no_longer_than_a_minute(self, attempts: Attempts) -> None:
        """Somebody who guesses as fast as they are let, for two hours."""
        admitted, waits = 0, []
        while attempts.now < 2 * 3600:
            wait = attempts.try_once()
            admitted += not wait
            waits.append(wait)
            attempts.wait(max(wait, 0.1))
        assert 2 * 70 <= admitted <= 2 * 100
        assert max(waits) <= 60

    def test_a_success_clears_the_account(self, attempts: Attempts) -> None:
        for _ in range(30):
            attempts.try_once()
        assert attempts.try_once() > 0
        guessing.clear_attempts(attempts.account)
        assert [attempts.try_once() for _ in range(5)] == [0] * 5

    def test_an_account_is_folded_as_the_look_up_folds_it(self) -> None:
        one = {guessing.name_account(e) for e in ("ann@x.org", " Ann@X.org", "ANN@x.org\n")}
        others = {
            guessing.name_account("ann@x.org", "p1"), guessing.name_account("bob@x.org"),
            guessing.name_account("ann@x.org p1"), guessing.name_account("\ud800\x00" * 4000),
        }  # fmt: skip
        assert len(one) == 1
        assert len(one | others) == 5
        assert all(name.isascii() and len(name) == 64 for name in one | others)

    @pytest.mark.parametrize("dialect", [WORKSPACES, PROJECTS])
    def test_over_http_from_many_addresses(
        self, settings: Settings, client: FlaskClient, dialect: Dialect
    ) -> None:
        """The owner gets in when the wait is over, and has the account for themselves again."""
        ann = sign_up(client)
        with another_app(settings, rate_limit="300 per minute") as made:
            site = made.test_client()

            def log_in(number: int, password: str) -> Any:
                origin = {"REMOTE_ADDR": f"203.0.113.{number}"}
                return dialect.log_in(site, ann, password=password, environ_base=origin)

            # On a slow machine the first waits lapse between two attempts: they double each time.
            statuses = [log_in(n, "wrong password").status_code for n in range(12)]
            assert statuses[:6] == [401] * 6
            assert 429 in statuses[6:]
            late = log_in(20, ann.password)
            assert refused(late)
            clock.pause(int(late.headers["Retry-After"]))
            assert log_in(21, ann.password).status_code == 200
            assert log_in(22, "wrong password").status_code == 401

    def test_wrong_current_passwords_count_like_log_ins(
        self, settings: Settings, client: FlaskClient
    ) -> None:
        ann = sign_up(client)
        with another_app(settings, rate_limit="300 per minute") as made:
            site = made.test_client()

            def change(number: int) -> Any:
                body = as_json({"currentPassword": "wrong one", "newPassword": "x" * 12 + "yz"})
                origin = {"REMOTE_ADDR": f"203.0.113.{100 + number}"}
                path = "/api/auth/change-password"
                return site.post(path, headers=bearer(ann.token), environ_base=origin, **body)

            statuses = [change(number).status_code for number in range(12)]
            assert statuses[:6] == [400] * 6
            assert 429 in statuses[6:]
            assert refused(WORKSPACES.log_in(site, ann))

    def test_an_end_users_account_is_the_projects(
        self, settings: Settings, client: FlaskClient
    ) -> None:
        seat = developer_with_project(client, settings)
        with another_app(settings, rate_limit="3000 per minute") as made:
            site, user = made.test_client(), seat.end_user

            def log_in(scope: dict[str, str], password: str) -> int:
                return PROJECTS.log_in(site, user, password=password, headers=scope).status_code

            scope = {"X-Project-ID": seat.project_id}
            assert 429 in [log_in(scope, "wrong one") for _ in range(12)]
            upper = {"X-Project-ID": seat.project_id.upper()}
            assert log_in(upper, user.password) == 429
            other_spelling = {"X-Project-ID": f"urn:uuid:{seat.project_id}"}
            assert log_in(other_spelling, user.password) == 429
            assert log_in({}, "wrong one") == 401, "a developer of that address is somebody else"


class TestKeys:
    @pytest.fixture
    def seat(self, client: FlaskClient, settings: Settings) -> ProjectSeat:
        return developer_with_project(client, settings)

    def register(self, site: Site, **headers: str) -> Any:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        body = {"email": fresh_email(), "password": "a fairly good one"}
        return site.post(REGISTER, body, headers=sent)

    def test_wrong_ones_are_slowed_and_logged(
        self, settings: Settings, app: Flask, seat: ProjectSeat, caplog: pytest.LogCaptureFixture
    ) -> None:
        with another_app(settings, rate_limit="3000 per minute") as made:
            site = Site(made.test_client(), "192.0.2.9")
            project = {"X_Project_ID": seat.project_id, "X_Developer_Key": "ak_wrong"}
            with heard(caplog):
                wrong = [self.register(site, X_Operator_Key=f"wrong {n}") for n in range(3)]
                wrong += [self.register(site, **project) for _ in range(2)]
            assert [answer.status_code for answer in wrong] == [403] * 5
            right = {"X_Operator_Key": settings.operator_key or ""}
            assert refused(self.register(site, **right))
            assert self.register(site.from_address("192.0.2.10"), **right).status_code == 201
        lines = [r for r in caplog.records if r.getMessage() == "registration_key refused"]
        assert [line.fields["kind"] for line in lines] == ["operator"] * 3 + ["project"] * 2
        assert {line.fields["client"] for line in lines} == {"192.0.2.9"}
        assert "wrong" not in json.dumps([line.fields for line in lines])

    def test_right_ones_are_not_counted(self, settings: Settings, seat: ProjectSeat) -> None:
        with another_app(settings, rate_limit="3000 per minute") as made:
            site = Site(made.test_client(), "192.0.2.11")
            keys = {"X_Project_ID": seat.project_id, "X_Developer_Key": seat.api_key}
            answers = [self.register(site, **keys) for _ in range(8)]
            assert {answer.status_code for answer in answers} == {201}
            assert answers[-1].headers["X-RateLimit-Remaining"] == "92"


class TestLog:
    def lines(self, caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
        return [r.fields for r in caplog.records if r.name == "payments.security"]

    @pytest.mark.parametrize("dialect", [WORKSPACES, PROJECTS])
    def test_every_log_in_leaves_a_line(
        self, client: FlaskClient, caplog: pytest.LogCaptureFixture, dialect: Dialect
    ) -> None:
        ann = sign_up(client)
        nobody = replace(ann, email=fresh_email())
        with caplog.at_level(logging.INFO):
            dialect.log_in(client, ann)
            dialect.log_in(client, ann, password="wrong password")
            dialect.log_in(client, nobody)
        told = [(each["outcome"], each.get("user"), each["reason"]) for each in self.lines(caplog)]
        assert told == [
            ("succeeded", ann.id, None),
            ("refused", ann.id, "wrong_password"),
            ("refused", None, "unknown_user"),
        ]
        emails = [each["email"] for each in self.lines(caplog)]
        assert emails[0] == emails[1] != emails[2]
        text = json.dumps(self.lines(caplog))
        assert not any(secret in text for secret in (ann.email, ann.password, "wrong password"))


@pytest.mark.parametrize("dialect", [WORKSPACES, PROJECTS])
def test_when_all_slots_are_taken_the_answer_is_503(
    settings: Settings, client: FlaskClient, dialect: Dialect, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann: Person = sign_up(client)
    with another_app(settings, password_hashing_slots=1) as made:
        places = made.extensions["payments.hashing_slots"].places
        while places.acquire(blocking=False):
            pass
        answer = dialect.log_in(made.test_client(), ann)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")
    assert "try again in a few seconds" in answer.text
