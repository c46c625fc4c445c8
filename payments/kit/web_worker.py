"""A gunicorn worker whose threads only see whole requests: slow clients cost it no thread.

gthread reads a request, and waits for a client to close, in the threads that serve and in its
event loop. As many connections as there are threads, each of which sends a byte and then nothing,
silence it. Here what has come is put aside at once, and the connection waits in the poller.
"""

from __future__ import annotations

import socket
from contextlib import suppress
from typing import Any

from gunicorn.workers import gthread

from payments.kit import clock
from payments.kit.gathering import Gathered

_PIECE = 64 * 1024
# What a client may go on sending after its answer, and how long, so that it gets to read it.
_MOST_IGNORED, _IGNORED_SECONDS = 8 * 1024 * 1024, 5

_GO_ON = b"HTTP/1.1 100 Continue\r\n\r\n"
_CLOSED = b"Content-Length: 0\r\nConnection: close\r\n\r\n"
_TOO_LATE = b"HTTP/1.1 408 Request Timeout\r\n" + _CLOSED
_TOO_LARGE = b"HTTP/1.1 413 Content Too Large\r\n" + _CLOSED

_WAITS = gthread._DEFER


class Worker(gthread.ThreadWorker):
    """gthread, with whole requests only."""

    def handle(self, conn: Any) -> Any:
        """Serve a connection whose request is whole; any other one goes back to the poller."""
        if getattr(conn, "closes_by", None) is not None:
            return _ignored(conn)
        if not self.alive or self.cfg.is_ssl:
            return super().handle(_with_what_was_held(conn))
        if not _has_whole_request(conn):
            return _waits(conn)
        return super().handle(_with_what_was_held(conn)) or _half_closed(conn)

    def _keepalive_after(self, conn: Any, keepalive: bool) -> bool:
        # Of a body that was too long the rest is still on its way: nothing follows it.
        return not conn.oversized and super()._keepalive_after(conn, keepalive)


def _has_whole_request(conn: Any) -> bool:
    """Put aside what has come of the present request; say whether that is all of it."""
    gathered = _gathered_by(conn)
    conn.sock.setblocking(False)
    with suppress(BlockingIOError):
        while not (gathered.is_whole or gathered.is_hopeless):
            gathered.add(conn.sock.recv(_PIECE))
    if gathered.asks_first and not gathered.is_whole:
        gathered.asks_first = False
        conn.sock.send(_GO_ON)
    return gathered.is_whole


def _waits(conn: Any) -> Any:
    """Send the connection back to the poller, unless its time or our patience is over."""
    if not (conn.gathered.is_late or conn.gathered.is_hopeless):
        return _WAITS
    with suppress(OSError):
        conn.sock.send(_TOO_LARGE if conn.gathered.is_hopeless else _TOO_LATE)
    return _half_closed(conn)


def _gathered_by(conn: Any) -> Gathered:
    held: Gathered | None = getattr(conn, "gathered", None)
    if held is None:
        held = conn.gathered = Gathered()
        # The former request's reader may have read on into this one.
        if conn.parser is not None and (read := conn.parser.unreader.take_buffered()):
            held.add(read)
    return held


def _with_what_was_held(conn: Any) -> Any:
    """Give the parser what was put aside."""
    held: Gathered | None = getattr(conn, "gathered", None)
    conn.gathered, conn.oversized = None, held is not None and held.is_oversized
    if held is not None:
        conn.data_ready = True
        conn.init()
        conn.parser.unreader.unread(bytes(held.held))
    return conn


def _half_closed(conn: Any) -> Any:
    """Say that no more will come from here, and let the client close: the poller waits for it."""
    conn.ignored, conn.closes_by = 0, clock.monotonic() + _IGNORED_SECONDS
    try:
        conn.sock.shutdown(socket.SHUT_WR)
        conn.sock.setblocking(False)
    except OSError:
        return False
    return _WAITS


def _ignored(conn: Any) -> Any:
    """Drop what a client sends after its answer, until it closes or goes too far."""
    try:
        while conn.ignored < _MOST_IGNORED and (data := conn.sock.recv(_PIECE)):
            conn.ignored += len(data)
    except BlockingIOError:
        if clock.monotonic() < conn.closes_by:
            return _WAITS
    except OSError:
        pass
    conn.sock.close()
    return False
