"""Hostile texts on their whole way into an invoice's PDF: shown as written, fetched by nobody."""

from __future__ import annotations

import re
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from flask import Flask

from payments.invoices.render import render_pdf
from payments.workspaces import documents
from tests.support.people import Person, Place, sign_up
from tests.support.shop import Shop
from tests.support.till import pdf_of, pdf_text
from tests.unit.invoices.test_invoice_render import watched

SAFE_NAME = re.compile(r'attachment; filename="INV-\d{8}-\d{4,}\.pdf"')
LINES = ("line1", "line2", "city", "state", "postalCode")


@pytest.fixture(scope="module")
def lure() -> Iterator[tuple[str, list[str]]]:
    """A web server that writes down whoever comes."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.end_headers()

        do_POST = do_HEAD = do_GET

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", asked
        server.shutdown()


# {url} is the lure, {file} a file that nobody may read.
TEXTS = {
    "picture": '<img src="{url}/a.png">',
    "file": '<img src="file://{file}">',
    "metadata service": '<img src="http://169.254.169.254/latest/meta-data/">',
    "font": "<style>@font-face{{src:url({url}/f.ttf)}}</style>",
    "import": "<style>@import url({url}/s.css);</style>",
    "style sheet": '<link rel=stylesheet href="{url}/s.css">',
    "background": '<b style="background:url({url}/b)">',
    "engine tags": '<pdf:include src="{file}"/><pdf:toc/>',
    "code": '<para><font color="[[[getattr(pow,1)]]]">',
    "entities": '<!DOCTYPE x [<!ENTITY a SYSTEM "file://{file}">]>&a;',
    "script": "<script>fetch('{url}/js')</script>",
    "template": "{{{{7*7}}}}{{% include '{file}' %}}",
    "end of page": "</td></table></body></html><h1>Paid",
    "right to left": "evil\u202egnp.exe\u2066\u200f",
    "no width": "Ac\u200bme\u200d \ufeffCorp\u2060",
    "emoji": "👩‍👩‍👧 🚀 Corp",
    "cjk": "株式会社テスト 주식회사 北京",
    "quotes": "A\"; filename=\"x.exe' B",
}  # fmt: skip


@pytest.fixture(params=TEXTS)
def text(request: pytest.FixtureRequest, lure: Any, tmp_path: Path) -> str:
    secret = tmp_path / "secret.txt"
    secret.write_text("nobody may read this")
    return TEXTS[request.param].format(url=lure[0], file=secret)


@pytest.fixture
def marked(shop: Shop, admin: Person, text: str) -> tuple[Person, Place, dict[str, Any]]:
    """A workspace that bears the text wherever one can be put, with an invoice and a refund."""
    owner = sign_up(shop.client, "Hera")
    made = owner.post("/api/workspaces", {"name": text[:100], "description": text})
    assert made.status_code == 200, made.text
    place = Place(made.json["data"]["id"], text, made.json["data"]["slug"])
    shop.save_card(owner, place.slug, billingName=text[:90])
    address = dict.fromkeys(LINES, text[:90]) | {"country": "US"}
    address["postalCode"] = text[:20]
    answer = owner.patch(place.path, {"billingAddress": address})
    assert answer.status_code == 200, answer.text
    assert shop.upgrade(owner, place.slug).status_code == 200
    (invoice,) = shop.invoices(owner, place.slug)
    path = f"/api/admin/invoices/{invoice['id']}/refund"
    assert admin.post(path, {"amount": 1, "reason": text}).status_code == 200
    return owner, place, invoice


def test_it_is_shown_and_nothing_is_opened(
    app: Flask, marked: tuple[Person, Place, dict[str, Any]], lure: tuple[str, list[str]], text: str
) -> None:
    owner, place, invoice = marked
    answer = pdf_of(owner, place, invoice["id"])
    assert SAFE_NAME.fullmatch(answer.headers["Content-Disposition"])
    assert answer.headers["Content-Type"] == "application/pdf"
    read = pdf_text(answer)
    assert "nobody may read this" not in read
    assert "Refund history" in read
    if text.isascii():
        # In the name, the address, the description of the line and the reason of the refund.
        assert read.replace(" ", "").count("".join(text.split())[:12]) >= 4
    with app.app_context():
        document = documents.draft(invoice["id"]).document
        with watched() as opened:
            render_pdf(document)
    assert (opened, lure[1]) == ([], [])


def test_the_lure_is_seen(lure: tuple[str, list[str]]) -> None:
    """The control: whoever does come is written down."""
    import requests

    requests.get(f"{lure[0]}/control", timeout=5)
    assert lure[1] == ["/control"]
    lure[1].clear()
