"""The second half of benchmarks/web_server.py: connections that never finish, and stops."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, suppress

from benchmarks.web.load import percentile, read_address
from tests.support.doors import head, wire
from tests.support.malformed import JSON, LOGIN, VECTORS, chunked, sized
from tests.support.probe import Probe
from tests.support.processes import Answer, HttpClient
from tests.support.site import Site

CROWD = 48
HELD_SECONDS = 4.0
MOST_PROBE_MS = 1000
# What Heroku gives a process between SIGTERM and SIGKILL.
MOST_STOP_SECONDS = 30
HOSTILE = {
    "nothing sent": VECTORS["nothing"],
    "half a head": VECTORS["half a head"],
    "half a body": VECTORS["half a body"],
    "half a chunk": VECTORS["half a chunk"],
    "a negative chunk": VECTORS["chunk of size '-6'"],
    "a length of 4,100 digits": VECTORS["4,100 zeros and a 9"],
    "a slow body": sized("100000", b"{"),
    "a slow chunk": chunked(b"fffff\r\n{"),
    "a slow head": head(LOGIN, JSON)[:-2],
    "asked first": VECTORS["asked first"],
}
Serve = Callable[[Site, str], AbstractContextManager[HttpClient]]


def run(site: Site, serve: Serve, servers: dict[str, str | None]) -> int:
    """Print both parts; 1 when waitress let a probe wait or fail, or stopped too late."""
    fine = True
    for what, data in HOSTILE.items():
        for name in servers:
            with serve(site, name) as client:
                held_up = _hold(client, name, what, data)
            fine = fine and not (name == "waitress" and held_up)
    for name in servers:
        took = _stop(site, serve, name)
        fine = fine and not (name == "waitress" and took > MOST_STOP_SECONDS)
    return not fine


def _hold(client: HttpClient, name: str, what: str, data: bytes) -> bool:
    """Hold a crowd of such connections, those that are slow dripping; return if a probe failed."""
    probe = Probe(read_address(client.base), pause=0.05)
    with ExitStack() as held:
        crowd = [held.enter_context(wire(client)) for _ in range(CROWD)]
        for each in crowd:
            with suppress(OSError):
                each.send(data)
        probe.start()
        until = time.monotonic() + HELD_SECONDS
        while time.monotonic() < until:
            time.sleep(0.5)
            for each in crowd if "slow" in what else ():
                with suppress(OSError):
                    each.send(b"A")
        waits = probe.waiting_seconds
    threading.Thread(target=probe.stop, daemon=True).start()
    took = [seconds * 1000 for seconds in probe.seconds]
    _say(
        f"{CROWD} x {what:25} {name:9} {len(took):3} probes, {len(probe.failures)} failed, "
        f"p50 {percentile(took, 50):7.1f} ms, max {max(took, default=0):7.1f} ms"
        f"{f', the last one waits for {waits:.1f} s' if waits > 1 else ''}"
    )
    return bool(probe.failures) or max([waits * 1000, *took]) > MOST_PROBE_MS


def _stop(site: Site, serve: Serve, name: str) -> float:
    """Send SIGTERM while an upgrade waits for its outcome; return the seconds until the end."""
    person, place = site.customer()
    answers: list[Answer] = []
    with serve(site, name) as client:
        assert client.group is not None  # noqa: S101 - for the type checker
        shop = site.over(HttpClient(client.base))

        def upgrade() -> None:
            # No worker runs here, so it waits for CHARGE_WAIT_SECONDS and is then a 202.
            with suppress(OSError):
                answers.append(shop.upgrade(person, place.slug))

        waiting = threading.Thread(target=upgrade, daemon=True)
        waiting.start()
        time.sleep(1)
        begun = time.monotonic()
        os.kill(client.group.pid, signal.SIGTERM)
        code = client.group.ended(seconds=60)
        took = time.monotonic() - begun
        waiting.join(5)
    answered = answers[0].status_code if answers else "no answer"
    _say(f"SIGTERM with a request under way: {name:9} {took:4.1f} s, exit {code}, {answered}")
    return took


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
