"""A worker killed in the middle of a run; another one goes on where the rows say."""

from __future__ import annotations

from collections import Counter
from typing import Any

from payments import jobs
from payments.projects.sync.topics import TYPES
from payments.runs.models import ReconciliationRun
from payments.webhooks.models import WebhookEvent
from tests.support.deliveries import account_of
from tests.support.developers import developer_with_project
from tests.support.runs import Runs
from tests.support.shop import eventually
from tests.support.site import Site

HELD_MS = 9000  # less than our own time-out


def test_another_one_finishes_from_the_saved_position(site: Site) -> None:
    site.clear()
    seat = developer_with_project(site.client, site.settings)
    stripe = account_of(seat)
    subscription = stripe.subscribe(stripe.customer(), stripe.price(900), None)
    for number in range(320):
        stripe.call("POST", f"subscriptions/{subscription}", **{"metadata[n]": str(number)})
    match = {"method": "GET", "path": "/v1/events"}
    stripe.control("faults", match=match, action="delay", ms=1, times=2)
    stripe.control("faults", match=match, action="delay", ms=HELD_MS, when="before")

    runs = Runs(site.app, seat.project_id)
    run_id = runs.begin()
    doomed = site.start_worker()
    try:
        site.enqueue(jobs.RECONCILE, run_id=run_id)
        eventually(lambda: runs.run(run_id).seen == 200)
    finally:
        doomed.kill()
    left = runs.run(run_id)
    assert (left.state, left.leased_until is None, left.missing) == ("running", False, 200)

    stripe.control("faults", match=match, action="delay", ms=1)
    site.lapse(ReconciliationRun)
    with site.worker():
        site.sweep()
        run = eventually(lambda: ended(runs, run_id))
    assert run.state == "succeeded"
    assert run.fence > left.fence
    wanted = {event["id"] for event in stripe.all("events") if event["type"] in TYPES}
    assert run.missing == len(wanted)
    stored = site.rows(WebhookEvent, WebhookEvent.owner == seat.project_id)
    assert {row.event_id for row in stored} == wanted
    pages = asked(site, seat)
    assert pages[0] is None
    twice = [page for page, times in Counter(pages).items() if times > 1]
    assert twice in ([], [pages[2]])  # at most the page that the dead one was at


def ended(runs: Runs, run_id: int) -> ReconciliationRun | None:
    run = runs.run(run_id)
    return run if run.finished_at else None


def asked(site: Site, seat: Any) -> list[str | None]:
    """Return behind which events our service asked to go on, in order."""
    log = seat.shop.control("GET", "requests?method=GET&path=/v1/events")["data"]
    ours = [request["params"] for request in log if "created" in str(request["params"])]
    return [params.get("starting_after") for params in ours]
