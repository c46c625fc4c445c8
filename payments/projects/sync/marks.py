"""Whose an object at Stripe is, where several projects use one account: by what our Checkout wrote.

Stripe sends an account's events to all its endpoints. What bears another project's id is not ours;
what bears none, because it was made in the dashboard, may be anybody's.
https://docs.stripe.com/metadata
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from payments.projects import metadata
from payments.projects.sync.account import Account

Plain = dict[str, Any]

FOREIGN = "The object is another project's, which uses the same Stripe account"


def find_project(found: Plain) -> str | None:
    """Return the project that an object is marked with; None for one without a mark.

    An invoice and its lines repeat their subscription's metadata, a charge its PaymentIntent's.
    What is no project's id is a developer's own metadata.
    """
    return next((mark for mark in map(_read_mark, _holders(found)) if mark), None)


def is_foreign(account: Account, project: str | None) -> bool:
    """Return whether a mark names another project than the account's."""
    return project is not None and project != account.project_id


def _holders(found: Plain) -> Iterator[Any]:
    """Yield whatever may hold the metadata, the object itself first."""
    yield found
    yield _part(_part(found, "parent"), "subscription_details")
    for name in ("subscription_details", "subscription", "payment_intent", "invoice"):
        yield _part(found, name)
    lines = _part(found, "lines").get("data")
    yield from lines if isinstance(lines, list) else ()


def _part(holder: Any, name: str) -> Plain:
    part = holder.get(name) if isinstance(holder, dict) else None
    return part if isinstance(part, dict) else {}


def _read_mark(holder: Any) -> str | None:
    mark = _part(holder, "metadata").get(metadata.PROJECT)
    return mark.lower() if isinstance(mark, str) and _is_project_id(mark) else None


def _is_project_id(text: str) -> bool:
    try:
        return str(UUID(text)) == text.lower()
    except ValueError:
        return False
