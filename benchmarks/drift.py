"""What it costs to find 200 drifted subscriptions among 5,000, in calls and against bare reading.

    python -m benchmarks.drift [subscriptions]

Runs on the database that DATABASE_URL names, else on a SQLite file that is thrown away.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from payments.gateway import object_lists
from payments.projects.models import Payment, Subscription
from payments.projects.reconcile.lists import LISTS
from tests.support import stack
from tests.support.developers import ProjectSeat, developer_with_project
from tests.support.drift import Found, calls, compared, counters_agree, ledger
from tests.support.herd import herd
from tests.support.histories import Account
from tests.support.site import Site, open_site

EVERY = 25  # which of the subscriptions drift: 200 of 5,000
PAGE = object_lists.PAGE


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 5000
    with (
        stack.Sandbox(port=0) as sandbox,
        tempfile.TemporaryDirectory() as folder,
        open_site(Path(folder), sandbox, own_redis=True) as site,
    ):
        seat = developer_with_project(site.client, site.settings)
        ids = herd(sandbox, Account(sandbox.url, seat.secret_key), count)
        _measure(site, seat, ids)


def _measure(site: Site, seat: ProjectSeat, ids: list[str]) -> None:
    bare, _ = _timed(lambda: _read_lists(site, seat))
    pages = 2 * -(-len(ids) // PAGE) + 1
    _compare(site, seat, bare, "an empty ledger", {"missing": 2 * len(ids)}, pages + 1)
    before = ledger(site.app, seat.project_id)
    _compare(site, seat, bare, "no drift", {}, pages)
    drifted = ids[::EVERY]
    change = {"status": "past_due", "quantity": 7, "price_id": "price_old", "plan_name": "Old"}
    _plant(site, drifted, change)
    planted = ledger(site.app, seat.project_id)
    what = f"{len(drifted)} of {len(ids)} drifted"
    # The counters are counted anew: rows that nobody's code wrote have left them behind.
    _compare(site, seat, bare, what, {"drifted": len(drifted) + 1}, pages + 1)
    after = ledger(site.app, seat.project_id)
    _expect(_content(after) == _content(before), "every row is as before")
    touched = _stamps(after).items() - _stamps(planted).items()
    _expect({key for key, _ in touched} == set(drifted), "no other row was written")
    _expect(counters_agree(site.app, seat.project_id), "the counters agree")


def _compare(
    site: Site, seat: ProjectSeat, bare: float, what: str, counts: dict[str, int], most: int
) -> None:
    seat.shop.control("DELETE", "requests")
    took, found = _timed(lambda: compared(site.app, seat.project_id))
    asked = len(calls(seat.shop))
    expected = counts and {**counts, "fixed": sum(counts.values())}
    _expect(isinstance(found, Found) and found.counts == expected, f"{what}: {found.counts}")
    _expect(asked <= most, f"{what}: {asked} calls, at most {most}")
    _print(
        f"{what}: {found.seen} objects, {asked} calls ({found.seen / asked:.0f} objects a call),"
        f" {took:.1f} s, {took / bare:.1f} x reading the lists alone ({bare:.1f} s)"
    )


def _read_lists(site: Site, seat: ProjectSeat) -> None:
    """Read the same pages and do nothing with them."""
    with site.app.app_context():
        lists = object_lists.account(seat.secret_key)
        for listing in LISTS.values():
            page = listing.page(lists, None)
            while page.more:
                page = listing.page(lists, page.after)


def _plant(site: Site, ids: list[str], change: dict[str, Any]) -> None:
    rows = sa.update(Subscription).where(Subscription.subscription_id.in_(ids))
    site.run(lambda session: session.execute(rows.values(**change)))


def _content(found: dict[str, list[dict[str, Any]]]) -> Any:
    own = {"updated_at", "state_at"}
    return [
        sorted(str({k: v for k, v in row.items() if k not in own}) for row in held)
        for held in found.values()
    ]


def _stamps(found: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    keys = {
        Subscription.__tablename__: "subscription_id",
        Payment.__tablename__: "payment_intent_id",
    }
    return {row[key]: row["updated_at"] for table, key in keys.items() for row in found[table]}


def _timed(work: Any) -> tuple[float, Any]:
    started = time.perf_counter()
    found = work()
    return time.perf_counter() - started, found


def _expect(true: bool, what: str) -> None:
    """Stop at once when something is not so: its time would mean nothing."""
    if not true:
        raise RuntimeError(f"not so: {what}")


def _print(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
