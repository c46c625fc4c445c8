"""What a comparison tells its run: one bounded slice of the work, and where it goes on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True)
class Difference:
    """One field of one object that differs, and whether it was mended."""

    object: str
    object_id: str
    field: str
    ours: str | None
    theirs: str | None
    fixed: bool = False


@dataclass(frozen=True)
class Slice:
    """What one slice of a run saw and did; `position` begins the next one, unless it is `done`."""

    position: dict[str, Any]
    done: bool
    seen: int = 0
    missing: int = 0
    drifted: int = 0
    fixed: int = 0
    failed: int = 0
    differences: tuple[Difference, ...] = ()


class Comparer(Protocol):
    """Compares a bounded part of an account with Stripe; returns in time before `deadline`.

    `position` is what its last slice left (empty at first), `deadline` counts by
    `clock.monotonic()`. A gateway error ends the slice without a trace: it is done again.
    """

    def __call__(
        self,
        owner: str,
        mode: str,
        position: dict[str, Any],
        *,
        dry_run: bool,
        actor: str,
        deadline: float,
    ) -> Slice: ...
