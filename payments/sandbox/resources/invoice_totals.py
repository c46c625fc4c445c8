"""Drafts of invoices: their body, their lines, their sums."""

from ..call import Call
from ..errors import invalid, unknown_reference
from ..ids import new_id
from ..listing import list_of
from ..messages import Json
from ..money import MINIMUM, rounded
from ..objects import Record
from . import discounts, invoice_lines

DETAILS = "parent.subscription_details.subscription"


def draft(
    call: Call,
    customer: Record,
    reason: str,
    lines: list[Json],
    *,
    subscription: Record | None = None,
    period: tuple[int, int] | None = None,
    pending: bool = True,
    about: Json | None = None,
) -> Record:
    """A new draft, with all that was waiting for it."""
    data = {**body(call, customer, reason, subscription, period), **(about or {})}
    waiting = pending_items(call, customer.id, subscription) if pending else []
    if waiting and subscription is None:
        data["currency"] = waiting[0].data["currency"]
    record = call.objects.add("invoice", data)
    put(call, record.data, lines)
    take_up(call, record, waiting, first=True)
    call.objects.save(record)
    if subscription is not None:
        discounts.drop_used(call, subscription.data, record.data)
    call.emit("invoice.created", record.data)
    return record


def pending_items(call: Call, customer_id: str, subscription: Record | None) -> list[Record]:
    """Items of other subscriptions wait for those."""
    mine = subscription.id if subscription else None
    return [
        item
        for item in call.objects.all("invoiceitem", customer=customer_id, invoice=None)
        if _subscription_of(item.data) in (None, mine)
    ]


def _subscription_of(item: Json) -> str | None:
    details = (item["parent"] or {}).get("subscription_details") or {}
    return details.get("subscription")


def take_up(call: Call, invoice: Record, items: list[Record], *, first: bool = False) -> None:
    added = [invoice_lines.of_invoice_item(call, item.data) for item in items]
    present = invoice.data["lines"]["data"]
    put(call, invoice.data, added + present if first else present + added)
    for item in items:
        item.data["invoice"] = invoice.id
        call.objects.save(item)


def renew_line(call: Call, draft: Record, item: Record) -> None:
    """Show an item as it has become on the draft that it is on."""
    new = invoice_lines.of_invoice_item(call, item.data)
    present = draft.data["lines"]["data"]
    put(
        call,
        draft.data,
        [{**new, "id": line["id"]} if _shows(line, item.id) else line for line in present],
    )


def _shows(line: Json, item_id: str) -> bool:
    parent = line["parent"]
    return bool(parent[parent["type"]]["invoice_item"] == item_id)


def put(call: Call, data: Json, lines: list[Json]) -> None:
    finished = [invoice_lines.finished(line, data["id"]) for line in lines]
    listed = list_of(finished, f"/v1/invoices/{data['id']}/lines")
    data["lines"] = {**listed, "total_count": len(finished)}
    discounts.apply_to_invoice(call, data, finished)
    subtotal, total = data["subtotal"], data["total"]
    due, _ = with_balance(total, data["starting_balance"], data["currency"])
    data.update(subtotal_excluding_tax=subtotal, total_excluding_tax=total)
    data.update(amount_due=due, amount_remaining=due)


def with_balance(total: int, balance: int, currency: str) -> tuple[int, int]:
    """What is due, and the customer's balance afterwards (a credit is negative).

    https://docs.stripe.com/billing/customer/balance
    """
    owed = total + balance
    if owed < MINIMUM.get(currency, 1):  # too little to charge: it waits for the next invoice
        return 0, owed
    due = rounded(owed, currency)
    return due, owed - due


def body(
    call: Call,
    customer: Record,
    reason: str,
    subscription: Record | None,
    period: tuple[int, int] | None = None,
) -> Json:
    owner, plan = customer.data, subscription.data if subscription else {}
    if plan:
        discounts.drop_ended(call, plan)
    start, end = period or (call.now, call.now)
    automatic = plan.get("collection_method", "charge_automatically") == "charge_automatically"
    due = None if automatic else call.now + 24 * 3600 * (plan.get("days_until_due") or 0)
    return {
        **_blank(call),
        **_about_customer(owner),
        "billing_reason": reason,
        "collection_method": "charge_automatically" if automatic else "send_invoice",
        "currency": plan.get("currency") or owner["currency"] or "usd",
        "discounts": list(plan.get("discounts", [])),
        "due_date": due,
        "parent": _parent(plan),
        "period_end": end,
        "period_start": start,
        "starting_balance": owner["balance"],
    }


EMPTY = (
    "account_tax_ids", "application", "automatically_finalizes_at", "custom_fields",
    "customer_account", "default_payment_method", "default_source", "description",
    "effective_at", "ending_balance", "footer", "from_invoice", "hosted_invoice_url",
    "invoice_pdf", "last_finalization_error", "latest_revision", "next_payment_attempt",
    "number", "on_behalf_of", "receipt_number", "rendering", "shipping_cost",
    "shipping_details", "statement_descriptor", "webhooks_delivered_at",
)  # fmt: skip
ZERO = (
    "amount_overpaid", "amount_paid", "amount_shipping", "attempt_count",
    "post_payment_credit_notes_amount", "pre_payment_credit_notes_amount",
)  # fmt: skip
NONE_YET = (
    "default_tax_rates", "discounts", "total_discount_amounts", "total_pretax_credit_amounts",
    "total_taxes",
)  # fmt: skip
TRANSITIONS = ("finalized_at", "marked_uncollectible_at", "paid_at", "voided_at")


def _blank(call: Call) -> Json:
    return {
        "id": new_id("in"),
        "object": "invoice",
        **dict.fromkeys(EMPTY),
        **dict.fromkeys(ZERO, 0),
        **{name: [] for name in NONE_YET},
        "account_country": "US",
        "account_name": call.settings.merchant_name,
        "attempted": False,
        "auto_advance": True,
        "automatic_tax": {"disabled_reason": None, "enabled": False, "liability": None,
                          "provider": None, "status": None},
        "created": call.now,
        "issuer": {"type": "self"},
        "livemode": call.account.livemode,
        "metadata": {},
        "payment_settings": {"default_mandate": None, "payment_method_options": None,
                             "payment_method_types": None},
        "status": "draft",
        "status_transitions": dict.fromkeys(TRANSITIONS),
    }  # fmt: skip


def _about_customer(owner: Json) -> Json:
    names = ("address", "email", "name", "phone", "shipping", "tax_exempt")
    return {
        "customer": owner["id"],
        "customer_tax_ids": [],
        "test_clock": owner["test_clock"],
        **{f"customer_{name}": owner[name] for name in names},
    }


def _parent(plan: Json) -> Json | None:
    if not plan:
        return None
    details = {"metadata": dict(plan["metadata"]), "subscription": plan["id"]}
    return {
        "quote_details": None,
        "subscription_details": details,
        "type": "subscription_details",
    }


def subscription_id(invoice: Json) -> str | None:
    details = (invoice["parent"] or {}).get("subscription_details") or {}
    return details.get("subscription")


def subscription_of(call: Call, invoice: Json) -> Record | None:
    found = subscription_id(invoice)
    return call.objects.find("subscription", found) if found else None


def editable(call: Call, invoice_id: str, param: str) -> Record:
    record = call.objects.find("invoice", invoice_id)
    if record is None:
        raise unknown_reference("invoice", invoice_id, param)
    if record.data["status"] != "draft":
        raise invalid(
            "This invoice is no longer editable, it has been finalized.", "invoice_not_editable"
        )
    return record
