"""Who compares what: by the kind of a run, and whether the account is the platform's own."""

from __future__ import annotations

from payments.projects import reconcile as project_objects
from payments.runs.models import EVENTS, OBJECTS
from payments.runs.slices import Comparer
from payments.webhooks import gaps
from payments.webhooks.models import PLATFORM
from payments.workspaces import compare as platform_objects

COMPARERS: dict[tuple[str, bool], Comparer] = {
    (EVENTS, True): gaps.compare,
    (EVENTS, False): gaps.compare,
    (OBJECTS, True): platform_objects.compare,
    (OBJECTS, False): project_objects.compare,
}


def comparer(kind: str, owner: str) -> Comparer:
    """Return what does the work of a run."""
    return COMPARERS[kind, owner == PLATFORM]
