"""The bucket of the PDFs is down, slow, empty or damaged: every download gets its invoice."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from payments.invoices.models import Invoice, InvoiceDocument
from payments.kit import clock
from tests.support import processes
from tests.support.bucket import Bucket, bucket
from tests.support.people import Person, Place
from tests.support.shop import Shop, eventually
from tests.support.site import Site
from tests.support.till import pdf_text


@dataclass
class Desk:
    """Real processes whose documents lie in a bucket."""

    site: Site
    shop: Shop
    bucket: Bucket

    def paid(self) -> tuple[Person, Place, Invoice]:
        person, place = self.site.customer()
        assert self.shop.upgrade(person, place.slug).status_code in {200, 202}
        where = (Invoice.workspace_id == place.id, Invoice.status == "paid")
        eventually(lambda: self.site.rows(Invoice, *where))
        return person, place, self.site.row(Invoice, *where)

    def document(self, invoice: Invoice) -> InvoiceDocument:
        return self.site.row(InvoiceDocument, InvoiceDocument.invoice_id == invoice.id)

    def in_state(self, invoice: Invoice, state: str) -> InvoiceDocument:
        return eventually(lambda: (d := self.document(invoice)).state == state and d)

    def download(self, person: Person, place: Place, invoice: Invoice) -> Any:
        path = f"{place.payments}/invoices/{invoice.id}/download"
        return self.shop.call("GET", path, person)

    def come_due(self, invoice: Invoice) -> None:
        row = self.document(invoice)
        self.site.run(
            lambda session: setattr(session.get(InvoiceDocument, row.id), "due_at", clock.now())
        )
        self.site.sweep()


@pytest.fixture(scope="module")
def desk(site: Site) -> Iterator[Desk]:
    site.clear()
    with bucket() as held:
        environment = {**site.environment, **held.environment, "CHARGE_WAIT_SECONDS": "3"}
        with processes.web(environment) as client, processes.worker(environment):
            yield Desk(site, site.over(client), held)
    site.clear()


@pytest.fixture(autouse=True)
def well_again(desk: Desk) -> Iterator[None]:
    yield
    desk.bucket.mode = "well"


@pytest.mark.parametrize("mode", ["broken", "slow"])
def test_a_bucket_that_does_not_answer_stops_neither_charge_nor_download(
    desk: Desk, mode: str
) -> None:
    """The invoice is paid and can be read at once; the copy is stored once the bucket is well."""
    desk.bucket.mode = mode
    person, place, invoice = desk.paid()
    started = time.monotonic()
    answer = desk.download(person, place, invoice)
    assert invoice.invoice_number in pdf_text(answer)
    assert time.monotonic() - started < 30
    failed = desk.in_state(invoice, "failed")
    assert failed.last_error.startswith("cannot write invoices/")
    desk.bucket.mode = "well"
    desk.come_due(invoice)
    desk.in_state(invoice, "rendered")
    key = f"/invoices/invoices/{place.id}/{invoice.invoice_number}.pdf"
    assert desk.bucket.objects[key].startswith(b"%PDF-")


@pytest.mark.parametrize("mode", ["broken", "truncated", "short", "foreign"])
def test_a_stored_copy_that_is_not_the_one_is_never_handed_out(desk: Desk, mode: str) -> None:
    """Unreadable, cut off or somebody else's: the invoice is rendered anew, and it is the same."""
    person, place, invoice = desk.paid()
    desk.in_state(invoice, "rendered")
    kept = desk.download(person, place, invoice)
    desk.bucket.mode = mode
    answer = desk.download(person, place, invoice)
    assert (answer.status_code, answer.data) == (200, kept.data)


def test_an_object_that_was_deleted_is_put_back(desk: Desk) -> None:
    """A lost object costs one rendering: the next download finds it again."""
    person, place, invoice = desk.paid()
    desk.in_state(invoice, "rendered")
    desk.bucket.objects.clear()
    assert invoice.invoice_number in pdf_text(desk.download(person, place, invoice))
    assert len(desk.bucket.objects) == 1
