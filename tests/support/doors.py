"""The two addresses where Stripe delivers, and raw bytes for whoever knocks without manners."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from payments.webhooks.models import WebhookEvent
from tests.support.deliveries import made_up
from tests.support.developers import ProjectSeat
from tests.support.processes import Answer, HttpClient
from tests.support.shop import Shop
from tests.support.site import Site

PLATFORM_PATH = "/api/payments/webhook"


@dataclass(frozen=True)
class Door:
    """One webhook address at a real web server, and who may deliver there."""

    site: Site
    client: Any
    path: str
    owner: str
    shop: Shop

    def sign(self, payload: str, **options: Any) -> str:
        return self.shop.signature(payload, **options)

    def post(self, payload: str | bytes, header: str | None, **headers: str) -> Answer:
        sent = {**headers, **({} if header is None else {"Stripe-Signature": header})}
        answer: Answer = self.client.post(self.path, data=payload, headers=sent)
        return answer

    def deliver(self, event: dict[str, Any] | None = None, **options: Any) -> tuple[str, Answer]:
        """Deliver an event as Stripe does; return its id and the answer."""
        made = event or made_up()
        payload = json.dumps(made)
        return made["id"], self.post(payload, self.sign(payload, **options))

    def stored(self, event_id: str | None = None) -> list[WebhookEvent]:
        """Return what lies in the inbox of this address: one event, or everything."""
        named = () if event_id is None else (WebhookEvent.event_id == event_id,)
        return self.site.rows(WebhookEvent, WebhookEvent.owner == self.owner, *named)


def platforms_door(site: Site, client: Any) -> Door:
    return Door(site, client, PLATFORM_PATH, "platform", site.over(client))


def projects_door(site: Site, client: Any, seat: ProjectSeat) -> Door:
    return Door(site, client, seat.webhook_path(), seat.project_id, seat.shop)


@dataclass
class Wire:
    """A connection that sends bytes as they are and reads a whole answer."""

    socket: socket.socket

    def send(self, data: bytes) -> Wire:
        self.socket.sendall(data)
        return self

    def answer(self) -> tuple[int, bytes]:
        """Return the status and the body; 0 when the connection was closed without a word."""
        received = b""
        while piece := self._receive():
            received += piece
            head, found, body = received.partition(b"\r\n\r\n")
            if found and len(body) >= _length(head):
                return int(head.split(b" ", 2)[1]), body
        return 0, received

    def _receive(self) -> bytes:
        try:
            return self.socket.recv(65536)
        except ConnectionResetError:
            return b""


def _length(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line.partition(b":")[2])
    return 0


@contextmanager
def wire(client: HttpClient, *, seconds: float = 20) -> Iterator[Wire]:
    """Open a connection to a web server."""
    host, _, port = client.base.rpartition("/")[2].partition(":")
    with socket.create_connection((host, int(port)), timeout=seconds) as opened:
        yield Wire(opened)


def head(path: str, *lines: str, method: str = "POST") -> bytes:
    """Write the first lines of a request, letter by letter."""
    return "\r\n".join([f"{method} {path} HTTP/1.1", "Host: here", *lines, "", ""]).encode(
        "latin-1"
    )


def until_refused(send: Callable[[bytes], Any], pieces: Iterator[bytes]) -> int:
    """Send pieces until the other side has had enough; return how many bytes went out."""
    sent = 0
    try:
        for piece in pieces:
            send(piece)
            sent += len(piece)
    except OSError:
        pass
    return sent


def peak_memory(client: HttpClient) -> int:
    """Return how many bytes the largest of the server's processes ever held."""
    assert client.group is not None
    parent = client.group.pid
    peaks = [_peak(folder) for folder in Path("/proc").glob("[0-9]*") if _parent(folder) == parent]
    assert peaks
    return max(peaks)


def _parent(folder: Path) -> int | None:
    try:
        return int((folder / "stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return None


def _peak(folder: Path) -> int:
    (line,) = [
        each for each in (folder / "status").read_text().splitlines() if each.startswith("VmHWM")
    ]
    return int(line.split()[1]) * 1024
