"""Takes a comparison through its phases, step by step, until they or the time are over."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from payments.gateway.errors import GatewayError
from payments.kit import clock
from payments.runs.slices import Difference, Slice

Place = dict[str, Any]
Deadline = float  # seconds, by `clock.monotonic()`


@dataclass
class Tally:
    """What was seen so far, and what came of it."""

    seen: int = 0
    missing: int = 0
    drifted: int = 0
    fixed: int = 0
    failed: int = 0
    differences: list[Difference] = field(default_factory=list)

    def found(self, differences: list[Difference], *, missing: bool = False) -> None:
        """Count an object that differs: mended when each of its differences is."""
        if not differences:
            return
        self.missing += missing
        self.drifted += not missing
        self.fixed += all(difference.fixed for difference in differences)
        self.differences += differences

    def add(self, other: Tally) -> None:
        for name in self.__dataclass_fields__:
            setattr(self, name, getattr(self, name) + getattr(other, name))

    def slice(self, position: Place, *, done: bool) -> Slice:
        counts = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return Slice(position, done, **{**counts, "differences": tuple(self.differences)})


# Does a bounded piece of a phase at its place; returns the next one, None when the phase is over.
Step = Callable[[Place, Tally], Place | None]


def walk(steps: Mapping[str, Step], position: Place, *, deadline: Deadline) -> Slice:
    """Go on from `position` until all phases are done or the deadline has passed.

    An error of the account ends the slice: without a trace if it comes at once, else after what
    was done before it.
    """
    tally = Tally()
    at, begun = position or {"phase": next(iter(steps)), "place": {}}, False
    while not begun or clock.monotonic() <= deadline:
        piece = Tally()
        try:
            following = _next(steps, at, piece)
        except GatewayError:
            if not begun:
                raise
            break
        tally.add(piece)
        if following is None:
            return tally.slice({}, done=True)
        at, begun = following, True
    return tally.slice(at, done=False)


def _next(steps: Mapping[str, Step], at: Place, tally: Tally) -> Place | None:
    phases = list(steps)
    place = steps[at["phase"]](at["place"], tally)
    if place is not None:
        return {"phase": at["phase"], "place": place}
    following = phases[phases.index(at["phase"]) + 1 :]
    return {"phase": following[0], "place": {}} if following else None
