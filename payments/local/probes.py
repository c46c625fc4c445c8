"""Questions to the machine: is a port free, does a part answer yet."""

from __future__ import annotations

import socket
import urllib.error
import urllib.request
from urllib.parse import urlsplit

HOST = "127.0.0.1"
SECONDS = 2

# A proxy of the environment has no business between two processes of one machine.
_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def is_free(port: int) -> bool:
    """Tell whether a server could listen on the port now."""
    with socket.socket() as probe:
        # Connections of an earlier run that still wind down must not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def listens(url: str, default_port: int) -> bool:
    """Tell whether anybody takes connections where the address points to."""
    parts = urlsplit(url)
    try:
        address = (parts.hostname or HOST, parts.port or default_port)
        socket.create_connection(address, timeout=SECONDS).close()
    except (OSError, ValueError):
        return False
    return True


def redis_answers(port: int) -> bool:
    """Tell whether a Redis on the port takes commands: while it loads its file it does not."""
    try:
        with socket.create_connection((HOST, port), timeout=SECONDS) as connection:
            connection.sendall(b"PING\r\n")
            return connection.recv(16).startswith(b"+PONG")
    except OSError:
        return False


def status(url: str) -> tuple[int, str]:
    """Return the status and the start of the body; 0 and the reason when nobody answers."""
    try:
        with _direct.open(url, timeout=SECONDS) as answer:
            return int(answer.status), _start(answer.read(400))
    except urllib.error.HTTPError as answer:
        return answer.code, _start(answer.read(400))
    except OSError as error:
        return 0, str(getattr(error, "reason", error))


def _start(body: bytes) -> str:
    return " ".join(body.decode(errors="replace").split())


def ready(base: str) -> tuple[bool, str]:
    """Ask /readyz whether the service is whole; the text says what is missing if it is not."""
    code, text = status(f"{base}/readyz")
    if code == 404:
        code, text = status(f"{base}/healthz")
    return code == 200, text if code in {0, 200} else f"{code} {text}"
