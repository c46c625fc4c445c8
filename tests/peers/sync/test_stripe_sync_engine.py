"""Supabase's stripe-sync-engine, unchanged but for the address, copies into PostgreSQL."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from payments.sandbox.server import Sandbox
from tests.peers.filled import fill_account
from tests.peers.packages import install_from_npm

pytestmark = pytest.mark.timeout(400)  # a registry may be slow

PACKAGES = ("@supabase/stripe-sync-engine@0.48.5", "stripe@23.1.0")
VERSION = "2020-08-27"  # its own default
SERVER = os.environ.get("SERVICES_DATABASE_URL", "postgres://postgres@127.0.0.1:5432/postgres")


@pytest.fixture(scope="module")
def database() -> Iterator[str]:
    """A database that goes away with the test; fail in one line without a server."""
    name = f"peers_{uuid4().hex}"
    try:
        server = psycopg.connect(SERVER, autocommit=True, connect_timeout=5)
    except psycopg.OperationalError as problem:
        reason = str(problem).splitlines()[-1]
        pytest.fail(f"tests/peers needs PostgreSQL, SERVICES_DATABASE_URL: {reason}", False)
    server.execute(f"CREATE DATABASE {name}")
    yield SERVER.rpartition("/")[0] + f"/{name}"
    server.execute(f"DROP DATABASE {name} WITH (FORCE)")
    server.close()


@pytest.fixture(scope="module")
def report(database: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = install_from_npm(tmp_path_factory.mktemp("sync"), *PACKAGES)
    key = "sk_test_stripesyncengine"
    with Sandbox(port=0) as sandbox:
        fill_account(sandbox, key, VERSION)
        command = [
            "node", str(Path(__file__).parent / "drive.cjs"), str(folder), sandbox.url, key,
            database, VERSION,
        ]  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return dict(json.loads(done.stdout.splitlines()[-1]))


# Of kinds that the sandbox does not play.
WITHOUT = {
    "entitlements.active_entitlement_summary.updated",
    "review.closed",
    "review.opened",
}


def test_copies_everything_it_asks_for(report: dict[str, Any]) -> None:
    assert {kind for kind, number in report["copied"].items() if not number} == set()
    assert report["copied"]["all"] > 200


def test_takes_every_type_of_event(report: dict[str, Any]) -> None:
    assert len(report["sent"]) > 50
    assert set(report["without"]) == WITHOUT
