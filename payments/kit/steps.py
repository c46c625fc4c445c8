"""Names the moments between two effects, so that a test can let a process die at every one of them.

`passed` does nothing unless a test has armed it inside the process; no setting reaches it.
"""

from __future__ import annotations

from collections.abc import Callable

# Reserve, call, record: each name is the last thing done before a process may be gone.
CHARGE = (
    "customer.created",  # at Stripe, not noted here; before anything is reserved
    "charge.reserved",  # written, not committed
    "charge.committed",  # nobody is woken yet
    "charge.enqueued",
    "charge.claimed",
    "charge.creating",
    "charge.intent_created",  # at Stripe, not noted here
    "charge.intent_stored",
    "charge.confirming",
    "charge.confirmed",  # Stripe has the money, nothing is recorded
    "charge.recording",  # recorded, not committed
    "charge.recorded",
    "charge.announced",
)
REFUND = (
    "refund.reserved",
    "refund.committed",
    "refund.enqueued",
    "refund.claimed",
    "refund.calling",
    "refund.answered",
    "refund.recording",
    "refund.recorded",
    "refund.announced",
)
DOCUMENT = ("document.claimed", "document.rendered", "document.stored", "document.settled")
EVENT = (
    "event.stored",
    "event.woken",
    "event.taken",
    "event.applying",
    "event.looked",  # Stripe was asked for the object's present state
    "event.finishing",
    "event.finished",
)

NAMES = frozenset((*CHARGE, *REFUND, *DOCUMENT, *EVENT))

_listener: Callable[[str], None] | None = None


def passed(name: str) -> None:
    """Say that the process has come this far; whoever armed it may end it here."""
    if _listener is not None:
        _listener(name)


def arm(listener: Callable[[str], None] | None) -> None:
    """Let a test hear of every step of this process; None hears no more."""
    global _listener  # noqa: PLW0603 - one a process
    _listener = listener
