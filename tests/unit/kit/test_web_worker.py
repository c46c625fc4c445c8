"""What a connection gets that is not served: time, an answer that it is over, a way to close."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from gunicorn.config import Config
from gunicorn.workers import gthread

from payments.kit import clock, gathering, web_worker
from payments.kit.gathering import MOST_HEAD
from payments.kit.web_worker import Worker

GET = b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n"


class Line:
    """A connection from both its ends."""

    def __init__(self) -> None:
        self.client, held = socket.socketpair()
        self.client.settimeout(5)
        self.conn: Any = gthread.TConn(Config(), held, ("192.0.2.1", 1), ("127.0.0.1", 2))
        self.worker: Any = Worker.__new__(Worker)
        self.worker.alive, self.worker.cfg = True, self.conn.cfg

    def handle(self) -> Any:
        return Worker.handle(self.worker, self.conn)


@pytest.fixture
def line() -> Iterator[Line]:
    made = Line()
    yield made
    made.client.close()
    made.conn.sock.close()


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """What gthread is given to serve."""
    given: list[bytes] = []

    def serve(_worker: Any, conn: Any) -> bool:
        given.append(conn.parser.unreader.take_buffered())
        return len(given) < 2

    monkeypatch.setattr(gthread.ThreadWorker, "handle", serve)
    return given


def later(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    now = clock.monotonic
    monkeypatch.setattr(clock, "monotonic", lambda: now() + seconds)


def test_a_whole_request_is_served(line: Line, served: list[bytes]) -> None:
    line.client.sendall(GET[:9])
    assert line.handle() is gthread._DEFER
    assert served == []
    line.client.sendall(GET[9:])
    assert line.handle() is True
    assert served == [GET]


def test_the_next_one_may_have_come_along(line: Line, served: list[bytes]) -> None:
    line.client.sendall(GET)
    line.handle()
    line.conn.parser.unreader.unread(GET[:9])
    assert line.handle() is gthread._DEFER
    line.client.sendall(GET[9:])
    assert line.handle() is gthread._DEFER  # served, and half closed afterwards
    assert served == [GET, GET]


def test_who_takes_too_long_is_told(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    line.client.sendall(GET[:9])
    assert line.handle() is gthread._DEFER
    later(monkeypatch, gathering.SECONDS + 1)
    assert line.handle() is gthread._DEFER
    assert line.client.recv(1000).startswith(b"HTTP/1.1 408 ")
    assert line.client.recv(1000) == b""


def test_who_never_ends_is_told(line: Line) -> None:
    line.client.sendall(b"a" * (MOST_HEAD + 1))
    assert line.handle() is gthread._DEFER
    assert line.client.recv(1000).startswith(b"HTTP/1.1 413 ")


class TestAfterwards:
    @pytest.fixture
    def told(self, line: Line) -> Line:
        line.client.sendall(b"a" * (MOST_HEAD + 1))
        line.handle()
        return line

    def test_a_client_that_closes_is_closed(self, told: Line) -> None:
        assert told.handle() is gthread._DEFER
        told.client.close()
        assert told.handle() is False
        assert told.conn.sock.fileno() == -1

    def test_one_that_goes_on_has_a_few_seconds(
        self, told: Line, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        told.client.sendall(b"more")
        assert told.handle() is gthread._DEFER
        later(monkeypatch, timedelta(seconds=6).total_seconds())
        assert told.handle() is False

    def test_one_that_sends_without_end_is_cut_off(
        self, told: Line, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(web_worker, "_MOST_IGNORED", 1000)
        told.client.sendall(b"a" * 2000)
        assert told.handle() is False


def test_a_worker_that_stops_serves_what_has_come(line: Line, served: list[bytes]) -> None:
    """The rest of a request is read by gunicorn then, within the time it has to stop."""
    line.client.sendall(GET[:9])
    assert line.handle() is gthread._DEFER
    line.worker.alive = False
    line.handle()
    assert served == [GET[:9]]


def test_a_client_that_is_gone(line: Line) -> None:
    line.client.close()
    line.conn.sock.close()
    assert web_worker._half_closed(line.conn) is False
