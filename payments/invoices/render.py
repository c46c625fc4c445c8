"""Draws an invoice document as a PDF that opens nothing, fetches nothing and never runs away."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup
from reportlab import rl_config
from xhtml2pdf.config.resources import ResourceAccessPolicy
from xhtml2pdf.document import pisaDocument

from payments.invoices import fonts
from payments.invoices.document import InvoiceDocument, LineItem, RenderFailed
from payments.invoices.render_text import MAX_ROWS, drawable_record, isolated

TEMPLATES = Path(__file__).parent / "templates"

# Without a directory and without the network nothing can be read: fonts are registered by
# hand, and the style sheet is part of the page. The limits bound time and memory: the worst
# document takes a few seconds of a processor, which a busy machine makes many; a router waits 30.
POLICY = ResourceAccessPolicy.server(
    base_dir=None, allow_remote=False, max_resources=0, max_render_seconds=25, max_depth=50
)

# Leaves the clock and chance out of every PDF of this process: one document, one set of bytes.
rl_config.invariant = 1

# The engine stamps such a file with a fixed day; the day of issue is as long, and true.
_STAMP = re.compile(rb"/(CreationDate|ModDate) \(D:\d{14}[+-]\d\d'\d\d'\)")


def render_pdf(document: InvoiceDocument) -> bytes:
    """Return the PDF of an invoice; the same document gives the same bytes."""
    try:
        page = _page(document)
        target = io.BytesIO()
        result = pisaDocument(page, dest=target, encoding="utf-8", resource_policy=POLICY)
    except Exception as error:
        # The engine has no root of its own for errors: bad markup, limits, fonts all differ.
        raise RenderFailed(f"invoice {document.number}: {str(error)[:300]}") from error
    if result.err or not target.getvalue().startswith(b"%PDF-"):
        raise RenderFailed(f"invoice {document.number}: the engine gave up")
    return _stamped(target.getvalue(), document.issued_at)


def _page(document: InvoiceDocument) -> bytes:
    drawable = drawable_record(_bounded(document), fonts.drawable())
    return _template().render(document=drawable, style=_style()).encode("utf-8")


def _bounded(document: InvoiceDocument) -> InvoiceDocument:
    hidden = len(document.lines) - MAX_ROWS
    if hidden <= 0:
        return document
    # The sums were decided before, over all lines: say so rather than drop lines unseen.
    more = LineItem(f"{hidden + 1} more lines", "Included in the total", "", "", "")
    return replace(document, lines=(*document.lines[: MAX_ROWS - 1], more))


@cache
def _template() -> Template:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined
    )
    environment.filters["isolated"] = isolated
    return environment.get_template("invoice.html")


@cache
def _style() -> Markup:
    # Our own file and no one's input, so it may go into the page as it is.
    style = (TEMPLATES / "invoice.css").read_text("utf-8")
    return Markup(style.replace("FAMILIES", ", ".join(fonts.FAMILIES)))  # noqa: S704 - our own style sheet


def _stamped(pdf: bytes, issued_at: str) -> bytes:
    digits = re.sub(r"\D", "", issued_at)[:14].ljust(14, "0").encode("ascii")
    return _STAMP.sub(rb"/\1 (D:" + digits + rb"+00'00')", pdf)
