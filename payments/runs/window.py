"""Finds the rows that a list of Stripe's did not show, page by page and without remembering it all.

Stripe lists the newest first. Once a page has gone down to some second, whatever was made after
it has been listed: our rows made since then are held against the ids of this page and of the few
that were listed early, being made earlier than listed (an invoice is paid after it was drawn up).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from payments.kit import clock

# Rows younger than this are not judged: Stripe's clock may differ from ours.
SLACK_SECONDS = 300
BATCH = 200  # rows held against the list at once
# Looks in vain at rows that no list showed: after so many the lists are taken at their word.
MOST_IN_VAIN = 100


@dataclass(frozen=True)
class Window:
    """How far a list was read, and which of our rows have to be held against it. Plain JSON.

    `after` is the list's cursor, `more` whether it goes on. Rows made in (`low`, `high`] are to be
    judged, those before `mark` (a moment and a key) are; no `low` means that a page has to be read
    first. `floor` is where the whole list ends.
    """

    high: int
    floor: int = -1
    after: str | None = None
    more: bool = True
    low: int | None = None
    mark: tuple[str, str] | None = None
    listed: dict[str, int] = field(default_factory=dict)
    in_vain: int = 0

    def read(
        self, listed: dict[str, int], *, after: str | None, more: bool, down_to: int | None
    ) -> Window:
        """Open the window over a page: all that was made after `down_to` is listed by now."""
        low = max(down_to, self.floor) if more and down_to is not None else self.floor
        return replace(
            self,
            after=after or self.after,
            more=more,
            low=min(low, self.high),
            listed={**self.listed, **listed},
        )

    def closed(self) -> Window | None:
        """Go on to the next page, with what was listed early; None after the last one."""
        if not self.more or self.low is None:
            return None
        low = self.low
        early = {key: made for key, made in self.listed.items() if made <= low}
        return replace(self, high=low, low=None, mark=None, listed=early)

    def judged(self, made: datetime, key: str, *, in_vain: bool = False) -> Window:
        """Say that all rows up to this one are judged."""
        mark = (made.isoformat(), key)
        return replace(self, mark=mark, in_vain=self.in_vain + in_vain)

    @property
    def given_up(self) -> bool:
        """Say whether so many looks were in vain that no more are worth their calls."""
        return self.in_vain >= MOST_IN_VAIN

    @property
    def place(self) -> dict[str, Any]:
        return asdict(self)


def opened(place: dict[str, Any], *, floor: int = -1) -> Window:
    """Go on at a place; at an empty one begin, with nothing younger than a few minutes."""
    if not place:
        return Window(high=clock.timestamp() - SLACK_SECONDS, floor=floor)
    mark = place["mark"]
    return Window(**{**place, "mark": tuple(mark) if mark else None})


def batch(query: sa.Select[Any], window: Window, *, made: Any, key: Any) -> sa.Select[Any]:
    """Narrow a query to the next rows of the open window, the newest first."""
    low = window.floor if window.low is None else window.low
    query = query.where(made > clock.from_timestamp(low), made <= clock.from_timestamp(window.high))
    if window.mark is not None:
        moment, last = datetime.fromisoformat(window.mark[0]), window.mark[1]
        query = query.where(made <= moment, sa.or_(made < moment, key > last))
    return query.order_by(made.desc(), key).limit(BATCH)
