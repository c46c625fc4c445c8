"""Malformed and unfinished HTTP, more connections of it than threads: everybody else is served."""

from __future__ import annotations

import json
import os
import signal
import time
from contextlib import ExitStack, suppress

import pytest

from tests.support import processes
from tests.support.doors import head, wire
from tests.support.malformed import VECTORS, sized
from tests.support.process_figures import read_children
from tests.support.processes import HttpClient
from tests.support.site import Site

# More than the threads of both processes, as a crowd that fills each of them.
CROWD = 48


def spend_cpu_seconds(client: HttpClient, seconds: float) -> float:
    """Return the processor time that the server's processes take within `seconds`."""
    assert client.group is not None
    before = read_children(client.group.pid)
    time.sleep(seconds)
    after = read_children(client.group.pid)
    return sum(after[pid].cpu_seconds - before[pid].cpu_seconds for pid in after)


class TestCrowd:
    @pytest.mark.parametrize("vector", VECTORS)
    def test_everybody_else_is_served(
        self, site: Site, web: HttpClient, vector: str, record_property
    ) -> None:
        """While the crowd holds the line, and after it has gone without a word."""
        slowest = 0.0
        with ExitStack() as held:
            for _ in range(CROWD):
                self.send(held.enter_context(wire(web)), VECTORS[vector])
            slowest = max(self.probe(web) for _ in range(6))
        slowest = max(slowest, *(self.probe(web) for _ in range(4)))
        record_property("slowest_seconds", round(slowest, 3))
        assert slowest < 2

    def send(self, connection, data: bytes) -> None:
        with suppress(OSError):  # refused in the middle of it
            connection.send(data)

    def probe(self, web: HttpClient) -> float:
        started = time.monotonic()
        assert web.get("/healthz").status_code == 200
        return time.monotonic() - started

    def test_nothing_is_left_running(self, site: Site, web: HttpClient) -> None:
        for data in VECTORS.values():
            with wire(web) as connection:
                self.send(connection, data)
        assert spend_cpu_seconds(web, 2) < 0.5


class TestRefused:
    @pytest.mark.parametrize(
        "vector",
        [
            *(f"chunk of size {size!r}" for size in ("-6", "+6", "0x6", "1_0", "-0", "g")),
            "a length and chunks",
            "HTTP/1.0 in chunks",
        ],
    )
    def test_what_could_be_read_in_two_ways(self, site: Site, web: HttpClient, vector: str) -> None:
        with wire(web) as connection:
            status, _ = connection.send(VECTORS[vector] + b"x" * 20).answer()
        assert status == 400

    def test_a_body_too_long_is_refused_in_the_dialect_of_its_path(
        self, site: Site, web: HttpClient
    ) -> None:
        with wire(web) as connection:
            status, body = connection.send(sized(str(50 * 1024 * 1024))).answer()
        assert status == 413
        assert json.loads(body)["code"] == "too_large"


class TestStop:
    def test_requests_under_way_are_answered(self, site: Site) -> None:
        """SIGTERM: the one that runs and the one that still arrives; silence is not waited for."""
        with processes.web(site.environment) as web, ExitStack() as held:
            running, arriving, silent, idle = (held.enter_context(wire(web)) for _ in range(4))
            assert idle.send(head("/healthz", method="GET")).answer()[0] == 200
            body = json.dumps({"email": "nobody@example.com", "password": "wrong horse"}).encode()
            request = sized(str(len(body)), body)
            running.send(request)
            arriving.send(request[:-5])
            silent.send(b"POST /api/auth")
            time.sleep(0.2)
            assert web.group is not None
            started = time.monotonic()
            os.kill(web.group.pid, signal.SIGTERM)
            time.sleep(0.5)
            arriving.send(request[-5:])
            assert [each.answer()[0] for each in (running, arriving)] == [401, 401]
            assert [each.answer()[0] for each in (silent, idle)] == [0, 0]
            assert web.group.ended() == 0
        assert time.monotonic() - started < 10
