"""The PDF: readable in every script, unmoved by hostile names, bounded, and always the same."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pypdf
import pytest
from PIL import Image
from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.pdfgen.textobject import PDFTextObject
from xhtml2pdf.config.resources import ResourceAccessPolicy
from xhtml2pdf.document import pisaDocument

from payments.invoices import render
from payments.invoices.document import Address, LineItem, Party, RenderFailed, compose
from payments.invoices.render import render_pdf
from payments.invoices.render_text import MARK, MAX_ROWS

MM = 72 / 25.4


def reader(pdf: bytes) -> pypdf.PdfReader:
    return pypdf.PdfReader(io.BytesIO(pdf))


class TestRender:
    def test_paid(self, facts, text_of):
        text = text_of(render_pdf(compose(facts())))

        for words in (
            "Invoice", "Paid", "From", "Gateways, Inc.", "548 Market Street", "Bill to",
            "John's Workspace", "Springfield, IL 62701", "INV-20240115-0001", "15 January 2024",
            'Upgrade workspace "John\'s Workspace" from Free to Starter plan',
            "Starter plan, billed monthly, previously Free", "Total $9.99", "Amount due $0.00",
            "Visa ending in 4242", "pi_3OYxYz2eZvKYlo2C1a2b3c4d", "Page 1 of 1",
        ):  # fmt: skip
            assert words in text
        assert "Refund" not in text

    def test_partly_refunded(self, facts, refund, text_of):
        refunds = (refund(400, 2, "requested_by_customer"),)
        text = text_of(render_pdf(compose(facts(refunded_minor=400, refunds=refunds))))

        for words in (
            "Paid (Refunded $4.00)", "Refunded $4.00", "Original amount $9.99",
            "Refunded amount -$4.00", "Net paid $5.99", "Amount due $0.00", "Refund history",
            "2 February 2024", "Requested by customer",
        ):  # fmt: skip
            assert words in text

    def test_no_address_and_no_card(self, facts, text_of):
        bare = facts(billing_address=None, card_last4=None, payment_intent_id=None)
        text = text_of(render_pdf(compose(bare)))

        assert "Springfield" not in text
        assert "Payment method" not in text

    def test_a_long_history_runs_over_pages(self, facts, refund, text_of):
        many = tuple(refund(1, 1 + day % 28) for day in range(60))
        pdf = render_pdf(compose(facts(refunded_minor=60, refunds=many)))

        assert len(reader(pdf).pages) > 1
        assert f"Page 2 of {len(reader(pdf).pages)}" in text_of(pdf)

    @pytest.mark.parametrize(
        ("currency", "written"), [("jpy", "¥1,500"), ("kwd", "KWD 1.500"), ("inr", "₹15.00")]
    )
    def test_currencies_are_drawn(self, facts, text_of, currency, written):
        assert written in text_of(render_pdf(compose(facts(currency=currency, amount_minor=1500))))


class TestMetadata:
    def test_title_author_and_day_of_issue(self, facts):
        seller = Party("株式会社 Gateways & Sons", ())
        info = reader(render_pdf(compose(facts(seller=seller)))).metadata

        assert info.title == "INV-20240115-0001"
        assert info.author == "株式会社 Gateways & Sons"
        assert info.subject == "Invoice INV-20240115-0001, Paid"
        assert info.creation_date == datetime(2024, 1, 15, 10, 30, tzinfo=UTC)
        assert info.modification_date == info.creation_date

    def test_a_title_cannot_forge_the_date(self, facts):
        forged = "/CreationDate (D:19990101000000+00'00')"
        info = reader(render_pdf(compose(facts(invoice_number=forged)))).metadata

        assert info.title == forged
        assert info.creation_date.year == 2024


class TestSameBytes:
    def test_in_one_process(self, facts):
        document = compose(facts(workspace_name="株式会社 Ελλάς"))

        assert render_pdf(document) == render_pdf(document)

    def test_after_other_documents(self, facts):
        document = compose(facts())
        before = render_pdf(document)
        render_pdf(compose(facts(workspace_name="주식회사")))

        assert render_pdf(document) == before

    def test_in_another_process_zone_and_hash_seed(self, facts):
        script = (
            "import sys; from tests.unit.invoices.conftest import PLAIN;"
            "from payments.invoices.document import compose;"
            "from payments.invoices.render import render_pdf;"
            "sys.stdout.buffer.write(render_pdf(compose(PLAIN)))"
        )
        outputs = [
            subprocess.run(
                [sys.executable, "-c", script],
                env={**os.environ, "PYTHONHASHSEED": seed, "TZ": zone},
                cwd=Path(__file__).parents[3],
                capture_output=True,
                check=True,
            ).stdout
            for seed, zone in (("1", "Asia/Tokyo"), ("2", "America/New_York"))
        ]

        assert outputs == [render_pdf(compose(facts()))] * 2

    def test_in_threads(self, facts):
        names = ["株式会社", "주식회사", "Ελληνική", "Plain"] * 2
        expected = [render_pdf(compose(facts(workspace_name=name))) for name in names]
        found: dict[int, bytes] = {}

        def draw(index: int) -> None:
            found[index] = render_pdf(compose(facts(workspace_name=names[index])))

        threads = [threading.Thread(target=draw, args=(index,)) for index in range(len(names))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert [found[index] for index in range(len(names))] == expected


class TestScripts:
    @pytest.mark.parametrize(
        "name",
        [
            "Müller & Söhne, Łódź, Đà Nẵng",
            "Ελληνική Εταιρεία",
            "ООО «Пример» Київ",
            "株式会社テスト",
            "北京示例科技有限公司",
            "繁體測試國際貿易",
            "주식회사 예제",
            "Հայկական",
            "საქართველო",
        ],
    )
    def test_read_back_as_written(self, named, text_of, name):
        text = text_of(render_pdf(compose(named(name))))

        assert text.replace(" ", "").count(name.replace(" ", "")) == 2

    @pytest.mark.parametrize(
        ("name", "family"),
        [
            ("شركة المثال", "NotoSansArabic"),
            ("חברת הדוגמה", "NotoSansHebrew"),
            ("บริษัท ตัวอย่าง", "NotoSansThai"),
            ("हिन्दी", "NotoSansDevanagari"),
            ("株式会社", "DroidSansFallback"),
        ],
    )
    def test_drawn_in_an_embedded_font(self, named, name, family):
        page = reader(render_pdf(compose(named(name)))).pages[0]
        embedded = {
            str(font["/BaseFont"]): font["/FontDescriptor"]
            for font in (each.get_object() for each in page["/Resources"]["/Font"].values())
            if "/FontDescriptor" in font
        }

        (face,) = [descriptor for base, descriptor in embedded.items() if family in base]
        assert "/FontFile2" in face

    def test_arabic_is_joined_and_runs_from_right_to_left(self, named, monkeypatch):
        drawn = drawn_text(monkeypatch)
        render_pdf(compose(named("شركة")))

        # Initial sheen, final teh marbuta and so on, in the order of drawing: the last comes first.
        assert "\ufe94\ufedb\ufeae\ufeb7" in drawn

    def test_a_name_runs_in_the_direction_of_its_first_letter(self, named, monkeypatch):
        drawn = drawn_text(monkeypatch)
        render_pdf(compose(named("חברה Acme")))

        assert drawn.index("Acme") < drawn.index("הרבח")

    def test_emoji_and_controls_leave_a_mark_or_nothing(self, named, text_of):
        text = text_of(render_pdf(compose(named("Rocket 🚀 \u202eLabs\u202c\x00 \u200bLtd"))))

        assert text.count(f"Rocket {MARK} Labs Ltd") == 2

    def test_no_glyph_is_missing(self, named, caplog):
        render_pdf(compose(named("ẞ 🚀 株 ﷺ ⷀ 𝔘 \ue000 שּׁ ٣ ½ ﬁ → ★ ɸ")))

        assert caplog.records == []


class TestBounds:
    def test_long_words_stay_in_their_column(self, named, monkeypatch):
        address = Address(*(letter * 300 for letter in "LMCSPK"))
        pieces = drawn_pieces(monkeypatch)
        pdf = render_pdf(compose(named("W" * 100, billing_address=address)))
        left, width = 18 * MM, 174 * MM
        column = [right for start, right in pieces if abs(start - left - 0.33 * width) < 1]

        assert len(column) > 40
        # Within a letter of the edge: the gap to the next column is twenty points wide.
        assert max(column) < left + 0.62 * width + 5
        assert max(right for _, right in pieces) <= left + width + 1
        assert sum(page.extract_text().count("W") for page in reader(pdf).pages) >= 200

    @pytest.mark.parametrize("name", ["A" * 10**7, "a" + "\u0301" * 10**6, "漢" * 10**6])
    def test_a_huge_name_costs_no_more_than_a_long_one(self, named, name):
        started = time.thread_time()
        pdf = render_pdf(compose(named(name)))

        assert time.thread_time() - started < 20
        assert len(pdf) < 200_000

    def test_thousands_of_lines_are_cut_with_a_word(self, facts, text_of):
        document = compose(facts())
        line = LineItem("An item", "of many", "1", "$0.01", "$0.01")
        started = time.thread_time()
        text = text_of(render_pdf(replace(document, lines=(line,) * 5000)))

        assert time.thread_time() - started < 20
        assert text.count("An item") == MAX_ROWS - 1
        assert f"{5000 - MAX_ROWS + 1} more lines Included in the total" in text

    def test_a_full_table_is_not_cut(self, facts, text_of):
        document = compose(facts())
        text = text_of(render_pdf(replace(document, lines=document.lines * MAX_ROWS)))

        assert "more lines" not in text

    def test_too_slow_is_given_up(self, facts, monkeypatch):
        monkeypatch.setattr(render, "POLICY", replace(render.POLICY, max_render_seconds=0))

        with pytest.raises(RenderFailed, match="INV-20240115-0001"):
            render_pdf(compose(facts()))


class TestFailure:
    def test_an_error_of_the_engine(self, facts, monkeypatch):
        def broken(*args, **kwargs):
            raise RuntimeError("x" * 10_000)

        monkeypatch.setattr(render, "pisaDocument", broken)

        with pytest.raises(RenderFailed, match="INV-20240115-0001: x") as raised:
            render_pdf(compose(facts()))
        assert len(str(raised.value)) < 400

    def test_an_error_count(self, facts, monkeypatch):
        class Result:
            err = 1

        monkeypatch.setattr(render, "pisaDocument", lambda *args, **kwargs: Result)

        with pytest.raises(RenderFailed, match="gave up"):
            render_pdf(compose(facts()))


def drawn_text(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Record the text as it is drawn, from left to right."""
    words: list[str] = []
    write = PDFTextObject._textOut

    def recorded(self, text, *rest):
        words.extend(text.split())
        return write(self, text, *rest)

    monkeypatch.setattr(PDFTextObject, "_textOut", recorded)
    return words


def drawn_pieces(monkeypatch: pytest.MonkeyPatch) -> list[tuple[float, float]]:
    """Record where each piece of text begins and ends on its page, in points."""
    pieces: list[tuple[float, float]] = []
    write = PDFTextObject._textOut

    def recorded(self, text, *rest):
        start, _ = self._canvas.absolutePosition(self.getX(), self.getY())
        pieces.append((start, start + stringWidth(text, self._fontname, self._fontsize)))
        return write(self, text, *rest)

    monkeypatch.setattr(PDFTextObject, "_textOut", recorded)
    return pieces


OPENED: list[str] = []
WATCHING = threading.Event()
# Threads that ran before: the sandbox of the same run delivers its webhooks meanwhile.
OTHERS: set[int | None] = set()


def _audit(event: str, arguments: tuple[object, ...]) -> None:
    if not WATCHING.is_set() or threading.get_ident() in OTHERS:
        return
    if event in {"open", "socket.connect", "socket.getaddrinfo"}:
        OPENED.append(f"{event} {arguments[0] if event == 'open' else arguments}")


sys.addaudithook(_audit)


@contextmanager
def watched() -> Iterator[list[str]]:
    """Record every file opened and every connection made meanwhile."""
    OPENED.clear()
    OTHERS.clear()
    OTHERS.update({thread.ident for thread in threading.enumerate()} - {threading.get_ident()})
    WATCHING.set()
    try:
        yield OPENED
    finally:
        WATCHING.clear()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[str, list[str]]]:
    """A web server that counts what is asked of it."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(404)
            self.end_headers()

        def log_message(self, *args: object) -> None:
            pass

    httpd = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=httpd.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{httpd.server_port}", asked
    httpd.shutdown()
    httpd.server_close()


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "secret.png"
    Image.new("RGB", (4, 4)).save(path)
    return path


def hostile(url: str, picture: Path) -> list[str]:
    return [
        f'<img src="{url}/remote.png"><img src="{picture}">',
        f'<img src="file://{picture}">',
        f"<style>@font-face {{ font-family: x; src: url({url}/font.ttf) }}</style>",
        f'<link rel="stylesheet" href="{url}/style.css">',
        f'<pdf:font src="{picture}" name="x"><pdf:nextpage><pdf:toc>',
        f"<style>@page {{ background-image: url('{url}/page.pdf') }}</style>",
        f'"><iframe src="{url}/frame"></iframe>',
        "{{ 7 * 7 }}{% include '/etc/passwd' %}",
        '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">]>&a;&a;&lol;',
        "</style></head></body><pdf:nextpage>",
    ]


class TestHostileNames:
    @pytest.mark.parametrize("number", range(10))
    def test_shown_as_written_and_nothing_opened(
        self, facts, text_of, server, picture, monkeypatch, tmp_path, number
    ):
        monkeypatch.chdir(tmp_path)
        url, asked = server
        name = hostile(url, picture)[number]
        document = compose(
            facts(
                workspace_name=name,
                description=name,
                seller=Party(name, (name,)),
                billing_address=Address(name, name, name, name, name, name),
                plan_name=name,
                card_last4=name,
                payment_intent_id=name,
            )
        )
        render_pdf(document)
        with watched() as opened:
            pdf = render_pdf(document)

        assert (opened, asked) == ([], [])
        text = text_of(pdf).replace(" ", "")
        assert text.count(name.replace(" ", "")) >= 4
        assert len(reader(pdf).pages) <= 2

    def test_the_watch_sees_what_an_open_policy_would_do(self, server, picture):
        """The control: the same markup, unescaped and allowed, opens and fetches."""
        url, asked = server
        page = "<html><body>" + "".join(hostile(url, picture)[:2]) + "</body></html>"
        lenient = ResourceAccessPolicy(allow_private_networks=True, base_dir=picture.parent)
        with watched() as opened:
            pisaDocument(page, dest=io.BytesIO(), resource_policy=lenient)

        assert "/remote.png" in asked
        assert any(str(picture) in each for each in opened)

    @pytest.mark.filterwarnings("ignore:.*deprecated")
    @pytest.mark.parametrize("max_resources", [0, None])
    def test_the_policy_alone_holds_too(self, server, picture, max_resources):
        """The second wall: should markup ever slip through, it still reaches nothing."""
        url, asked = server
        policy = replace(render.POLICY, max_resources=max_resources)
        page = "<html><body>" + "".join(hostile(url, picture)) + "</body></html>"
        with watched() as opened:
            pisaDocument(page, dest=io.BytesIO(), resource_policy=policy)

        assert asked == []
        assert not any(str(picture) in each or "passwd" in each for each in opened)

    def test_the_name_is_escaped_in_the_page(self, named):
        name = '<img src="x"> & "quotes"'
        page = render._page(compose(named(name))).decode()

        assert name not in page
        assert "&lt;img src=&#34;x&#34;&gt; &amp; &#34;quotes&#34;" in page
