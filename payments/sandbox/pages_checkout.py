"""The hosted Checkout page; https://docs.stripe.com/payments/checkout."""

from __future__ import annotations

from .call import Call
from .errors import ApiError
from .messages import Json, Request, Response
from .objects import Record
from .page_tools import Desk, form_of, message, names_of, show
from .resources.checkout_bodies import KIND
from .resources.checkout_submission import Form, submit
from .resources.price_amounts import amount_of
from .resources.prices import rhythm

FIELDS = ("bank_outcome", "cvc", "email", "expiry", "method", "name", "number")


class CheckoutPage:
    """`/c/pay/{session}` asks and takes the answer, `/return` follows 3D Secure."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def answer(self, request: Request, path: str) -> Response:
        room, _, rest = path.partition("/")
        session_id, _, after = rest.partition("/")
        if room != "pay" or after not in ("", "return"):
            return message(404, "Nothing here", "This address leads nowhere.")
        with self._desk.open(request, KIND, session_id) as found:
            if found is None:
                return message(404, "Link not valid", "This Checkout link is not valid.")
            call, session = found
            call = call.in_time_of_customer(session.data["customer"])
            if session.data["status"] != "open":
                return _closed(session.data, leave=bool(after))
            if request.method == "POST" and not after:
                return self._submit(call, session, form_of(request))
            problem = _last_problem(call, session) if after else None
            return self._show(call, session, problem, Form())

    def _submit(self, call: Call, session: Record, given: dict[str, str]) -> Response:
        form = Form(**{name: given[name] for name in FIELDS if name in given})
        problem = None
        with call.store.step() as take_back:
            try:
                elsewhere = submit(call, session, form)
            except ApiError as refusal:
                problem = refusal
                if not refusal.keeps_effects:
                    take_back()
        session = call.fresh(session)
        if problem is not None:
            return self._show(call, session, problem.error, form, problem.status)
        if elsewhere:
            return Response.redirect(elsewhere)
        return _closed(session.data, leave=True)

    def _show(
        self, call: Call, session: Record, problem: Json | None, form: Form, status: int = 200
    ) -> Response:
        lines = session.private["line_items"]
        items = [
            {**line, "rhythm": rhythm(line["price"]), "full": _full(call, line)} for line in lines
        ]
        return show(
            status,
            "checkout.html",
            merchant=self._desk.parts.settings.merchant_name,
            session=session.data,
            lines=items,
            names=names_of(call, lines),
            trial=_trial(call, session),
            problem=problem,
            form=form,
            button=_button(call, session),
        )


def _full(call: Call, line: Json) -> int:
    return amount_of(call, line["price"], line["quantity"] or 0)


def _trial(call: Call, session: Record) -> Json | None:
    given = session.private["params"]["subscription_data"]
    days = given.get("trial_period_days")
    if given.get("trial_end"):
        days = (given["trial_end"] - call.now) // 86400
    if not days:
        return None
    lines = [line for line in session.private["line_items"] if line["price"]["recurring"]]
    later = sum(_full(call, line) for line in lines)
    return {"days": days, "end": call.now + days * 86400, "later": later}


def _button(call: Call, session: Record) -> str:
    if session.data["mode"] == "setup":
        return "Save card"
    if session.data["mode"] == "payment":
        return "Pay"
    return "Start trial" if _trial(call, session) else "Subscribe"


def _last_problem(call: Call, session: Record) -> Json | None:
    """Why the customer came back from 3D Secure with nothing done."""
    begun = session.data["payment_intent"] or session.private.get("setup_intent")
    begun = begun or session.data["setup_intent"] or _intent_of_invoice(call, session)
    intent = call.objects.find_any(begun) if begun else None
    if intent is None:
        return None
    error = intent.data.get("last_payment_error") or intent.data.get("last_setup_error")
    return error if isinstance(error, dict) else None


def _intent_of_invoice(call: Call, session: Record) -> str | None:
    begun = session.private.get("subscription")
    if not begun:
        return None
    subscription = call.reference("subscription", begun, "subscription")
    invoice = subscription.data["latest_invoice"]
    payments = call.objects.all("invoice_payment", invoice=invoice, is_default=True)
    return str(payments[0].data["payment"]["payment_intent"]) if payments else None


def _closed(session: Json, *, leave: bool) -> Response:
    if session["status"] == "complete" and leave:
        return Response.redirect(
            session["success_url"].replace("{CHECKOUT_SESSION_ID}", session["id"])
        )
    if session["status"] == "complete":
        return message(200, "All done here", "This Checkout session has been completed.")
    return message(
        410, "This page has expired", "Go back to the shop and start again.", session["cancel_url"]
    )
