"""Who compares what: by the kind of a run, and whether the account is the platform's own."""

from __future__ import annotations

from payments.runs.models import EVENTS
from payments.runs.slices import Comparer
from payments.webhooks import gaps
from payments.webhooks.models import PLATFORM

COMPARERS: dict[tuple[str, bool], Comparer] = {
    (EVENTS, True): gaps.compare,
    (EVENTS, False): gaps.compare,
}


def comparer(kind: str, owner: str) -> Comparer:
    """Return what does the work of a run."""
    return COMPARERS[kind, owner == PLATFORM]
