"""Ports and parts are asked directly, and every answer can be told in a line."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from payments.local import probes

PAGES = {
    "/whole": {"/readyz": (200, b'{"status": "ready"}')},
    "/halting": {"/readyz": (503, b'{"worker":\n "missing"}')},
    "/old": {"/readyz": (404, b""), "/healthz": (200, b"ok")},
    "/older": {"/readyz": (404, b""), "/healthz": (500, b"broken")},
}


class Pages(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        site, _, page = self.path.removeprefix("/").partition("/")
        status, body = PAGES[f"/{site}"][f"/{page}"]
        self.send_response(status)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_args: object) -> None:
        pass


@pytest.fixture(scope="module")
def base() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Pages)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.parametrize(
    ("site", "expected"),
    [
        ("/whole", (True, '{"status": "ready"}')),
        ("/halting", (False, '503 {"worker": "missing"}')),
        ("/old", (True, "ok")),
        ("/older", (False, "500 broken")),
    ],
)
def test_readiness(base: str, site: str, expected: tuple[bool, str]) -> None:
    assert probes.ready(f"{base}{site}") == expected


def test_a_proxy_of_the_environment_is_not_asked(
    base: str, monkeypatch: pytest.MonkeyPatch, free_port: Callable[[], int]
) -> None:
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{free_port()}")
    assert probes.status(f"{base}/whole/readyz")[0] == 200


def test_nobody_answers(free_port: Callable[[], int]) -> None:
    code, why = probes.status(f"http://127.0.0.1:{free_port()}/")
    assert code == 0
    assert "refused" in why


def test_ports(taken_port: int, free_port: Callable[[], int]) -> None:
    assert not probes.is_free(taken_port)
    assert probes.is_free(free_port())


def test_listening(taken_port: int, free_port: Callable[[], int]) -> None:
    assert probes.listens(f"redis://:pw@127.0.0.1:{taken_port}/0", 6379)
    assert probes.listens("redis://127.0.0.1", taken_port)
    assert not probes.listens(f"redis://127.0.0.1:{free_port()}", 6379)
    assert not probes.listens("redis://127.0.0.1:port", 6379)


def test_redis(redis_url: str, free_port: Callable[[], int], taken_port: int) -> None:
    port = int(redis_url.rsplit(":", 1)[1].split("/", maxsplit=1)[0])
    assert probes.redis_answers(port)
    assert not probes.redis_answers(free_port())
    assert not probes.redis_answers(taken_port)  # takes connections and says nothing
