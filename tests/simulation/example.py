"""One history from one seed: what happens, step by step, and what must hold after each."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.simulation.actions import ACTIONS, YES_OR_NO, Action
from tests.simulation.invariants import violations
from tests.simulation.service import Service
from tests.simulation.settlement import Ending, disagreements, settle
from tests.simulation.world import Violation, World, running


@dataclass
class Failure:
    """A history that broke an invariant: its seed repeats it."""

    seed: int
    steps: int
    why: str
    trace: list[str] = field(repr=False)

    def __str__(self) -> str:
        history = "\n".join(self.trace)
        again = f"python -m tests.simulation --seed {self.seed} --examples 1 --steps {self.steps}"
        return f"{history}\n{self.why}\nagain: {again}"


def run_example(service: Service, seed: int, steps: int) -> Failure | None:
    """Run the history of a seed; return how it failed, None when everything held."""
    chance = random.Random(seed)  # noqa: S311 - it has to be repeatable
    with running(service, chance.getrandbits(32)) as world:
        try:
            shares = _shares(chance)
            for _ in range(steps):
                action = _draw_action(world, chance, shares)
                chosen = {name: choice.draw(chance) for name, choice in action.choices.items()}
                perform(world, action, chosen)
            end(world, Ending(YES_OR_NO.draw(chance), YES_OR_NO.draw(chance)))
        except AssertionError as broken:
            return Failure(seed, steps, str(broken), list(world.trace))
    return None


def _shares(chance: random.Random) -> list[int]:
    """Weigh the actions anew for each history: what never happens in one makes room for others.

    https://www.cs.utah.edu/~regehr/papers/swarm12.pdf
    """
    return [action.likely * chance.choice((0, 1, 1, 3)) or int(action.needed) for action in _ALL]


def _draw_action(world: World, chance: random.Random, shares: list[int]) -> Action:
    while True:
        action = chance.choices(_ALL, shares)[0]
        if action.possible(world):
            return action


_ALL = list(ACTIONS.values())


def perform(world: World, action: Action, chosen: Mapping[str, Any]) -> None:
    """Let something happen; Violation when an invariant does not hold afterwards."""
    action.perform(world, chosen)
    check(world)


def check(world: World) -> None:
    """Raise Violation when something is that may never be."""
    facts = world.ledgers.facts()
    if facts is world.checked:
        return
    world.checked = facts
    if found := violations(facts):
        raise Violation("; ".join(found))


def end(world: World, ending: Ending) -> None:
    """Let everything come to rest; Violation when the ledgers do not agree then."""
    settle(world, ending)
    check(world)
    if found := disagreements(world.ledgers.facts()):
        raise Violation("; ".join(found))
