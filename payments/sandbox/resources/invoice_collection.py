"""Charging an open invoice, and what follows when that fails.

https://docs.stripe.com/billing/revenue-recovery/smart-retries
"""

from dataclasses import replace

from ..call import Call
from ..errors import ApiError, invalid
from ..messages import Json
from ..objects import Record
from ..registry import after, job, tell
from . import invoice_finishing, invoice_payments, invoice_totals, payments

DAY = 24 * 3600
RETRY_DAYS = [3, 5, 7]  # after the first attempt, after the second, after the third
NO_METHOD = (
    "This customer has no attached payment source or default payment method. Please consider"
    " adding a default payment method. For more information, visit"
    " https://stripe.com/docs/billing/subscriptions/payment-methods-setting"
    "#payment-method-priority."
)


def default_method(call: Call, invoice: Json) -> Record | None:
    """https://docs.stripe.com/billing/subscriptions/payment-methods-setting"""
    subscription = invoice_totals.subscription_of(call, invoice)
    found = invoice["default_payment_method"]
    if subscription is not None:
        found = found or subscription.data["default_payment_method"]
    return call.objects.find("payment_method", found) if found else of_customer(call, invoice)


def of_customer(call: Call, owned: Json) -> Record | None:
    customer = call.reference("customer", owned["customer"], "customer")
    found = customer.data["invoice_settings"]["default_payment_method"]
    found = found or customer.data["default_source"]
    return call.objects.find("payment_method", found) if found else None


def collect(
    call: Call, invoice: Record, method: Record | None = None, **confirming: object
) -> ApiError | None:
    """One attempt; what became of it stands on the invoice, a refusal is returned."""
    intent = invoice_payments.intent_of(call, invoice.id)
    method = method or default_method(call, invoice.data)
    if intent is None:
        return None
    if method is None:
        failed(call, intent)
        return invalid(NO_METHOD, "resource_missing")
    intent.data.update(payment_method=method.id, status="requires_confirmation")
    intent.private["automatic"] = bool(confirming.pop("automatic", True))
    try:
        payments.confirm(replace(call, params=confirming), intent)
    except ApiError as refusal:
        return refusal
    return None


def intent_for(call: Call, invoice: Record) -> Record:
    intent = invoice_payments.intent_of(call, invoice.id)
    if intent is None:
        raise invalid("This invoice needs no payment.")
    return intent


def _invoice(call: Call, intent: Record) -> Record | None:
    invoice_id = intent.private.get("invoice")
    return call.objects.find("invoice", invoice_id) if invoice_id else None


@after("payment_intent.succeeded")
def succeeded(call: Call, intent: Record) -> None:
    invoice = _invoice(call, intent)
    if invoice is None:
        return
    call = call.in_time_of(invoice.data)
    if _counts(invoice, intent):
        invoice.data["attempt_count"] += 1
    invoice.private["method"] = intent.data["payment_method"]
    in_all = invoice.data["amount_paid"] + intent.data["amount_received"]
    invoice_finishing.paid(call, invoice, in_all)
    invoice_payments.paid(call, invoice)


@after("payment_intent.payment_failed")
def failed(call: Call, intent: Record) -> None:
    invoice = _invoice(call, intent)
    if invoice is None or invoice.data["status"] != "open":
        return
    call = call.in_time_of(invoice.data)
    _count(call, invoice, intent)
    call.update(invoice, "invoice.updated")
    call.emit("invoice.payment_failed", invoice.data)
    error = intent.data["last_payment_error"] or {}
    if error.get("code") == "authentication_required":
        call.emit("invoice.payment_action_required", invoice.data)
    tell(call, "invoice.payment_failed", invoice)


@after("payment_intent.requires_action")
def wait_for_customer(call: Call, intent: Record) -> None:
    invoice = _invoice(call, intent)
    if invoice is None:
        return
    call = call.in_time_of(invoice.data)
    invoice.data["attempted"] = True  # an attempt counts once it has come to something
    call.update(invoice, "invoice.updated")
    call.emit("invoice.payment_action_required", invoice.data)
    tell(call, "invoice.payment_action_required", invoice)


def _count(call: Call, invoice: Record, intent: Record) -> None:
    data = invoice.data
    if _counts(invoice, intent):
        data["attempt_count"] += 1
        data["next_payment_attempt"] = _next_attempt(call, data)
        if data["next_payment_attempt"]:
            call.when(data["next_payment_attempt"], "invoice.retry", invoice.id)
    data["attempted"] = True


def _counts(invoice: Record, intent: Record) -> bool:
    """The first attempt does, and later ones when they are part of the schedule."""
    return invoice.data["attempt_count"] == 0 or bool(intent.private.get("automatic", True))


def _next_attempt(call: Call, data: Json) -> int | None:
    """The first payment of a subscription is never repeated: it stays incomplete."""
    days = retry_days(call)
    done = data["attempt_count"] - 1
    if data["billing_reason"] == "subscription_create" or not data["auto_advance"]:
        return None
    return call.now + days[done] * DAY if done < len(days) else None


def retry_days(call: Call) -> list[int]:
    kept = call.store.preference(call.account.scope, "retry_days")
    return RETRY_DAYS if kept is None else [int(days) for days in kept]


@job("invoice.retry")
def retry(call: Call, invoice_id: str) -> None:
    invoice = call.reference("invoice", invoice_id, "invoice")
    due = invoice.data["next_payment_attempt"]
    if invoice.data["status"] == "open" and due is not None and due <= call.now:
        collect(call, invoice, off_session=True)


@job("invoice.finalize")
def finalize(call: Call, invoice_id: str) -> None:
    """A renewal's hour as a draft is over."""
    invoice = call.reference("invoice", invoice_id, "invoice")
    if invoice.data["status"] != "draft" or not invoice.data["auto_advance"]:
        return
    invoice_finishing.finalize(call, invoice)
    subscription = invoice_totals.subscription_of(call, invoice.data)
    paused = (subscription.data["pause_collection"] or {}) if subscription else {}
    if invoice.data["status"] != "open":
        return
    if paused.get("behavior") == "void":
        invoice_finishing.void(call, invoice)
    elif paused.get("behavior") == "mark_uncollectible":
        invoice_finishing.write_off(call, invoice)
    elif invoice.data["collection_method"] == "charge_automatically":
        collect(call, invoice, off_session=True)
