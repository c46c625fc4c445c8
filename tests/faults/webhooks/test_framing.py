"""Malformed and unfinished HTTP, more connections of it than threads: everybody else is served."""

from __future__ import annotations

import json
import os
import signal
import time
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from tests.support import processes
from tests.support.doors import head, wire
from tests.support.processes import HttpClient
from tests.support.site import Site

# More than the threads of both processes, as a crowd that fills each of them.
CROWD = 48
LOGIN = "/api/auth/login"
JSON = "Content-Type: application/json"


def chunked(*pieces: bytes) -> bytes:
    return head(LOGIN, JSON, "Transfer-Encoding: chunked") + b"".join(pieces)


def sized(length: str, body: bytes = b"") -> bytes:
    return head(LOGIN, JSON, f"Content-Length: {length}") + body


# https://www.rfc-editor.org/rfc/rfc9112#section-7.1: a size is hexadecimal digits and nothing else.
CHUNKS = {
    f"chunk of size {size!r}": chunked(size.encode() + b"\r\n")
    for size in ("-6", "-5", "-7", "+6", "0x6", "1_0", "-0", "", "g", "F" * 17, "5 ;a", "5\t;a")
}
LENGTHS = {
    "4,100 zeros and a 9": sized("0" * 4100 + "9"),
    "4,400 digits": sized("9" * 4400),
    "30 digits": sized("9" * 30),
    "zeros before it": sized("00000100", b"{"),
    "a tab before it": sized("\t100", b"{"),
    "a sign": sized("+5"),
    "two lengths": head(LOGIN, JSON, "Content-Length: 5", "Content-Length: 6") + b"{",
    "a length and chunks": head(LOGIN, JSON, "Content-Length: 5", "Transfer-Encoding: chunked"),
}
HALVES = {
    "half a line": b"POST /api/auth",
    "half a head": head(LOGIN, "Content-Length: 5")[:-2],
    "half a body": sized("100", b'{"email": "'),
    "half a chunk": chunked(b"400\r\n{"),
    "chunks without an end": chunked(b"2\r\n{}\r\n"),
    "open trailers": chunked(b"2\r\n{}\r\n0\r\nA: b\r\n"),
    "a chunk with an extension": chunked(b'5;name="a b"\r\n{'),
    "the second of two": head("/healthz", method="GET") + sized("100", b"{"),
    "asked first": head(LOGIN, JSON, "Content-Length: 100", "Expect: 100-continue"),
    "HTTP/1.0": sized("100", b"{").replace(b"HTTP/1.1", b"HTTP/1.0"),
    "HTTP/1.0 in chunks": chunked(b"400\r\n{").replace(b"HTTP/1.1", b"HTTP/1.0"),
    "an encoding nobody knows": head(LOGIN, "Transfer-Encoding: gzip, chunked"),
    "a folded line": head(LOGIN, "A: b\r\n c")[:-2],
    "bare line feeds": b"POST /api/auth/login HTTP/1.1\nHost: here\nContent-Length: 100\n\n{",
    "an endless head": head(LOGIN, "A: " + "b" * 200_000)[:-2],
    "nothing": b"",
}
VECTORS = CHUNKS | LENGTHS | HALVES


def spend_cpu_seconds(client: HttpClient, seconds: float) -> float:
    """Return the processor time that the server's processes take within `seconds`."""
    assert client.group is not None
    before = _cpu_ticks(client.group.pid)
    time.sleep(seconds)
    return (_cpu_ticks(client.group.pid) - before) / os.sysconf("SC_CLK_TCK")


def _cpu_ticks(parent: int) -> int:
    fields = (_read_stat(folder) for folder in Path("/proc").glob("[0-9]*"))
    return sum(int(f[11]) + int(f[12]) for f in fields if f and int(f[1]) == parent)


def _read_stat(folder: Path) -> list[str]:
    try:
        return (folder / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


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
