"""Downloading an invoice's PDF through the API."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask

from payments.invoices.document import RenderFailed
from payments.workspaces import documents
from tests.support.hostile import LITERAL, NO_IDS
from tests.support.people import Cast, new_workspace
from tests.support.shop import Shop
from tests.support.till import add_plan, pdf_of, pdf_text, settings_of


@pytest.fixture
def invoice(shop: Shop, payer: Cast) -> dict:
    """A paid invoice."""
    shop.upgrade(payer.owner, payer.workspace.slug)
    return shop.invoices(payer.owner, payer.workspace.slug)[0]


@pytest.fixture(scope="module")
def reader(open_shop: Shop, new_payer: Callable[[], Cast]) -> Cast:
    """A workspace with a paid invoice for tests that only read it."""
    cast = new_payer()
    assert open_shop.upgrade(cast.owner, cast.workspace.slug).status_code == 200
    return cast


@pytest.fixture(scope="module")
def kept(open_shop: Shop, reader: Cast) -> dict:
    """The reader's invoice."""
    (invoice,) = open_shop.invoices(reader.owner, reader.workspace.slug)
    return invoice


class TestDownload:
    def test_returns_the_pdf_itself(self, reader: Cast, kept: dict) -> None:
        answer = pdf_of(reader.owner, reader.workspace, kept["id"])
        assert answer.status_code == 200
        assert answer.content_type == "application/pdf"
        number = kept["invoiceNumber"]
        assert answer.headers["Content-Disposition"] == f'attachment; filename="{number}.pdf"'
        assert int(answer.headers["Content-Length"]) == len(answer.data)
        assert answer.data.startswith(b"%PDF-")
        assert "no-store" in answer.headers["Cache-Control"]
        assert "Location" not in answer.headers

    def test_says_what_the_invoice_says(self, reader: Cast, kept: dict) -> None:
        text = pdf_text(pdf_of(reader.owner, reader.workspace, kept["id"]))
        for part in (kept["invoiceNumber"], "John's Workspace", "Starter", "$9.99", "4242"):
            assert part in text
        assert "Paid" in text

    def test_members_may_download(self, reader: Cast, kept: dict) -> None:
        assert pdf_of(reader.member, reader.workspace, kept["id"]).status_code == 200
        assert pdf_of(reader.outsider, reader.workspace, kept["id"]).status_code == 403

    def test_bill_to_shows_the_billing_address(self, payer: Cast, invoice: dict) -> None:
        address = {
            "line1": "1 Main Street", "line2": "Floor 2", "city": "Springfield", "state": "IL",
            "postalCode": "62701", "country": "US",
        }  # fmt: skip
        answer = payer.owner.patch(payer.workspace.path, {"billingAddress": address})
        assert answer.status_code == 200
        text = pdf_text(pdf_of(payer.owner, payer.workspace, invoice["id"]))
        for part in ("1 Main Street", "Floor 2", "Springfield", "IL", "62701", "John's Workspace"):
            assert part in text

    def test_a_stored_copy_with_the_former_name_is_not_served(
        self, payer: Cast, invoice: dict
    ) -> None:
        assert "John's" in pdf_text(pdf_of(payer.owner, payer.workspace, invoice["id"]))
        answer = payer.owner.patch(payer.workspace.path, {"name": "Renamed Inc"})
        assert answer.status_code == 200
        assert "Renamed Inc" in pdf_text(pdf_of(payer.owner, payer.workspace, invoice["id"]))

    def test_a_downgrades_and_a_failed_invoice_have_pdfs_too(
        self, shop: Shop, payer: Cast, invoice: dict
    ) -> None:
        down = f"{payer.workspace.plan_changes}/downgrade-plan"
        payer.owner.post(down, {"planSlug": "free"})
        bad = shop.save_card(payer.owner, payer.workspace.slug, "pm_card_chargeCustomerFail")
        shop.upgrade(payer.owner, payer.workspace.slug, card=bad)
        _, downgrade, failed = shop.invoices(payer.owner, payer.workspace.slug)
        assert "$0.00" in pdf_text(pdf_of(payer.owner, payer.workspace, downgrade["id"]))
        assert "Failed" in pdf_text(pdf_of(payer.owner, payer.workspace, failed["id"]))

    def test_the_same_bytes_twice(self, reader: Cast, kept: dict) -> None:
        """What is stored is served as it is."""
        pdfs = {pdf_of(reader.owner, reader.workspace, kept["id"]).data for _ in range(2)}
        assert len(pdfs) == 1

    def test_the_stored_copy_lies_where_the_contract_says(
        self, app: Flask, reader: Cast, kept: dict
    ) -> None:
        answer = pdf_of(reader.owner, reader.workspace, kept["id"])
        folder = app.extensions["payments.settings"].data_dir
        key = f"invoices/{reader.workspace.id}/{kept['invoiceNumber']}.pdf"
        (stored,) = list(folder.rglob(key.rsplit("/", 1)[1]))
        assert str(stored).endswith(key)
        assert stored.read_bytes() == answer.data

    def test_a_lost_or_broken_copy_is_made_again(
        self, app: Flask, reader: Cast, kept: dict
    ) -> None:
        pdf_of(reader.owner, reader.workspace, kept["id"])
        folder = app.extensions["payments.settings"].data_dir
        (stored,) = list(folder.rglob(f"{kept['invoiceNumber']}.pdf"))
        for spoil in (stored.unlink, lambda: stored.write_bytes(b"%PDF-broken")):
            spoil()
            text = pdf_text(pdf_of(reader.owner, reader.workspace, kept["id"]))
            assert kept["invoiceNumber"] in text

    def test_it_works_without_a_stripe_key(self, app: Flask, reader: Cast, kept: dict) -> None:
        with settings_of(app, stripe_secret_key=None):
            assert pdf_of(reader.owner, reader.workspace, kept["id"]).status_code == 200

    def test_a_pdf_that_cannot_be_made_is_a_500_in_json(
        self, reader: Cast, kept: dict, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(_: int) -> bytes:
            raise RenderFailed("no fonts")

        monkeypatch.setattr(documents, "fetch", fail)
        answer = pdf_of(reader.owner, reader.workspace, kept["id"])
        assert (answer.status_code, answer.json["code"]) == (500, "document_failed")

    @pytest.mark.parametrize("raw", ["0", "999999999"])
    def test_an_unknown_invoice_is_a_404(self, still: Cast, raw: str) -> None:
        answer = still.owner.get(f"{still.workspace.payments}/invoices/{raw}/download")
        assert (answer.status_code, answer.json["code"]) == (404, "invoice_not_found")

    @pytest.mark.parametrize("raw", NO_IDS)
    def test_no_digits_are_a_400(self, still: Cast, raw: str) -> None:
        answer = still.owner.get(f"{still.workspace.payments}/invoices/{raw}/download")
        assert (answer.status_code, answer.json["code"]) == (400, "invalid_invoice_id")


@pytest.mark.parametrize("name", sorted(LITERAL))
def test_odd_names_are_printed_and_never_leave_the_text(
    app: Flask, shop: Shop, reader: Cast, name: str
) -> None:
    """Markup in a name is text, and no name gets into a header."""
    place = new_workspace(reader.owner, LITERAL[name][:100])
    shop.upgrade(reader.owner, place.slug, add_plan(app, price_minor=0))
    (invoice,) = shop.invoices(reader.owner, place.slug)
    answer = pdf_of(reader.owner, place, invoice["id"])
    number = invoice["invoiceNumber"]
    assert answer.headers["Content-Disposition"] == f'attachment; filename="{number}.pdf"'
    text = pdf_text(answer).replace(" ", "")
    if name in {"sql", "markup", "template", "quotes", "like"}:
        assert "".join(LITERAL[name].split())[:20] in text
