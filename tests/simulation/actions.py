"""Everything that may happen next in a simulated history, each with what is left to choose."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tests.simulation import outside, work
from tests.simulation.choices import Choice, OneOf, Several
from tests.simulation.preparation import CARDS
from tests.simulation.processes import DIE, PAUSE, RUN, Fate
from tests.simulation.stripe_link import FAULTS
from tests.simulation.world import World

MINUTE, HOUR, DAY = 60, 3600, 86400

FATES = OneOf(
    [Fate(RUN)] * 8
    + [Fate(DIE, at) for at in range(1, 14)]
    + [Fate(PAUSE, at) for at in range(1, 14)]
)
WEATHER = Several(["normal", *FAULTS])
INDEX = OneOf(range(6))
WORKSPACE = OneOf([0, 0, 0, 1])
PLANS = ("starter", "pro", "ultimate", "starter-yearly", "pro-yearly", "ultimate-yearly")
CLIENT_KEYS = OneOf([None, None, "a", "b"])
PARTS = OneOf(["all", "third", "ten"])
YES_OR_NO = OneOf([False, True])


def _always(_world: World) -> bool:
    return True


@dataclass(frozen=True)
class Action:
    """Something that may happen where it is `possible`; `likely` is its usual share of all."""

    do: Callable[..., None]
    likely: int
    choices: Mapping[str, Choice]
    possible: Callable[[World], bool] = _always

    @property
    def needed(self) -> bool:
        """Return whether no history does without it."""
        return self.do in {work.upgrade_plan, outside.let_time_pass}

    def perform(self, world: World, chosen: Mapping[str, Any]) -> None:
        """Let it happen, and write it into the history."""
        told = ", ".join(f"{name}={value!r}" for name, value in chosen.items())
        world.note(f"{self.do.__name__}({told})")
        if "weather" in chosen:
            world.link.weather.clear()
            world.link.weather.extend(chosen["weather"])
        rest = {name: value for name, value in chosen.items() if name != "weather"}
        self.do(world, **rest)


def _action(do: Callable[..., None], likely: int, **choices: Choice) -> Action:
    return Action(do, likely, choices, _POSSIBLE.get(do, _always))


def _has_charges(world: World) -> bool:
    return bool(world.ledgers.facts().charges)


def _has_payments(world: World) -> bool:
    return bool(world.ledgers.facts().payments)


def _has_messages(world: World) -> bool:
    return bool(world.queue)


# What would do nothing otherwise.
_POSSIBLE: dict[Callable[..., None], Callable[[World], bool]] = {
    work.run_message: _has_messages,
    work.lose_message: _has_messages,
    work.downgrade_plan: _has_charges,
    work.refund_invoice: _has_charges,
    work.cancel_charge: _has_charges,
    work.look_at_charge: _has_charges,
    work.sweep: _has_charges,
    work.compare_with_stripe: _has_payments,
    work.live_on: _has_charges,
    work.drain_inbox: work.has_events,
    outside.deliver_event: lambda world: bool(world.ledgers.new_events()),
    outside.answer_bank: lambda world: bool(outside.asked_by_bank(world)),
    outside.refund_in_dashboard: _has_payments,
    outside.cancel_in_dashboard: _has_payments,
    outside.pay_under_our_names: _has_payments,
    outside.detach_card: _has_charges,
    outside.delete_customer: _has_charges,
    outside.restart_everything: lambda world: bool(world.scheduler.alive or world.queue),
    outside.continue_process: lambda world: bool(world.scheduler.paused),
    outside.kill_process: lambda world: bool(world.scheduler.alive),
}

ACTIONS: dict[str, Action] = {
    action.do.__name__: action
    for action in (
        _action(
            work.upgrade_plan,
            24,
            workspace=WORKSPACE,
            plan=OneOf(PLANS),
            card=OneOf(["good", "good", *CARDS, "authenticated", "authenticated"]),
            client_key=CLIENT_KEYS,
            fate=FATES,
            weather=WEATHER,
        ),
        _action(work.downgrade_plan, 5, workspace=WORKSPACE, plan=OneOf(["free", *PLANS[:3]])),
        _action(
            work.refund_invoice,
            20,
            index=INDEX,
            part=PARTS,
            client_key=CLIENT_KEYS,
            fate=FATES,
            weather=WEATHER,
        ),
        _action(work.cancel_charge, 5, index=INDEX, fate=FATES, weather=WEATHER),
        _action(work.look_at_charge, 3, index=INDEX, weather=WEATHER),
        _action(
            work.run_message,
            40,
            index=INDEX,
            fate=FATES,
            again=OneOf([False, False, True]),
            weather=WEATHER,
        ),
        _action(work.lose_message, 4, index=INDEX),
        _action(work.sweep, 14, kind=OneOf(sorted(work.SWEEPS)), fate=FATES, weather=WEATHER),
        _action(work.compare_with_stripe, 8, fate=FATES, weather=WEATHER),
        _action(work.drain_inbox, 12, fate=FATES, weather=WEATHER),
        _action(
            work.live_on,
            14,
            seconds=OneOf([20, MINUTE, 3 * MINUTE, 10 * MINUTE, HOUR]),
            with_events=YES_OR_NO,
            weather=WEATHER,
        ),
        _action(outside.deliver_event, 20, index=INDEX, again=YES_OR_NO, fate=FATES),
        _action(
            outside.let_time_pass,
            16,
            seconds=OneOf([1, 3, 11, 31, 65, 130, 10 * MINUTE, HOUR, 6 * HOUR, DAY + HOUR]),
        ),
        _action(outside.answer_bank, 40, index=INDEX, passed=OneOf([True, True, False])),
        _action(outside.refund_in_dashboard, 4, index=INDEX, part=PARTS),
        _action(outside.cancel_in_dashboard, 2, index=INDEX),
        _action(outside.detach_card, 1, workspace=WORKSPACE, card=OneOf(list(CARDS))),
        _action(outside.delete_customer, 1, workspace=WORKSPACE),
        _action(outside.pay_under_our_names, 2, index=INDEX),
        _action(outside.continue_process, 14, index=INDEX),
        _action(outside.kill_process, 6, index=INDEX),
        _action(outside.restart_everything, 2),
    )
}
