"""A bucket that keeps objects over HTTP, and misbehaves on demand."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

FOREIGN = b"%PDF-1.4 somebody else's invoice"


@dataclass
class Bucket:
    """What is stored by its path, and how the service is at the moment.

    `mode`: `well`, `broken` (500 to everything), `slow` (no answer in time), or how objects come
    back: `truncated` (half of the bytes, all of them promised), `short` (half, and so announced),
    `foreign` (another document).
    """

    mode: str = "well"
    objects: dict[str, bytes] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    url: str = ""

    @property
    def environment(self) -> dict[str, str]:
        """Return the variables that send a process's documents here."""
        return {
            "INVOICE_STORAGE_BUCKET": "invoices",
            "AWS_ENDPOINT_URL": self.url,
            "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "nobody",
            "AWS_SECRET_ACCESS_KEY": "nothing",
        }

    def answer(self, method: str, path: str, body: bytes) -> tuple[int, bytes, int]:
        """Return a status, the bytes that are sent and the length that is promised."""
        self.asked.append(f"{method} {path}")
        if self.mode == "slow":
            time.sleep(7)
        if self.mode == "broken":
            return 500, b"", 0
        if method == "PUT":
            self.objects[path] = body
            return 200, b"", 0
        if path not in self.objects:
            return 404, b"<Error><Code>NoSuchKey</Code></Error>", 37
        return self._held(self.objects[path])

    def _held(self, data: bytes) -> tuple[int, bytes, int]:
        half = data[: len(data) // 2]
        sent = {"truncated": half, "short": half, "foreign": FOREIGN}.get(self.mode, data)
        return 200, sent, len(data) if self.mode == "truncated" else len(sent)


@contextmanager
def bucket() -> Iterator[Bucket]:
    """Serve an empty bucket until the block ends."""
    made = Bucket()

    class Handler(BaseHTTPRequestHandler):
        def do(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            status, data, promised = made.answer(self.command, self.path, body)
            self.send_response(status)
            self.send_header("Content-Length", str(promised))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_PUT = do

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads, server.block_on_close = True, False
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    made.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield made
    finally:
        server.shutdown()
        server.server_close()
