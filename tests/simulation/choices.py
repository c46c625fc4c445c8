"""What an action may be given: read by Hypothesis and by a seed alike."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy


class Choice(Protocol):
    """A set of values to choose from."""

    def draw(self, chance: random.Random) -> Any: ...

    def strategy(self) -> SearchStrategy[Any]: ...


@dataclass(frozen=True)
class OneOf:
    """One of the values; the first is the simplest, and one that stands twice is likelier."""

    values: Sequence[Any]

    def draw(self, chance: random.Random) -> Any:
        return chance.choice(self.values)

    def strategy(self) -> SearchStrategy[Any]:
        return st.sampled_from(list(self.values))


@dataclass(frozen=True)
class Several:
    """A few of the values in a row, mostly none."""

    values: Sequence[Any]
    most: int = 4

    def draw(self, chance: random.Random) -> list[Any]:
        length = 0 if chance.random() < 0.5 else chance.randint(1, self.most)
        return [chance.choice(self.values) for _ in range(length)]

    def strategy(self) -> SearchStrategy[Any]:
        return st.lists(st.sampled_from(list(self.values)), max_size=self.most)
