"""The audit of the locked packages: what fails it, what gives no verdict, what is ignored."""

from __future__ import annotations

import json
import os
import runpy
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.rules.source import ROOT

REQUESTS_VULNERABILITY = {
    "id": "GHSA-x84v-xcm2-53pg",
    "summary": "It sends credentials on",
    "affected": [{"package": {"name": "requests", "ecosystem": "PyPI"}}],
}
VULNERABILITY = {
    "id": "GHSA-0000-0000-0000",
    "aliases": ["CVE-2026-0001"],
    "summary": "A made-up one",
    "affected": [{"package": {"name": "flask", "ecosystem": "PyPI"}}],
}


class Source:
    """A vulnerability source on the loopback that speaks OSV's protocol."""

    def __init__(self) -> None:
        self.known: dict[tuple[str, str], list[dict[str, Any]]] = {}
        self.status = 200
        source = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                found = source.known.get((asked["package"]["name"], asked["version"]))
                body = json.dumps({"vulns": found} if found else {}).encode()
                self.send_response(source.status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_arguments: Any) -> None:
                """Print nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/v1/query"


@pytest.fixture
def source() -> Iterator[Source]:
    """A source that knows what everybody knows, and nothing of our packages."""
    made = Source()
    made.known["requests", "2.19.0"] = [REQUESTS_VULNERABILITY]
    thread = threading.Thread(target=made.server.serve_forever, daemon=True)
    thread.start()
    yield made
    made.server.shutdown()
    made.server.server_close()
    thread.join()


@pytest.fixture
def audit(source: Source, tmp_path: Path) -> Callable[[], subprocess.CompletedProcess[str]]:
    """Audit a lock of two packages at the source."""
    lock = tmp_path / "lock.txt"
    lock.write_text("flask==3.1.0\ncelery==5.5.0\n")

    def run() -> subprocess.CompletedProcess[str]:
        environ = {**os.environ, "AUDIT_OSV_URL": source.url}
        command = [sys.executable, ".ci/audit.py", str(lock)]
        return subprocess.run(
            command, cwd=ROOT, env=environ, check=False, capture_output=True, text=True
        )

    return run


class TestAudit:
    def test_nothing_known_is_a_pass(self, audit: Any) -> None:
        done = audit()
        assert (done.returncode, done.stdout) == (
            0, "payments: 2 packages asked about, 0 known vulnerabilities\n",
        )  # fmt: skip

    def test_a_known_vulnerability_fails(self, audit: Any, source: Source) -> None:
        source.known["flask", "3.1.0"] = [VULNERABILITY]
        done = audit()
        assert done.returncode == 1
        assert "flask 3.1.0: CVE-2026-0001, not fixed yet" in done.stdout

    def test_a_source_that_knows_nothing_gives_no_verdict(self, audit: Any, source: Source) -> None:
        source.known.clear()
        done = audit()
        assert done.returncode == 0
        assert done.stdout.startswith("payments: no verdict on known vulnerabilities: ")
        assert done.stdout.count("\n") == 1

    def test_a_source_that_fails_gives_no_verdict(self, audit: Any, source: Source) -> None:
        source.status = 500
        done = audit()
        assert done.returncode == 0
        assert done.stdout.startswith("payments: no verdict on known vulnerabilities: ")
        assert done.stdout.count("\n") == 1

    def test_a_source_that_is_not_there_gives_no_verdict(self, audit: Any, source: Source) -> None:
        source.url = "http://127.0.0.1:1/v1/query"
        done = audit()
        assert done.returncode == 0
        assert done.stdout.startswith("payments: no verdict on known vulnerabilities: ")
        assert done.stdout.count("\n") == 1


class TestIgnored:
    """A file beside the program, so the program's own functions are asked."""

    @pytest.fixture
    def program(self) -> dict[str, Any]:
        return runpy.run_path(str(ROOT / ".ci" / "audit.py"))

    def test_an_entry_ends_on_its_day(self, program: dict[str, Any], tmp_path: Path) -> None:
        file = tmp_path / "ignored.toml"
        file.write_text(
            '[[ignored]]\nid = "CVE-2026-0001"\nreason = "unused"\nuntil = 2026-12-01\n'
        )
        assert program["read_ignored"](file, date(2026, 12, 1)) == {"CVE-2026-0001": "unused"}
        assert program["read_ignored"](file, date(2026, 12, 2)) == {}

    def test_any_of_its_names_will_do(self, program: dict[str, Any]) -> None:
        package = {"name": "flask", "version": "3.1.0", "vulns": [VULNERABILITY]}
        assert program["list_findings"]([package], {"CVE-2026-0001": "unused"}) == []
        assert len(program["list_findings"]([package], {"CVE-2026-0002": "unused"})) == 1

    def test_ours_can_be_read_and_gives_reasons(self, program: dict[str, Any]) -> None:
        ours = program["read_ignored"](ROOT / ".ci" / "audit-ignored.toml", date(2000, 1, 1))
        assert all(ours.values())
