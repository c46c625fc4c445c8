"""What a day's invoice numbers are: counted from the rows, never from what anybody remembers."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import sqlalchemy as sa

from payments.invoices.models import Invoice, InvoiceCounter
from payments.invoices.numbering import prefix, spelled
from payments.kit.db import db

_PLACE = re.compile(r"[0-9]*[1-9][0-9]*")


@dataclass(frozen=True)
class Facts:
    """What a proof says of a day."""

    first_number: str | None
    last_number: str | None
    count: int
    gaps: list[str]
    duplicates: list[str]


@dataclass(frozen=True)
class Count:
    """A day's numbers as the rows have them, with what a proof has no column for."""

    facts: Facts
    strange: list[str]
    highest: int
    counter: int | None

    def faults(self) -> list[str]:
        """Say what is wrong with the numbers; nothing on a day that is right."""
        told = [f"gap {gap}" for gap in self.facts.gaps]
        told += [f"duplicate {number}" for number in self.facts.duplicates]
        told += [f"no such number {number}" for number in self.strange]
        if self.highest > (self.counter or 0):
            told.append(f"the counter stands at {self.counter}, the rows end at {self.highest}")
        return told


def count(day: date) -> Count:
    """Count a day's numbers; counter and rows are read in one statement, so as of one moment."""
    rows = db.session.execute(_counter_and_numbers(day)).all()
    counter = next((last for number, last in rows if number is None), None)
    return tally(day, counter, [number for number, _ in rows if number is not None])


def _counter_and_numbers(day: date) -> sa.CompoundSelect[Any]:
    number, end = Invoice.invoice_number, prefix(day + timedelta(days=1))
    counter = sa.select(sa.cast(sa.null(), sa.String), InvoiceCounter.last)
    # The range serves the index under any collation, the prefix says exactly which are meant.
    numbers = sa.select(number, sa.cast(sa.null(), sa.Integer)).where(
        number >= prefix(day), number < end, number.startswith(prefix(day))
    )
    return sa.union_all(counter.where(InvoiceCounter.day == day), numbers)


def tally(day: date, counter: int | None, numbers: Iterable[str]) -> Count:
    """Lay a day's numbers side by side: places 1 to the last, each taken once."""
    numbers = list(numbers)
    tails = [(number, number.removeprefix(prefix(day))) for number in numbers]
    taken = Counter(int(tail) for _, tail in tails if _PLACE.fullmatch(tail))
    places = sorted(taken)
    facts = Facts(
        first_number=spelled(day, places[0]) if places else None,
        last_number=spelled(day, places[-1]) if places else None,
        count=len(numbers),
        gaps=list(_gaps(day, places, counter or 0)),
        duplicates=[spelled(day, place) for place in places if taken[place] > 1],
    )
    strange = sorted(number for number, tail in tails if not _is_spelled(day, number, tail))
    return Count(facts, strange, highest=places[-1] if places else 0, counter=counter)


def _is_spelled(day: date, number: str, tail: str) -> bool:
    return bool(_PLACE.fullmatch(tail)) and spelled(day, int(tail)) == number


def _gaps(day: date, places: list[int], counter: int) -> Iterator[str]:
    expected = 1
    for place in [*places, counter + 1]:
        if place > expected:
            first, last = spelled(day, expected), spelled(day, place - 1)
            yield first if first == last else f"{first}..{last}"
        expected = max(expected, place + 1)
