"""Parts that are small scripts, a console that can be read, and ports that nobody uses."""

from __future__ import annotations

import io
import os
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from payments import config
from payments.config import Settings
from payments.local.parts import Part
from payments.local.processes import Console, Process
from payments.local.supervisor import Supervisor


@pytest.fixture
def script() -> Callable[..., Part]:
    """Make a part out of a few lines of Python."""

    def make(name: str, code: str, **more: Any) -> Part:
        return Part(name, (sys.executable, "-c", code), **more)

    return make


@pytest.fixture
def screen() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def supervisor(screen: io.StringIO, tmp_path: Path) -> Iterator[Supervisor]:
    environ = {**os.environ, "PYTHONUNBUFFERED": "1"}
    made = Supervisor(Console(screen), lambda part: Process(part, environ, tmp_path))
    yield made
    made.stop()


@pytest.fixture
def free_port() -> Callable[[], int]:
    def find() -> int:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            return int(probe.getsockname()[1])

    return find


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield int(server.getsockname()[1])


@pytest.fixture
def load(tmp_path: Path) -> Callable[..., Settings]:
    def read(**environ: str) -> Settings:
        return config.load({"DATA_DIR": str(tmp_path), **environ})

    return read
