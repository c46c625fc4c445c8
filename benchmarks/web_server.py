"""What waitress below gunicorn costs and withstands, against gunicorn's own threads.

    python -m benchmarks.web_server [--seconds 5] [--rounds 5]

The same app with the same processes and threads, started by the Procfile's line; only the class of
the worker differs. Both servers run at once and are asked in turns, so that whatever else the
machine does falls on both; each ratio is of one round, and the spread is told. Then connections
that never finish are held at each, and each is stopped with a request under way. On the servers
that DATABASE_URL and REDIS_URL name, else on SQLite and the bundled Valkey.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import repeat
from pathlib import Path

from benchmarks.web import trouble
from benchmarks.web.load import Background, percentile, read_address, write_request
from tests.support import processes, stack
from tests.support.process_figures import read_children
from tests.support.processes import Group, HttpClient
from tests.support.site import Site, open_site

SERVERS = {"waitress": None, "gthread": "gthread"}
CONNECTIONS = (1, 16, 64)
# Answers a second, the p99 in ms, and the server's CPU-ms for each answer.
Figures = tuple[float, float, float]
# A webhook's usual weight.
_PADDING = "x" * 4000


def main(arguments: list[str] | None = None) -> int:
    """Print speed, hostile connections and stops; 1 when waitress fails where it must not."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.web_server", description=__doc__)
    parser.add_argument("--seconds", type=float, default=5, help="of each run")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", choices=("speed", "trouble"), help="one half of it")
    chosen = parser.parse_args(arguments)
    with _install() as site:
        if chosen.only != "trouble":
            with ExitStack() as held:
                servers = {name: held.enter_context(serve(site, name)) for name in SERVERS}
                _compare_speed(site, servers, chosen)
        return 0 if chosen.only == "speed" else trouble.run(site, serve, SERVERS)


@contextmanager
def _install() -> Iterator[Site]:
    with (
        stack.Sandbox(port=0) as sandbox,
        tempfile.TemporaryDirectory() as folder,
        stack.redis_server(os.environ.get("REDIS_URL")) as redis_url,
        open_site(Path(folder), sandbox, redis_url=redis_url, WEB_THREADS="8") as site,
    ):
        yield site


@contextmanager
def serve(site: Site, name: str) -> Iterator[HttpClient]:
    """Serve with the Procfile's line; `gthread` takes the place of its worker class."""
    environment = {**site.environment, "PORT": str(processes.free_port()), "WEB_CONCURRENCY": "2"}
    command = processes.procfile("web", environment)
    if kind := SERVERS[name]:
        command[command.index("--worker-class") + 1] = kind
    client = HttpClient(f"http://127.0.0.1:{environment['PORT']}", seconds=10)
    with processes.running(Group(name, command, environment)) as group:
        group.wait_until(client.answers)
        client.group = group
        yield client


def make_gets(close: bool) -> Iterator[bytes]:
    """Yield small requests that ask for nothing but a word."""
    return repeat(write_request("/healthz", close=close))


def make_webhooks(payload: str, signature: str, close: bool) -> Iterator[bytes]:
    """Yield a delivery again and again, as Stripe repeats one: it is stored once."""
    request = write_request(
        "/api/payments/webhook",
        payload.encode(),
        close=close,
        Content_Type="application/json",
        Stripe_Signature=signature,
    )
    return repeat(request)


def _compare_speed(site: Site, servers: dict[str, HttpClient], chosen: argparse.Namespace) -> None:
    event = {
        "id": "evt_bench_web", "object": "event", "type": "customer.updated", "created": 1,
        "livemode": False, "data": {"object": {"id": "cus_bench", "padding": _PADDING}},
    }  # fmt: skip
    payload = json.dumps(event)
    for what in ("GET", "POST"):
        for keep in (True, False):
            for connections in CONNECTIONS:
                figures: dict[str, list[Figures]] = {name: [] for name in servers}
                for turn in range(chosen.rounds):
                    order = list(servers) if turn % 2 else list(servers)[::-1]
                    signature = site.shop.signature(payload)
                    for name in order:
                        figures[name].append(
                            _run(servers[name], what, payload, signature, keep, connections, chosen)
                        )
                _tell(what, keep, connections, figures)


def _run(
    client: HttpClient,
    what: str,
    payload: str,
    signature: str,
    keep: bool,
    connections: int,
    chosen: argparse.Namespace,
) -> Figures:
    """Load one server for a while and return its figures; raise when an answer was no 200."""
    assert client.group is not None  # noqa: S101 - for the type checker
    arguments: tuple[object, ...] = (payload, signature, not keep)
    make, arguments = (make_webhooks, arguments) if what == "POST" else (make_gets, (not keep,))
    before = read_children(client.group.pid)
    tally = Background(
        make, arguments, address=read_address(client.base), connections=connections,
        seconds=chosen.seconds, keep=keep,
    ).read_tally()  # fmt: skip
    after = read_children(client.group.pid)
    if tally.broken or set(tally.statuses) != {200}:
        raise RuntimeError(f"a measured call failed: {tally.statuses}, {tally.broken} broken")
    spent = sum(after[pid].cpu_seconds - before[pid].cpu_seconds for pid in before)
    return (
        tally.rate, percentile(tally.latencies, 99) * 1000, spent * 1000 / tally.statuses.total()
    )  # fmt: skip


def _tell(what: str, keep: bool, connections: int, figures: dict[str, list[Figures]]) -> None:
    """Print the ratio of each round's rates and of its CPU, with medians of both servers."""
    pairs = list(zip(figures["waitress"], figures["gthread"], strict=True))
    rates = sorted(ours[0] / theirs[0] for ours, theirs in pairs)
    spent = sorted(ours[2] / theirs[2] for ours, theirs in pairs)
    line = (
        f"{what:4} {'keep-alive' if keep else 'new conns ':10} {connections:2}: rate x "
        f"{statistics.median(rates):.2f} ({rates[0]:.2f} to {rates[-1]:.2f}), CPU x "
        f"{statistics.median(spent):.2f} ({spent[0]:.2f} to {spent[-1]:.2f})"
    )
    for name, found in figures.items():
        rate, p99, cpu = (statistics.median(each) for each in zip(*found, strict=True))
        line += f" | {name} {rate:.0f}/s, p99 {p99:.1f} ms, {cpu:.2f} CPU-ms"
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
