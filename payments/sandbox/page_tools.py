"""What all pages share: templates, whose page it is, and what its form says."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from jinja2 import Environment, FileSystemLoader

from .accounts import from_scope
from .api import Api
from .calendar import written_day
from .call import Call
from .messages import Json, Request, Response
from .money import written
from .objects import Record
from .parts import Parts

TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    trim_blocks=True,
    lstrip_blocks=True,
)


def _money(amount: int, currency: str) -> str:
    sign = "−" if amount < 0 else ""
    text = written(abs(amount), currency)
    return f"{sign}{text}" if text[0] not in "0123456789" else f"{sign}{text} {currency.upper()}"


TEMPLATES.filters["money"] = _money
TEMPLATES.filters["day"] = written_day


# Where a form may lead is left open: it goes on to the merchant's own address in the end.
POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; "
    "frame-ancestors 'none'"
)


def show(status: int, template: str, **values: object) -> Response:
    response = Response.of_html(status, TEMPLATES.get_template(template).render(**values))
    response.headers["Cache-Control"] = "no-store"
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Content-Security-Policy"] = POLICY
    return response


def message(status: int, title: str, text: str, link: str | None = None) -> Response:
    return show(status, "message.html", title=title, text=text, link=link)


def form_of(request: Request) -> dict[str, str]:
    given = parse_qs(request.body.decode(errors="replace"), keep_blank_values=True)
    return {name: values[0] for name, values in given.items()}


class Desk:
    """Opens the account behind the id in an address, with what has fallen due in it done."""

    def __init__(self, parts: Parts, api: Api) -> None:
        self.parts = parts
        self._api = api

    def call_for(self, request: Request, object_id: str) -> Call | None:
        scope = self.parts.store.scope_of(object_id)
        if scope is None:
            return None
        call = self._api.bare_call(from_scope(scope))
        return replace(call, base_url=self.parts.settings.public_url or request.base_url)

    @contextmanager
    def open(
        self, request: Request, kind: str, object_id: str
    ) -> Iterator[tuple[Call, Record] | None]:
        with self.parts.store.transaction():
            call = self.call_for(request, object_id)
            if call is not None:
                self._api.run_due_jobs(call.account.scope)
            record = call.objects.find(kind, object_id) if call else None
            yield (call, record) if call and record else None


def names_of(call: Call, items: list[Json]) -> dict[str, Any]:
    """Product names by price, for lists of items."""
    found = {}
    for item in items:
        product = call.objects.find("product", item["price"]["product"])
        found[item["price"]["id"]] = product.data["name"] if product else item["price"]["id"]
    return found
