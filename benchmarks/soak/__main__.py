"""`make soak`: ten minutes of mixed load while processes die and Redis forgets; then the accounts.

Runs on the servers that DATABASE_URL and REDIS_URL name, in a database of its own and on one of
Redis' numbered databases, which it flushes. SOAK_SECONDS shortens it; the report is written to
docs/soak.md with SOAK_REPORT=docs/soak.md. Exits with 1 when the ledgers disagree.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from redis import Redis

from benchmarks.soak import report
from benchmarks.soak.crew import Chaos, Crew
from benchmarks.soak.ledger import compare
from benchmarks.soak.load import Customers, StubbornClient, Subscribers, Tally
from payments.projects.sync.topics import TYPES
from payments.webhooks.handlers import HANDLERS
from payments.webhooks.models import WAITING, WebhookEvent
from payments.workspaces.models import Charge, Refund
from tests.support import stack
from tests.support.developers import ProjectSeat, developer_with_project, store_keys
from tests.support.people import Person
from tests.support.processes import free_port
from tests.support.shop import Shop
from tests.support.site import Site, open_site

SECONDS = int(os.environ.get("SOAK_SECONDS", "600"))
CUSTOMERS = int(os.environ.get("SOAK_CUSTOMERS", "6"))
_SETTLE_SECONDS = 300
_REDIS_DATABASE = 11


def main() -> int:
    """Run the soak and print its report; 1 when anything disagrees."""
    redis = _own_database(os.environ.get("REDIS_URL", ""))
    with (
        tempfile.TemporaryDirectory() as folder,
        stack.Sandbox(port=0) as sandbox,
        open_site(Path(folder), sandbox, redis_url=redis, **_settings()) as site,
    ):
        site.redis.flushdb()
        told = _run(site)
        site.redis.flushdb()
    text = report.written(told)
    _say(text)
    if path := os.environ.get("SOAK_REPORT"):
        Path(path).write_text(text)
    return 1 if told["findings"].faults or told["tally"].unexpected else 0


def _own_database(url: str) -> str | None:
    base = url.rstrip("/")
    if base.count("/") > 2:
        base = base.rsplit("/", 1)[0]
    return f"{base}/{_REDIS_DATABASE}" if base else None


def _settings() -> dict[str, str]:
    return {"CHARGE_WAIT_SECONDS": "10", "LOG_LEVEL": "WARNING"}


def _run(site: Site) -> dict[str, Any]:
    port = free_port()
    seat = developer_with_project(site.client, site.settings)
    _register(site, seat, port)
    crew = Crew(site.environment, port)
    try:
        shop, tally = site.over(StubbornClient(f"http://127.0.0.1:{port}", seconds=30)), Tally()
        _until_served(shop)
        kills, flushes = _under_load(site, seat, crew, shop, tally)
        settled = _settle(site)
        findings = compare(site, seat.shop, seat.project_id)
        findings.check(settled is not None, f"work was left after {_SETTLE_SECONDS} s")
    finally:
        crew.stop()
    return {
        "seconds": SECONDS, "engine": _engine(site), "kills": kills, "flushes": flushes,
        "restarts": crew.restarts, "tally": tally, "settled": settled, "findings": findings,
    }  # fmt: skip


def _under_load(
    site: Site, seat: ProjectSeat, crew: Crew, shop: Shop, tally: Tally
) -> tuple[dict[str, int], int]:
    customers = Customers(shop, Person(**{**vars(site.admin()), "client": shop.client}), tally)
    subscribers = Subscribers(seat.shop, tally)
    customers.start(CUSTOMERS)
    subscribers.start()
    kills = _rage(crew, site.redis)
    customers.stop()
    subscribers.stop()
    return kills


def _until_served(shop: Shop) -> None:
    deadline = time.monotonic() + 60
    while not shop.client.answers():  # type: ignore[attr-defined]
        if time.monotonic() > deadline:
            raise SystemExit("soak: the web process did not come up")
        time.sleep(0.2)


def _register(site: Site, seat: ProjectSeat, port: int) -> None:
    """Let both Stripe accounts deliver to the web process; Stripe chooses the secrets."""
    here = f"http://127.0.0.1:{port}"
    platform = _endpoint(site.shop, f"{here}/api/payments/webhook", sorted(HANDLERS))
    site.environment["STRIPE_WEBHOOK_SECRET"] += f",{platform}"
    theirs = _endpoint(seat.shop, here + seat.webhook_path(), list(TYPES))
    store_keys(seat.developer, seat.project_id, test_webhook_secret=theirs)


def _endpoint(shop: Shop, url: str, types: list[str]) -> str:
    events = {f"enabled_events[{n}]": kind for n, kind in enumerate(types)}
    return str(shop.stripe("POST", "/v1/webhook_endpoints", url=url, **events)["secret"])


def _rage(crew: Crew, redis: Redis) -> tuple[dict[str, int], int]:
    chaos = Chaos(crew, redis, seconds=SECONDS)
    ends = time.monotonic() + SECONDS
    while time.monotonic() < ends:
        time.sleep(min(30, max(ends - time.monotonic(), 0)))
        _say(f"{max(ends - time.monotonic(), 0):.0f} s left, {sum(chaos.kills.values())} killed\n")
    chaos.stop()
    return dict(chaos.kills), chaos.flushes


def _settle(site: Site) -> float | None:
    """Wait until no row waits, closing the holes of the inbox once; return the seconds it took."""
    began = time.monotonic()
    _quiet(site, began)
    _close_gaps(site.environment)
    return _quiet(site, began)


def _quiet(site: Site, began: float) -> float | None:
    while time.monotonic() - began < _SETTLE_SECONDS:
        if not _open(site):
            return time.monotonic() - began
        time.sleep(1)
    return None


def _open(site: Site) -> int:
    return (
        len(site.rows(Charge, Charge.status == "pending"))
        + len(site.rows(Refund, Refund.status == "pending"))
        + len(site.rows(WebhookEvent, WebhookEvent.state.in_(WAITING)))
    )


def _close_gaps(environment: dict[str, str]) -> None:
    """Do what beat does every five minutes, without waiting for it."""
    command = [sys.executable, "-m", "flask", "--app", "wsgi", "reconcile", "--kind", "events"]
    done = subprocess.run(
        command, env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )
    _say(done.stdout[-2000:])
    if done.returncode not in {0, 1}:  # 1: there was a hole, and it is closed now
        raise SystemExit(f"soak: the reconciliation failed:\n{done.stderr[-4000:]}")


def _engine(site: Site) -> str:
    return "SQLite" if site.settings.database_url.startswith("sqlite") else "PostgreSQL"


def _say(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


if __name__ == "__main__":
    raise SystemExit(main())
