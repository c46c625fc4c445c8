"""The pages a person opens: the 3D Secure challenge, a receipt, and what this server is."""

from __future__ import annotations

import hmac
from pathlib import Path
from urllib.parse import parse_qs, quote, urlencode, urlsplit, urlunsplit

from jinja2 import Environment, FileSystemLoader

from .accounts import from_scope
from .api import Api
from .call import Call
from .messages import Request, Response
from .money import written
from .objects import Record
from .parts import Parts
from .resources import challenge

TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"), autoescape=True
)


class Pages:
    def __init__(self, parts: Parts, api: Api) -> None:
        self._parts = parts
        self._api = api

    def answer(self, request: Request) -> Response:
        first, _, rest = request.path.strip("/").partition("/")
        if first == "" and request.method == "GET":
            return _page(200, "index.html", base_url=request.base_url)
        if first == "3ds" and request.method in ("GET", "POST"):
            return self._challenge(request, rest)
        if first == "receipts" and request.method == "GET":
            return self._receipt(rest)
        return _message(404, "Nothing here", "This address leads nowhere.")

    def _challenge(self, request: Request, intent_id: str) -> Response:
        secret = parse_qs(request.query).get("client_secret", [""])[0]
        with self._parts.store.transaction():
            found = self._find(intent_id, secret)
            if found is None:
                return _message(404, "Link not valid", "This authentication link is not valid.")
            call, intent = found
            if request.method == "POST":
                return self._decide(request, call, intent)
            if intent.data["status"] != "requires_action":
                return _message(200, "Nothing to do", "This payment awaits no authentication.")
            return self._ask(intent)

    def _find(self, object_id: str, secret: str) -> tuple[Call, Record] | None:
        call = self._call_for(object_id)
        record = call.objects.find_any(object_id) if call else None
        if call is None or record is None:
            return None
        expected = str(record.data.get("client_secret", ""))
        right = expected and hmac.compare_digest(expected.encode(), secret.encode())
        return (call, record) if right else None

    def _call_for(self, object_id: str) -> Call | None:
        scope = self._parts.store.scope_of(object_id)
        return None if scope is None else self._api.bare_call(from_scope(scope))

    def _ask(self, intent: Record) -> Response:
        data = intent.data
        amount = None
        if intent.kind == "payment_intent":
            amount = f"{written(data['amount'], data['currency'])} {data['currency'].upper()}"
        action = f"/3ds/{intent.id}?client_secret={quote(data['client_secret'])}"
        merchant = self._parts.settings.merchant_name
        return _page(
            200, "challenge.html", merchant=merchant, amount=amount, intent=data, action=action
        )

    def _decide(self, request: Request, call: Call, intent: Record) -> Response:
        answer = parse_qs(request.body.decode(errors="replace")).get("outcome", [""])[0]
        if answer not in ("complete", "fail"):
            return _message(400, "Not understood", "Choose one of the two buttons.")
        if intent.data["status"] == "requires_action":
            challenge.answer(call, intent, passed=answer == "complete")
        succeeded = intent.data["status"] in ("succeeded", "requires_capture")
        return_url = intent.private.get("return_url")
        if return_url:
            return Response.redirect(_with_result(return_url, intent, succeeded))
        if succeeded:
            return _message(200, "Authentication complete", "You can close this page.")
        return _message(200, "Authentication failed", "The card could not be used.")

    def _receipt(self, charge_id: str) -> Response:
        with self._parts.store.transaction():
            call = self._call_for(charge_id)
            charge = call.objects.find("charge", charge_id) if call else None
        if charge is None or not charge.data["paid"]:
            return _message(404, "No receipt", "There is no receipt at this address.")
        amount = written(charge.data["amount"], charge.data["currency"])
        currency = charge.data["currency"].upper()
        return _message(200, "Receipt", f"{amount} {currency} paid, charge {charge_id}.")


def _with_result(return_url: str, intent: Record, succeeded: bool) -> str:
    """https://docs.stripe.com/payments/3d-secure/authentication-flow#return-url"""
    parts = urlsplit(return_url)
    added = urlencode(
        {
            intent.kind: intent.id,
            f"{intent.kind}_client_secret": intent.data["client_secret"],
            "redirect_status": "succeeded" if succeeded else "failed",
        }
    )
    return urlunsplit(parts._replace(query=f"{parts.query}&{added}" if parts.query else added))


def _page(status: int, template: str, **values: object) -> Response:
    response = Response.of_html(status, TEMPLATES.get_template(template).render(**values))
    response.headers["Cache-Control"] = "no-store"
    return response


def _message(status: int, title: str, text: str) -> Response:
    return _page(status, "message.html", title=title, text=text)
