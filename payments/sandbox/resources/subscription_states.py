"""A subscription's status, and who hears of its changes.

https://docs.stripe.com/billing/subscriptions/overview#subscription-statuses
"""

from ..call import Call
from ..messages import Json
from ..objects import Record
from ..registry import after, tell
from . import invoice_collection, invoice_finishing
from .invoice_totals import DETAILS, subscription_of

ENDED = ("canceled", "incomplete_expired")
OWING = ("incomplete", "past_due", "unpaid")


def announce(call: Call, subscription: Record) -> None:
    """The first that is heard of a subscription is its creation, in whatever state it is then."""
    if subscription.private.get("announced"):
        call.update(subscription, "customer.subscription.updated")
        return
    subscription.private["announced"] = True
    call.objects.save(subscription)
    call.emit("customer.subscription.created", subscription.data)


def period(data: Json) -> tuple[int, int]:
    """All items share one period here."""
    first = data["items"]["data"][0]
    return first["current_period_start"], first["current_period_end"]


def set_period(data: Json, start: int, end: int) -> None:
    for item in data["items"]["data"]:
        item.update(current_period_start=start, current_period_end=end)


@after("invoice.paid")
def paid(call: Call, invoice: Record) -> None:
    subscription = subscription_of(call, invoice.data)
    if subscription is None or subscription.data["status"] not in OWING:
        return
    if subscription.data["latest_invoice"] != invoice.id and _open_invoices(call, subscription):
        return
    subscription.data["status"] = "active"
    if saves_method(subscription):
        subscription.data["default_payment_method"] = invoice.private.get("method")
    announce(call, subscription)


@after("invoice.payment_failed")
def failed(call: Call, invoice: Record) -> None:
    subscription = subscription_of(call, invoice.data)
    if subscription is None or subscription.data["status"] in ENDED:
        return
    owe(call, subscription)
    first = invoice.data["billing_reason"] == "subscription_create"
    if not first and invoice.data["auto_advance"] and not invoice.data["next_payment_attempt"]:
        _give_up(call, subscription)


@after("invoice.payment_action_required")
def waiting(call: Call, invoice: Record) -> None:
    subscription = subscription_of(call, invoice.data)
    if subscription is not None:
        owe(call, subscription)


def owe(call: Call, subscription: Record) -> None:
    if subscription.data["status"] in ("active", "trialing"):
        subscription.data["status"] = "past_due"
        announce(call, subscription)


def _give_up(call: Call, subscription: Record) -> None:
    """What happens after the last retry is a setting of the account."""
    choice = call.store.preference(call.account.scope, "after_retries") or "cancel"
    if choice == "cancel":
        end(call, subscription, "payment_failed")
    elif choice == "unpaid":
        subscription.data["status"] = "unpaid"
        announce(call, subscription)


def end(call: Call, subscription: Record, reason: str | None = None) -> None:
    """For good; what is still open is no longer asked for."""
    data = subscription.data
    data.update(status="canceled", ended_at=call.now)
    data["canceled_at"] = data["canceled_at"] or call.now
    if reason:
        data["cancellation_details"]["reason"] = reason
    call.objects.save(subscription)
    for invoice in _open_invoices(call, subscription):
        invoice_finishing.stop(call, invoice)
    call.emit("customer.subscription.deleted", data)
    tell(call, "subscription.ended", subscription)


def mark_paused(call: Call, subscription: Record, reason: str) -> None:
    """https://docs.stripe.com/billing/subscriptions/pause"""
    details = {
        "subscription": {"type": reason},
        "transitioned_at": call.now,
        "type": "subscription",
    }
    subscription.data.update(status="paused", status_details={"paused": details})
    announce(call, subscription)
    call.emit("customer.subscription.paused", subscription.data)


def expire(call: Call, subscription: Record) -> None:
    """The first payment did not come within 23 hours."""
    subscription.data.update(status="incomplete_expired", ended_at=call.now)
    subscription.data["canceled_at"] = subscription.data["canceled_at"] or call.now
    announce(call, subscription)
    for invoice in _open_invoices(call, subscription):
        invoice_finishing.void(call, invoice)


def _open_invoices(call: Call, subscription: Record) -> list[Record]:
    wanted = {DETAILS: subscription.id, "status": ["draft", "open"]}
    return call.objects.all("invoice", **wanted)


@after("customer.deleted")
def leave(call: Call, customer: Record) -> None:
    for subscription in call.objects.all("subscription", customer=customer.id):
        if subscription.data["status"] not in ENDED:
            end(call, subscription)


@after("setup_intent.succeeded")
def set_up(call: Call, intent: Record) -> None:
    """The card that a trial without one was waiting for."""
    begun = intent.private.get("subscription")
    subscription = call.objects.find("subscription", begun) if begun else None
    if subscription is None:
        return
    subscription.data["pending_setup_intent"] = None
    if saves_method(subscription):
        subscription.data["default_payment_method"] = intent.data["payment_method"]
    announce(call.in_time_of(subscription.data), subscription)


def saves_method(subscription: Record) -> bool:
    settings = subscription.data["payment_settings"]
    return bool(settings["save_default_payment_method"] == "on_subscription")


@after("payment_intent.processing")
def trust(call: Call, intent: Record) -> None:
    """While a bank debit is under way the subscription is active already."""
    invoice_id = intent.private.get("invoice")
    invoice = call.objects.find("invoice", invoice_id) if invoice_id else None
    subscription = subscription_of(call, invoice.data) if invoice else None
    if subscription is not None and subscription.data["status"] in OWING:
        subscription.data["status"] = "active"
        announce(call.in_time_of(subscription.data), subscription)


def method_of(call: Call, subscription: Json) -> Record | None:
    found = subscription["default_payment_method"]
    if found:
        return call.objects.find("payment_method", found)
    return invoice_collection.of_customer(call, subscription)
