"""Applies an event by what it carries, when that is enough: no call to Stripe, so in batches."""

from __future__ import annotations

from payments.gateway.billing_results import Plain
from payments.projects.models import Subscription
from payments.projects.models.ledger import ACTIVE, FINAL
from payments.projects.sync import names, payments, sessions, shapes, subscriptions
from payments.projects.sync.book import Book
from payments.projects.sync.shapes import InvoiceState, SubscriptionState
from payments.projects.sync.topics import PAID, SUBSCRIPTION, Topic


def preload(book: Book, events: list[tuple[Topic, Plain]]) -> None:
    """Read the rows that these events will need, in a few queries for all of them."""
    held, bills = [], []
    for topic, event in events:
        if topic.kind == SUBSCRIPTION:
            held.append(shapes.subscription(event["data"]["object"]))
        elif topic.kind == PAID and event["data"]["object"]["object"] == "invoice":
            bills.append(shapes.invoice(event["data"]["object"]))
    ids = [state.id for state in held] + [bill.subscription for bill in bills if bill.subscription]
    book.load(ids, [intent for bill in bills for intent in bill.payments or ()])
    customers = [state.customer for state in held] + [bill.customer for bill in bills]
    book.people.load([state.user for state in held], customers)


def apply(book: Book, topic: Topic, event: Plain) -> bool:
    """Apply the event; False, with nothing changed, when Stripe has to be asked."""
    found, actor = event["data"]["object"], f"event:{event['id']}"
    if topic.kind == SUBSCRIPTION:
        return _subscription(book, shapes.subscription(found), event["created"], actor)
    if topic.kind == PAID and found["object"] == "invoice":
        return _paid(book, shapes.invoice(found), event["created"], actor)
    if topic.session is not None:
        sessions.follow(book.account, topic.id, topic.session.status)
        return bool(event["type"] == "checkout.session.expired")
    return False


def tells_end(topic: Topic, event: Plain) -> bool:
    """Return whether the payload by itself tells that a subscription is over for good."""
    found = event["data"]["object"]
    return topic.kind == SUBSCRIPTION and found.get("status") in FINAL


def write_end(book: Book, event: Plain) -> None:
    """Write the end that a payload tells, of a subscription that cannot be asked for any more."""
    state = shapes.subscription(event["data"]["object"])
    state = _name_by_what_is_known(book, state, book.subscription(state.id))
    at, actor = event["created"], f"event:{event['id']}"
    subscriptions.write(book, state, at=at, plan_name=state.plan.name, actor=actor)


def _subscription(book: Book, state: SubscriptionState, at: int, actor: str) -> bool:
    """The newer state wins. Two of one second have no order, and neither is the later one's
    predecessor known to be what we hold: only Stripe's present state decides."""
    row = book.subscription(state.id)
    newer = row is None or at > row.state_at
    if subscriptions.is_over(row) and not (newer and state.status in FINAL):
        return True
    if not newer or state.has_more_items or not _are_named(book, state, row):
        return False
    state = _name_by_what_is_known(book, state, row)
    subscriptions.write(book, state, at=at, plan_name=state.plan.name, actor=actor)
    return True


def _name_by_what_is_known(
    book: Book, state: SubscriptionState, row: Subscription | None
) -> SubscriptionState:
    """Return the state with its plan chosen and its items named as far as that needs no call."""
    held = names.names_of(row)
    return shapes.name_items(
        subscriptions.choose_plan(state, row),
        lambda item: names.known_name(book.account, item, held)[0],
    )


def _are_named(book: Book, state: SubscriptionState, row: Subscription | None) -> bool:
    """Return whether it is known what the plan and the add-ons are called."""
    held = names.names_of(row)
    return all(names.known_name(book.account, item, held)[1] for item in state.items)


def _paid(book: Book, invoice: InvoiceState, at: int, actor: str) -> bool:
    if invoice.payments is None or invoice.unmeasured or not healthy(book, invoice):
        return False
    for intent in invoice.settled:
        payments.settle(book, intent, invoice, at=at, actor=actor)
    return True


def healthy(book: Book, invoice: InvoiceState) -> bool:
    """Tell whether the invoice's subscription needs no look: paid for, or over for good."""
    return invoice.subscription is None or is_well(book.subscription(invoice.subscription))


def is_well(row: Subscription | None) -> bool:
    """Tell a subscription that a paid invoice changes nothing about."""
    return row is not None and (row.status in ACTIVE or subscriptions.is_over(row))
