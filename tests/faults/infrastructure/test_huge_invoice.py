"""An invoice with thousands of lines and endless names: bounded in time and memory, and apart."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import sqlalchemy as sa

from payments.invoices.models import Invoice
from payments.workspaces.charges import call
from payments.workspaces.models import Charge, Refund, Workspace
from tests.support import processes
from tests.support.processes import ROOT
from tests.support.site import Site
from tests.support.till import pdf_text

LINES = 5000
MEMORY_MIB, CPU_SECONDS = 700, 40

# Five thousand refunds, each with a reason of a megabyte, to somebody with such a name and address.
RENDER = """
import json, resource
from dataclasses import replace
from tests.unit.invoices.conftest import PLAIN
from payments.invoices.document import Address, RefundFacts, compose
from payments.invoices.render import render_pdf

resource.setrlimit(resource.RLIMIT_AS, ({memory} << 20, {memory} << 20))
resource.setrlimit(resource.RLIMIT_CPU, ({cpu}, {cpu}))
render_pdf(compose(PLAIN))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
endless = "漢a ع W " * 125_000
refunds = (RefundFacts(1, PLAIN.created_at, endless),) * {lines}
facts = replace(PLAIN, workspace_name=endless, description=endless, amount_minor=10**6,
                refunded_minor={lines}, refunds=refunds, billing_address=Address(*[endless] * 6))
pdf = render_pdf(compose(facts))
used = resource.getrusage(resource.RUSAGE_SELF)
print(json.dumps({{"size": len(pdf), "grown": used.ru_maxrss - before, "cpu": used.ru_utime}}))
"""


def test_the_worst_document_is_drawn_within_its_bounds() -> None:
    """In a process that is killed by the kernel should it take more."""
    code = RENDER.format(memory=MEMORY_MIB, cpu=CPU_SECONDS, lines=LINES)
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-2000:]
    told = json.loads(done.stdout)
    assert told["size"] < 200_000
    assert told["grown"] < 150 * 1024  # KiB
    assert told["cpu"] < CPU_SECONDS / 2


def test_the_web_answers_others_meanwhile(site: Site) -> None:
    """No worker is there, so the web process draws it by itself: the other threads are served."""
    person, place, invoice_id = refunded_five_thousand_times(site)
    environment = {**site.environment, "WEB_CONCURRENCY": "1", "CHARGE_WAIT_SECONDS": "1"}
    with processes.web(environment) as client, ThreadPoolExecutor(1) as pool:
        path = f"{place.payments}/invoices/{invoice_id}/download"
        drawing = pool.submit(site.over(client).call, "GET", path, person)
        waits = []
        while not drawing.done():
            started = time.monotonic()
            assert client.get("/healthz").status_code == 200
            waits.append(time.monotonic() - started)
        text = pdf_text(drawing.result())
    assert "4960 earlier refunds" in text
    assert len(waits) > 5
    assert max(waits) < 5
    site.clear()


def refunded_five_thousand_times(site: Site):
    """Make an invoice that was refunded in five thousand parts, each with a long reason."""
    person, place = site.customer()
    answer = site.shop.upgrade(person, place.slug, headers={"Prefer": "respond-async"})
    with site.app.app_context():
        call.run(answer.json["data"]["charge"]["id"])
    invoice = site.row(Invoice, Invoice.workspace_id == place.id)
    charge = site.row(Charge, Charge.workspace_id == place.id)
    part = {
        "workspace_id": place.id,
        "charge_id": charge.id,
        "invoice_id": invoice.id,
        "amount_minor": 1,
        "currency": "usd",
        "reason": "W" * 500,
        "status": "succeeded",
    }
    rows = [{**part, "stripe_refund_id": f"re_{charge.id}_{number}"} for number in range(LINES)]
    site.run(lambda session: session.execute(sa.insert(Refund), rows))
    whole = sa.update(Invoice).where(Invoice.id == invoice.id)
    whole = whole.values(amount_minor=LINES * 2, refunded_minor=LINES)
    site.run(lambda session: session.execute(whole))
    name = sa.update(Workspace).where(Workspace.id == place.id).values(name="W" * 100)
    site.run(lambda session: session.execute(name))
    return person, place, invoice.id
