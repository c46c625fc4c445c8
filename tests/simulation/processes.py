"""Processes that can be paused, continued and killed at their steps, one of them at a time.

A process is a greenlet. Only the simulation's main greenlet decides who runs, so that the order of
everything follows from the choices alone.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from typing import Any

from greenlet import getcurrent, greenlet

from payments.kit.db import db
from payments.kit.transactions import _HOOKS
from tests.simulation.determinism import VirtualClock

RUN, DIE, PAUSE = "run", "die", "pause"


class SimulatedDeath(BaseException):
    """The process is gone: like SIGKILL, no handler of `Exception` hears of it."""


@dataclass
class Fate:
    """What happens to a process at the n-th step that it passes; `run` means nothing."""

    how: str = RUN
    at: int = 1


class Process:
    """One run of a function of the service: a web request or a task of the worker."""

    def __init__(self, name: str, work: Callable[[], Any], fate: Fate) -> None:
        self.name, self.fate = name, fate
        self.passed: list[str] = []
        self.result: Any = None
        self.error: BaseException | None = None
        self.died = self.paused = False
        self.paused_at = 0.0
        self._work = work
        self.thread = greenlet(self._run)

    def _run(self) -> None:
        try:
            self.result = self._work()
        except SimulatedDeath:
            self.died = True
        except BaseException as error:  # noqa: BLE001 - whatever it is, the simulation tells
            self.error = error

    @property
    def is_over(self) -> bool:
        return bool(self.thread.dead)

    @property
    def last_step(self) -> str:
        return self.passed[-1] if self.passed else "-"


class Scheduler:
    """Runs processes, and what is due at a later moment, on the virtual clock."""

    def __init__(self, clock: VirtualClock, on_end: Callable[[Process], None]) -> None:
        self._clock, self._on_end = clock, on_end
        self._main = getcurrent()
        self._later: list[tuple[float, int, Callable[[], None]]] = []
        self._order = count()
        self._current: Process | None = None
        self.alive: list[Process] = []

    @property
    def paused(self) -> list[Process]:
        """Return the stopped processes, which only `resume` continues."""
        return [process for process in self.alive if process.paused]

    def start(self, name: str, work: Callable[[], Any], fate: Fate) -> Process:
        """Run a new process until it ends, is paused or waits."""
        process = Process(name, work, fate)
        self.alive.append(process)
        self._switch(process)
        return process

    def resume(self, process: Process) -> None:
        """Continue a paused process (SIGCONT)."""
        process.paused = False
        self._switch(process)

    def kill(self, process: Process) -> None:
        """End a process where it stands (SIGKILL); what it has not committed is rolled back."""
        process.paused = False
        self._switch(process, SimulatedDeath())

    def kill_all(self) -> None:
        for process in list(self.alive):
            self.kill(process)

    def _switch(self, process: Process, death: SimulatedDeath | None = None) -> None:
        if process.is_over:
            return
        self._current = process
        if death is None:
            process.thread.switch()
        else:
            process.thread.throw(death)
        self._current = None
        if process.is_over and process in self.alive:
            self.alive.remove(process)
            self._on_end(process)

    # What a process meets on its way

    def pass_step(self, name: str) -> None:
        """Let the running process die or stop here if its fate says so."""
        process = self._current
        if process is None:
            return
        process.passed.append(name)
        fate = process.fate
        if fate.how == RUN or len(process.passed) < fate.at:
            return
        if fate.how == PAUSE and has_open_transaction():
            return  # stopped at the next step: nobody else could write to SQLite meanwhile
        process.fate = Fate()
        if fate.how == DIE:
            raise SimulatedDeath(name)
        process.paused, process.paused_at = True, self._clock.now
        self._main.switch()

    def sleep(self, seconds: float) -> None:
        """Let the running process wait, while others may run; outside of one let time pass."""
        process = self._current
        if process is None:
            self.advance(seconds)
            return
        if has_open_transaction():
            raise AssertionError(f"{process.name} waits with a transaction open")
        self.call_later(seconds, lambda: self._wake(process))
        self._main.switch()

    def _wake(self, process: Process) -> None:
        if not process.paused:
            self._switch(process)

    # Time

    def call_later(self, seconds: float, what: Callable[[], None]) -> None:
        """Call `what` once so many virtual seconds have passed."""
        heapq.heappush(self._later, (self._clock.now + seconds, next(self._order), what))

    @property
    def next_at(self) -> float | None:
        """Return the moment of the next thing that is due later, None without one."""
        return self._later[0][0] if self._later else None

    def advance(self, seconds: float) -> None:
        """Let time pass, doing on the way what falls due."""
        until = self._clock.now + seconds
        while self._later and self._later[0][0] <= until:
            self._clock.now, _, what = heapq.heappop(self._later)
            what()
        self._clock.now = until


def has_open_transaction() -> bool:
    """Return whether the running process is inside a `transaction()`."""
    return db.session().info.get(_HOOKS) is not None
