"""One id finds a request in its answer, its log lines, its task's and Stripe's."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient

from payments.config import Settings
from payments.webhooks import inbox
from tests.support.apps import another_app
from tests.support.log_lines import read_log
from tests.support.people import fresh_email, sign_up
from tests.support.shop import Shop, eventually

HEADER = "X-Request-ID"
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
WORKSPACES, PROJECTS = "/api/workspaces", "/api/v1/auth/me"


def access_of(lines: list[dict[str, Any]], request_id: str) -> dict[str, Any]:
    """Return the one line that tells of a request."""
    (line,) = (
        line
        for line in lines
        if line.get("request_id") == request_id
        and line["logger"] in {"payments.access", "payments.security"}
        and "route" in line
    )
    return line


class TestAnswers:
    @pytest.mark.parametrize(
        ("method", "path", "status"),
        [
            ("GET", "/healthz", 200), ("GET", "/docs/page.css", 200), ("GET", "/nothing", 404),
            ("POST", "/healthz", 405), ("GET", WORKSPACES, 401), ("GET", PROJECTS, 401),
            ("GET", "/api/v1/projects/x", 422), ("GET", "/api/v1/nothing", 404),
        ],
    )  # fmt: skip
    def test_every_one_bears_the_id(
        self, client: FlaskClient, method: str, path: str, status: int
    ) -> None:
        answer = client.open(path, method=method, headers={HEADER: "mine-1"})
        assert (answer.status_code, answer.headers[HEADER]) == (status, "mine-1")
        if status >= 400:
            body = json.loads(answer.data)
            assert body.get("request_id", body.get("requestId")) == "mine-1"

    def test_each_dialect_has_its_name_for_it(self, client: FlaskClient) -> None:
        ours, theirs = (json.loads(client.get(path).data) for path in (WORKSPACES, PROJECTS))
        assert set(ours) == {"message", "error", "code", "requestId"}
        assert set(theirs) == {"detail", "request_id"}

    @pytest.mark.parametrize("sent", ["", "a b", "x" * 129, "ä"])
    def test_one_that_is_unfit_is_replaced(self, client: FlaskClient, sent: str) -> None:
        answer = client.get("/healthz", headers={HEADER: sent})
        assert answer.headers[HEADER] != sent
        assert len(answer.headers[HEADER]) == 32

    def test_a_body_too_large(self, client: FlaskClient) -> None:
        answer = client.post("/api/auth/login", json="x" * 1_100_000, headers={HEADER: "big"})
        assert (answer.status_code, json.loads(answer.data)["requestId"]) == (413, "big")

    def test_a_bug(self, app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
        def fail(**_: Any) -> None:
            raise RuntimeError("a bug")

        monkeypatch.setitem(app.view_functions, "healthz", fail)
        with read_log() as lines:
            answer = client.get("/healthz", headers={HEADER: "bug"})
        assert (answer.status_code, json.loads(answer.data)["requestId"]) == (500, "bug")
        (told,) = (line for line in lines if line["message"] == "unhandled error")
        assert told["request_id"] == "bug"
        assert access_of(lines, "bug")["status"] == 500

    def test_too_many(self, settings: Settings) -> None:
        with another_app(settings, rate_limit="100 per minute") as app:
            for path, name in (("/api/auth", "requestId"), ("/api/v1/auth", "request_id")):
                sent = {"email": fresh_email(), "password": "x"}
                for number in ("1", "2"):
                    headers = {HEADER: number}
                    answer = app.test_client().post(f"{path}/login", json=sent, headers=headers)
                assert (answer.status_code, json.loads(answer.data)[name]) == (429, "2")


class TestLines:
    def test_one_line_a_request(self, client: FlaskClient) -> None:
        person = sign_up(client)
        path = f"{WORKSPACES}/{person.home.slug}"
        headers = {HEADER: "one", "traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"}
        with read_log() as lines:
            person.get(f"{path}?token=abc", headers=headers | person.headers)
        line = access_of(lines, "one")
        assert line["route"] == f"{WORKSPACES}/<string:slug>"
        assert (line["method"], line["path"], line["status"]) == ("GET", path, 200)
        assert (line["user"], line["workspace"]) == (person.id, person.home.id)
        assert (line["client"], line["trace_id"]) == ("127.0.0.1", TRACE)
        assert isinstance(line["duration_ms"], int)
        assert isinstance(line["bytes"], int)
        assert line["agent"].startswith("Werkzeug")
        assert "abc" not in str(lines)

    @pytest.mark.parametrize("path", ["/healthz", "/metrics"])
    def test_watchers_are_not_told_of(self, client: FlaskClient, path: str) -> None:
        with read_log() as lines:
            client.get(path, headers={HEADER: "watch"})
        assert [line for line in lines if "route" in line] == []

    @pytest.mark.parametrize("access_log", [True, False])
    def test_a_refusal_is_told_once(self, settings: Settings, access_log: bool) -> None:
        with another_app(settings, access_log=access_log) as app, read_log() as lines:
            app.test_client().get(WORKSPACES, headers={HEADER: "no"})
        line = access_of(lines, "no")
        assert (line["event"], line["outcome"], line["level"]) == ("request", "refused", "warning")
        assert (line["status"], line["code"]) == (401, "unauthorized")

    def test_without_the_access_log(self, settings: Settings) -> None:
        with another_app(settings, access_log=False) as app, read_log() as lines:
            app.test_client().get("/nothing")
        assert [line for line in lines if "route" in line] == []

    def test_a_developer_sees_a_short_line(
        self, settings: Settings, capsys: pytest.CaptureFixture[str]
    ) -> None:
        with another_app(settings, log_level="WARNING") as app:
            app.test_client().get("/api/v1/nothing?token=abc")
            app.test_client().post("/api/auth/login", json={})
        first, second = capsys.readouterr().err.splitlines()
        assert first.startswith("GET /api/v1/nothing 404 not_found ")
        assert second.startswith("POST /api/auth/login 400 missing_field ")
        assert first.endswith(" ms")


class TestFromTheRequestToStripe:
    def test_the_task_and_its_calls_bear_the_id(self, shop: Shop) -> None:
        person = sign_up(shop.client)
        shop.save_card(person, person.home.slug)
        with read_log() as lines:
            headers = {HEADER: "buy-1", "traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"}
            answer = shop.upgrade(person, person.home.slug, headers=headers)
            assert answer.status_code == 200, answer.text
            eventually(lambda: _of_task(lines, "charges.run ended"))
        (call,) = _of_task(lines, "Stripe: post /v1/payment_intents 200")
        assert (call["trace_id"], call["operation"]) == (TRACE, "post /v1/payment_intents")
        assert call["stripe_request_id"].startswith("req_")
        assert isinstance(call["duration_ms"], int)
        assert call["task_id"]
        (settled,) = (line for line in _of_task(lines, None) if "amount_minor" in line)
        assert (settled["amount_minor"], settled["currency"]) == (999, "usd")
        assert (settled["status"], settled["workspace"]) == ("succeeded", person.home.id)
        assert settled["stripe_payment_intent_id"].startswith("pi_")
        assert [line for line in lines if line["logger"] == "stripe"] == []

    def test_a_decline_is_a_line_with_its_code(self, shop: Shop) -> None:
        person = sign_up(shop.client)
        shop.save_card(person, person.home.slug, "pm_card_chargeCustomerFail")
        with read_log() as lines:
            answer = shop.upgrade(person, person.home.slug, headers={HEADER: "buy-2"})
            assert answer.status_code == 402
        (settled,) = (line for line in lines if "amount_minor" in line)
        assert (settled["status"], bool(settled["code"])) == ("failed", True)
        assert settled["request_id"] == "buy-2"
        assert access_of(lines, "buy-2")["code"] == answer.json["code"]

    def test_what_a_stranger_puts_into_a_message_is_not_taken(self, app: Flask) -> None:
        from worker import app as celery

        task: Any = celery.tasks["charges.run"]
        good = {"request_id": "ok", "trace_id": TRACE}
        bad = {"request_id": "a b\n", "trace_id": "x", "other": 1}
        for headers, taken in ((bad, {}), (good, good)):
            task.push_request(headers=headers)
            assert task._read_carried() == taken
            task.pop_request()


def _of_task(lines: list[dict[str, Any]], message: str | None) -> list[dict[str, Any]]:
    return [
        line
        for line in lines
        if line.get("request_id") == "buy-1"
        if line.get("task") == "charges.run"
        if message in {None, line["message"]}
    ]


class TestEvents:
    def test_one_that_cannot_be_handled_is_one_line(
        self, app: Flask, shop: Shop, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from payments.webhooks import drain

        def fail(_content: Any) -> None:
            raise ValueError(f"no shape we know: {fresh_email()} sk_live_canary1234")

        monkeypatch.setattr(drain, "handle", fail)
        event = {
            "id": f"evt_odd{uuid4().hex}", "object": "event", "type": "charge.updated",
            "created": 1, "livemode": False, "data": {"object": {"id": "ch_1"}},
        }  # fmt: skip
        with read_log() as lines:
            assert shop.deliver(event).status_code == 200
            told = eventually(lambda: [line for line in lines if event["id"] in line["message"]])
            batches = eventually(
                lambda: [line for line in lines if line["message"].endswith("events were taken")]
            )
        (line,) = told
        assert line["level"] == "error"
        assert "trace" not in line
        assert "canary" not in str(line)
        with app.app_context():
            row = inbox.find("platform", event["id"])
            assert row is not None
            assert row.last_error is not None
            assert "canary" not in row.last_error
        assert batches[0]["events"] >= 1
