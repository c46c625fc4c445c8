"""`flask seed`: plans, people, a workspace and the sandbox's webhook, as often as one likes."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from payments import demo, local_secrets
from payments.auth import passwords
from payments.auth.models import User
from payments.auth.queries import find_by_email
from payments.config import Settings
from payments.gateway.errors import Unavailable
from payments.kit.db import db
from payments.webhooks.handlers import HANDLERS
from payments.workspaces import directory
from payments.workspaces.models import Membership, PricingPlan, Workspace
from tests.support.people import CHEAP_HASHER
from tests.support.stack import Sandbox

Seed = Callable[[], dict[str, Any]]
Change = Callable[..., Settings]


@pytest.fixture
def change(app: Flask) -> Iterator[Change]:
    """Change the app's settings for one test."""
    before: Settings = app.extensions["payments.settings"]

    def replace(**values: Any) -> Settings:
        held: Settings = app.extensions["payments.settings"]
        app.extensions["payments.settings"] = dataclasses.replace(held, **values)
        return app.extensions["payments.settings"]  # type: ignore[no-any-return]

    yield replace
    app.extensions["payments.settings"] = before


@pytest.fixture(autouse=True)
def machine(
    change: Change, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Settings:
    """A folder, an account at the sandbox and an address of this test's own."""
    monkeypatch.delenv("STRIPE_WEBHOOK_SECRET", raising=False)
    monkeypatch.setattr(passwords, "HASHER", CHEAP_HASHER)  # cheap: it is not tested here
    return change(
        data_dir=tmp_path,
        stripe_secret_key=f"sk_test_{abs(hash(request.node.nodeid)):x}",
        public_url="http://127.0.0.1:9",
    )


@pytest.fixture
def seed(app: Flask, tmp_path: Path) -> Seed:
    def run() -> dict[str, Any]:
        done = app.test_cli_runner().invoke(args=["seed"])
        assert done.exit_code == 0, done.output
        held: dict[str, Any] = json.loads((tmp_path / demo.FILE).read_text())
        return held

    return run


def endpoints(sandbox: Sandbox, settings: Settings) -> list[dict[str, Any]]:
    answer = requests.get(
        f"{sandbox.url}/v1/webhook_endpoints",
        auth=(settings.stripe_secret_key or "", ""),
        timeout=5,
    )
    found: list[dict[str, Any]] = answer.json()["data"]
    return found


class TestPeople:
    def test_everybody_can_log_in(self, seed: Seed, client: FlaskClient) -> None:
        told = seed()
        for role in demo.PEOPLE:
            answer = client.post("/api/auth/login", json=told[role])
            assert answer.status_code == 200, role
            assert told[role]["email"] == f"{role.replace('_', '.')}@demo.example"

    def test_each_has_his_role(self, seed: Seed, context: Flask) -> None:
        told = seed()
        seats = db.session.execute(
            sa.select(User.email, Membership.role)
            .join(Membership, Membership.user_id == User.id)
            .where(Membership.workspace_id == told["workspace"]["id"])
        )
        assert dict(tuple(seat) for seat in seats) == {
            f"{role}@demo.example": role for role in ("owner", "admin", "member")
        }
        admins = db.session.scalars(sa.select(User.email).where(User.is_admin))
        assert "platform.admin@demo.example" in set(admins)

    def test_a_second_time_changes_nothing(self, seed: Seed, context: Flask) -> None:
        def counts() -> list[int | None]:
            db.session.rollback()
            models = (User, Workspace, Membership, PricingPlan)
            return [db.session.scalar(sa.select(sa.func.count()).select_from(m)) for m in models]

        first, before = seed(), counts()
        assert (seed(), counts()) == (first, before)

    def test_somebody_else_may_have_the_name(self, seed: Seed, context: Flask) -> None:
        told = seed()
        seat = Membership.user_id == User.id, Membership.role == "owner"
        owners = sa.select(User.email).join(Membership, sa.and_(*seat))
        mine = owners.where(Membership.workspace_id == told["workspace"]["id"])
        stranger = find_by_email(told["outsider"]["email"])
        assert stranger is not None
        directory.create_workspace(stranger, name=demo.NAME)
        assert seed() == told
        assert db.session.scalars(mine).all() == [told["owner"]["email"]]

    def test_a_lost_file_gives_new_passwords_that_work(
        self, seed: Seed, client: FlaskClient, tmp_path: Path
    ) -> None:
        before = seed()["owner"]
        (tmp_path / demo.FILE).write_text("spoilt")
        after = seed()["owner"]
        assert after != before
        assert client.post("/api/auth/login", json=after).status_code == 200
        assert client.post("/api/auth/login", json=before).status_code == 401


class TestFile:
    def test_it_is_for_its_owner_alone(self, seed: Seed, tmp_path: Path) -> None:
        seed()
        assert (tmp_path / demo.FILE).stat().st_mode & 0o077 == 0
        assert list(tmp_path.glob(".demo-*")) == []

    def test_what_it_tells(self, seed: Seed, machine: Settings) -> None:
        told = seed()
        assert told["base_url"] == "http://127.0.0.1:9"
        assert told["sandbox_url"] == machine.stripe_api_base
        assert told["operator_key"] == machine.operator_key
        assert told["workspace"]["slug"].startswith("acme")
        assert told["platform"]["secret_key"] == machine.stripe_secret_key
        key = (machine.stripe_secret_key or "").removeprefix("sk_")
        assert told["platform"]["publishable_key"] == f"pk_{key}"


class TestWebhook:
    def test_the_sandbox_learns_where_to_deliver(
        self, seed: Seed, sandbox: Sandbox, machine: Settings
    ) -> None:
        secret = seed()["platform"]["webhook_secret"]
        assert secret.startswith("whsec_")
        (endpoint,) = endpoints(sandbox, machine)
        assert endpoint["url"] == "http://127.0.0.1:9/api/payments/webhook"
        assert sorted(endpoint["enabled_events"]) == sorted(HANDLERS)

    def test_the_secret_is_kept(
        self, seed: Seed, sandbox: Sandbox, machine: Settings, tmp_path: Path
    ) -> None:
        first = seed()["platform"]["webhook_secret"]
        assert local_secrets.read(tmp_path)["stripe_webhook_secret"] == first
        assert seed()["platform"]["webhook_secret"] == first
        assert len(endpoints(sandbox, machine)) == 1

    def test_an_endpoint_of_an_earlier_release_is_told_of_new_types(
        self, seed: Seed, sandbox: Sandbox, machine: Settings, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with monkeypatch.context() as earlier:
            earlier.setattr(demo, "HANDLERS", {"payment_intent.succeeded": None})
            first = seed()["platform"]["webhook_secret"]
        assert seed()["platform"]["webhook_secret"] == first
        (endpoint,) = endpoints(sandbox, machine)
        assert sorted(endpoint["enabled_events"]) == sorted(HANDLERS)

    def test_a_lost_secret_is_replaced(
        self, seed: Seed, sandbox: Sandbox, machine: Settings, tmp_path: Path
    ) -> None:
        first = seed()["platform"]["webhook_secret"]
        (tmp_path / local_secrets.FILE).unlink()
        second = seed()["platform"]["webhook_secret"]
        assert second not in {first, "", None}
        assert len(endpoints(sandbox, machine)) == 1

    def test_another_port_keeps_the_old_secret_valid(
        self, seed: Seed, change: Change, tmp_path: Path
    ) -> None:
        first = seed()["platform"]["webhook_secret"]
        change(public_url="http://127.0.0.1:10")
        second = seed()["platform"]["webhook_secret"]
        assert local_secrets.read(tmp_path)["stripe_webhook_secret"] == f"{second},{first}"

    def test_a_given_secret_is_left_to_whoever_gave_it(
        self, seed: Seed, sandbox: Sandbox, machine: Settings, change: Change,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:  # fmt: skip
        monkeypatch.setenv("STRIPE_WEBHOOK_SECRET", "whsec_given")
        change(stripe_webhook_secrets=("whsec_given",))
        assert seed()["platform"]["webhook_secret"] == "whsec_given"
        assert endpoints(sandbox, machine) == []

    def test_a_sandbox_that_is_down_is_one_line(
        self, app: Flask, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def down(*_args: object, **_options: object) -> None:
            raise Unavailable("no connection")

        monkeypatch.setattr(demo.endpoints, "ensure_webhook_endpoint", down)
        done = app.test_cli_runner().invoke(args=["seed"])
        assert done.exit_code == 1
        assert "did not serve (no connection); start it first" in done.output


class TestElsewhere:
    def test_production_gets_plans_only(
        self, app: Flask, change: Change, context: Flask, tmp_path: Path
    ) -> None:
        change(env="production")
        done = app.test_cli_runner().invoke(args=["seed"])
        assert (done.exit_code, "no demo people" in done.output) == (0, True)
        assert list(tmp_path.iterdir()) == []
        assert db.session.scalar(sa.select(PricingPlan.slug).where(PricingPlan.tier == 0))

    @pytest.mark.parametrize("base", [None, "https://api.stripe.com"])
    def test_stripe_itself_is_left_alone(
        self, seed: Seed, change: Change, base: str | None, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(demo.endpoints, "ensure_webhook_endpoint", lambda *_: pytest.fail("no"))
        change(stripe_api_base=base, stripe_webhook_secrets=())
        assert "platform" not in seed()
