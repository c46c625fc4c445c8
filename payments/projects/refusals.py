"""Keeps the reason of what Stripe refused an end user: in the log, and in the project's timeline.

The end user gets a plain sentence; what Stripe says is meant for the developer, who can act on it.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager

from payments.gateway.errors import BadCredentials, Declined, Rejected
from payments.kit.redaction import redact
from payments.kit.transactions import transaction
from payments.projects.buyers import Buyer
from payments.projects.errors import ManagedBySchedule, StripeRefused
from payments.timeline.append import append

log = logging.getLogger(__name__)

_EMAIL = re.compile(r"[^\s<>\"'`(),;:]+@[^\s<>\"'`(),;:]+")
_LONGEST = 500


@contextmanager
def telling_refusals(buyer: Buyer, action: str) -> Iterator[None]:
    """Turn Stripe's refusal of an action ("open Checkout") into StripeRefused, its reason told.

    ManagedBySchedule where the refusal names a subscription schedule. A key that Stripe does not
    accept, or that lacks a permission, is told too and stays BadCredentials.
    """
    try:
        yield
    except (Rejected, Declined) as error:  # a 402 is no reason to try again either
        raise refuse(buyer, action, error) from error
    except BadCredentials as error:
        _tell(buyer, action, error)
        raise


def refuse(
    buyer: Buyer, action: str, error: Rejected | Declined
) -> StripeRefused | ManagedBySchedule:
    """Tell the developer of a refusal; return what the end user is to be answered."""
    _tell(buyer, action, error)
    # Stripe has no code for it. https://docs.stripe.com/billing/subscriptions/subscription-schedules
    is_managed = "subscription schedule" in error.message.lower()
    return ManagedBySchedule() if is_managed else StripeRefused()


def _tell(buyer: Buyer, action: str, error: Rejected | Declined | BadCredentials) -> None:
    """Write Stripe's sentence and code down, without keys and e-mail addresses."""
    message = _EMAIL.sub("[email]", redact(error.message))[:_LONGEST]
    mode = buyer.account.mode
    log.error(
        "project %s (%s): Stripe refused to %s: %s (%s)",
        buyer.project_id, mode, action, message, error.code,
    )  # fmt: skip
    with transaction():
        append(
            "stripe.refused",
            actor=buyer.actor,
            subject=f"user:{buyer.user_id}",
            project_id=buyer.project_id,
            mode=mode,
            action=action,
            code=error.code,
            message=message,
        )
