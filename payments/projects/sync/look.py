"""Asks Stripe how an object stands now: what events cannot tell, because they carry no order."""

from __future__ import annotations

from dataclasses import dataclass, replace

from payments.gateway import billing as stripe_billing
from payments.gateway.billing import Billing
from payments.gateway.billing_results import Plain, reference
from payments.kit.db import db
from payments.kit.transactions import end_read
from payments.projects import credentials
from payments.projects.models import Payment, Subscription
from payments.projects.sync import names, shapes, subscriptions
from payments.projects.sync.account import Account
from payments.projects.sync.payload import is_well
from payments.projects.sync.shapes import InvoiceState, PaymentState, SubscriptionState
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
        return _charge(billing, account, topic.id)
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
    state = read_payment(billing, intent)
    bill = None if shapes.is_charge(intent) else billing.find_invoice_of(intent)
    if bill is None:
        return Present(payments=(state,))
    return _with_subscription(billing, account, shapes.invoice(billing.get_invoice(bill)), state)


def _charge(billing: Billing, account: Account, charge_id: str) -> Present:
    """Look at the payment that a charge belongs to; without one it counts if it has a row."""
    intent = reference(billing.get_charge(charge_id).get("payment_intent"))
    if intent is not None:
        return _payment(billing, account, intent)
    query = db.select(Payment.id).where(
        *account.owns(Payment), Payment.payment_intent_id == charge_id
    )
    is_known = db.session.scalars(query).one_or_none() is not None
    end_read()
    return _payment(billing, account, charge_id) if is_known else Present()


def read_payment(billing: Billing, payment: str) -> PaymentState:
    """Return how a PaymentIntent stands, or a charge that has none."""
    if shapes.is_charge(payment):
        charge = billing.get_charge(payment)
        return shapes.charge(charge, *_taken_back(billing, payment, charge))
    found = billing.get_payment(payment)
    held = found.get("latest_charge")
    return shapes.payment(
        found, *_taken_back(billing, payment, held if isinstance(held, dict) else {})
    )


def _taken_back(billing: Billing, payment: str, charge: Plain) -> tuple[list[Plain], list[Plain]]:
    """Return the refunds and the disputes of a payment; its charge tells whether there are any."""
    refunds = billing.list_refunds(payment) if charge.get("amount_refunded") else []
    disputes = billing.list_disputes(payment) if charge.get("disputed") else []
    return refunds, disputes


def _invoice(billing: Billing, account: Account, invoice_id: str) -> Present:
    invoice = shapes.invoice(billing.get_invoice(invoice_id))
    states = [read_payment(billing, payment) for payment in invoice.payments or ()]
    return _with_subscription(billing, account, invoice, *states)


def _paid_invoice(billing: Billing, account: Account, invoice_id: str) -> Present:
    """One call is enough for most renewals: the invoice tells which payment paid how much."""
    invoice = shapes.invoice(billing.get_invoice(invoice_id))
    took = (*invoice.settled, *invoice.unmeasured) if invoice.unmeasured else ()
    states = [read_payment(billing, payment) for payment in took]
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
