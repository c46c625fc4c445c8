"""What things cost, each as a ratio to something simple that is measured beside it.

A figure by itself says more about the machine than about the code; two of one run can be compared.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import requests

from payments.invoices.models import Invoice
from payments.invoices.numbering import next_number
from payments.invoices.render import render_pdf
from payments.kit import clock
from payments.kit.transactions import transaction
from payments.workspaces.documents import draft
from tests.support import processes, stack
from tests.support.shop import Shop
from tests.support.site import Site, at_once, open_site


def median_ms(work: Callable[[], Any], *, times: int) -> float:
    """Return the median duration of `work` in milliseconds, after one run that does not count."""
    work()
    taken = []
    for _ in range(times):
        started = time.perf_counter()
        work()
        taken.append((time.perf_counter() - started) * 1000)
    return statistics.median(taken)


def expect(true: bool) -> None:
    """Stop at once when something failed: its time would mean nothing."""
    if not true:
        raise RuntimeError("a measured call failed")


def told(what: str, cost: float, against: str, base: float) -> None:
    """Print one line: the ratio first, as it is what can be compared."""
    line = f"{cost / base:8.1f} x  {what} ({cost:.1f} ms) against {against} ({base:.1f} ms)\n"
    sys.stdout.write(line)
    sys.stdout.flush()


def upgrade(site: Site, shop: Shop) -> None:
    """A whole upgrade, web to worker to Stripe and back, against Stripe's part of it alone."""
    people = [site.customer() for _ in range(16)]
    waiting = iter(people)

    def ours() -> None:
        person, place = next(waiting)
        expect(shop.upgrade(person, place.slug).status_code == 200)

    customer = shop.stripe("POST", "/v1/customers")["id"]
    card = shop.stripe("POST", "/v1/payment_methods/pm_card_visa/attach", customer=customer)["id"]

    def stripes() -> None:
        made = shop.stripe(
            "POST",
            "/v1/payment_intents",
            amount=999,
            currency="usd",
            customer=customer,
            payment_method=card,
        )
        path = f"/v1/payment_intents/{made['id']}/confirm"
        expect(shop.stripe("POST", path, off_session="true")["status"] == "succeeded")

    bare = median_ms(stripes, times=30)
    told("an upgrade", median_ms(ours, times=15), "the sandbox's two calls", bare)


def download(site: Site, shop: Shop) -> None:
    """A PDF that is stored, streamed through the API, against rendering one."""
    person, place = site.customer()
    expect(shop.upgrade(person, place.slug).status_code == 200)
    invoice = site.row(Invoice, Invoice.workspace_id == place.id)
    path = f"/api/payments/{place.slug}/invoices/{invoice.id}/download"
    expect(shop.call("GET", path, person).status_code == 200)
    with site.app.app_context():
        document = draft(invoice.id).document
    rendered = median_ms(lambda: render_pdf(document), times=10)
    streamed = median_ms(lambda: shop.call("GET", path, person), times=40)
    told("rendering a PDF", rendered, "a stored one's download", streamed)


def webhook(shop: Shop, base: str) -> None:
    """Taking in an event (signature, insert, wake-up) against a page that does nothing."""
    session = requests.Session()
    numbers = iter(range(10_000))

    def deliver() -> None:
        event = {
            "id": f"evt_bench_{next(numbers)}",
            "object": "event",
            "type": "customer.updated",
            "created": clock.timestamp(),
            "livemode": False,
            "data": {"object": {"id": "cus_bench", "padding": "x" * 4000}},
        }
        payload = json.dumps(event)
        headers = {"Stripe-Signature": shop.signature(payload)}
        where = f"{base}/api/payments/webhook"
        answer = session.post(where, data=payload, headers=headers, timeout=10)
        expect(answer.status_code == 200)

    alive = median_ms(lambda: session.get(f"{base}/healthz", timeout=10), times=200)
    told("taking in an event", median_ms(deliver, times=200), "/healthz", alive)


def numbers(site: Site) -> None:
    """An invoice number's transaction with sixteen writers against one, per number."""
    day, each = clock.today(), 25

    def write() -> None:
        for _ in range(each):
            with site.app.app_context(), transaction():
                next_number(day)

    alone = median_ms(write, times=3) / each
    crowd = median_ms(lambda: at_once([write] * 16), times=2) / (16 * each)
    told("a number among sixteen writers", crowd, "alone", alone)


def main() -> None:
    """Start an installation below a temporary folder and measure it, within half a minute."""
    with (
        stack.Sandbox(port=0) as sandbox,
        tempfile.TemporaryDirectory() as folder,
        open_site(Path(folder), sandbox, own_redis=True) as site,
    ):
        with processes.web(site.environment) as client, site.worker():
            shop = site.over(client)
            upgrade(site, shop)
            download(site, shop)
            webhook(shop, client.base)
        numbers(site)


if __name__ == "__main__":
    main()
