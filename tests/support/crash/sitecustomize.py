"""Arms the steps of a child process: Python runs this file because a test put its folder first.

CRASH_AT names the steps, each of which ends one process (`all` means every one), and CRASH_DIR is
the folder in which a step that has done so leaves a file: the next process passes it unharmed. The
file holds what was being done. CRASH_HOW is `kill` (this process, the default), `group` (all of its
session), `hang`, `stop` (SIGSTOP, until somebody sends SIGCONT), `raise`, or `tell` (only the file
is left).
"""

from __future__ import annotations

import importlib.abc
import importlib.util
import json
import os
import signal
import sys
import time
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

MODULE = "payments.kit.steps"


class Crash(Exception):
    """What an armed step raises instead of ending the process."""


def listen(name: str) -> None:
    """Let this process die here, if no other one has died at this step."""
    wanted = os.environ["CRASH_AT"].split(",")
    if name not in wanted and wanted != ["all"]:
        return
    try:
        with (Path(os.environ["CRASH_DIR"]) / name).open("x") as mark:
            json.dump(_errand(), mark)
    except FileExistsError:
        return
    _HOW[os.environ.get("CRASH_HOW", "kill")]()


def _errand() -> dict[str, Any]:
    """Say what this process is doing: the task with its ids, if it is a worker."""
    from celery import current_task

    if not current_task:
        return {"pid": os.getpid()}
    return {"pid": os.getpid(), "task": current_task.name, **current_task.request.kwargs}


def _kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(60)  # the signal is on its way: not one more line is to run


def _group() -> None:
    os.killpg(os.getpgid(0), signal.SIGKILL)
    time.sleep(60)


def _raise() -> None:
    raise Crash


_HOW = {
    "kill": _kill,
    "group": _group,
    "hang": lambda: time.sleep(600),
    "stop": lambda: os.kill(os.getpid(), signal.SIGSTOP),
    "raise": _raise,
    "tell": lambda: None,
}


class _Loader(importlib.abc.Loader):
    """Loads the module as ever, then arms it: nothing of ours is imported before its time."""

    def __init__(self, inner: importlib.abc.Loader) -> None:
        self._inner = inner

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._inner.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        self._inner.exec_module(module)
        module.arm(listen)


class _Finder(importlib.abc.MetaPathFinder):
    """Waits for the one module to be imported."""

    def find_spec(self, name: str, path: Any, target: Any = None) -> ModuleSpec | None:
        if name != MODULE:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.loader is not None:
            spec.loader = _Loader(spec.loader)
        return spec


if "CRASH_AT" in os.environ:
    sys.meta_path.insert(0, _Finder())
