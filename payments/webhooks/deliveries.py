"""Stores a verified delivery within its owner's quota, in one round trip to the database.

Beyond the quota an event whose type has no work here keeps its row and loses its payload; one with
work is refused, so that Stripe delivers it again and nothing is lost.
https://docs.stripe.com/webhooks#retries
"""

from __future__ import annotations

from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from payments.kit.database_clock import DatabaseNow
from payments.kit.db import db, is_sqlite
from payments.kit.errors import AppError
from payments.kit.transactions import end_read, transaction
from payments.projects.sync.topics import TYPES
from payments.webhooks import storage
from payments.webhooks.models import PLATFORM, PROCESSED, EventStorage, WebhookEvent

Row = dict[str, Any]

BEYOND_QUOTA = (
    "The project's quota of stored events is used up, and nothing is to be done for events of this "
    "type: the payload was not kept"
)
_NO_BOUND = 2**62


class QuotaUsedUp(AppError):
    """No 4xx: refusals of that kind are counted against whoever delivers, and this is Stripe."""

    status, code, reason = 503, "event_quota_used_up", "quota"
    sentence = "The project's quota of stored events is used up: deliver this event again later"

    def __init__(self) -> None:
        super().__init__(headers={"Retry-After": "3600"})


def store_delivery(row: Row) -> bool:
    """Keep an event by its columns; False when it was there already.

    Raise QuotaUsedUp for one that is new, has work to be done and does not fit.
    """
    end_read()
    given = {
        "size": storage.measure_payload(row["payload"]),
        "quota": storage.get_quota(row["owner"]) or _NO_BOUND,
        "idle": row["owner"] != PLATFORM and row["type"] not in TYPES,
    }
    store = _store_on_one_host if is_sqlite(db.engine) else _store
    stored, is_known = store(row, given)
    if not stored and not is_known:
        raise QuotaUsedUp
    return stored


def drop_payload(row: Row) -> Row:
    """Return the columns of an event that is kept without its payload, as one that is done."""
    done = {"state": PROCESSED, "processed_at": row["received_at"], "note": BEYOND_QUOTA}
    return {**row, "payload": None, **done}


def _store_on_one_host(row: Row, given: dict[str, Any]) -> tuple[bool, bool]:
    """Store on SQLite; return whether the event was stored, and whether it was known or is."""
    owner, size = row["owner"], given["size"]
    with transaction() as session:
        fits = storage.count_stored_bytes(owner) + size <= given["quota"]
        if not fits and not given["idle"]:
            return False, session.scalar(sa.select(_is_known(row))) is True
        insert = sqlite.insert(WebhookEvent).values(row if fits else drop_payload(row))
        made = insert.on_conflict_do_nothing().returning(WebhookEvent.id)
        stored = session.execute(made).first() is not None
        if stored and fits:
            storage.add_bytes(owner, size)
    return stored, True


def _is_known(row: Row) -> sa.Exists:
    names = ("owner", "mode", "event_id")
    return sa.exists().where(*(getattr(WebhookEvent, name) == row[name] for name in names))


def _store(row: Row, given: dict[str, Any]) -> tuple[bool, bool]:
    """Store on PostgreSQL; return whether the event was stored, and whether it fits or was known.

    A single statement is a transaction by itself: nothing is sent around it.
    """
    held = {**row, **given, "part": storage.choose_part(), "beyond": BEYOND_QUOTA}
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        found = connection.execute(_make_statement(tuple(row)), held).one()
    return found.stored, found.fits or found.known


@cache
def _make_statement(names: tuple[str, ...]) -> sa.Select[bool, bool, bool]:
    """Write the statement once: it reads the counter, inserts the event and moves the counter."""
    columns = WebhookEvent.__table__.c
    values = {name: sa.bindparam(name, type_=columns[name].type) for name in names}
    number = {n: sa.bindparam(n, type_=sa.BigInteger) for n in ("size", "quota", "part")}
    idle = sa.bindparam("idle", type_=sa.Boolean)
    total = sa.func.coalesce(sa.func.sum(EventStorage.bytes), 0)
    used = sa.select(total.label("bytes")).where(EventStorage.owner == values["owner"]).cte("used")
    fits = used.c.bytes + number["size"] <= number["quota"]
    made = _insert_event(values, used, fits, idle)
    counted = _move_counter(values["owner"], number, made)
    stored = sa.exists(sa.select(made.c.kept))
    query = sa.select(stored.label("stored"), fits.label("fits"), _is_known(values).label("known"))
    return query.select_from(used).add_cte(counted)


def _insert_event(
    values: dict[str, Any], used: sa.CTE, fits: sa.ColumnElement[bool], idle: Any
) -> sa.CTE:
    """Insert the event with its payload if it fits, without it if it is idle, or not at all."""
    columns = WebhookEvent.__table__.c
    beyond = {
        "payload": sa.null(),
        "state": sa.literal(PROCESSED),
        "processed_at": values["received_at"],
        "note": sa.bindparam("beyond", type_=columns["note"].type),
    }
    within = {**values, "processed_at": sa.null(), "note": sa.null()}
    chosen = {**within, "due_at": DatabaseNow()}
    for name, value in beyond.items():
        chosen[name] = sa.cast(sa.case((fits, within[name]), else_=value), columns[name].type)
    selected = sa.select(*chosen.values()).select_from(used).where(sa.or_(fits, idle))
    insert = postgresql.insert(WebhookEvent)
    made = insert.from_select(list(chosen), selected, include_defaults=False)
    kept = WebhookEvent.payload.is_not(None).label("kept")
    return made.on_conflict_do_nothing().returning(kept).cte("made")


def _move_counter(owner: Any, number: dict[str, Any], made: sa.CTE) -> sa.CTE:
    row = sa.select(owner, number["part"], number["size"]).select_from(made).where(made.c.kept)
    moved = postgresql.insert(EventStorage).from_select(["owner", "part", "bytes"], row)
    moved = moved.on_conflict_do_update(
        index_elements=["owner", "part"],
        set_={"bytes": EventStorage.bytes + moved.excluded.bytes},
    )
    return moved.returning(EventStorage.owner).cte("counted")
