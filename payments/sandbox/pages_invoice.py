"""The hosted page of one invoice; https://docs.stripe.com/invoicing/hosted-invoice-page."""

from __future__ import annotations

from .call import Call
from .errors import ApiError
from .messages import Json, Request, Response
from .objects import Record
from .page_tools import Desk, form_of, message, show
from .resources import invoice_collection
from .resources.checkout_submission import Form, challenge, make_method

FIELDS = ("cvc", "expiry", "name", "number")


class InvoicePage:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def answer(self, request: Request, path: str) -> Response:
        invoice_id, _, _ = path.partition("/")
        with self._desk.open(request, "invoice", invoice_id) as found:
            if found is None or found[1].data["status"] == "draft":
                return message(404, "Link not valid", "There is no invoice at this address.")
            call, invoice = found
            call = call.in_time_of_customer(invoice.data["customer"])
            if request.method == "POST" and invoice.data["status"] == "open":
                return self._pay(call, invoice, form_of(request))
            return self._show(invoice, None)

    def _pay(self, call: Call, invoice: Record, given: dict[str, str]) -> Response:
        form = Form(**{name: given[name] for name in FIELDS if name in given})
        form.email = invoice.data["customer_email"] or ""
        problem, elsewhere = None, None
        with call.store.step() as take_back:
            try:
                elsewhere = _attempt(call, invoice, form)
            except ApiError as refusal:
                problem = refusal
                if not refusal.keeps_effects:
                    take_back()
        if elsewhere:
            return Response.redirect(elsewhere)
        status = problem.status if problem else 200
        return self._show(call.fresh(invoice), problem.error if problem else None, status)

    def _show(self, invoice: Record, problem: Json | None, status: int = 200) -> Response:
        merchant = self._desk.parts.settings.merchant_name
        data = invoice.data
        return show(
            status, "invoice.html", merchant=merchant, invoice=data, problem=problem, form=Form()
        )


def _attempt(call: Call, invoice: Record, form: Form) -> str | None:
    method = make_method(call, form, ["card"])
    intent = invoice_collection.intent_for(call, invoice)
    page = f"{call.base_url}/i/{invoice.id}"
    refusal = invoice_collection.collect(call, invoice, method, automatic=False, return_url=page)
    if refusal is not None:
        raise refusal
    return challenge(call.fresh(intent))
