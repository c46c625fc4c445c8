"""HTTP/1.1 with kept-alive connections and threads, fast enough not to slow a test suite."""

from __future__ import annotations

import logging
import re
import socket
import sys
import threading
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast

from .app import App
from .errors import ApiError
from .messages import Request, Response

log = logging.getLogger(__name__)

LARGEST_BODY = 1024 * 1024
HOST = re.compile(r"[A-Za-z0-9.\-]{1,253}(?::[0-9]{1,5})?|\[[0-9a-fA-F:]+\](?::[0-9]{1,5})?")


class Handler(BaseHTTPRequestHandler):
    """One connection; the server in `self.server` knows the application."""

    protocol_version = "HTTP/1.1"
    server_version = "sandbox"
    sys_version = ""
    # Together these send each answer as one packet at once. With Nagle's algorithm and unbuffered
    # writes an answer waits some 40 ms for the client's delayed acknowledgement.
    disable_nagle_algorithm = True
    wbufsize = -1
    timeout = 75

    def _serve(self) -> None:
        try:
            request = self._request()
        except ApiError as refusal:
            self.close_connection = True  # the body was not read
            self._send(Response.of_json(refusal.status, {"error": refusal.error}))
            return
        try:
            response = self._server.app.handle(request)
        except Exception:
            log.exception("the sandbox failed on %s %s", request.method, request.path)
            response = Response.of_json(500, {"error": {"type": "api_error"}})
        if response.dropped:
            self._cut()
        else:
            self._send(response)

    do_GET = do_POST = do_DELETE = do_PUT = do_PATCH = do_HEAD = do_OPTIONS = _serve

    @property
    def _server(self) -> HttpServer:
        return cast(HttpServer, self.server)

    def _request(self) -> Request:
        path, _, query = self.path.partition("?")
        headers = {name.lower(): value for name, value in self.headers.items()}
        host = headers.get("host", "")
        fallback = f"{self._server.server_name}:{self._server.server_port}"
        base_url = f"http://{host if HOST.fullmatch(host) else fallback}"
        return Request(self.command, path, query, headers, self._body(headers), base_url)

    def _body(self, headers: dict[str, str]) -> bytes:
        if "transfer-encoding" in headers:
            raise ApiError(411, "Send a Content-Length; chunked bodies are not supported.")
        length = headers.get("content-length", "0")
        if not re.fullmatch(r"[0-9]{1,12}", length):
            raise ApiError(400, "Invalid Content-Length.")
        if int(length) > LARGEST_BODY:
            raise ApiError(413, "Request body is too large.")
        return self.rfile.read(int(length))

    def _send(self, response: Response) -> None:
        self.send_response(response.status)
        for name, value in response.headers.items():
            self.send_header(name, value)
        if response.status != 204:
            self.send_header("Content-Length", str(len(response.body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(response.body)

    def _cut(self) -> None:
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)

    def log_message(self, format: str, *args: Any) -> None:
        log.debug(format, *args)


class HttpServer(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], app: App) -> None:
        super().__init__(address, Handler)
        self.app = app
        self._open: set[Any] = set()
        self._lock = threading.Lock()

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._lock:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._lock:
            self._open.discard(request)
        super().shutdown_request(request)

    def hang_up(self) -> None:
        """Clients keep idle connections; none of them may go on talking to a stopped server."""
        with self._lock:
            for connection in self._open:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def server_bind(self) -> None:
        # Skips the reverse name lookup of the base class, which can take seconds.
        socket_server_bind(self)

    def handle_error(self, request: Any, client_address: Any) -> None:
        log.debug("connection from %s ended early: %s", client_address, sys.exception())


def socket_server_bind(server: ThreadingHTTPServer) -> None:
    server.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.socket.bind(server.server_address)
    server.server_address = server.socket.getsockname()
    server.server_name, server.server_port = str(server.server_address[0]), server.server_address[1]
