"""A PostgreSQL of a test's own, to be restarted under load; and a wire to it that can be cut."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.processes import free_port

_QUICK = ("fsync=off", "full_page_writes=off", "unix_socket_directories=", "max_connections=60")


def binaries() -> Path:
    """Return the folder of PostgreSQL's programs; their absence is told, never passed over."""
    found = shutil.which("pg_ctl")
    places = [Path(found).parent] if found else sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    for place in reversed(places):
        if (place / "initdb").exists():
            return place
    raise AssertionError(
        "PostgreSQL's initdb and pg_ctl are needed here: apt-get install postgresql"
    )


@dataclass
class Cluster:
    """One server with its data in a temporary folder; it belongs to whoever made it."""

    folder: Path
    port: int

    @property
    def url(self) -> str:
        return f"postgres://postgres@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        options = " ".join(f"-c {setting}" for setting in _QUICK)
        self._control("start", "-o", f"-h 127.0.0.1 -p {self.port} {options}")

    def crash(self) -> None:
        """Restart it at once: every connection breaks, what was not committed is gone."""
        self._control("restart", "-m", "immediate")

    def stop(self) -> None:
        self._control("stop", "-m", "immediate")

    def _control(self, *command: str) -> None:
        log = str(self.folder / "server.log")
        run("pg_ctl", "-D", str(self.folder / "data"), "-l", log, "-w", *command)


def run(program: str, *arguments: str) -> None:
    """Run one of its programs; root may not, so root does it as the user `postgres`."""
    given = [str(binaries() / program), *arguments]
    drop = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    done = subprocess.run(
        [*drop, *given], check=False, capture_output=True, text=True, timeout=60, cwd="/"
    )
    assert done.returncode == 0, f"{program}: {done.stdout}{done.stderr}"


@contextmanager
def cluster() -> Iterator[Cluster]:
    """Make a cluster below the temporary folder, and remove it afterwards."""
    with tempfile.TemporaryDirectory(prefix="payments-pg-") as name:
        folder = Path(name)
        if os.geteuid() == 0:
            shutil.chown(folder, "postgres")
        run("initdb", "-D", str(folder / "data"), "-U", "postgres", "-A", "trust", "--no-sync")
        made = Cluster(folder, free_port())
        made.start()
        try:
            yield made
        finally:
            made.stop()


@dataclass
class Wire:
    """Carries connections to a server; cuts one of them at its next COMMIT, when it is told to.

    `before`: the COMMIT never arrives. `after`: it does, and the answer is lost. While it is frozen
    it takes connections and bytes, and forwards nothing.
    """

    target: int
    port: int = 0
    cut: int = 0
    _armed: str | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _flows: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self._flows.set()

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Forward nothing for the block, as a host that went silent does."""
        self._flows.clear()
        try:
            yield
        finally:
            self._flows.set()

    def arm(self, when: str) -> None:
        with self._lock:
            self._armed = when

    def serve(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                client = listener.accept()[0]
                threading.Thread(target=self._carry, args=(client,), daemon=True).start()

    def _carry(self, client: socket.socket) -> None:
        server = socket.create_connection(("127.0.0.1", self.target))
        back = threading.Thread(target=self._copy, args=(server, client), daemon=True)
        back.start()
        with suppress(OSError):
            while data := client.recv(65536):
                self._flows.wait()
                if b"COMMIT" in data and (when := self._taken()):
                    self._strike(when, client, server, data)
                    return
                server.sendall(data)
        _close(server, client)

    def _taken(self) -> str | None:
        with self._lock:
            when, self._armed = self._armed, None
            self.cut += when is not None
            return when

    def _strike(self, when: str, client: socket.socket, server: socket.socket, data: bytes) -> None:
        # The way back goes first, so that no answer can slip through.
        _close(client)
        if when == "after":
            server.sendall(data)
            with suppress(OSError):
                server.settimeout(1)
                server.recv(65536)
        _close(server)

    def _copy(self, server: socket.socket, client: socket.socket) -> None:
        with suppress(OSError):
            while data := server.recv(65536):
                self._flows.wait()
                client.sendall(data)
        _close(client)


def _close(*ends: socket.socket) -> None:
    for end in ends:
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
        end.close()


@contextmanager
def wire(target: int) -> Iterator[Wire]:
    """Listen on a port of its own and carry every connection to the target's."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        made = Wire(target, listener.getsockname()[1])
        threading.Thread(target=made.serve, args=(listener,), daemon=True).start()
        yield made
        listener.shutdown(socket.SHUT_RDWR)
