"""Canaries of the platform's own: real processes at DEBUG, every bad day, and nobody repeats them.

Searched: what web, worker and beat write, every command that Redis gets, all rows, all answers,
what the flask commands print, and reprs.
"""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from payments.idempotency.models import IdempotentRequest
from payments.invoices.models import Invoice
from payments.kit.db import Base
from payments.workspaces.models import PaymentMethod
from tests.support import processes, stack
from tests.support.canaries import Noted, Watch, canary, monitored
from tests.support.deliveries import made_up
from tests.support.obstacles import no_timeline_for
from tests.support.people import Person, sign_up
from tests.support.processes import Group
from tests.support.shop import Shop, eventually
from tests.support.site import Site, open_site
from tests.support.till import browser_authenticates

ALWAYS = "pm_card_authenticationRequired"
CARD = "4242424242424242"


@pytest.fixture(scope="module")
def keys() -> dict[str, str]:
    return {
        "STRIPE_SECRET_KEY": canary("sk_test_"),
        "STRIPE_WEBHOOK_SECRET": canary("whsec_"),
        "SECRET_KEY": canary(),
        "JWT_SECRET_KEY": canary(),
        "CREDENTIALS_KEYS": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
        "OPERATOR_KEY": canary(),
        "AWS_SECRET_ACCESS_KEY": canary(),
    }


@pytest.fixture(scope="module")
def place(
    tmp_path_factory: pytest.TempPathFactory, sandbox: stack.Sandbox, keys: dict[str, str]
) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("canaries")
    loud = {"LOG_LEVEL": "DEBUG", "CHARGE_WAIT_SECONDS": "15"}
    with open_site(folder, sandbox, own_redis=True, **keys, **loud) as made:
        yield made


@pytest.fixture(scope="module")
def history(place: Site, keys: dict[str, str]) -> Watch:
    """All that happens to the canaries, once for the module."""
    watch = Watch(keys)
    environment = place.environment
    with (
        monitored(place.settings.redis_url, watch.commands),
        processes.web(environment) as client,
        processes.running(_worker(environment)) as worker,
    ):
        assert client.group is not None
        watch.groups = [client.group, worker]
        Story(place, Noted(client, watch.answers), watch).run()
        watch.printed = [_printed(place, *words) for words in COMMANDS]
    return watch


COMMANDS = (
    ("seed",), ("keys", "rotate"), ("events", "list"), ("events", "list", "--state", "failed"),
    ("events", "show", "evt_canary"), ("routes",),
)  # fmt: skip


def _worker(environment: dict[str, str]) -> Group:
    command = [*processes.procfile("worker", environment), "--concurrency", "2"]
    group = Group("worker", command, environment)
    return group.wait_until(lambda: " ready." in group.output)


def _printed(place: Site, *words: str) -> str:
    with place.app.app_context():
        return str(place.app.test_cli_runner().invoke(args=list(words)).output)


class Story:
    """A day on which much goes wrong."""

    def __init__(self, place: Site, client: Any, watch: Watch) -> None:
        self.place, self.watch = place, watch
        self.shop: Shop = place.over(client)
        self.person: Person = sign_up(client, "Cara", password=self.password())
        watch.tokens += [self.person.token, self.person.refresh_token]
        self.slug = self.person.home.slug

    def password(self) -> str:
        self.watch.passwords.append(canary("Aa1-"))
        return self.watch.passwords[-1]

    def run(self) -> None:
        self.saves_cards()
        self.pays()
        self.authenticates()
        self.stripe_refuses()
        self.breaks()
        self.knocks()

    def saves_cards(self) -> None:
        headers = {"Idempotency-Key": "setup-1"}
        path = f"/api/payments/{self.slug}/payment-method"
        for _ in range(2):
            answer = self.shop.call("POST", path, self.person, headers=headers)
            self.watch.client_secrets.append(answer.json["data"]["clientSecret"])
        self.shop.save_card(self.person, self.slug, billingName="C. Anary")
        body = {"setupIntentId": "seti_no", "paymentMethodId": CARD}
        self.shop.call("POST", f"{path}/confirm", self.person, json=body)

    def pays(self) -> None:
        assert self.shop.upgrade(self.person, self.slug).status_code == 200
        for path in ("invoices", "payment-methods"):
            self.shop.call("GET", f"/api/payments/{self.slug}/{path}", self.person)

    def authenticates(self) -> None:
        headers = {"Idempotency-Key": "upgrade-1"}
        answer = self.shop.upgrade(self.person, self.slug, "pro", card=ALWAYS, headers=headers)
        assert answer.status_code == 402, answer.text
        secret = answer.json["details"]["clientSecret"]
        self.watch.client_secrets.append(secret)
        browser_authenticates(self.shop, secret, ALWAYS)
        charge = answer.json["details"]["chargeId"]
        path = f"/api/payments/{self.slug}/charges/{charge}"
        eventually(
            lambda: self.shop.call("GET", path, self.person).json["data"]["status"] == "succeeded"
        )

    def stripe_refuses(self) -> None:
        """Stripe repeats our key in its messages, as it does when a key is wrong."""
        text = f"Invalid API Key provided: {self.watch.keys['STRIPE_SECRET_KEY']}"
        error = {"type": "invalid_request_error", "message": text}
        for status in (401, 403, 400, 500):
            self.place.fault("error", "*", "/v1/setup_intents", status=status, error=error)
            self.shop.call("POST", f"/api/payments/{self.slug}/payment-method", self.person)
        self.shop.control("DELETE", "faults")
        other = sign_up(self.shop.client, "Cleo", password=self.password())
        self.watch.tokens += [other.token, other.refresh_token]
        self.shop.save_card(other, other.home.slug)
        self.place.fault("error", "POST", "/v1/payment_intents", status=401, error=error)
        self.shop.upgrade(other, other.home.slug)

    def breaks(self) -> None:
        """The database refuses in the middle of a request: a 500 with a trace in the log."""
        setup = self.shop.set_up(self.person, self.slug)
        self.watch.client_secrets.append(setup["clientSecret"])
        method = self.shop.browser_confirms_setup(setup)["payment_method"]
        body = {"setupIntentId": setup["setupIntentId"], "paymentMethodId": method}
        path = f"/api/payments/{self.slug}/payment-method/confirm"
        with no_timeline_for(self.place, method):
            assert self.shop.call("POST", path, self.person, json=body).status_code == 500

    def knocks(self) -> None:
        key = self.watch.keys["STRIPE_WEBHOOK_SECRET"]
        for header in (f"t=1,v1={key}", key, f"Bearer {self.person.token}"):
            self.shop.deliver(made_up(), header=header)
        poison = made_up("payment_intent.succeeded", id="evt_canary", data={"object": {
            "id": "pi_canary", "client_secret": self.watch.client_secrets[0]}})  # fmt: skip
        assert self.shop.deliver(poison).status_code == 200
        for headers in ({"X-Operator-Key": key}, {"Authorization": f"Bearer {key}"}):
            self.shop.client.get("/api/auth/me", headers=headers)
            self.shop.client.post("/api/v1/auth/register", headers=headers, json={})
        body = {"email": self.person.email, "password": self.person.password + "x"}
        self.shop.client.post("/api/auth/login", json=body)
        for path in ("/openapi.json", "/healthz", "/readyz", "/metrics", "/docs", "/nothing"):
            self.shop.client.get(path)


class TestNobodyFinds:
    def test_a_line_of_any_process(self, history: Watch) -> None:
        lines = [line for group in history.groups for line in group.output.splitlines()]
        assert any('"level": "debug"' in line for line in lines)
        assert any("unhandled error" in line for line in lines)
        assert any("evt_canary could not be handled" in line for line in lines)
        assert history.found_in(lines) == []
        assert [line for line in lines if CARD in line] == []

    def test_an_answer(self, history: Watch) -> None:
        statuses = {answer[:3] for answer in history.answers}
        assert {"200", "400", "401", "402", "403", "404", "500"} <= statuses
        assert history.found_in(history.answers, answers=True) == []

    def test_a_client_secret_in_an_answer_that_is_not_its_holders(self, history: Watch) -> None:
        """They stand in the answers to those who have to use them, and in no error of ours."""
        bad = [answer for answer in history.answers if answer[:3] in {"400", "401", "403", "500"}]
        assert history.found_in(bad) == []

    def test_a_command_to_redis(self, history: Watch) -> None:
        """Messages to workers, results, locks, limits: all of it goes through here."""
        assert any("charges.run" in command for command in history.commands)
        assert any('"charge_id":' in command for command in history.commands)
        assert any("LIMIT" in command.upper() for command in history.commands)
        assert history.found_in(history.commands) == []

    def test_a_row(self, place: Site, history: Watch) -> None:
        rows = place.read(
            lambda session: [
                f"{table.name} {dict(row)}"
                for table in Base.metadata.sorted_tables
                for row in session.execute(sa.select(table)).mappings()
                # What Stripe sent and signed is kept as it came; the poison holds a secret.
                if "evt_canary" not in str(row)
            ]
        )
        assert {row.split()[0] for row in rows} >= {"charges", "invoices", "users", "timeline"}
        assert history.found_in(rows) == []

    def test_an_answer_that_is_kept_for_a_repetition(self, place: Site, history: Watch) -> None:
        kept = place.rows(IdempotentRequest)
        assert {row.key for row in kept} >= {"setup-1", "upgrade-1"}
        texts = [f"{row.answer} {json.dumps(row.headers)}" for row in kept]
        assert history.found_in(texts) == []
        assert all("clientSecret" not in text for text in texts)
        assert history.client_secrets[0] == history.client_secrets[1]

    def test_what_a_command_prints(self, history: Watch) -> None:
        printed = dict(zip(COMMANDS, history.printed, strict=True))
        assert "evt_canary" in printed["events", "list"]
        shown = [text for words, text in printed.items() if words != COMMANDS[4]]
        assert history.found_in(shown) == []
        # An operator who asks for an event's payload gets it, and none of our keys.
        assert history.found_in([printed[COMMANDS[4]]], answers=True) == []

    def test_a_repr(self, place: Site, history: Watch) -> None:
        rows = [*place.rows(Invoice), *place.rows(PaymentMethod), *place.rows(IdempotentRequest)]
        held = [place.settings, place.app, place.app.extensions, place.shop.client, *rows]
        assert history.found_in([repr(thing) for thing in held]) == []


class TestTheSearchItself:
    def test_it_finds_what_is_planted(self, history: Watch) -> None:
        key, secret = history.keys["JWT_SECRET_KEY"], history.client_secrets[0]
        planted = [f"a {key} b", f"{secret}", history.tokens[0], "nothing"]
        assert history.found_in(planted) == [text[:300] for text in planted[:3]]
        assert history.found_in(planted, answers=True) == planted[:1]

    def test_the_files_of_the_installation_are_closed_to_others(self, place: Site) -> None:
        folder = Path(place.environment["DATA_DIR"])
        held = [path for path in folder.rglob("*") if "secret" in path.name]
        assert held
        assert all(path.stat().st_mode & 0o077 == 0 for path in held)
