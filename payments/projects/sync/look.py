"""Asks Stripe how an object stands now: what events cannot tell, because they carry no order."""

from __future__ import annotations

from dataclasses import dataclass, replace

from payments.gateway import billing as stripe_billing
from payments.gateway.billing import Billing
from payments.kit.db import db
from payments.kit.transactions import end_read
from payments.projects import credentials
from payments.projects.models import Subscription
from payments.projects.sync import names, shapes, subscriptions
from payments.projects.sync.account import Account
from payments.projects.sync.payload import is_well
from payments.projects.sync.shapes import InvoiceState, PaymentState, Plain, SubscriptionState
from payments.projects.sync.topics import CHARGE, INVOICE, PAID, PAYMENT, SUBSCRIPTION, Topic


@dataclass(frozen=True)
class Present:
    """What Stripe holds now about one topic; empty when there is nothing to record."""

    subscription: SubscriptionState | None = None
    plan_name: str | None = None
    invoice: InvoiceState | None = None
    payments: tuple[PaymentState, ...] = ()


def billing_of(account: Account) -> Billing:
    """Return the door to the project's account; StripeNotSetUp when it is closed."""
    key = credentials.secret_key(account.project_id, account.mode)
    end_read()
    return stripe_billing.account(key)


def look(billing: Billing, account: Account, topic: Topic) -> Present:
    """Fetch whatever the topic's rows are made of; no transaction is open meanwhile."""
    if topic.kind == SUBSCRIPTION:
        return _subscription(billing, account, topic.id)
    if topic.kind == PAYMENT:
        return _payment(billing, account, topic.id)
    if topic.kind == CHARGE:
        made = shapes.reference(billing.get_charge(topic.id).get("payment_intent"))
        return _payment(billing, account, made) if made else Present()
    if topic.kind == INVOICE:
        return _invoice(billing, account, topic.id)
    if topic.kind == PAID:
        return _paid_invoice(billing, account, topic.id)
    return _session(billing, account, topic)


def _subscription(billing: Billing, account: Account, subscription_id: str) -> Present:
    state = shapes.subscription(billing.get_subscription(subscription_id))
    row = find_row(account, subscription_id)
    held = names.names_of(row)
    state = shapes.name_items(
        subscriptions.choose_plan(state, row),
        lambda item: names.ask_name(billing, account, item, held),
    )
    return Present(subscription=state, plan_name=state.plan.name)


def find_row(account: Account, subscription_id: str) -> Subscription | None:
    """Return the subscription's row, readable after the read has ended."""
    query = db.select(Subscription).where(
        *account.owns(Subscription), Subscription.subscription_id == subscription_id
    )
    row = db.session.scalars(query).one_or_none()
    end_read()
    return row


def _payment(billing: Billing, account: Account, intent: str) -> Present:
    state = _payment_state(billing, intent)
    bill = billing.find_invoice_of(intent)
    if bill is None:
        return Present(payments=(state,))
    return _with_subscription(billing, account, shapes.invoice(billing.get_invoice(bill)), state)


def _payment_state(billing: Billing, intent: str) -> PaymentState:
    found = billing.get_payment(intent)
    held = found.get("latest_charge")
    charge: Plain = held if isinstance(held, dict) else {}
    refunds = billing.list_refunds(intent) if charge.get("amount_refunded") else []
    disputes = billing.list_disputes(intent) if charge.get("disputed") else []
    return shapes.payment(found, refunds, disputes)


def _invoice(billing: Billing, account: Account, invoice_id: str) -> Present:
    invoice = shapes.invoice(billing.get_invoice(invoice_id))
    states = [_payment_state(billing, intent) for intent in invoice.payments or ()]
    return _with_subscription(billing, account, invoice, *states)


def _paid_invoice(billing: Billing, account: Account, invoice_id: str) -> Present:
    """One call is enough for most renewals: the invoice tells which PaymentIntent paid it."""
    invoice = shapes.invoice(billing.get_invoice(invoice_id))
    several = invoice.settled if len(invoice.settled) > 1 else ()
    states = [_payment_state(billing, intent) for intent in several]
    if invoice.subscription is None or is_well(find_row(account, invoice.subscription)):
        return Present(invoice=invoice, payments=tuple(states))
    return _with_subscription(billing, account, invoice, *states)


def _with_subscription(
    billing: Billing, account: Account, invoice: InvoiceState, *states: PaymentState
) -> Present:
    made = Present(invoice=invoice, payments=states)
    if invoice.subscription is None:
        return made
    held = _subscription(billing, account, invoice.subscription)
    return replace(made, subscription=held.subscription, plan_name=held.plan_name)


def _session(billing: Billing, account: Account, topic: Topic) -> Present:
    """Look at what the session made; a page that only saved a card, or cost nothing, made none."""
    session = topic.session
    if session is not None and session.subscription:
        return _subscription(billing, account, session.subscription)
    if session is not None and session.payment:
        return _payment(billing, account, session.payment)
    return Present()
