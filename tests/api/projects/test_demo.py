"""`flask seed`: a developer, a project with an account of its own, an end user, and prices."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from payments import demo_project
from payments.config import Settings
from payments.gateway import endpoints
from payments.kit.transactions import transaction
from payments.projects import credentials
from payments.projects.models import StripeCredentials
from tests.support.apart import own_database
from tests.support.apps import another_app
from tests.support.developers import AUTH, PROJECTS, STRIPE
from tests.support.people import bearer

PRICES = {"price_monthly": 999, "price_yearly": 9990, "price_one_time": 1999}


@pytest.fixture(scope="module")
def place(
    settings: Settings, environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Settings]:
    """A service that was never seeded, with a folder of its own."""
    folder = tmp_path_factory.mktemp("demo")
    with own_database(settings, environment, folder, data_dir=folder) as chosen:
        yield chosen


@pytest.fixture
def fresh(place: Settings) -> Iterator[Flask]:
    with another_app(place) as app:
        yield app


@pytest.fixture
def told(fresh: Flask, place: Settings) -> dict[str, Any]:
    return seeded(fresh, place)


def seeded(app: Flask, settings: Settings) -> dict[str, Any]:
    answer = app.test_cli_runner().invoke(args=["seed"])
    assert answer.exit_code == 0, answer.output
    return dict(json.loads((settings.data_dir / "demo.json").read_text()))


def token(client: FlaskClient, person: dict[str, str]) -> dict[str, str]:
    body = {name: person[name] for name in ("email", "password")}
    scope = {"X-Project-ID": person["project_id"]} if "project_id" in person else {}
    answer = client.post(f"{AUTH}/login", json=body, headers=scope)
    assert answer.status_code == 200, answer.text
    return bearer(answer.json["access_token"])


def at_stripe(told: dict[str, Any], path: str) -> dict[str, Any]:
    key = told["project"]["test_secret_key"]
    answer = requests.get(told["sandbox_url"] + path, auth=(key, ""), timeout=10)
    return dict(answer.json())


class TestSeed:
    def test_the_developer_owns_the_project(self, fresh: Flask, told: dict[str, Any]) -> None:
        client = fresh.test_client()
        headers = token(client, told["developer"])
        listed = client.get(f"{PROJECTS}/", headers=headers).json
        assert [project["id"] for project in listed] == [told["project"]["id"]]
        path = f"{STRIPE}/projects/{told['project']['id']}/config"
        config = client.get(path, headers=headers).json
        tail = told["project"]["test_secret_key"][-4:]
        assert config["test_secret_key_masked"] == f"sk_test_...{tail}"

    def test_the_end_user_belongs_to_it(self, fresh: Flask, told: dict[str, Any]) -> None:
        client = fresh.test_client()
        headers = token(client, told["end_user"])
        me = client.get(f"{AUTH}/me", headers=headers).json
        assert (me["role"], me["project_id"]) == ("end_user", told["project"]["id"])
        mine = client.get(f"{STRIPE}/my-subscription", headers=headers)
        assert (mine.status_code, mine.json) == (200, None)

    def test_the_prices_stand(self, told: dict[str, Any]) -> None:
        found = {
            name: at_stripe(told, f"/v1/prices/{told['project'][name]}")["unit_amount"]
            for name in PRICES
        }
        assert found == PRICES

    def test_the_account_delivers_here(self, told: dict[str, Any], place: Settings) -> None:
        standing = at_stripe(told, "/v1/webhook_endpoints")["data"]
        url = f"{place.public_url}{STRIPE}/webhooks/{told['project']['id']}/test"
        assert [endpoint["url"] for endpoint in standing] == [url]
        assert "invoice.paid" in standing[0]["enabled_events"]
        assert "charge.refunded" in standing[0]["enabled_events"]

    def test_the_webhook_secret_is_the_one_that_is_stored(
        self, fresh: Flask, told: dict[str, Any]
    ) -> None:
        with fresh.app_context():
            held = credentials.webhook_secrets(told["project"]["id"], "test", fresh=True)
        assert held[0] == told["project"]["test_webhook_secret"]

    def test_a_second_run_keeps_everything(
        self, fresh: Flask, told: dict[str, Any], place: Settings
    ) -> None:
        assert seeded(fresh, place) == told

    def test_the_file_is_for_its_owner_alone(self, told: dict[str, Any], place: Settings) -> None:
        assert Path(place.data_dir / "demo.json").stat().st_mode & 0o077 == 0


class TestRepair:
    def test_a_lost_webhook_secret_is_made_anew(
        self, fresh: Flask, told: dict[str, Any], place: Settings
    ) -> None:
        (place.data_dir / "demo.json").unlink()
        again = seeded(fresh, place)
        assert again["project"]["id"] == told["project"]["id"]
        assert again["project"]["test_webhook_secret"] != told["project"]["test_webhook_secret"]
        assert len(at_stripe(again, "/v1/webhook_endpoints")["data"]) == 1

    def test_another_address_gets_an_endpoint_of_its_own(
        self, told: dict[str, Any], place: Settings
    ) -> None:
        with another_app(place, public_url="http://127.0.0.1:8999") as app:
            again = seeded(app, place)
        assert again["project"]["test_webhook_secret"] != told["project"]["test_webhook_secret"]
        urls = {e["url"] for e in at_stripe(again, "/v1/webhook_endpoints")["data"]}
        assert {url.partition("/api/")[0] for url in urls} == {
            place.public_url,
            "http://127.0.0.1:8999",
        }

    def test_keys_that_no_longer_open_are_replaced(
        self, fresh: Flask, told: dict[str, Any], place: Settings
    ) -> None:
        with fresh.app_context(), transaction() as session:
            session.execute(sa.update(StripeCredentials).values(secret_key="bm90aGluZw=="))
        again = seeded(fresh, place)
        assert again["project"]["test_secret_key"] != told["project"]["test_secret_key"]
        assert again["project"]["price_monthly"] != told["project"]["price_monthly"]

    def test_without_the_sandbox_it_says_what_to_start(self, place: Settings) -> None:
        with another_app(place, stripe_api_base="http://127.0.0.1:9") as app:
            answer = app.test_cli_runner().invoke(args=["seed"])
        assert answer.exit_code == 1
        assert "python -m payments.sandbox" in answer.output

    def test_at_stripe_itself_nothing_is_touched(
        self, place: Settings, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def never(*_: Any, **__: Any) -> None:
            raise AssertionError("Stripe was called")

        monkeypatch.setattr(endpoints, "ensure_webhook_endpoint", never)
        with another_app(place, stripe_api_base=None) as app:
            told = seeded(app, place)
        assert set(told["project"]) == {"id"}
        assert "platform" not in told


def test_a_project_that_vanished_is_a_bug(fresh: Flask) -> None:
    with fresh.app_context(), pytest.raises(LookupError):
        demo_project._project("nobody")
