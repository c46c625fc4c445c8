"""Keys that are taken back: after their grace, at once, or by an operator."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from payments.kit import clock
from payments.kit.db import db
from payments.projects import configs, credentials, key_destruction
from payments.projects.errors import StripeNotSetUp
from payments.projects.masks import mask
from payments.projects.models import StripeCredentials
from payments.projects.sealing import SEALED
from payments.reconciliation import accounts
from payments.timeline.models import TimelineEntry
from tests.support.developers import (
    PROJECTS,
    ProjectSeat,
    live_key,
    sandbox_key,
    signing_secret,
    store_keys,
)

GRACE = timedelta(days=7)
ALL = ["test_publishable_key", "test_secret_key", "test_webhook_secret"]


@pytest.fixture
def full(seat: ProjectSeat) -> ProjectSeat:
    """A project with keys of both modes, and a former webhook secret."""
    store_keys(
        seat.developer,
        seat.project_id,
        test_publishable_key="pk_test_0123456789",
        test_webhook_secret=signing_secret(),
        live_secret_key=live_key(),
    )
    return seat


def held(app: Flask, seat: ProjectSeat) -> set[str]:
    """Return which sealed columns hold something, with their mode."""
    with app.app_context():
        query = sa.select(StripeCredentials).where(StripeCredentials.project_id == seat.project_id)
        rows = list(db.session.scalars(query))
        return {f"{row.mode}_{c}" for row in rows for c in SEALED if getattr(row, c) is not None}


def told(app: Flask, seat: ProjectSeat) -> list[tuple[str, dict[str, Any]]]:
    """Return who destroyed which keys."""
    with app.app_context():
        query = sa.select(TimelineEntry).where(
            TimelineEntry.project_id == seat.project_id,
            TimelineEntry.kind == "stripe_config.keys_destroyed",
        )
        entries = db.session.scalars(query.order_by(TimelineEntry.id))
        return [(entry.actor, entry.data) for entry in entries]


def sweep(app: Flask, later: timedelta) -> None:
    with clock.frozen(clock.now() + later), app.app_context():
        key_destruction.destroy_due_keys()


def config(seat: ProjectSeat) -> dict[str, Any]:
    return dict(seat.developer.get(f"{seat.path}/config").json)


class TestGrace:
    def test_of_a_configuration(self, app: Flask, full: ProjectSeat) -> None:
        assert full.developer.delete(f"{full.path}/config").status_code == 204
        assert config(full)["keys_destroyed_at"] is not None
        sweep(app, GRACE - timedelta(hours=1))
        assert {*ALL, "live_secret_key"} <= held(app, full)
        sweep(app, GRACE + timedelta(hours=1))
        assert held(app, full) == set()
        shown = config(full)
        assert (shown["has_test_credentials"], shown["has_live_credentials"]) == (False, False)
        left = {name for name, value in shown.items() if "masked" in name and value is not None}
        assert left == set()
        assert (shown["is_active"], shown["keys_destroyed_at"]) == (False, None)
        assert (shown["test_configured_at"], shown["live_configured_at"]) == (None, None)

    def test_of_a_project(self, app: Flask, full: ProjectSeat) -> None:
        assert full.developer.delete(f"{PROJECTS}/{full.project_id}").status_code == 204
        assert "test_secret_key" in held(app, full)
        sweep(app, GRACE + timedelta(hours=1))
        assert held(app, full) == set()

    def test_the_timeline_tells_what_and_who(self, app: Flask, full: ProjectSeat) -> None:
        sweep(app, configs.GRACE + timedelta(hours=1))
        full.developer.delete(f"{full.path}/config")
        sweep(app, GRACE + timedelta(hours=1))
        former, live, test = told(app, full)
        assert former == (
            "sweep",
            {"mode": "test", "fields": ["test_former_webhook_secret"]},
        )
        assert live == ("sweep", {"mode": "live", "fields": ["live_secret_key"]}) or (
            test == ("sweep", {"mode": "live", "fields": ["live_secret_key"]})
        )
        assert {*live[1]["fields"], *test[1]["fields"]} == {*ALL, "live_secret_key"}

    def test_a_put_within_it_keeps_them(self, app: Flask, full: ProjectSeat) -> None:
        full.developer.delete(f"{full.path}/config")
        shown = store_keys(full.developer, full.project_id)
        assert shown["keys_destroyed_at"] is None
        sweep(app, GRACE + timedelta(hours=1))
        assert {*ALL, "live_secret_key"} <= held(app, full)
        with app.app_context():
            assert credentials.secret_key(full.project_id, "test") == full.secret_key

    def test_a_put_after_it_begins_anew(self, app: Flask, full: ProjectSeat) -> None:
        full.developer.delete(f"{full.path}/config")
        sweep(app, GRACE + timedelta(hours=1))
        assert store_keys(full.developer, full.project_id)["is_active"] is True
        with app.app_context(), pytest.raises(StripeNotSetUp):
            credentials.secret_key(full.project_id, "test")
        shown = store_keys(full.developer, full.project_id, test_secret_key=(key := sandbox_key()))
        assert shown["test_secret_key_masked"] == mask(key)
        with app.app_context():
            assert credentials.secret_key(full.project_id, "test") == key

    def test_the_former_webhook_secret_goes_after_its_day(
        self, app: Flask, full: ProjectSeat
    ) -> None:
        sweep(app, configs.GRACE - timedelta(minutes=5))
        assert "test_former_webhook_secret" in held(app, full)
        sweep(app, configs.GRACE + timedelta(minutes=5))
        assert held(app, full) == {*ALL, "live_secret_key"}

    def test_others_keep_theirs(
        self, app: Flask, full: ProjectSeat, second: ProjectSeat, neighbours: ProjectSeat
    ) -> None:
        full.developer.delete(f"{full.path}/config")
        sweep(app, GRACE + timedelta(hours=1))
        for other in (second, neighbours):
            assert "test_secret_key" in held(app, other)


class TestAtOnce:
    def test_with_the_configuration(self, app: Flask, full: ProjectSeat) -> None:
        answer = full.developer.delete(f"{full.path}/config?destroy_keys=true")
        assert (answer.status_code, answer.data) == (204, b"")
        assert held(app, full) == set()
        assert {actor.partition(":")[0] for actor, _ in told(app, full)} == {"user"}

    def test_of_one_that_is_off_already(self, app: Flask, full: ProjectSeat) -> None:
        path = f"{full.path}/config"
        full.developer.delete(path)
        assert full.developer.delete(path).status_code == 404
        assert full.developer.delete(f"{path}?destroy_keys=true").status_code == 204
        assert held(app, full) == set()
        assert full.developer.delete(f"{path}?destroy_keys=true").status_code == 404

    def test_with_the_project(self, app: Flask, full: ProjectSeat) -> None:
        path = f"{PROJECTS}/{full.project_id}?destroy_keys=1"
        assert full.developer.delete(path).status_code == 204
        assert held(app, full) == set()

    def test_nonsense_is_refused(self, seat: ProjectSeat) -> None:
        for path in (f"{seat.path}/config", f"{PROJECTS}/{seat.project_id}"):
            assert seat.developer.delete(f"{path}?destroy_keys=perhaps").status_code == 422

    def test_not_those_of_others(self, seat: ProjectSeat, neighbours: ProjectSeat) -> None:
        path = f"{neighbours.path}/config?destroy_keys=true"
        assert seat.developer.delete(path).status_code == 403


class TestCommand:
    def test_it_destroys_and_switches_off(self, app: Flask, full: ProjectSeat) -> None:
        run = app.test_cli_runner().invoke
        done = run(args=["keys", "destroy", "--project", full.project_id.upper()])
        assert (done.exit_code, done.output) == (0, "the keys are destroyed\n")
        assert held(app, full) == set()
        assert config(full)["is_active"] is False
        assert {actor for actor, _ in told(app, full)} == {"operator"}
        again = run(args=["keys", "destroy", "--project", full.project_id])
        assert (again.exit_code, again.output) == (0, "there were no keys\n")

    def test_an_unknown_project(self, app: Flask) -> None:
        done = app.test_cli_runner().invoke(args=["keys", "destroy", "--project", "nobody"])
        assert done.exit_code == 1
        assert "there is no project nobody" in done.output


class TestWithoutKeys:
    def test_nothing_is_compared(self, app: Flask, full: ProjectSeat) -> None:
        with app.app_context():
            assert len(accounts.of_project(full.project_id)) == 2
        full.developer.delete(f"{full.path}/config?destroy_keys=true")
        store_keys(full.developer, full.project_id)
        with app.app_context():
            assert accounts.of_project(full.project_id) == []

    def test_callers_are_told_that_nothing_is_set_up(self, full: ProjectSeat) -> None:
        full.developer.delete(f"{full.path}/config?destroy_keys=true")
        store_keys(full.developer, full.project_id)
        answer = full.developer.client.post(full.webhook_path(), data=b"{}")
        assert answer.status_code == 404
        order = {"return_url": "https://shop.example/back"}
        portal = full.end_user.post("/api/v1/payments/stripe/customer-portal", order)
        assert portal.status_code == 404
        events = full.developer.get(f"{full.path}/events")
        assert events.status_code == 200
