"""Counting a day's numbers: what stands there, what is missing, what is there twice."""

from __future__ import annotations

from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from payments.invoices.count import Facts, tally
from payments.invoices.numbering import spelled

DAY = date(2031, 1, 5)


def numbers(*places: int) -> list[str]:
    return [spelled(DAY, place) for place in places]


def test_a_day_without_any() -> None:
    assert tally(DAY, None, []).facts == Facts(None, None, 0, [], [])
    assert tally(DAY, 0, []).faults() == []


def test_the_highest_is_last_whatever_its_text() -> None:
    assert tally(DAY, 10_000, numbers(*range(1, 10_001))).facts.last_number == "INV-20310105-10000"


def test_a_run_of_missing_numbers_is_one_gap() -> None:
    found = tally(DAY, 9, numbers(2, 3, 7))
    assert found.facts.gaps == [
        "INV-20310105-0001",
        "INV-20310105-0004..INV-20310105-0006",
        "INV-20310105-0008..INV-20310105-0009",
    ]


def test_rows_without_a_counter() -> None:
    assert tally(DAY, None, numbers(1)).faults() == [
        "the counter stands at None, the rows end at 1"
    ]


@given(st.lists(st.integers(1, 40)), st.integers(0, 45))
def test_every_place_is_counted_once_or_told(places: list[int], counter: int) -> None:
    """Against a slow and simple count."""
    found = tally(DAY, counter, numbers(*places))
    told = set()
    for gap in found.facts.gaps:
        first, _, last = gap.partition("..")
        told |= set(range(int(first[13:]), int((last or first)[13:]) + 1))
    whole = range(1, max([counter, *places]) + 1)
    assert told == {place for place in whole if place not in places}
    assert found.facts.duplicates == numbers(*sorted({p for p in places if places.count(p) > 1}))
    assert (found.facts.count, found.strange) == (len(places), [])
