"""Child processes that cannot outlive the supervisor, and their output, line by line."""

from __future__ import annotations

import ctypes
import os
import selectors
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TextIO

from payments.local.parts import Part

_PR_SET_PDEATHSIG = 1
_COLOURS = (36, 33, 32, 35, 34, 96, 93)
_WIDTH = 8

_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


def die_with_parent(parent: int) -> None:
    """Ask Linux to stop this process when its parent is gone, however it went."""
    if _libc is not None:
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:  # it went before we asked
            os._exit(1)


class Process:
    """One running part in a process group of its own, so that Ctrl-C reaches only us."""

    def __init__(self, part: Part, environ: Mapping[str, str], folder: Path) -> None:
        supervisor = os.getpid()
        self.part = part
        self.popen = subprocess.Popen(  # noqa: S603 - our own command
            part.command,
            cwd=folder,
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=lambda: die_with_parent(supervisor),  # noqa: PLW1509 - we have no threads
        )
        assert self.popen.stdout is not None  # noqa: S101 - for the type checker
        self.output = self.popen.stdout
        os.set_blocking(self.output.fileno(), False)

    @property
    def code(self) -> int | None:
        return self.popen.poll()

    def ask_to_stop(self) -> None:
        """Tell the leader alone: it lets its own children finish what they do."""
        if self.code is None:
            self.popen.terminate()

    def sweep(self) -> None:
        """Kill whatever is left of the group."""
        # Nobody is left; macOS refuses a group of zombies.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.popen.pid, signal.SIGKILL)
        self.popen.wait()


class Console:
    """Prints the lines of all parts, each with the name of its part in front."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._selector = selectors.DefaultSelector()
        self._partial: dict[str, bytes] = {}
        self._colours: dict[str, int] = {}

    def follow(self, process: Process) -> None:
        """Print what the process writes from now on."""
        name = process.part.name
        self._colours[name] = _COLOURS[len(self._colours) % len(_COLOURS)]
        self._selector.register(process.output, selectors.EVENT_READ, process)

    def pump(self, seconds: float) -> None:
        """Pass on what was written, waiting for it at most so long."""
        for key, _events in self._selector.select(seconds):
            process: Process = key.data
            chunk = process.output.read() or b""
            self._print(process.part.name, chunk, ended=not chunk)
            if not chunk:
                self._selector.unregister(process.output)

    def drain(self) -> None:
        """Print what is there already."""
        for _ in range(20):
            if not self._selector.select(0):
                return
            self.pump(0)

    def forget(self, process: Process) -> None:
        """Print the rest of an ended process and close its pipe, whoever else still holds it."""
        self.drain()
        with suppress(KeyError):  # it was read to its end
            self._selector.unregister(process.output)
            self._print(process.part.name, b"", ended=True)
        process.output.close()

    def say(self, text: str) -> None:
        """Print a line of our own."""
        print(text, file=self._stream, flush=True)

    def _print(self, name: str, chunk: bytes, *, ended: bool) -> None:
        *lines, rest = (self._partial.pop(name, b"") + chunk).split(b"\n")
        if ended and rest:
            lines, rest = [*lines, rest], b""
        self._partial[name] = rest
        for line in lines:
            self.say(f"{self._label(name)} {line.decode(errors='replace').rstrip()}")

    def _label(self, name: str) -> str:
        label = f"{name:{_WIDTH}}|"
        return f"\x1b[{self._colours[name]}m{label}\x1b[0m" if self._stream.isatty() else label


Spawn = Callable[[Part], Process]
