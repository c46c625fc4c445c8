"""Starts the Procfile's processes, waits until they serve, and kills them without mercy."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import requests

from tests.support.answers import check_error_body

ROOT = Path(__file__).parents[2]
START_SECONDS = 40
STOP_SECONDS = 20

# What a process gets besides the run's own variables: nothing that a developer's shell exports.
_KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "VIRTUAL_ENV", "SYSTEMROOT")


def free_port() -> int:
    """Return a port of the loopback that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def procfile(name: str, environment: Mapping[str, str]) -> list[str]:
    """Return the command of a Procfile's line, its variables filled in, bound to the loopback.

    The program is run by this interpreter, so that no PATH decides which installation it is.
    """
    lines = (ROOT / "Procfile").read_text("utf-8").splitlines()
    command = next(line.partition(":")[2] for line in lines if line.startswith(f"{name}:"))
    filled = re.sub(
        r"\$\{(\w+):-([^}]*)\}", lambda m: environment.get(m[1]) or m[2], command
    ).replace("0.0.0.0", "127.0.0.1")  # noqa: S104 - it is what we replace
    program, *arguments = shlex.split(filled)
    return [sys.executable, "-m", program, *arguments]


class Group:
    """A process with all its children, in a session of their own, its output kept in a file."""

    def __init__(self, name: str, command: list[str], environment: Mapping[str, str]) -> None:
        self.name = name
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `kill`
        self._last = ""
        inherited = {key: os.environ[key] for key in _KEPT if key in os.environ}
        self._process = subprocess.Popen(
            command,
            cwd=ROOT,
            env={**inherited, "PYTHONUNBUFFERED": "1", **environment},
            stdin=subprocess.DEVNULL,
            stdout=self._file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    @property
    def output(self) -> str:
        """Everything that the group has written so far."""
        if self._file.closed:
            return self._last
        size = os.fstat(self._file.fileno()).st_size
        return os.pread(self._file.fileno(), size, 0).decode(errors="replace")

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    @property
    def pid(self) -> int:
        return self._process.pid

    def wait_until(self, ready: Callable[[], Any], *, seconds: float = START_SECONDS) -> Group:
        """Poll `ready` until it is true; a group that died or dawdles fails with its output."""
        deadline = time.monotonic() + seconds
        while not ready():
            assert self.running, f"{self.name} ended:\n{self.output[-4000:]}"
            assert time.monotonic() < deadline, f"{self.name} is late:\n{self.output[-4000:]}"
            time.sleep(0.03)
        return self

    def ended(self, *, seconds: float = STOP_SECONDS) -> int:
        """Wait until it has ended by itself, and return its exit code."""
        return self._process.wait(seconds)

    def kill(self) -> None:
        """SIGKILL the whole group at once: nobody in it gets to finish anything."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(STOP_SECONDS)
        self._last = self.output
        self._file.close()

    def stop(self, *, everybody: bool = False, seconds: float = STOP_SECONDS) -> int:
        """Ask politely, as a deployment does, and return the exit code; then nothing is left.

        `everybody`: each process of the group gets the signal, as on Heroku.
        """
        send = os.killpg if everybody else os.kill
        send(self._process.pid, signal.SIGTERM)
        try:
            return self._process.wait(seconds)
        finally:
            self.kill()


@contextmanager
def running(group: Group) -> Iterator[Group]:
    """Hold a group for a block; nothing of it survives the block."""
    try:
        yield group
    finally:
        group.kill()


@contextmanager
def web(environment: Mapping[str, str]) -> Iterator[HttpClient]:
    """Serve the app with gunicorn as the Procfile does; yield a client of it."""
    port = free_port()
    # Each thread holds a connection, and runs beside each other share one PostgreSQL's hundred.
    threads = min(int(environment.get("WEB_THREADS", "8")), 8)
    environment = {"WEB_CONCURRENCY": "2", **environment, "PORT": str(port)}
    environment["WEB_THREADS"] = str(threads)
    client = HttpClient(f"http://127.0.0.1:{port}")
    with running(Group("web", procfile("web", environment), environment)) as group:
        group.wait_until(client.answers)
        client.group = group
        yield client


@contextmanager
def worker(
    environment: Mapping[str, str], *, processes: int = 2, options: tuple[str, ...] = ()
) -> Iterator[Group]:
    """Run a Celery worker as the Procfile does (prefork), until the block ends."""
    with running(start_worker(environment, *options, processes=processes)) as group:
        yield group


def start_worker(
    environment: Mapping[str, str], *options: str, processes: int = 2, queues: str = ""
) -> Group:
    """Start a worker (on every queue, unless some are named) and wait until it is ready.

    Of `options` that the Procfile's line gives as well, celery takes the later one.
    """
    environment = {**environment, "LOG_LEVEL": "INFO"}
    command = [*procfile("worker", environment), "--concurrency", str(processes), *options]
    group = Group("worker", [*command, *(["--queues", queues] if queues else [])], environment)
    try:
        return group.wait_until(lambda: " ready." in group.output)
    except BaseException:
        group.kill()
        raise


@contextmanager
def beat(environment: Mapping[str, str]) -> Iterator[Group]:
    """Run beat as the Procfile does, until the block ends."""
    environment = {**environment, "LOG_LEVEL": "INFO"}
    with running(Group("beat", procfile("beat", environment), environment)) as group:
        group.wait_until(lambda: "beat: Starting..." in group.output)
        yield group


@dataclass(frozen=True)
class Answer:
    """An answer over real HTTP, read the way the tests read the test client's answers."""

    status_code: int
    headers: Mapping[str, str]
    data: bytes

    @property
    def text(self) -> str:
        return self.data.decode(errors="replace")

    @property
    def json(self) -> Any:
        return check_error_body(self.status_code, self.headers, json.loads(self.data))


class HttpClient:
    """What `Shop` and `Person` ask of a Flask test client, over real HTTP; safe in threads."""

    def __init__(self, base: str, *, seconds: float = 60) -> None:
        self.base = base
        self.group: Group | None = None
        self._seconds = seconds

    def open(
        self,
        path: str,
        *,
        method: str = "GET",
        headers: Mapping[str, str] | None = None,
        json: Any = None,
        data: Any = None,
        query_string: Any = None,
        content_type: str | None = None,
    ) -> Answer:
        sent = dict(headers or {})
        if content_type:
            sent["Content-Type"] = content_type
        query = query_string if isinstance(query_string, str) else urlencode(query_string or {})
        address = f"{self.base}{path}{'?' if query else ''}{query}"
        answer = requests.request(
            method, address, headers=sent, json=json, data=data, timeout=self._seconds
        )
        return Answer(answer.status_code, answer.headers, answer.content)

    def get(self, path: str, **options: Any) -> Answer:
        return self.open(path, method="GET", **options)

    def post(self, path: str, **options: Any) -> Answer:
        return self.open(path, method="POST", **options)

    def answers(self) -> bool:
        """Tell whether anybody serves there yet."""
        try:
            return requests.get(f"{self.base}/healthz", timeout=5).status_code == 200
        except requests.RequestException:
            return False
