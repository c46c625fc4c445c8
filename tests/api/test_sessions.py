"""Sessions: refresh tokens that are good once, log-out, change of password; in both dialects."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import jwt
import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event

from payments.auth.models import LoginSession, User
from payments.auth.sessions import end_sessions_of, start_session
from payments.config import Settings
from payments.kit import clock
from payments.kit.db import db
from payments.kit.transactions import transaction
from payments.retention.login_sessions import prune_login_sessions
from payments.timeline.models import TimelineEntry
from tests.support.apps import another_app
from tests.support.developers import ProjectSeat, developer_with_project, register_developer
from tests.support.logins import PROJECTS, WORKSPACES, Dialect, Pair
from tests.support.people import as_json, bearer, sign_up
from tests.support.provider import Provider, serving
from tests.support.provider import token as providers_token

NEW = "a brand new password"


@dataclass(frozen=True)
class Somebody:
    """A person with an account, and the dialect in which they log in."""

    dialect: Dialect
    client: FlaskClient
    email: str
    password: str
    scope: dict[str, str]

    def start(self, **options: Any) -> Pair:
        return self.dialect.start(self.client, self, headers=self.scope, **options)

    def log_in_status(self, password: str) -> int:
        found = self.dialect.log_in(self.client, self, password=password, headers=self.scope)
        return found.status_code

    def status_of(self, pair: Pair) -> int:
        return self.dialect.status_of(self.client, pair)

    def renew(self, pair: Pair) -> Any:
        return self.dialect.renew(self.client, pair)

    def refresh(self, pair: Pair) -> Pair:
        return self.dialect.read(self.renew(pair))


@pytest.fixture(scope="module")
def project(app: Flask, worker: None, settings: Settings) -> ProjectSeat:
    return developer_with_project(app.test_client(), settings)


@pytest.fixture(params=["member", "developer", "end user"])
def somebody(request: pytest.FixtureRequest, client: FlaskClient, project: ProjectSeat) -> Somebody:
    if request.param == "member":
        person = sign_up(client)
        return Somebody(WORKSPACES, client, person.email, person.password, {})
    if request.param == "developer":
        developer = register_developer(client, project.settings)
        return Somebody(PROJECTS, client, developer.email, developer.password, {})
    user = project.another_end_user()
    scope = {"X-Project-ID": project.project_id}
    return Somebody(PROJECTS, client, user.email, user.password, scope)


@dataclass(frozen=True)
class Rows:
    """What the database holds; each look has an app context and a transaction of its own."""

    app: Flask

    def session_of(self, pair: Pair) -> LoginSession:
        query = sa.select(LoginSession).where(LoginSession.sid == pair.claims["sid"])
        with self.app.app_context():
            return db.session.scalars(query).one()

    def let_end(self, pair: Pair, moment: datetime) -> None:
        which = sa.update(LoginSession).where(LoginSession.sid == pair.claims["sid"])
        with self.app.app_context(), transaction() as session:
            session.execute(which.values(expires_at=moment))

    def kinds_about(self, pair: Pair) -> list[str]:
        """Return what the timeline tells of the person, in order."""
        user = sa.select(User.id).where(User.uuid == pair.claims["sub"])
        with self.app.app_context():
            subject = f"user:{db.session.scalar(user)}"
            query = sa.select(TimelineEntry.kind).where(TimelineEntry.subject == subject)
            return list(db.session.scalars(query.order_by(TimelineEntry.id)))


@pytest.fixture
def rows(app: Flask) -> Rows:
    return Rows(app)


class TestTokens:
    def test_they_name_session_and_methods(self, somebody: Somebody) -> None:
        pair = somebody.start()
        for claims in (pair.claims, pair.refresh_claims, somebody.refresh(pair).claims):
            assert claims["sid"] == pair.claims["sid"]
            assert claims["amr"] == ["pwd"]
            assert claims["auth_time"] == pair.claims["auth_time"]

    def test_refreshed_ones_keep_the_methods(self, app: Flask, client: FlaskClient) -> None:
        ann = sign_up(client)
        with app.app_context():
            user = db.session.get_one(User, ann.id)
            started = start_session(user, methods=("pwd", "otp", "mfa"))
        fresh = WORKSPACES.read(WORKSPACES.renew(client, Pair(started.access, started.refresh)))
        assert fresh.claims["amr"] == fresh.refresh_claims["amr"] == ["pwd", "otp", "mfa"]

    def test_none_outlives_the_session(self, rows: Rows, somebody: Somebody) -> None:
        """An absolute end: the refresh token's own week would pass it."""
        pair = somebody.start()
        assert pair.refresh_claims["exp"] - pair.refresh_claims["iat"] == 7 * 86_400
        end = clock.now() + timedelta(minutes=10)
        rows.let_end(pair, end)
        fresh = somebody.refresh(pair)
        for claims in (fresh.claims, fresh.refresh_claims):
            assert abs(claims["exp"] - end.timestamp()) < 3

    def test_and_the_session_ends_with_its_last_day(
        self, rows: Rows, somebody: Somebody, settings: Settings
    ) -> None:
        pair = somebody.start()
        lifetime = rows.session_of(pair).expires_at - rows.session_of(pair).created_at
        assert abs(lifetime - timedelta(days=settings.session_lifetime_days)).total_seconds() < 5
        rows.let_end(pair, clock.now() - timedelta(seconds=1))
        assert somebody.status_of(pair) == 401
        assert somebody.renew(pair).status_code == 401
        assert "session.reuse_detected" not in rows.kinds_about(pair)

    def test_those_from_before_there_were_sessions(
        self, somebody: Somebody, settings: Settings
    ) -> None:
        pair = somebody.start()
        old = [
            jwt.encode({k: v for k, v in claims.items() if k != "sid"}, settings.jwt_secret_key)
            for claims in (pair.claims, pair.refresh_claims)
        ]
        assert somebody.status_of(Pair(*old)) == 401
        assert somebody.renew(Pair(*old)).status_code == 401

    def test_another_persons_session_is_no_help(
        self, somebody: Somebody, client: FlaskClient, settings: Settings
    ) -> None:
        pair, other = somebody.start(), sign_up(client)
        foreign = jwt.decode(other.token, options={"verify_signature": False})["sid"]
        mixed = jwt.encode({**pair.claims, "sid": foreign}, settings.jwt_secret_key)
        assert somebody.status_of(Pair(mixed, pair.refresh)) == 401

    def test_user_and_session_come_in_one_query(self, app: Flask, somebody: Somebody) -> None:
        pair = somebody.start()
        asked: list[str] = []
        with app.app_context():
            engine = db.engine

        def note(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
            asked.append(statement)

        event.listen(engine, "before_cursor_execute", note)
        try:
            assert somebody.status_of(pair) == 200
        finally:
            event.remove(engine, "before_cursor_execute", note)
        about = [each for each in asked if " users" in each or "login_sessions" in each]
        assert len(about) == 1, asked


class TestRotation:
    def test_each_refresh_token_is_good_once(
        self, rows: Rows, somebody: Somebody, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Using one again ends the whole family at once, the newest tokens too."""
        other, first = somebody.start(), somebody.start()
        second = somebody.refresh(first)
        third = somebody.refresh(second)
        assert somebody.status_of(third) == 200
        with caplog.at_level(logging.WARNING):
            assert somebody.renew(first).status_code == 401
        for pair in (first, second, third):
            assert somebody.status_of(pair) == 401
            assert somebody.renew(pair).status_code == 401
        assert somebody.status_of(other) == 200, "other sessions of the same person go on"
        assert rows.session_of(first).end_reason == "refresh_token_reused"
        assert rows.kinds_about(first).count("session.reuse_detected") == 1
        told = [
            r.fields for r in caplog.records if r.getMessage() == "refresh_token_reused refused"
        ]
        assert [each["session"] for each in told] == [first.claims["sid"]]

    def test_of_two_at_the_same_moment_one_wins(
        self, app: Flask, rows: Rows, somebody: Somebody
    ) -> None:
        """The other one counts as reuse: nothing tells a thief from an impatient client."""
        pair = somebody.start()

        def use(_: int) -> Any:
            return somebody.dialect.renew(app.test_client(), pair)

        with ThreadPoolExecutor(4) as pool:
            answers = list(pool.map(use, range(4)))
        statuses = sorted(answer.status_code for answer in answers)
        assert statuses == [200, 401, 401, 401]
        won = next(answer for answer in answers if answer.status_code == 200)
        fresh = somebody.dialect.read(won)
        assert somebody.status_of(fresh) == 401
        assert somebody.renew(fresh).status_code == 401
        assert rows.session_of(pair).end_reason == "refresh_token_reused"
        assert rows.kinds_about(pair).count("session.reuse_detected") == 1

    def test_an_access_token_does_not_refresh(self, somebody: Somebody) -> None:
        pair = somebody.start()
        assert somebody.renew(Pair(pair.access, pair.access)).status_code == 401
        assert somebody.status_of(pair) == 200


class TestLogOut:
    def test_ends_this_session_at_once(self, rows: Rows, somebody: Somebody) -> None:
        here, there = somebody.start(), somebody.start()
        answer = somebody.dialect.log_out(somebody.client, here)
        assert answer.status_code in (200, 204)
        assert somebody.status_of(here) == 401
        assert somebody.renew(here).status_code == 401
        assert somebody.status_of(there) == 200
        assert rows.session_of(here).end_reason == "logged_out"
        assert "session.reuse_detected" not in rows.kinds_about(here)

    def test_by_the_refresh_token_in_the_body(self, somebody: Somebody) -> None:
        """For a client whose access token is over; one that stands beside it is not looked at."""
        dialect = somebody.dialect
        for headers in ({}, bearer(somebody.start().access)):
            pair = somebody.start()
            body = as_json({dialect.refresh: pair.refresh})
            path = f"{dialect.auth}/logout"
            answer = somebody.client.post(path, headers=headers, **body)
            assert answer.status_code in (200, 204)
            assert somebody.status_of(pair) == 401

    def test_twice_is_a_401(self, somebody: Somebody) -> None:
        pair = somebody.start()
        somebody.dialect.log_out(somebody.client, pair)
        assert somebody.dialect.log_out(somebody.client, pair).status_code == 401

    def test_nobody_and_nonsense(self, somebody: Somebody) -> None:
        path = f"{somebody.dialect.auth}/logout"
        assert somebody.client.post(path).status_code == 401
        for value in (7, [], "", "x" * 10_000, "\x00", "\ud800", "a.b.c"):
            body = as_json({somebody.dialect.refresh: value})
            assert somebody.client.post(path, **body).status_code in (400, 401, 422)

    def test_what_is_answered(self, client: FlaskClient, project: ProjectSeat) -> None:
        ann, end_user = sign_up(client), project.another_end_user()
        answer = client.post("/api/auth/logout", headers=bearer(ann.token))
        assert answer.json == {
            "message": "Logged out successfully", "data": {"sessionsEnded": 1}
        }  # fmt: skip
        answer = client.post("/api/v1/auth/logout", headers=bearer(end_user.token))
        assert (answer.status_code, answer.data) == (204, b"")

    def test_everywhere(self, rows: Rows, somebody: Somebody, client: FlaskClient) -> None:
        stranger = sign_up(client)
        pairs = [somebody.start() for _ in range(3)]
        answer = somebody.dialect.log_out(somebody.client, pairs[0], everywhere=True)
        assert answer.status_code in (200, 204)
        for pair in pairs:
            assert somebody.status_of(pair) == 401
            assert somebody.renew(pair).status_code == 401
        assert rows.kinds_about(pairs[0]).count("user.logged_out_everywhere") == 1
        assert stranger.get("/api/auth/me").status_code == 200
        assert somebody.status_of(somebody.start()) == 200, "they may log in again"

    def test_all_but_one(self, app: Flask, client: FlaskClient) -> None:
        ann = sign_up(client)
        kept = WORKSPACES.start(client, ann)
        with app.app_context(), transaction():
            sid = kept.claims["sid"]
            assert end_sessions_of(ann.id, reason="tried", except_session=sid) == 1
        assert WORKSPACES.status_of(client, kept) == 200
        assert ann.get("/api/auth/me").status_code == 401

    def test_outside_of_a_transaction_nothing_is_ended_silently(self, app: Flask) -> None:
        with app.app_context(), pytest.raises(RuntimeError):
            end_sessions_of(1, reason="tried")


class TestChangePassword:
    def change(self, somebody: Somebody, pair: Pair, current: str, new: str) -> Any:
        return somebody.dialect.change(somebody.client, pair, current=current, new=new)

    def test_ends_all_sessions_and_begins_one(self, rows: Rows, somebody: Somebody) -> None:
        here, there = somebody.start(), somebody.start()
        fresh = somebody.dialect.read(self.change(somebody, here, somebody.password, NEW))
        for pair in (here, there):
            assert somebody.status_of(pair) == 401
            assert somebody.renew(pair).status_code == 401
        assert somebody.status_of(somebody.refresh(fresh)) == 200
        assert fresh.claims["amr"] == ["pwd"]
        assert rows.kinds_about(fresh).count("user.password_changed") == 1
        assert somebody.log_in_status(somebody.password) == 401
        assert somebody.log_in_status(NEW) == 200

    def test_the_current_one_is_asked_for(self, somebody: Somebody) -> None:
        pair = somebody.start()
        answer = self.change(somebody, pair, "not the current one", NEW)
        assert answer.status_code == 400
        assert "The current password is wrong" in answer.text
        assert somebody.status_of(pair) == 200
        assert somebody.log_in_status(somebody.password) == 200

    @pytest.mark.parametrize("new", ["short", "password1234", "x" * 129, None, 7])
    def test_the_new_one_must_do(self, somebody: Somebody, new: Any) -> None:
        pair = somebody.start()
        answer = self.change(somebody, pair, somebody.password, new)
        if somebody.dialect is WORKSPACES:
            assert answer.status_code == 400
            assert list(answer.json["details"]["fields"]) == ["newPassword"]
        else:
            assert answer.status_code == 422
            assert answer.json["detail"][0]["loc"] == ["body", "new_password"]
        assert somebody.status_of(pair) == 200

    def test_without_a_token_the_body_is_not_read(self, somebody: Somebody) -> None:
        path = f"{somebody.dialect.auth}/change-password"
        assert somebody.client.post(path, data=b"{").status_code == 401


class TestOfAProvider:
    """Tokens of the platform's identity provider have no session here."""

    @pytest.fixture
    def server(self) -> Iterator[Provider]:
        with serving() as held:
            yield held

    def test_what_it_keeps_it_ends(
        self, settings: Settings, server: Provider, client: FlaskClient
    ) -> None:
        ann = sign_up(client)
        claims = jwt.decode(ann.token, options={"verify_signature": False})
        with another_app(settings, jwt_jwks_url=server.url) as beside:
            site = beside.test_client()
            for more in ({}, {"sid": claims["sid"]}):
                headers = bearer(providers_token(claims["sub"], **more))
                assert site.get("/api/auth/me", headers=headers).status_code == 200
                for path in ("/api/auth/logout", "/api/auth/logout-all", "/api/v1/auth/logout"):
                    assert site.post(path, headers=headers).status_code == 403
        assert ann.get("/api/auth/me").status_code == 200


class TestPruning:
    def test_only_what_is_past_its_last_day(self, app: Flask, client: FlaskClient) -> None:
        ids = [sign_up(client).id for _ in range(3)]
        theirs = LoginSession.user_id.in_
        with app.app_context():
            with transaction() as session:
                over = sa.update(LoginSession).where(theirs(ids[:2]))
                session.execute(over.values(expires_at=clock.now() - timedelta(days=1)))
                end_sessions_of(ids[2], reason="tried")
            assert prune_login_sessions(1) == 1
            while prune_login_sessions(100):
                pass
            left = db.session.scalars(sa.select(LoginSession.user_id).where(theirs(ids)))
            assert list(left) == [ids[2]], "what has ended stays until its last day"
