"""How a Checkout session ends once its payment or its setup has come to a result.

https://docs.stripe.com/payments/checkout/fulfill-orders
"""

from ..call import Call
from ..messages import Json
from ..objects import Record
from ..registry import after
from . import discounts, subscription_start, subscription_states
from .checkout_bodies import KIND, make_details


@after("payment_intent.succeeded")
@after("payment_intent.amount_capturable_updated")
def paid(call: Call, intent: Record) -> None:
    session = _session(call, intent)
    if session is None:
        return
    call = _time_of(call, session)
    if session.data["status"] == "open":
        _keep_method(call, session, intent)
        finish(call, session, "paid")
    elif session.data["payment_status"] == "unpaid":
        session.data["payment_status"] = "paid"
        call.objects.save(session)
        call.emit("checkout.session.async_payment_succeeded", session.data)


@after("payment_intent.processing")
def under_way(call: Call, intent: Record) -> None:
    session = _session(call, intent)
    if session is not None and session.data["status"] == "open":
        call = _time_of(call, session)
        _keep_method(call, session, intent)
        finish(call, session, "unpaid")


@after("payment_intent.payment_failed")
def failed(call: Call, intent: Record) -> None:
    session = _session(call, intent)
    if session is not None and session.data["status"] == "complete":
        call = _time_of(call, session)
        if session.data["payment_status"] == "unpaid" and not session.private.get("failed"):
            session.private["failed"] = True
            call.objects.save(session)
            call.emit("checkout.session.async_payment_failed", session.data)


@after("setup_intent.succeeded")
def saved(call: Call, intent: Record) -> None:
    session = _session(call, intent)
    if session is None or session.data["status"] != "open":
        return
    call = _time_of(call, session)
    if session.data["mode"] == "subscription":
        method = str(intent.data["payment_method"])
        session.private["subscription"] = begin(call, session, method).id
    finish(call, session, "no_payment_required")


def begin(call: Call, session: Record, method: str | None) -> Record:
    """The subscription behind a session, with its items and what comes once."""
    given = session.private["params"]["subscription_data"]
    lines = session.private["line_items"]
    entries = [(line["price"], line["quantity"]) for line in lines]
    recurring = [_entry(price, quantity) for price, quantity in entries if price["recurring"]]
    single = [_entry(price, quantity) for price, quantity in entries if not price["recurring"]]
    params = {
        **{name: value for name, value in given.items() if name not in IGNORED},
        "add_invoice_items": single,
        "customer": session.private["customer"],
        "default_payment_method": method,
        "discounts": session.private["params"].get("discounts") or [],
        "items": recurring,
        "payment_behavior": "allow_incomplete" if method else "default_incomplete",
    }
    return subscription_start.start(call, params)


IGNORED = ("billing_mode", "invoice_settings")


def _entry(price: Json, quantity: int | None) -> Json:
    entry = {"price": price["id"], "known": price}
    return entry if quantity is None else {**entry, "quantity": quantity}


def _session(call: Call, intent: Record) -> Record | None:
    session_id = intent.private.get("session")
    return call.objects.find(KIND, session_id) if session_id else None


def _time_of(call: Call, session: Record) -> Call:
    return call.in_time_of_customer(session.private.get("customer") or session.data["customer"])


def _keep_method(call: Call, session: Record, intent: Record) -> None:
    """Checkout leaves the method on the subscription, not on the customer."""
    begun = session.private.get("subscription")
    subscription = call.objects.find("subscription", begun) if begun else None
    if subscription is not None:
        subscription.data["default_payment_method"] = intent.data["payment_method"]
        subscription_states.announce(call, subscription)


def finish(call: Call, session: Record, payment_status: str) -> None:
    data, private = session.data, session.private
    if data["mode"] == "payment":
        for given in private["params"].get("discounts") or []:
            discounts.redeem_coupon(call, given, private.get("customer"), "discounts[0]")
    data.update(status="complete", payment_status=payment_status, url=None)
    data["customer"] = data["customer"] or private.get("customer")
    data["customer_details"] = make_details(private.get("email"), private.get("name"))
    if private.get("subscription"):
        subscription = call.reference("subscription", private["subscription"], "subscription")
        data.update(subscription=subscription.id, invoice=subscription.data["latest_invoice"])
    call.objects.save(session)
    call.emit("checkout.session.completed", data)
