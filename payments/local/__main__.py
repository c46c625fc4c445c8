"""`python -m payments.local`: the whole service under one supervisor, as `make run` starts it."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

from payments import config
from payments.config import ConfigError, Settings
from payments.local import environment, greeting, parts
from payments.local.parts import Part
from payments.local.processes import Console, Process, die_with_parent
from payments.local.supervisor import Failed, Stopped, Supervisor


def main(words: list[str]) -> int:
    """Run until Ctrl-C or SIGTERM (0), or until something fails (1, with one line)."""
    if "--with-parent" in words:  # make may be killed; nobody would be left to stop us
        die_with_parent(os.getppid())
    folder = parts.root()
    environ = environment.gathered(os.environ, folder)
    try:
        settings = config.load(environ)
    except ConfigError as error:
        return _fail(f"the settings are wrong: {error}")
    absent = parts.absent_servers(settings, environ)
    if absent:
        names = " and ".join(absent)
        return _fail(f"nobody answers at {names}; start it, or unset {names} for the embedded one")
    lock = environment.held(settings.data_dir)
    if lock is None:
        return _fail(f"another run uses {settings.data_dir}; stop it or set DATA_DIR")
    with lock:
        return _supervise(settings, environment.told(environ, settings), folder)


def _supervise(settings: Settings, environ: dict[str, str], folder: Path) -> int:
    console = Console(sys.stdout)

    def spawn(part: Part) -> Process:
        return Process(part, environ, folder)

    supervisor = Supervisor(console, spawn)
    _listen(supervisor)
    started = time.monotonic()
    try:
        supervisor.start(parts.plan(settings, environ))
        console.say(f"ready after {time.monotonic() - started:.0f} s")
        console.say(greeting.text(settings))
        supervisor.watch()
    except Stopped:
        console.say("stopping ...")
        supervisor.stop()
        return 0
    except Failed as failure:
        supervisor.stop()
        return _fail(str(failure))
    return 0


def _listen(supervisor: Supervisor) -> None:
    """End in order at the first signal; a second one changes nothing, the end is near."""

    def stop(_number: int, _frame: object) -> None:
        supervisor.stopping = True

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)


def _fail(why: str) -> int:
    print(f"payments: {why}", file=sys.stderr, flush=True)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
