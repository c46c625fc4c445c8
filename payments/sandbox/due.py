"""Runs what has fallen due on an account's clock or on one of its test clocks, in time order."""

from __future__ import annotations

from dataclasses import replace

from .call import Call
from .errors import ApiError
from .registry import find_job


def run_due_jobs(call: Call, clock: str = "", until: int | None = None) -> None:
    """Each job sees the moment for which it was planned, and so do the events it causes."""
    store, scope = call.store, call.account.scope
    limit = store.clocks.read_exactly(scope) if until is None else until
    while (due := store.take_due_job(scope, clock, limit)) is not None:
        moment, name, object_id = due
        with store.step() as take_back:
            try:
                find_job(name)(replace(call, at=moment, clock=clock), object_id)
            except ApiError as refusal:  # its object is gone, or a late payment failed
                if not refusal.keeps_effects:
                    take_back()
