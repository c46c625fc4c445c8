"""Canaries: keys are stored, used and mistreated; afterwards nobody finds them anywhere.

Logs at DEBUG, answers, Redis, Celery's messages, the whole database and reprs are searched.
"""

from __future__ import annotations

import dataclasses
import json
import logging
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import sqlalchemy as sa
from celery import Celery
from flask import Flask
from redis import Redis
from werkzeug.test import TestResponse

from payments.config import Settings
from payments.gateway import billing, gateway
from payments.kit import logs
from payments.kit.db import Base, db
from payments.projects import configs, credentials
from payments.projects.models import StripeCredentials
from tests.support.apps import another_app
from tests.support.developers import (
    AUTH,
    PROJECTS,
    STRIPE,
    Developer,
    EndUser,
    new_api_key,
    new_project,
    register_developer,
    register_end_user,
)
from tests.support.shop import Shop
from tests.support.till import fault

BALANCE = "/v1/balance"


def canary(prefix: str) -> str:
    """Make a secret whose tail, which a mask may show, is none of the part that is looked for."""
    return f"{prefix}canary{secrets.token_hex(12)}mask"


@dataclass
class Cage:
    """The canaries, and everything that was said while they were about."""

    keys: dict[str, str]
    former: str
    password: str
    api_key: str = ""
    answers: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)

    @property
    def secrets(self) -> list[str]:
        held = {name: key for name, key in self.keys.items() if "publishable" not in name}
        return [*held.values(), self.former, self.password, self.api_key]

    def found_in(self, texts: list[str]) -> list[str]:
        """Return the texts that hold the hidden part of a canary."""
        # Masks show up to eight characters at the front and four at the end.
        hidden = [secret[8:-4] for secret in self.secrets if secret]  # one comes later
        return [text for text in texts if any(part in text for part in hidden)]


class Listener(logging.Handler):
    """Hears every record of the process as it would be written."""

    def __init__(self, lines: list[str]) -> None:
        super().__init__(logging.DEBUG)
        self.lines = lines
        self.setFormatter(logs.JsonFormatter())

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))
        if record.name.startswith(("payments", "worker")):
            # Blotting out is the net, not the plan: our own lines do not even try.
            self.lines.append(record.getMessage())


@pytest.fixture(scope="module")
def cage() -> Cage:
    keys = {
        "test_secret_key": canary("sk_test_"),
        "test_publishable_key": canary("pk_test_"),
        "test_webhook_secret": canary("whsec_"),
        "live_secret_key": canary("sk_live_"),
        "live_webhook_secret": canary("whsec_"),
    }
    return Cage(keys, former=canary("whsec_"), password=f"Aa1_canary{secrets.token_hex(12)}mask")


@pytest.fixture(scope="module")
def loud(settings: Settings, app: Flask, worker: None, cage: Cage) -> Iterator[Flask]:
    """The service with every logger of the process at DEBUG, SQL and its values included."""
    sql = logging.getLogger("sqlalchemy.engine")
    sql.setLevel(logging.DEBUG)
    with another_app(settings, log_level="DEBUG") as made:
        root, listener = logging.getLogger(), Listener(cage.lines)
        root.addHandler(listener)
        yield made
        root.removeHandler(listener)
    sql.setLevel(logging.NOTSET)
    logs.configure(settings.log_level)


@pytest.fixture(scope="module")
def history(loud: Flask, cage: Cage, settings: Settings) -> Cage:
    """All that happens to the canaries, once for the module."""
    with pytest.MonkeyPatch.context() as patch:
        send = Celery.send_task

        def noted(self: Celery, name: str, *args: Any, **kwargs: Any) -> Any:
            cage.messages.append(json.dumps([name, args, kwargs], default=repr))
            return send(self, name, *args, **kwargs)

        patch.setattr(Celery, "send_task", noted)
        Story(loud, cage, settings, patch).run()
    return cage


class Story:
    """A developer's day with his keys, most of it going wrong."""

    def __init__(
        self, app: Flask, cage: Cage, settings: Settings, patch: pytest.MonkeyPatch
    ) -> None:
        self.app, self.cage, self.settings, self.patch = app, cage, settings, patch
        self.client = app.test_client()
        self.developer: Developer = register_developer(self.client, settings)
        self.project_id = new_project(self.developer)
        cage.api_key = new_api_key(self.developer, self.project_id)
        self.path = f"{STRIPE}/projects/{self.project_id}"
        self.user: EndUser = register_end_user(self.client, self.project_id, cage.api_key)

    def run(self) -> None:
        self.store()
        self.validate()
        self.stripe_fails()
        self.bad_input()
        self.exceptions()
        self.accounts()
        self.webhooks()
        self.payments()
        self.reads()

    def note(self, answer: TestResponse) -> TestResponse:
        self.cage.answers.append(f"{answer.status_code} {answer.headers} {answer.text}")
        return answer

    def put(self, body: Any) -> TestResponse:
        return self.note(self.developer.put(f"{self.path}/config", body))

    def check(self, key: str, *, is_test_mode: bool = True) -> TestResponse:
        body = {"secret_key": key, "is_test_mode": is_test_mode}
        return self.note(self.developer.post(f"{self.path}/validate-credentials", body))

    def store(self) -> None:
        assert self.put({"test_webhook_secret": self.cage.former}).status_code == 200
        assert self.put(self.cage.keys).status_code == 200

    def validate(self) -> None:
        test, live = self.cage.keys["test_secret_key"], self.cage.keys["live_secret_key"]
        assert self.check(test).json["valid"] is True
        assert self.check(live, is_test_mode=False).json["valid"] is True
        for wrong in (live, test[8:], f"{test} ", f"{test}\n{test}", f"é{test}", f"pk{test}"):
            self.check(wrong)
        assert self.check(self.cage.keys["test_webhook_secret"]).json["valid"] is False

    def stripe_fails(self) -> None:
        key = self.cage.keys["test_secret_key"]
        shop = Shop(self.client, _with_key(self.settings, key))
        text = f"The key {key} does not have the required permissions for this endpoint."
        body = {"type": "invalid_request_error", "message": text}
        for action in (
            {"action": "error", "status": 403, "error": body},
            {"action": "error", "status": 401, "error": body},
            {"action": "error", "status": 400, "error": body},
            {"action": "error", "status": 500, "error": body},
            {"action": "drop_before"},
        ):
            fault(shop, path=BALANCE, method="GET", **action)
            self.check(key)
        with another_app(self.settings, log_level="DEBUG", stripe_api_base="http://127.0.0.1:9"):
            self.check(key)

    def bad_input(self) -> None:
        key = self.cage.keys["test_secret_key"]
        for body in (
            {"live_secret_key": key},
            {"test_webhook_secret": key},
            {"test_secret_key": [key]},
            {"test_secret_key": {"key": key}},
            {"test_secret_key": f"{key}\x00"},
            {key: key},
            [key],
            key,
        ):
            self.put(body)
        raw = f'{{"test_secret_key": "{key}'.encode()
        path = f"{self.path}/config"
        self.note(self.developer.call("PUT", path, data=raw, content_type="application/json"))
        self.note(self.developer.get(path, headers={"Authorization": f"Bearer {key}"}))
        self.note(self.developer.get(f"{PROJECTS}/{key}"))
        self.note(self.developer.get(f"{path}?page={key}"))

    def exceptions(self) -> None:
        def broken(*_: Any, **keys: Any) -> None:
            raise RuntimeError(f"a bug near {keys or self.cage.keys}")

        with self.patch.context() as patch:
            patch.setattr(configs, "save", broken)
            assert self.put(self.cage.keys).status_code == 500
        with self.app.app_context():
            for key in self.cage.secrets:
                try:
                    credentials.secret_key(key, key)
                except Exception:
                    logging.getLogger("other").exception("unexpected")

    def accounts(self) -> None:
        body = {"email": f"{secrets.token_hex(6)}@example.com", "password": self.cage.password}
        scope = {"X-Project-ID": self.project_id}
        keys = {**scope, "X-Developer-Key": self.cage.api_key}
        for headers in (
            keys,
            {**keys, "X-Project-ID": "x"},
            {"X-Operator-Key": keys["X-Developer-Key"]},
        ):
            self.note(self.client.post(f"{AUTH}/register", json=body, headers=headers))
        self.note(self.client.post(f"{AUTH}/login", json=body, headers=scope))
        self.note(self.client.post(f"{AUTH}/login", json=body))
        for wrong in ({"password": self.cage.password}, {**body, "email": self.cage.password}):
            self.note(self.client.post(f"{AUTH}/register", json=wrong, headers=keys))

    def webhooks(self) -> None:
        shop = Shop(self.client, self.settings)
        path = f"{STRIPE}/webhooks/{self.project_id}/test"
        event = {
            "id": f"evt_{secrets.token_hex(8)}", "object": "event", "type": "customer.created",
            "created": 1, "livemode": False, "data": {"object": {"id": "cus_1"}},
        }  # fmt: skip
        payload = json.dumps(event)
        for secret in (self.cage.keys["test_webhook_secret"], self.cage.former, "whsec_other"):
            header = shop.signature(payload, secret=secret)
            headers = {"Stripe-Signature": header}
            self.note(self.client.post(path, data=payload, headers=headers))
        header = f"t=1,v1={self.cage.keys['test_webhook_secret']}"
        self.note(self.client.post(path, data=payload, headers={"Stripe-Signature": header}))

    def payments(self) -> None:
        body = {
            "price_id": "price_none",
            "success_url": "https://a.example",
            "cancel_url": "https://a.example",
        }
        self.note(self.user.post(f"{STRIPE}/checkout-session", body))
        self.note(self.user.post(f"{STRIPE}/customer-portal", {"return_url": "https://a.example"}))
        self.note(self.user.get(f"{STRIPE}/my-subscription"))

    def reads(self) -> None:
        for path in (
            f"{self.path}/config",
            f"{self.path}/webhook-urls",
            f"{self.path}/timeline?page_size=100",
            f"{PROJECTS}/",
            f"{PROJECTS}/{self.project_id}/api-keys",
            f"{PROJECTS}/{self.project_id}/users",
            f"{AUTH}/me",
            "/openapi.json",
        ):
            self.note(self.developer.get(path))
        self.cage.answers.append(self.app.test_cli_runner().invoke(args=["keys", "rotate"]).output)


def _with_key(settings: Settings, key: str) -> Settings:
    return dataclasses.replace(settings, stripe_secret_key=key)


def database_dump() -> list[str]:
    """Return every row of every table as text."""
    return [
        f"{table.name} {row}"
        for table in Base.metadata.sorted_tables
        for row in db.session.execute(sa.select(table)).mappings()
    ]


def redis_dump(client: Redis) -> list[str]:
    """Return every key and value of the run's Redis as text."""
    return [f"{key!r} {_value(client, key)!r}" for key in client.scan_iter(count=500)]


def _value(client: Redis, key: bytes) -> Any:
    readers = {
        b"string": client.get,
        b"list": lambda name: client.lrange(name, 0, -1),
        b"set": client.smembers,
        b"zset": lambda name: client.zrange(name, 0, -1, withscores=True),
        b"hash": client.hgetall,
    }
    reader = readers.get(client.type(key))
    return reader(key) if reader else client.dump(key)


class TestNobodyFinds:
    def test_a_line_of_the_log(self, history: Cage) -> None:
        assert len(history.lines) > 50
        assert any('"logger": "urllib3' in line for line in history.lines)
        assert any('"logger": "sqlalchemy' in line for line in history.lines)
        assert history.found_in(history.lines) == []

    def test_an_answer(self, history: Cage) -> None:
        statuses = {answer[:3] for answer in history.answers}
        assert {"200", "401", "403", "422", "500", "502"} <= statuses
        assert history.found_in(history.answers) == []

    def test_a_row_of_the_database(self, loud: Flask, history: Cage) -> None:
        with loud.app_context():
            dump = database_dump()
        assert any(row.startswith("stripe_credentials ") for row in dump)
        assert history.found_in(dump) == []

    def test_a_value_in_redis(self, loud: Flask, history: Cage) -> None:
        assert history.found_in(redis_dump(loud.extensions["payments.redis"])) == []

    def test_a_message_to_a_worker(self, history: Cage) -> None:
        assert history.found_in(history.messages) == []

    def test_a_repr(self, loud: Flask, history: Cage) -> None:
        key = history.keys["test_secret_key"]
        with loud.app_context():
            rows = list(db.session.scalars(sa.select(StripeCredentials)))
            held = [*rows, gateway.account(key), billing.account(key), loud.extensions]
            assert history.found_in([repr(thing) for thing in held]) == []


class TestTheSearchItself:
    def test_it_finds_a_planted_canary(self, cage: Cage) -> None:
        key = cage.keys["live_secret_key"]
        assert cage.found_in([f"x{key}x", key[8:-4], "sk_live_...mask", "nothing"]) == [
            f"x{key}x",
            key[8:-4],
        ]

    def test_the_listener_hears_our_own_lines_raw(self) -> None:
        lines: list[str] = []
        record = logging.makeLogRecord({"name": "payments.x", "msg": "sk_test_0123456789"})
        Listener(lines).emit(record)
        assert lines[0].count("0123456789") == 0
        assert lines[1] == "sk_test_0123456789"

    def test_every_kind_of_value_in_redis_is_read(self, loud: Flask) -> None:
        client, mark = loud.extensions["payments.redis"], secrets.token_hex(8)
        names = [f"planted:{mark}:{n}" for n in range(5)]
        client.set(names[0], f"a{mark}")
        client.rpush(names[1], f"b{mark}")
        client.sadd(names[2], f"c{mark}")
        client.zadd(names[3], {f"d{mark}": 1})
        client.hset(names[4], "f", f"e{mark}")
        try:
            dump = "".join(redis_dump(client))
        finally:
            client.delete(*names)
        assert all(f"{letter}{mark}" in dump for letter in "abcde")
