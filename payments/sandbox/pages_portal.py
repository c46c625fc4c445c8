"""The hosted customer portal; https://docs.stripe.com/customer-management."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from .call import Call
from .errors import ApiError, invalid
from .messages import Json, Request, Response
from .objects import Record
from .page_tools import Desk, form_of, message, names_of, show
from .resources import (
    invoice_collection,
    invoice_steps,
    setup_intents,
    setups,
    subscription_changes,
    subscription_pauses,
    subscriptions,
)
from .resources.checkout_submission import Form, challenge, make_method
from .resources.portal_sessions import KIND
from .resources.prices import rhythm
from .resources.subscription_states import ENDED, announce, period

CARD = ("cvc", "expiry", "name", "number")
# What the page says after a deed, by the end of the address that it leads to.
SAVED = "return"
NOTES = {
    SAVED: "Your card has been saved.",
    "ending": "Your subscription ends with the period that is paid for.",
    "ended": "Your subscription has been canceled.",
    "resumed": "Your subscription goes on.",
    "paid": "Thank you, your invoice has been paid.",
}
Deed = Callable[[Call, Json, dict[str, str]], str | None]


class PortalPage:
    """`/p/session/{session}` shows what a customer has; its forms change it."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def answer(self, request: Request, path: str) -> Response:
        room, _, rest = path.partition("/")
        session_id, _, after = rest.partition("/")
        if room != "session" or after not in ("", *NOTES):
            return message(404, "Nothing here", "This address leads nowhere.")
        with self._desk.open(request, KIND, session_id) as found:
            if found is None:
                return message(404, "Link not valid", "This portal link is not valid.")
            call, session = found
            call = call.in_time_of_customer(session.data["customer"])
            customer = call.objects.find("customer", session.data["customer"])
            if customer is None or customer.data.get("deleted"):
                return message(410, "Nothing here", "This customer is gone.")
            if request.method == "POST":
                return self._act(call, session.data, form_of(request))
            if after == SAVED:
                _take_new_card(call, session)
            failed = after == SAVED and session.private.get("setup_intent")
            return self._show(call, session.data, None, note="" if failed else NOTES.get(after, ""))

    def _act(self, call: Call, session: Json, given: dict[str, str]) -> Response:
        problem, elsewhere = None, None
        with call.store.step() as take_back:
            try:
                deed = DEEDS.get(given.get("action", ""))
                if deed is None:
                    raise invalid("Choose one of the buttons.")
                elsewhere = deed(call, session, given)
            except ApiError as refusal:
                problem = refusal
                if not refusal.keeps_effects:
                    take_back()
        if problem is not None:
            return self._show(call, session, problem.error, status=problem.status)
        return Response.redirect(elsewhere or _page(call, session))

    def _show(
        self,
        call: Call,
        session: Json,
        problem: Json | None,
        *,
        status: int = 200,
        note: str = "",
    ) -> Response:
        customer = call.reference("customer", session["customer"], "customer")
        owned = [each.data for each in call.objects.all("subscription", customer=customer.id)]
        items = [item for each in owned for item in each["items"]["data"]]
        invoices = call.objects.all("invoice", customer=customer.id)
        return show(
            status,
            "portal.html",
            merchant=self._desk.parts.settings.merchant_name,
            session=session,
            customer=customer.data,
            subscriptions=[_view(each) for each in owned[::-1] if each["status"] not in ENDED],
            names=names_of(call, items),
            card=_card(call, customer, owned),
            invoices=[each.data for each in invoices[::-1] if each.data["status"] != "draft"],
            problem=problem,
            form=Form(),
            note=note,
        )


def _page(call: Call, session: Json, after: str = "") -> str:
    return f"{call.base_url}/p/session/{session['id']}" + (f"/{after}" if after else "")


def _view(data: Json) -> Json:
    start, until = period(data)
    items = [{**item, "rhythm": rhythm(item["price"])} for item in data["items"]["data"]]
    return {**data, "start": start, "until": until, "lines": items}


def _card(call: Call, customer: Record, owned: list[Json]) -> Json | None:
    """The one that the next renewal will be charged to, else the latest that is kept."""
    alive = [each for each in owned if each["status"] not in ENDED]
    named = [each["default_payment_method"] for each in alive[::-1]]
    named.append(customer.data["invoice_settings"]["default_payment_method"])
    kept = call.objects.all("payment_method", customer=customer.id)
    named += [each.id for each in kept[::-1]]
    found = next((name for name in named if name), None)
    method = call.objects.find("payment_method", found) if found else None
    return method.data if method else None


def _mine(call: Call, session: Json, kind: str, object_id: str) -> Record:
    record = call.reference(kind, object_id, kind)
    if record.data["customer"] != session["customer"]:
        raise invalid("That belongs to somebody else.")
    return record


def _schedule_end(call: Call, session: Json, given: dict[str, str]) -> str:
    """Flexible billing has another way to say it than the API's own parameter.

    https://docs.stripe.com/billing/subscriptions/billing-mode/compare
    """
    record = _mine(call, session, "subscription", given.get("subscription", ""))
    ending: Json = {"cancel_at_period_end": True}
    if record.data["billing_mode"]["type"] == "flexible":
        ending = {"cancel_at": "max_period_end"}
    subscription_changes.change(call, record, ending)
    return _page(call, session, "ending")


def _end_now(call: Call, session: Json, given: dict[str, str]) -> str:
    record = _mine(call, session, "subscription", given.get("subscription", ""))
    if record.data["status"] in ENDED:
        raise invalid("This subscription has ended already.")
    subscriptions.cancel_now(call, record, {})
    return _page(call, session, "ended")


def _resume(call: Call, session: Json, given: dict[str, str]) -> str:
    record = _mine(call, session, "subscription", given.get("subscription", ""))
    if record.data["status"] == "paused":
        subscription_pauses.wake_subscription(call, record)
    else:
        subscription_changes.change(call, record, {"cancel_at": None})
    return _page(call, session, "resumed")


def _pay(call: Call, session: Json, given: dict[str, str]) -> str | None:
    invoice = _mine(call, session, "invoice", given.get("invoice", ""))
    if invoice.data["status"] != "open":
        return None
    refusal = invoice_steps.pay_now(call, invoice, None, return_url=_page(call, session))
    if refusal is not None:
        raise refusal
    challenged = challenge(invoice_collection.intent_for(call, invoice))
    return challenged or _page(call, session, "paid")


def _change_card(call: Call, session: Json, given: dict[str, str]) -> str | None:
    """The card is checked as on the first day, by 3D Secure when its bank wants it."""
    customer = call.reference("customer", session["customer"], "customer")
    form = Form(**{name: given[name] for name in CARD if name in given})
    form.email = customer.data["email"] or ""
    method = make_method(call, form, ["card"])
    body = setup_intents.blank(replace(call, params={}))
    body.update(customer=customer.id, payment_method=method.id, status="requires_confirmation")
    intent = call.objects.add("setup_intent", body)
    call.emit("setup_intent.created", body)
    record = call.reference(KIND, session["id"], "session")
    record.private["setup_intent"] = intent.id
    call.objects.save(record)
    page = _page(call, session, SAVED)
    setups.confirm(replace(call, params={"return_url": page}), intent)
    _take_new_card(call, record)
    return challenge(call.fresh(intent)) or page


def _take_new_card(call: Call, session: Record) -> None:
    """It becomes the default of the customer and of what the customer has subscribed to."""
    waiting = session.private.pop("setup_intent", None)
    intent = call.objects.find("setup_intent", waiting) if waiting else None
    if intent is None or intent.data["status"] != "succeeded":
        session.private["setup_intent"] = waiting
        return
    call.objects.save(session)
    customer = call.reference("customer", session.data["customer"], "customer")
    method = intent.data["payment_method"]
    customer.data["invoice_settings"]["default_payment_method"] = method
    call.update(customer, "customer.updated")
    for owned in call.objects.all("subscription", customer=customer.id):
        if owned.data["status"] not in ENDED and owned.data["default_payment_method"]:
            owned.data["default_payment_method"] = method
            announce(call, owned)


DEEDS: dict[str, Deed] = {
    "cancel_at_period_end": _schedule_end,
    "cancel_now": _end_now,
    "change_card": _change_card,
    "pay_invoice": _pay,
    "resume": _resume,
}
