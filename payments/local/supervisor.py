"""Starts the parts in order, watches them, and stops them all in the right order."""

from __future__ import annotations

import time
from collections.abc import Iterable

from payments.local import probes
from payments.local.parts import Part, Plan
from payments.local.processes import Console, Process, Spawn

TICK = 0.1
PROBE_EVERY = 0.3
# Who takes work stops before who does it, and the servers under both at the end; the seconds
# are what each wave gets before it is killed.
WAVES = ((("beat", "web"), 4.5), (("worker",), 3.0), (("sandbox", "valkey"), 2.0))


class Failed(Exception):
    """Why the service does not run and what to do about it, in one line."""


class Stopped(Exception):
    """Somebody asked us to end."""


class Supervisor:
    """Runs one plan until a part dies or somebody sets `stopping`."""

    def __init__(self, console: Console, spawn: Spawn) -> None:
        self.stopping = False
        self._console = console
        self._spawn = spawn
        self._running: dict[str, Process] = {}

    def start(self, plan: Plan) -> None:
        """Bring everything up; returns once the service answers as a whole."""
        check_ports(plan.lasting)
        self._bring_up(plan.servers)
        for step in plan.steps:
            self._console.say(f"{step.name} ...")
            self._run(step)
        self._bring_up(plan.service)

    def watch(self) -> None:
        """Pass output on until somebody stops us; Failed as soon as a part ends by itself."""
        while True:
            self._tick()

    def stop(self) -> None:
        """Stop wave by wave, and kill what does not go in time."""
        for names, seconds in WAVES:
            self._stop(
                [self._running.pop(name) for name in names if name in self._running], seconds
            )
        self._stop(list(self._running.values()), 1.0)
        self._running.clear()

    def _bring_up(self, parts: tuple[Part, ...]) -> None:
        if parts:
            self._console.say(f"starting {', '.join(part.name for part in parts)} ...")
        for part in parts:
            self._launch(part)
        for part in parts:
            self._await(part)

    def _launch(self, part: Part) -> Process:
        try:
            process = self._running[part.name] = self._spawn(part)
        except OSError as error:
            raise Failed(f"{part.name} cannot be started: {error}") from error
        self._console.follow(process)
        return process

    def _run(self, step: Part) -> None:
        process = self._launch(step)
        deadline = time.monotonic() + step.seconds
        while process.code is None:
            if time.monotonic() > deadline:
                raise Failed(
                    f"{step.name} did not end within {step.seconds} s; see its lines above"
                )
            self._tick(besides=step.name)
        self._console.forget(self._running.pop(step.name))
        if process.code:
            raise Failed(f"{step.name} failed with exit code {process.code}; see its lines above")

    def _await(self, part: Part) -> None:
        deadline, last = time.monotonic() + part.seconds, ""
        while part.ready is not None:
            whole, last = part.ready()
            if whole:
                return
            if time.monotonic() > deadline:
                raise Failed(f"{part.name} is not ready after {part.seconds} s: {last}")
            for _ in range(int(PROBE_EVERY / TICK)):
                self._tick()

    def _tick(self, besides: str = "") -> None:
        self._console.pump(TICK)
        if self.stopping:
            raise Stopped
        for name, process in self._running.items():
            if name != besides and process.code is not None:
                self._console.drain()
                raise Failed(_epitaph(process.part, process.code))

    def _stop(self, processes: list[Process], seconds: float) -> None:
        for process in processes:
            process.ask_to_stop()
        deadline = time.monotonic() + seconds
        while any(process.code is None for process in processes) and time.monotonic() < deadline:
            self._console.pump(TICK)
        for process in processes:
            process.sweep()
            self._console.forget(process)


def check_ports(parts: Iterable[Part]) -> None:
    """Failed when two parts want one port, or when somebody else has it."""
    taken: dict[int, str] = {}
    for part in parts:
        if part.port is None:
            continue
        other = f"{part.port_name}={part.port + 1} make run"
        if part.port in taken:
            raise Failed(
                f"{part.name} and {taken[part.port]} both want port {part.port}; try: {other}"
            )
        if not probes.is_free(part.port):
            raise Failed(f"port {part.port} for {part.name} is in use; free it or try: {other}")
        taken[part.port] = part.name


def _epitaph(part: Part, code: int) -> str:
    how = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
    return f"{part.name} {how} ({part.trace}); everything else was stopped: make run again"
