"""The pages a person opens: 3D Secure, Checkout, the portal, invoices, receipts."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from urllib.parse import parse_qs, quote, urlencode, urlsplit, urlunsplit

from .api import Api
from .call import Call
from .messages import Request, Response
from .money import written
from .objects import Record
from .page_tools import Desk, message, show
from .pages_checkout import CheckoutPage
from .pages_invoice import InvoicePage
from .pages_portal import PortalPage
from .parts import Parts
from .resources import challenge


class Pages:
    def __init__(self, parts: Parts, api: Api) -> None:
        self._parts = parts
        self._desk = Desk(parts, api)
        self._rooms: dict[str, Callable[[Request, str], Response]] = {
            "c": CheckoutPage(self._desk).answer,
            "i": InvoicePage(self._desk).answer,
            "p": PortalPage(self._desk).answer,
        }

    def answer(self, request: Request) -> Response:
        first, _, rest = request.path.strip("/").partition("/")
        if first == "" and request.method == "GET":
            return show(200, "index.html", base_url=request.base_url)
        if first in self._rooms and request.method in ("GET", "POST"):
            return self._rooms[first](request, rest)
        if first == "3ds" and request.method in ("GET", "POST"):
            return self._challenge(request, rest)
        if first == "receipts" and request.method == "GET":
            return self._receipt(request, rest)
        return message(404, "Nothing here", "This address leads nowhere.")

    def _challenge(self, request: Request, intent_id: str) -> Response:
        secret = parse_qs(request.query).get("client_secret", [""])[0]
        with self._parts.store.transaction():
            found = self._find(request, intent_id, secret)
            if found is None:
                return message(404, "Link not valid", "This authentication link is not valid.")
            call, intent = found
            if request.method == "POST":
                return self._decide(request, call, intent)
            if intent.data["status"] != "requires_action":
                return message(200, "Nothing to do", "This payment awaits no authentication.")
            return self._ask(intent)

    def _find(self, request: Request, object_id: str, secret: str) -> tuple[Call, Record] | None:
        call = self._desk.call_for(request, object_id)
        record = call.objects.find_any(object_id) if call else None
        if call is None or record is None:
            return None
        expected = str(record.data.get("client_secret", ""))
        right = expected and hmac.compare_digest(expected.encode(), secret.encode())
        call = call.in_time_of_customer(record.data.get("customer"))
        return (call, record) if right else None

    def _ask(self, intent: Record) -> Response:
        data = intent.data
        amount = None
        if intent.kind == "payment_intent":
            amount = f"{written(data['amount'], data['currency'])} {data['currency'].upper()}"
        action = f"/3ds/{intent.id}?client_secret={quote(data['client_secret'])}"
        merchant = self._parts.settings.merchant_name
        return show(
            200, "challenge.html", merchant=merchant, amount=amount, intent=data, action=action
        )

    def _decide(self, request: Request, call: Call, intent: Record) -> Response:
        answer = parse_qs(request.body.decode(errors="replace")).get("outcome", [""])[0]
        if answer not in ("complete", "fail"):
            return message(400, "Not understood", "Choose one of the two buttons.")
        if intent.data["status"] == "requires_action":
            challenge.answer(call, intent, passed=answer == "complete")
        succeeded = intent.data["status"] in ("succeeded", "requires_capture")
        return_url = intent.private.get("return_url")
        if return_url:
            return Response.redirect(_with_result(return_url, intent, succeeded))
        if succeeded:
            return message(200, "Authentication complete", "You can close this page.")
        return message(200, "Authentication failed", "The card could not be used.")

    def _receipt(self, request: Request, charge_id: str) -> Response:
        with self._parts.store.transaction():
            call = self._desk.call_for(request, charge_id)
            charge = call.objects.find("charge", charge_id) if call else None
        if charge is None or not charge.data["paid"]:
            return message(404, "No receipt", "There is no receipt at this address.")
        amount = written(charge.data["amount"], charge.data["currency"])
        currency = charge.data["currency"].upper()
        return message(200, "Receipt", f"{amount} {currency} paid, charge {charge_id}.")


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
