"""Bodies that are too large, too slow or not what they claim: cut early, and nobody else waits."""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import repeat

import pytest
import requests

from tests.support.deliveries import made_up
from tests.support.developers import developer_with_project
from tests.support.doors import (
    Door,
    Wire,
    head,
    peak_memory,
    platforms_door,
    projects_door,
    until_refused,
    wire,
)
from tests.support.processes import HttpClient
from tests.support.site import Site

MEBIBYTE = 1024 * 1024
HUGE = 50 * MEBIBYTE
# More than all threads of both web processes.
CROWD = 40


@contextmanager
def memory_bounded(client: HttpClient, most: int = 12 * MEBIBYTE) -> Iterator[None]:
    """Assert that no process of the server grew by more than this meanwhile."""
    before = peak_memory(client)
    yield
    assert peak_memory(client) - before < most


def pieces(size: int = HUGE, piece: int = 64 * 1024) -> Iterator[bytes]:
    return repeat(b"a" * piece, size // piece)


class TestTooLarge:
    def test_fifty_megabytes_that_say_so(self, door: Door, web: HttpClient) -> None:
        """The length is enough to refuse them: hardly a byte is read."""
        started = time.monotonic()
        with memory_bounded(web), wire(web) as connection:
            connection.send(head(door.path, f"Content-Length: {HUGE}", "Stripe-Signature: t=1"))
            status, _ = connection.answer()
        assert status == 413
        assert time.monotonic() - started < 15

    def test_fifty_megabytes_that_keep_coming(self, door: Door, web: HttpClient) -> None:
        with memory_bounded(web), wire(web) as connection:
            connection.send(head(door.path, f"Content-Length: {HUGE}", "Stripe-Signature: t=1"))
            sent = until_refused(connection.socket.sendall, pieces())
            assert sent < HUGE
            assert connection.answer()[0] in {413, 0}

    def test_in_chunks_without_a_length(self, door: Door, web: HttpClient) -> None:
        """Nothing says how much will come: the answer comes after the first mebibyte."""
        lines = ("Transfer-Encoding: chunked", "Stripe-Signature: t=1,v1=a")
        chunk = b"10000\r\n" + b"a" * 65536 + b"\r\n"
        with memory_bounded(web), wire(web) as connection:
            connection.send(head(door.path, *lines))
            connection.send(chunk * 17)
            assert connection.answer()[0] == 413
            assert until_refused(connection.socket.sendall, repeat(chunk, 800)) < HUGE

    def test_as_a_client_sees_it(self, door: Door) -> None:
        """A usual client gets to read the answer, or finds the connection closed."""
        with memory_bounded(door.client):
            try:
                status = door.client.post(door.path, data=pieces()).status_code
            except requests.ConnectionError:
                status = 413
        assert status == 413

    def test_chunks_of_one_letter(self, door: Door, web: HttpClient) -> None:
        with memory_bounded(web, 24 * MEBIBYTE), wire(web) as connection:
            connection.send(head(door.path, "Transfer-Encoding: chunked"))
            until_refused(connection.socket.sendall, repeat(b"1\r\na\r\n" * 10_000, 200))
            assert connection.answer()[0] in {413, 0}

    def test_an_honest_one_in_chunks_is_taken(self, door: Door) -> None:
        event = made_up(padding="x" * 300_000)
        payload = json.dumps(event)
        chunks = (payload[at : at + 1000].encode() for at in range(0, len(payload), 1000))
        headers = {"Stripe-Signature": door.sign(payload)}
        answer = door.client.post(door.path, data=chunks, headers=headers)
        assert answer.status_code == 200
        assert door.stored(event["id"])[0].payload == payload

    @pytest.mark.parametrize("coding", ["Content-Encoding", "Transfer-Encoding"])
    def test_a_gzip_bomb_is_never_opened(self, door: Door, web: HttpClient, coding: str) -> None:
        bomb = gzip.compress(b"0" * HUGE)
        assert len(bomb) < MEBIBYTE
        sent = bomb
        lines = [f"{coding}: gzip", f"Content-Length: {len(bomb)}"]
        if coding == "Transfer-Encoding":
            lines = ["Transfer-Encoding: gzip, chunked"]
            sent = b"%x\r\n" % len(bomb) + bomb + b"\r\n0\r\n\r\n"
        started = time.monotonic()
        with memory_bounded(web), wire(web) as connection:
            connection.send(head(door.path, *lines, "Stripe-Signature: t=1,v1=a") + sent)
            assert connection.answer()[0] in {400, 501}
        assert time.monotonic() - started < 15

    def test_a_body_that_ends_before_its_length(self, door: Door, web: HttpClient) -> None:
        event = made_up()
        payload = json.dumps(event)
        lines = (f"Stripe-Signature: {door.sign(payload)}", f"Content-Length: {len(payload)}")
        with wire(web) as connection:
            connection.send(head(door.path, *lines) + payload[:-1].encode())
            connection.socket.shutdown(1)
            assert connection.answer()[0] in {400, 0}
        assert door.stored(event["id"]) == []

    @pytest.mark.parametrize("length", ["-1", "x", "1e9", "9" * 30, "9" * 5000, "5, 6", "+5"])
    def test_a_length_that_is_none(self, door: Door, web: HttpClient, length: str) -> None:
        with wire(web) as connection:
            connection.send(head(door.path, f"Content-Length: {length}") + b"{}")
            assert connection.answer()[0] in {400, 413, 431}


# What a slow sender has sent when he falls silent.
HALVES = {
    "nothing": b"",
    "half a line": b"POST /api/pay",
    "half the headers": b"POST /api/payments/webhook HTTP/1.1\r\nHost: here\r\nA: ",
    "no body yet": head("/api/payments/webhook", "Content-Length: 1000"),
    "half a body": head("/api/payments/webhook", "Content-Length: 1000") + b'{"id": "evt_',
    "half a chunk": head("/api/payments/webhook", "Transfer-Encoding: chunked") + b"400\r\n{",
    "one letter after the end": head("/healthz", method="GET") + b"G",
}


class TestTooSlow:
    """Senders who take their time, more of them than the server has threads."""

    @contextmanager
    def crowd(self, client: HttpClient, said: bytes) -> Iterator[list[Wire]]:
        with ExitStack() as held:
            wires = [held.enter_context(wire(client)) for _ in range(CROWD)]
            for each in wires:
                each.send(said)
            yield wires

    @pytest.mark.parametrize("half", HALVES)
    def test_nobody_else_waits(
        self, site: Site, web: HttpClient, half: str, record_property
    ) -> None:
        door = platforms_door(site, web)
        with self.crowd(web, HALVES[half]):
            started = time.monotonic()
            for _ in range(5):
                event_id, answer = door.deliver()
                assert answer.status_code == 200
                assert door.stored(event_id)
            took = (time.monotonic() - started) / 5
        record_property("seconds_an_event", round(took, 3))
        assert took < 2

    def test_who_drips_is_served_in_the_end(self, site: Site, web: HttpClient) -> None:
        """Slow is not hostile: a body in forty pieces is an event like any other."""
        door = platforms_door(site, web)
        event = made_up()
        payload = json.dumps(event).encode()
        lines = (
            f"Stripe-Signature: {door.sign(payload.decode())}",
            f"Content-Length: {len(payload)}",
        )
        sent = head(door.path, *lines) + payload
        step = len(sent) // 40 + 1
        with wire(web) as connection:
            for at in range(0, len(sent), step):
                connection.send(sent[at : at + step])
                time.sleep(0.01)
            assert connection.answer()[0] == 200
        assert door.stored(event["id"])

    def test_who_asks_first_is_told_to_go_on(self, site: Site, web: HttpClient) -> None:
        door = platforms_door(site, web)
        payload = json.dumps(made_up()).encode()
        lines = (
            f"Stripe-Signature: {door.sign(payload.decode())}",
            f"Content-Length: {len(payload)}",
            "Expect: 100-continue",
        )
        with wire(web) as connection:
            connection.send(head(door.path, *lines))
            assert connection.socket.recv(100).startswith(b"HTTP/1.1 100 ")
            connection.send(payload)
            received = b""
            while b"200 OK" not in received:
                received += connection.socket.recv(4096)

    def test_who_does_not_close_holds_up_nobody(self, site: Site, web: HttpClient) -> None:
        """Forty clients were told goodbye and stay on the line."""
        request = head("/healthz", "Connection: close", method="GET")
        door = platforms_door(site, web)
        with self.crowd(web, request) as wires:
            assert {each.answer()[0] for each in wires} == {200}
            started = time.monotonic()
            assert door.deliver()[1].status_code == 200
            assert time.monotonic() - started < 4

    def test_two_requests_at_once_on_one_connection(self, site: Site, web: HttpClient) -> None:
        """What came along with the first request is the beginning of the second."""
        seat = developer_with_project(web, site.settings)
        door = projects_door(site, web, seat)
        events = [made_up() for _ in range(3)]
        sent = b""
        for event in events:
            payload = json.dumps(event)
            lines = (f"Stripe-Signature: {door.sign(payload)}", f"Content-Length: {len(payload)}")
            sent += head(door.path, *lines) + payload.encode()
        with wire(web) as connection:
            connection.send(sent[:-10])
            time.sleep(0.05)
            connection.send(sent[-10:])
            received = b""
            while received.count(b"HTTP/1.1 200") < 3:
                received += connection.socket.recv(4096)
        assert sorted(row.event_id for row in door.stored()) == sorted(e["id"] for e in events)
