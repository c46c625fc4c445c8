"""The disk of the PDFs is full: charges go on, downloads are rendered, the copy is stored later."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from payments.invoices.models import Invoice, InvoiceDocument
from payments.kit import clock
from tests.support import processes
from tests.support.shop import eventually
from tests.support.site import Site
from tests.support.till import pdf_of, pdf_text


def own_mounts() -> list[str]:
    """Return the command that gives a process mounts of its own; none where that is forbidden."""
    found = shutil.which("unshare")
    if found is None:
        return []
    for options in (["-m"], ["-rm"]):
        probe = [found, *options, "mount", "-t", "tmpfs", "tmpfs", "/mnt"]
        if subprocess.run(probe, check=False, capture_output=True).returncode == 0:
            return [found, *options]
    return []


@pytest.fixture
def full(site: Site) -> Iterator[list[str]]:
    """Put the documents of a command on a disk of one page, already full.

    Where no process may have mounts of its own, the folder's place is taken by a file: no write
    goes through either, and only the error's number is another one.
    """
    folder = Path(site.settings.data_dir) / "invoices"
    unshare = own_mounts()
    if unshare:
        folder.mkdir(parents=True, exist_ok=True)
        mount = f"mount -t tmpfs -o size=4k tmpfs {folder} && echo full > {folder}/taken"
        yield [*unshare, "sh", "-c", f'{mount} && exec "$@"', "sh"]
    else:
        aside = folder.rename(folder.with_suffix(".aside")) if folder.exists() else None
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.write_text("in the way")
        yield []
        folder.unlink(missing_ok=True)
        if aside:
            aside.rename(folder)


def test_a_full_disk_costs_the_stored_copy_and_nothing_else(site: Site, full: list[str]) -> None:
    """Charged, downloaded, and stored by the next worker, whose disk has room."""
    site.clear()
    person, place = site.customer()
    environment = {**site.environment, "LOG_LEVEL": "INFO"}
    command = [*full, *processes.procfile("worker", environment), "--concurrency", "1"]
    with processes.running(processes.Group("worker", command, environment)) as group:
        group.wait_until(lambda: " ready." in group.output)
        assert site.shop.upgrade(person, place.slug).status_code == 200
        invoice = site.row(Invoice, Invoice.workspace_id == place.id)
        where = InvoiceDocument.invoice_id == invoice.id
        row = eventually(lambda: (d := site.row(InvoiceDocument, where)).state == "failed" and d)
        assert (invoice.status, row.sha256) == ("paid", None)
        told = os.strerror(28) if full else "cannot write"
        assert told in row.last_error
        assert invoice.invoice_number in pdf_text(pdf_of(person, place, invoice.id))
    if not full:
        (Path(site.settings.data_dir) / "invoices").unlink()
    site.lapse()
    site.run(lambda s: setattr(s.get(InvoiceDocument, row.id), "due_at", clock.now()))
    with site.worker():
        site.sweep()
        eventually(lambda: site.row(InvoiceDocument, where).state == "rendered")
    (file,) = (Path(site.settings.data_dir) / "invoices" / str(place.id)).iterdir()
    assert file.read_bytes().startswith(b"%PDF-")
