"""Uses every resource of the sandbox once and keeps what it answers and tells."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from payments.sandbox.server import Sandbox
from tests.peers.types import billing_stories, payment_stories
from tests.peers.types.client import START, Client, Json

STORIES: list[Callable[[Client], None]] = [
    payment_stories.catalogue,
    payment_stories.customers,
    payment_stories.methods,
    payment_stories.payments,
    payment_stories.disputes,
    payment_stories.checkout,
    payment_stories.account,
    billing_stories.subscriptions,
    billing_stories.failing_subscriptions,
    billing_stories.schedules,
    billing_stories.invoices,
    billing_stories.partial_payments,
    billing_stories.discounts,
]


def gather_bodies() -> Iterator[tuple[str, Json]]:
    """Yield the name of a story and an object that an answer or an event of it carried."""
    sandbox = Sandbox.offline(seed=1, start=START)
    for number, play in enumerate(STORIES):
        client = Client(sandbox, f"sk_test_{10_000_000 + number}")
        play(client)
        sandbox.advance(6)
        for event in sandbox.take_events(client.key):
            client.bodies += [event, event["data"]["object"]]
        for body in client.bodies:
            yield play.__name__, body
