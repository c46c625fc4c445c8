"""Makes a listed object whole: what the list does not tell of it is asked, if there is anything."""

from __future__ import annotations

from dataclasses import replace

from payments.gateway.billing_results import Plain
from payments.projects.reconcile.account import Job
from payments.projects.reconcile.differences import Rows
from payments.projects.reconcile.lists import Listed
from payments.projects.sync import names, shapes, subscriptions
from payments.projects.sync.items import Item
from payments.projects.sync.look import Present, read_payment
from payments.projects.sync.shapes import PaymentState, SubscriptionState
from payments.projects.sync.topics import SUBSCRIPTION


def whole(job: Job, found: Listed, rows: Rows) -> Present:
    """Return what Stripe holds of a listed object; most need no call."""
    if found.topic.kind == SUBSCRIPTION:
        state = _read_named(job, found.plain, rows)
        return Present(subscription=state, plan_name=state.plan.name)
    return Present(invoice=found.invoice, payments=(_payment(job, found.plain, rows),))


def _read_named(job: Job, found: Plain, rows: Rows) -> SubscriptionState:
    """Read a listed subscription; a list shows its first items only, a name is asked for once."""
    state, row = shapes.subscription(found), rows.subscription(found["id"])
    if state.has_more_items:
        state = shapes.subscription(job.billing.get_subscription(state.id))
    held = names.names_of(row)

    def find_name(item: Item) -> str | None:
        name, known = names.known_name(job.account, item, held)
        return name if known else names.ask_name(job.billing, job.account, item, held)

    return shapes.name_items(subscriptions.choose_plan(state, row), find_name)


def _payment(job: Job, intent: Plain, rows: Rows) -> PaymentState:
    """Read a PaymentIntent by its charge: only a dispute's end, and refunds that we do not have,
    are not told there. A charge without a PaymentIntent is only named, and asked for."""
    if shapes.is_charge(intent["id"]):
        return read_payment(job.billing, intent["id"])
    held = intent.get("latest_charge")
    charge: Plain = held if isinstance(held, dict) else {}
    disputes = job.billing.list_disputes(intent["id"]) if charge.get("disputed") else []
    row, given_back = rows.payment(intent["id"]), charge.get("amount_refunded") or 0
    if given_back != (row.refunded_amount_cents if row else 0):
        # A refund that failed later may still be part of the charge's own sum.
        return shapes.payment(intent, job.billing.list_refunds(intent["id"]), disputes)
    return replace(shapes.payment(intent, [], disputes), refunded=given_back)
