"""A client that is cheap enough to run beside what it measures: raw requests, one event loop."""

from __future__ import annotations

import selectors
import socket
import statistics
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from multiprocessing import get_context
from multiprocessing.queues import Queue
from typing import Any
from urllib.parse import urlsplit

Address = tuple[str, int]


@dataclass
class Tally:
    """What a load saw: answers by status, seconds of each, seconds in all."""

    statuses: Counter[int] = field(default_factory=Counter)
    latencies: list[float] = field(default_factory=list)
    seconds: float = 0.0
    broken: int = 0

    @property
    def rate(self) -> float:
        """Answers a second."""
        return self.statuses.total() / self.seconds if self.seconds else 0.0


def read_address(base: str) -> Address:
    """Return host and port of a server's address."""
    parsed = urlsplit(base)
    return parsed.hostname or "127.0.0.1", parsed.port or 80


def write_request(path: str, body: bytes = b"", *, close: bool = False, **headers: str) -> bytes:
    """Return a request as bytes; with a body it is a POST. `_` in a header's name is a dash."""
    lines = [f"{'POST' if body else 'GET'} {path} HTTP/1.1", "Host: here"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    lines += [f"Content-Length: {len(body)}"] if body else []
    lines += ["Connection: close"] if close else []
    return "\r\n".join([*lines, "", ""]).encode() + body


def percentile(values: list[float], share: float) -> float:
    """Return the value below which so many hundredths lie; 0 for none."""
    if len(values) < 2:
        return values[0] if values else 0.0
    return statistics.quantiles(values, n=100, method="inclusive")[round(share) - 1]


class _Connection:
    """One connection that sends the next request once it has the whole answer."""

    def __init__(self, address: Address, requests: Iterator[bytes], *, keep: bool) -> None:
        self._address, self._requests, self._keep = address, requests, keep
        self._socket: socket.socket | None = None

    def send_next(self, selector: selectors.BaseSelector) -> None:
        """Send one more request, on a new connection unless the present one is kept."""
        if self._socket is None:
            self._socket = socket.create_connection(self._address, timeout=30)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            selector.register(self._socket, selectors.EVENT_READ, self)
        self._received, self._since = b"", time.perf_counter()
        self._socket.sendall(next(self._requests))

    def receive(self, selector: selectors.BaseSelector, tally: Tally) -> bool:
        """Read what is there; return whether the answer is whole, which the tally then has."""
        assert self._socket is not None  # noqa: S101 - for the type checker
        piece = self._socket.recv(65536)
        self._received += piece
        head, found, body = self._received.partition(b"\r\n\r\n")
        whole = bool(found) and len(body) >= _read_length(head)
        if whole:
            tally.statuses[int(head.split(b" ", 2)[1])] += 1
            tally.latencies.append(time.perf_counter() - self._since)
        elif not piece:
            tally.broken += 1
        if not piece or (whole and not self._keep):
            self.close(selector)
        return whole or not piece

    def close(self, selector: selectors.BaseSelector) -> None:
        """Close the connection, if there is one."""
        if self._socket is not None:
            selector.unregister(self._socket)
            self._socket.close()
            self._socket = None


def _read_length(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line.partition(b":")[2])
    return 0


def send_load(
    address: Address, requests: Iterator[bytes], *, connections: int, seconds: float, keep: bool
) -> Tally:
    """Let so many connections ask one after the other for so many seconds."""
    tally, selector = Tally(), selectors.DefaultSelector()
    crowd = [_Connection(address, requests, keep=keep) for _ in range(connections)]
    begun = time.perf_counter()
    for each in crowd:
        each.send_next(selector)
    while (now := time.perf_counter()) < begun + seconds:
        for key, _events in selector.select(min(1.0, begun + seconds - now)):
            if key.data.receive(selector, tally):
                key.data.send_next(selector)
    tally.seconds = time.perf_counter() - begun
    for each in crowd:
        each.close(selector)
    return tally


class Background:
    """A load in a process of its own, so that what is measured beside it has its own interpreter.

    `make_requests` is a function of a module, as it is called in the other process.
    """

    def __init__(
        self, make_requests: Callable[..., Iterator[bytes]], arguments: tuple[Any, ...], **load: Any
    ) -> None:
        context = get_context("spawn")
        self._answers: Queue[Tally | None] = context.Queue()
        work = (self._answers, make_requests, arguments, load)
        self._process = context.Process(target=_work, args=work, daemon=True)
        self._process.start()
        self._answers.get(timeout=60)  # it begins

    def read_tally(self) -> Tally:
        """Wait until the load has ended and return what it saw."""
        tally = self._answers.get(timeout=600)
        self._process.join(30)
        return tally or Tally()


def _work(
    answers: Queue[Tally | None],
    make_requests: Callable[..., Iterator[bytes]],
    arguments: tuple[Any, ...],
    load: dict[str, Any],
) -> None:
    answers.put(None)
    answers.put(send_load(requests=make_requests(*arguments), **load))
