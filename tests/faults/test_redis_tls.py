"""REDIS_TLS_VERIFY: broker, client and limiter accept and refuse the same certificates."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import kombu.pools
import pytest
from flask import Flask
from redis.exceptions import RedisError

from payments import jobs
from payments.app import create_app
from payments.config import load
from payments.extensions import limiter, redis
from payments.kit.db import db
from tests.support import processes, redis_servers, stack
from tests.support.processes import Group
from tests.support.redis_servers import TlsServer
from tests.support.site import Site, open_site


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tls")


@pytest.fixture(scope="module")
def own(folder: Path, sandbox: stack.Sandbox) -> Iterator[Site]:
    with open_site(folder, sandbox, own_redis=True) as made:
        yield made


@pytest.fixture(scope="module")
def server(own: Site, folder: Path) -> Iterator[TlsServer]:
    """Its Redis behind TLS, with a certificate that nobody else vouches for."""
    with redis_servers.serve_tls(own.settings.redis_url, folder) as made:
        yield made


def variables(own: Site, server: TlsServer, verify: str) -> dict[str, str]:
    chosen = str(server.certificate) if verify == "file" else verify
    return {**own.environment, "REDIS_URL": server.url, "REDIS_TLS_VERIFY": chosen}


@contextmanager
def fresh_app(own: Site, server: TlsServer, verify: str) -> Iterator[Flask]:
    """Make an app whose circuit to Redis is closed; its connections are given back."""
    app = create_app(load(variables(own, server, verify)))
    with app.app_context():
        yield app
        db.session.remove()
        db.engine.dispose()


@contextmanager
def worker_log(environment: dict[str, str]) -> Iterator[Group]:
    command = [*processes.procfile("worker", environment), "--concurrency", "1"]
    with processes.running(Group("worker", command, {**environment, "LOG_LEVEL": "INFO"})) as group:
        yield group


@pytest.fixture
def process_globals(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """One limiter serves a process, and kombu keeps one pool of connections for an address.

    The pools of other apps stay open: they are only put aside.
    """
    former = dict(vars(limiter))
    # Another test's Redis may have been away: that says nothing of this one's.
    vars(limiter)["_storage_dead"] = False
    monkeypatch.setattr(kombu.pools, "connections", kombu.pools.Connections(limit=10))
    monkeypatch.setattr(kombu.pools, "producers", kombu.pools.Producers(limit=10))
    yield
    vars(limiter).update(former)


@pytest.mark.usefixtures("process_globals")
@pytest.mark.parametrize(("verify", "accepted"), [("true", False), ("false", True), ("file", True)])
class TestSameEverywhere:
    def test_in_the_web(self, own: Site, server: TlsServer, verify: str, accepted: bool) -> None:
        """The client, the producer of messages and the limiter's counts."""
        with fresh_app(own, server, verify):
            assert pings() is accepted
        with fresh_app(own, server, verify):
            assert jobs.enqueue(jobs.HEARTBEAT) is accepted
        own.redis.delete(*own.redis.keys("LIMIT*"), "none")
        with fresh_app(own, server, verify) as app:
            assert app.test_client().get("/api/pricing-plans").status_code == 200
            assert bool(own.redis.keys("LIMIT*")) is accepted

    def test_in_a_worker(self, own: Site, server: TlsServer, verify: str, accepted: bool) -> None:
        sign = " ready." if accepted else "CERTIFICATE_VERIFY_FAILED"
        with worker_log(variables(own, server, verify)) as group:
            group.wait_until(lambda: sign in group.output)
            assert (" ready." in group.output) is accepted


def pings() -> bool:
    try:
        return bool(redis().ping())
    except RedisError:
        return False


@pytest.fixture
def wary(own: Site, server: TlsServer, process_globals: None) -> Iterator[Flask]:
    """An app that refuses the certificate."""
    with fresh_app(own, server, "true") as app:
        yield app


def test_readiness_and_the_log_name_the_certificate(
    wary: Flask, caplog: pytest.LogCaptureFixture
) -> None:
    told = [wary.test_client().get("/readyz").json["parts"]["redis"] for _ in range(2)]
    assert told == ["unreachable: certificate refused: self-signed certificate"] * 2
    assert "certificate refused: self-signed certificate" in caplog.text
    assert json.dumps(told).count("127.0.0.1") == 0
