"""Things in the way of a transaction: a database that refuses one write in the middle of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

import sqlalchemy as sa

from tests.support.site import Site

REASON = "the timeline takes no more"

_SQLITE = """CREATE TRIGGER {name} BEFORE INSERT ON timeline WHEN NEW.stripe_id = '{stripe_id}'
BEGIN SELECT RAISE(ABORT, '{reason}'); END"""
_FUNCTION = """CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
IF NEW.stripe_id = '{stripe_id}' THEN RAISE EXCEPTION '{reason}'; END IF; RETURN NEW; END $$"""
_TRIGGER = """CREATE TRIGGER {name} BEFORE INSERT ON timeline
FOR EACH ROW EXECUTE FUNCTION {name}()"""


@contextmanager
def no_timeline_for(site: Site, stripe_id: str) -> Iterator[None]:
    """Refuse whatever would be written down about an object: the last write of its handler."""
    words = {"name": f"obstacle_{uuid4().hex[:8]}", "stripe_id": stripe_id, "reason": REASON}
    sqlite = site.settings.database_url.startswith("sqlite")
    put, taken = ([_SQLITE], ["DROP TRIGGER {name}"])
    if not sqlite:
        put, taken = [_FUNCTION, _TRIGGER], ["DROP FUNCTION {name} CASCADE"]
    _execute(site, put, words)
    try:
        yield
    finally:
        _execute(site, taken, words)


def _execute(site: Site, statements: list[str], words: dict[str, str]) -> None:
    for statement in statements:
        text = sa.text(statement.format(**words))
        site.run(lambda session, text=text: session.execute(text))
