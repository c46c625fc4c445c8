"""How a comparison goes from phase to phase, and where it stops."""

from __future__ import annotations

from typing import Any

import pytest

from payments.gateway.errors import Unavailable
from payments.kit import clock
from payments.runs.slices import Difference
from payments.runs.walk import Place, Tally, walk

NEVER, AT_ONCE = float("inf"), -1.0


def counting(name: str, steps: int, done: list[str]) -> Any:
    """A phase of so many steps; each leaves its number as the place."""

    def step(place: Place, tally: Tally) -> Place | None:
        number = place.get("number", 0) + 1
        done.append(f"{name}{number}")
        tally.seen += 1
        return None if number == steps else {"number": number}

    return step


def failing(_place: Place, tally: Tally) -> Place | None:
    tally.seen += 100
    raise Unavailable("down", code="down")


def test_all_phases_in_their_order() -> None:
    done: list[str] = []
    found = walk({"a": counting("a", 2, done), "b": counting("b", 1, done)}, {}, deadline=NEVER)
    assert (done, found.done, found.seen) == (["a1", "a2", "b1"], True, 3)


def test_each_slice_does_one_step_at_least_and_the_next_one_goes_on() -> None:
    done: list[str] = []
    steps = {"a": counting("a", 2, done), "b": counting("b", 2, done)}
    position: Place = {}
    places = []
    while True:
        found = walk(steps, position, deadline=clock.monotonic() + AT_ONCE)
        if found.done:
            break
        places.append(position := found.position)
    assert done == ["a1", "a2", "b1", "b2"]
    assert [place["phase"] for place in places] == ["a", "b", "b"]


def test_an_error_at_once_leaves_no_trace() -> None:
    with pytest.raises(Unavailable):
        walk({"a": failing}, {}, deadline=NEVER)


def test_a_later_error_keeps_what_was_done_before_it() -> None:
    found = walk({"a": counting("a", 1, []), "b": failing}, {}, deadline=NEVER)
    assert (found.done, found.seen) == (False, 1)
    assert found.position == {"phase": "b", "place": {}}


def test_an_object_is_mended_when_all_its_differences_are() -> None:
    tally = Tally()
    mended, left = (Difference("s", "1", "f", "a", "b", fixed) for fixed in (True, False))
    tally.found([])
    tally.found([mended, left])
    tally.found([mended], missing=True)
    told = tally.slice({}, done=True)
    assert (told.drifted, told.missing, told.fixed) == (1, 1, 1)
    assert told.differences == (mended, left, mended)
