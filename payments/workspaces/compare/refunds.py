"""Refunds against Stripe's list of them: those made in the dashboard, and those that failed."""

from __future__ import annotations

import logging
from dataclasses import replace

from payments.gateway.results import RefundResult
from payments.kit.transactions import end_read
from payments.runs.slices import Difference
from payments.runs.walk import Place, Tally
from payments.workspaces.compare.job import Job, by_itself, oldest
from payments.workspaces.compare.rows import charges_of_intents, flag, is_in_motion, refunds_of
from payments.workspaces.models import Charge, Refund
from payments.workspaces.models.charges import FACTS_DISAGREE, PENDING, SUBMITTED
from payments.workspaces.refunds.record import adopt, of_result

log = logging.getLogger(__name__)

STATUS, ROW, AMOUNT = "status", "row", "amount"


def compare_refunds(job: Job, place: Place, tally: Tally) -> Place | None:
    """Compare the next page of refunds."""
    since = place.get("since") or oldest(Refund, (PENDING, SUBMITTED))
    end_read()
    page = job.lists.refunds(place.get("after"), since=since)
    charges = charges_of_intents([made.payment_intent for made in page.items])
    rows = refunds_of(page.items, charges)
    end_read()
    for made in page.items:
        charge = charges.get(made.payment_intent or "")
        if charge is not None:
            _settle(job, made, charge, rows.get(made.id), tally)
    return {"since": since, "after": page.after} if page.more else None


def _settle(job: Job, made: RefundResult, charge: Charge, row: Refund | None, tally: Tally) -> None:
    tally.seen += 1
    if row is None or not is_in_motion(row):
        with by_itself(f"refund {made.id}", tally):
            found = _mended(job, made, charge, differences(made, row))
            tally.found(found, missing=row is None)


def differences(made: RefundResult, row: Refund | None) -> list[Difference]:
    """Compare a refund with its row."""
    theirs = of_result(made).status
    if row is None:
        return [Difference("refund", made.id, ROW, None, theirs)]
    found = []
    # Whether the writer could take it over is not asked here: what differs is told.
    if row.status != theirs:
        found.append(Difference("refund", made.id, STATUS, row.status, theirs))
    if made.amount != row.amount_minor:
        found.append(Difference("refund", made.id, AMOUNT, str(row.amount_minor), str(made.amount)))
    return found


def _mended(
    job: Job, made: RefundResult, charge: Charge, found: list[Difference]
) -> list[Difference]:
    """Adopt what Stripe has; an amount that differs is for a person to decide."""
    if job.dry_run or not found:
        return found
    adopt(charge.id, [made], actor=job.actor)
    now = refunds_of([made], {charge.stripe_payment_intent_id or "": charge}).get(made.id)
    left = {each.field for each in differences(made, now)}
    end_read()
    if now is not None and left:
        fields = ", ".join(sorted(left))
        log.error("refund %s and %s do not agree: %s", now.id, made.id, fields)
        flag(now, FACTS_DISAGREE, f"it and {made.id} do not agree: {fields}", actor=job.actor)
    return [replace(each, fixed=each.field not in left) for each in found]
