"""The rate limit: 429 in both dialects, and how much is left in the projects room."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from limits.strategies import FixedWindowRateLimiter
from redis.exceptions import ConnectionError as RedisGone

from payments.config import Settings
from payments.kit import clock
from tests.support.apps import another_app
from tests.support.people import fresh_email

ME, WORKSPACES = "/api/v1/auth/me", "/api/workspaces"
WEBHOOK = "/api/v1/payments/stripe/webhooks/00000000-0000-0000-0000-000000000000/test"
TOLD = ("X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset")


@pytest.fixture
def strict(app: Flask, settings: Settings) -> Iterator[Flask]:
    """An app that lets nobody log in more than twice a minute."""
    with another_app(settings, rate_limit="200 per minute") as held:
        yield held


def get(app: Flask, path: str, address: str, method: str = "GET") -> Any:
    origin = {"REMOTE_ADDR": address}
    return app.test_client().open(path, method=method, environ_overrides=origin)


def last_of(app: Flask, path: str, times: int) -> Any:
    sent = {"email": fresh_email(), "password": "x"}
    return [app.test_client().post(path, json=sent) for _ in range(times)][-1]


def test_what_is_left(app: Flask) -> None:
    first, second = (get(app, ME, "192.0.2.1") for _ in range(2))
    limit, left, reset = (int(first.headers[name]) for name in TOLD)
    assert (limit, left) == (1_000_000, 999_999)
    assert int(second.headers["X-RateLimit-Remaining"]) == left - 1
    assert 0 < reset - clock.timestamp() <= 61
    assert "Retry-After" not in first.headers


def test_too_many_in_the_projects_room(strict: Flask) -> None:
    allowed, refused = (last_of(strict, "/api/v1/auth/login", times) for times in (2, 3))
    assert (allowed.status_code, allowed.headers["X-RateLimit-Remaining"]) == (401, "0")
    wait = int(refused.headers["Retry-After"])
    assert (refused.status_code, 0 < wait <= 61) == (429, True)
    sentence = f"Rate limit exceeded. Try again in {wait} seconds."
    assert refused.json == {"detail": sentence, "retry_after": wait}
    assert [refused.headers[name] for name in TOLD[:2]] == ["2", "0"]


def test_too_many_in_the_workspaces_room(strict: Flask) -> None:
    refused = last_of(strict, "/api/auth/login", 3)
    assert (refused.status_code, refused.json["code"]) == (429, "rate_limited")
    assert 0 < int(refused.headers["Retry-After"]) <= 61


@pytest.mark.parametrize(("path", "method"), [(WORKSPACES, "GET"), (WEBHOOK, "POST")])
def test_others_are_told_nothing(app: Flask, path: str, method: str) -> None:
    answer = get(app, path, "192.0.2.2", method)
    assert answer.status_code in {401, 404}
    assert not any(name in answer.headers for name in TOLD)


def test_without_redis_the_answer_goes_out_without_them(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It went away between the counting and the telling."""

    def gone(*_: object) -> None:
        raise RedisGone

    monkeypatch.setattr(FixedWindowRateLimiter, "get_window_stats", gone)
    answer = get(app, ME, "192.0.2.3")
    assert answer.status_code == 401
    assert not any(name in answer.headers for name in TOLD)
