"""Whether a flood of log-ins stops the service: `/healthz` alone and beside it, and memory.

    python -m benchmarks.login_flood [--seconds 60] [--clients 32]

The web process of the Procfile, two processes of eight threads, on the servers that DATABASE_URL
and REDIS_URL name, else on SQLite and the bundled Valkey. Three floods, one after the other:
changing e-mails from one address, as one attacker sends them; the same from as many addresses, so
that nothing but the bound on hashing is in the way; one known e-mail from as many addresses.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from benchmarks.web.load import Background, percentile, read_address, write_request
from tests.support import processes, stack
from tests.support.people import sign_up
from tests.support.probe import Probe
from tests.support.process_figures import MIB, read_children, reset_peaks
from tests.support.processes import HttpClient
from tests.support.site import open_site

# As it is shipped: the limits of tests are far above these.
SHIPPED = {"RATE_LIMIT": "3000 per minute", "TRUSTED_PROXIES": "1", "WEB_THREADS": "8"}
ONE, MANY = 1, 50_000  # addresses
MOST_P99_MS, MOST_GROWTH = 250, 64 * MIB
# Four that ask five times a second each: a slow answer holds up one of them.
PROBES, PAUSE = 4, 0.2


def make_logins(email: str, addresses: int) -> Iterator[bytes]:
    """Yield log-ins with wrong passwords; `{}` in the e-mail is a number that goes up."""
    for number in count():
        place = number % addresses
        yield write_request(
            "/api/auth/login",
            f'{{"email": "{email.format(number)}", "password": "wrong horse {number}"}}'.encode(),
            close=True,
            Content_Type="application/json",
            X_Forwarded_For=f"198.{place // 62_500 + 18}.{place // 250 % 250}.{place % 250}",
        )


def main(arguments: list[str] | None = None) -> int:
    """Measure the three floods; 1 when `/healthz` was too slow or memory grew too much."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.login_flood", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--clients", type=int, default=32)
    chosen = parser.parse_args(arguments)
    with _serve() as (web, known):
        floods = {
            "changing e-mails, one address": ("nobody{}@example.com", ONE),
            "changing e-mails, many addresses": ("nobody{}@example.com", MANY),
            "one known e-mail, many addresses": (known, MANY),
        }
        alone = _probe(web, min(10.0, chosen.seconds))
        _say(f"/healthz alone: {_describe(alone)}")
        verdicts = [_measure(web, name, flood, chosen, alone) for name, flood in floods.items()]
    return not all(verdicts)


@contextmanager
def _serve() -> Iterator[tuple[HttpClient, str]]:
    with (
        stack.Sandbox(port=0) as sandbox,
        tempfile.TemporaryDirectory() as folder,
        stack.redis_server(os.environ.get("REDIS_URL")) as redis_url,
        open_site(Path(folder), sandbox, redis_url=redis_url, **SHIPPED) as site,
    ):
        known = sign_up(site.client, "Known").email
        with processes.web(site.environment) as web:
            yield web, known


def _measure(
    web: HttpClient,
    name: str,
    flood: tuple[str, int],
    chosen: argparse.Namespace,
    alone: list[Probe],
) -> bool:
    """Print one flood's figures; return whether they are within the bounds."""
    assert web.group is not None  # noqa: S101 - for the type checker
    reset_peaks(web.group.pid)
    before = read_children(web.group.pid)
    load = Background(
        make_logins,
        flood,
        address=read_address(web.base),
        connections=chosen.clients,
        seconds=chosen.seconds,
        keep=False,
    )
    probes = _probe(web, chosen.seconds)
    tally, after = load.read_tally(), read_children(web.group.pid)
    grown = sum(each.peak_bytes for each in after.values()) - sum(
        each.memory_bytes for each in before.values()
    )
    statuses = ", ".join(f"{key}: {tally.statuses[key]}" for key in sorted(tally.statuses))
    p99 = percentile(_list_ms(probes), 99)
    ratio = p99 / max(percentile(_list_ms(alone), 99), 0.1)
    _say(f"\n{name}: {tally.rate:.0f} log-ins a second, {statuses}, {tally.broken} broken")
    _say(f"  /healthz beside it: {_describe(probes)}, p99 {ratio:.1f} times that alone")
    _say(f"  memory of both web processes: at most {grown / MIB:+.0f} MiB over that before")
    failures = sum(len(probe.failures) for probe in probes)
    return p99 < MOST_P99_MS and grown < MOST_GROWTH and not failures


def _probe(web: HttpClient, seconds: float) -> list[Probe]:
    """Ask for /healthz twenty times a second for so long; return the probes with their times."""
    probes = [Probe(read_address(web.base), pause=PAUSE) for _ in range(PROBES)]
    for probe in probes:
        probe.start()
        time.sleep(PAUSE / PROBES)
    time.sleep(seconds)
    for probe in probes:
        probe.stop()
    return probes


def _list_ms(probes: list[Probe]) -> list[float]:
    return [seconds * 1000 for probe in probes for seconds in probe.seconds]


def _describe(probes: list[Probe]) -> str:
    took = _list_ms(probes)
    failed = sum(len(probe.failures) for probe in probes)
    return (
        f"{len(took)} probes, {failed} failed, p50 {percentile(took, 50):.1f} ms, "
        f"p99 {percentile(took, 99):.1f} ms, max {max(took, default=0):.1f} ms"
    )


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
