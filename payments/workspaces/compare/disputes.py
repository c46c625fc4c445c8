"""Disputes against Stripe's list of them: those whose events never came, and how each stands."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import sqlalchemy as sa

from payments.gateway import results
from payments.kit import clock
from payments.kit.db import db
from payments.kit.transactions import end_read
from payments.runs.slices import Difference
from payments.runs.walk import Place, Tally
from payments.runs.window import SLACK_SECONDS
from payments.workspaces.anomalies import report_dispute
from payments.workspaces.compare.job import Job, by_itself
from payments.workspaces.compare.rows import charges_of_intents
from payments.workspaces.disputes.read import find_dispute, find_disputes
from payments.workspaces.disputes.record import find_changes
from payments.workspaces.disputes.refresh import refresh_dispute
from payments.workspaces.models import Dispute

# An inquiry that becomes no chargeback is closed 120 days after it was opened, and a chargeback
# is decided sooner: so a dispute of which no event reached us is listed until it is over.
# https://docs.stripe.com/disputes/how-disputes-work#inquiries
LOOKS_BACK = timedelta(days=120)

ROW = "row"


def compare_disputes(job: Job, place: Place, tally: Tally) -> Place | None:
    """Compare the next page of disputes; return the place of the one after it, None at the end."""
    since = place.get("since") or _oldest_wanted()
    end_read()
    page = job.lists.disputes(place.get("after"), since=since)
    charges = charges_of_intents([found.payment_intent for found in page.items])
    rows = find_disputes(found.id for found in page.items)
    end_read()
    for found in page.items:
        if found.payment_intent in charges:
            row = rows.get(found.id)
            tally.seen += 1
            with by_itself(f"dispute {found.id}", tally):
                tally.found(_repair_dispute(job, found, row), missing=row is None)
        elif not job.dry_run:
            report_dispute(found, actor=job.actor)
    return {"since": since, "after": page.after} if page.more else None


def _oldest_wanted() -> int:
    """Return since when disputes are listed: as far back as any is open, 120 days anyway."""
    query = sa.select(sa.func.min(Dispute.created_at, type_=Dispute.created_at.type))
    opened: datetime | None = db.session.scalar(query.where(Dispute.closed_at.is_(None)))
    lately = clock.now() - LOOKS_BACK
    return int(min(opened or lately, lately).timestamp()) - SLACK_SECONDS


def differences(found: results.Dispute, row: Dispute | None) -> list[Difference]:
    """Compare a dispute with its row; None is one that we do not have."""
    if row is None:
        return [Difference("dispute", found.id, ROW, None, found.status)]
    return [
        Difference("dispute", found.id, name, _text(ours), _text(theirs))
        for name, (ours, theirs) in find_changes(row, found).items()
    ]


def _repair_dispute(job: Job, found: results.Dispute, row: Dispute | None) -> list[Difference]:
    """Write the dispute as Stripe has it; a final status that Stripe revived stays a difference."""
    told = differences(found, row)
    if job.dry_run or not told:
        return told
    refresh_dispute(found.id, actor=job.actor)
    left = {each.field for each in differences(found, find_dispute(found.id))}
    end_read()
    return [replace(each, fixed=each.field not in left) for each in told]


def _text(value: object) -> str | None:
    if isinstance(value, datetime):
        return clock.iso_millis(value)
    return None if value is None else str(value)
