"""What the web server says of itself: a name that says nothing, in every kind of answer."""

from __future__ import annotations

import re

import pytest

from tests.support.doors import head, wire
from tests.support.malformed import VECTORS, sized
from tests.support.processes import HttpClient

PROGRAMS = re.compile(rb"gunicorn|waitress|werkzeug|flask|python|\d+\.\d+\.\d+", re.IGNORECASE)
REQUESTS = {
    "an answer": head("/healthz", method="GET"),
    "a refusal of the app": head("/api/auth/me", method="GET"),
    "no such address": head("/nothing", method="GET"),
    "another method": head("/healthz", method="TRACE"),
    "a refusal of the server": VECTORS["chunk of size '-6'"],
    "a body too long": sized(str(50 * 1024 * 1024)),
    "a transfer coding that nobody knows": VECTORS["an encoding nobody knows"],
    "a head too long": VECTORS["an endless head"],
}


@pytest.mark.parametrize("request_", REQUESTS)
def test_no_program_and_no_version_is_named(web: HttpClient, request_: str) -> None:
    with wire(web) as connection:
        connection.send(REQUESTS[request_])
        received = connection.socket.recv(65536)
    assert received.startswith(b"HTTP/1.")
    assert b"\r\nServer: payments\r\n" in received
    assert PROGRAMS.findall(received) == []
