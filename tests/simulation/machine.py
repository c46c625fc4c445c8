"""The same histories drawn by Hypothesis, which shrinks one that fails to its fewest steps."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from hypothesis import note
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from tests.simulation.actions import ACTIONS, Action
from tests.simulation.example import end, perform
from tests.simulation.service import Service
from tests.simulation.settlement import Ending
from tests.simulation.world import World, running


class LedgerMachine(RuleBasedStateMachine):
    """A simulated history; its rules are the actions, its invariants hold after each of them."""

    def __init__(self, service: Service) -> None:
        super().__init__()
        self._service, self._stack = service, ExitStack()
        self._ending, self._is_broken = Ending(), False
        self.world: World = self._stack.enter_context(running(service, 0))

    @initialize(seed=st.integers(0, 2**16), with_events=st.booleans(), resumes=st.booleans())
    def begin(self, seed: int, with_events: bool, resumes: bool) -> None:
        """Choose what no rule chooses: jitter, ids, and how the history ends."""
        self.world.chance.seed(seed)
        self._ending = Ending(with_events, resumes)

    def perform(self, action: Action, chosen: dict[str, Any]) -> None:
        self._guarded(lambda: perform(self.world, action, chosen))

    def teardown(self) -> None:
        try:
            if not self._is_broken:
                self._guarded(lambda: end(self.world, self._ending))
        finally:
            self._stack.close()

    def _guarded(self, step: Callable[[], None]) -> None:
        self._is_broken = True
        try:
            step()
        except AssertionError:
            note("\n".join(self.world.trace))
            raise
        self._is_broken = False


def _rule_of(action: Action) -> Callable[..., None]:
    def act(self: LedgerMachine, **chosen: Any) -> None:
        self.perform(action, chosen)

    act.__name__ = action.do.__name__
    drawn = {name: choice.strategy() for name, choice in action.choices.items()}
    possible = precondition(lambda self: action.possible(self.world))
    made: Callable[..., None] = possible(rule(**drawn)(act))
    return made


for _name, _action in ACTIONS.items():
    setattr(LedgerMachine, _name, _rule_of(_action))
