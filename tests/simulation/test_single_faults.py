"""One fault at each call, and one death or pause at each step, of a charge and of a refund."""

from __future__ import annotations

import pytest

from tests.simulation import outside, work
from tests.simulation.example import check, end
from tests.simulation.processes import DIE, PAUSE, RUN, Fate
from tests.simulation.service import Service
from tests.simulation.settlement import Ending
from tests.simulation.stripe_link import FAULTS
from tests.simulation.world import World, running

MINUTES, HOURS = 600, 19 * 3600
CALLS, STEPS = 3, 16


def charge(world: World, fate: Fate, weather: list[str], card: str = "good") -> None:
    work.upgrade_plan(world, workspace=0, plan="pro", card=card, client_key=None, fate=Fate(RUN))
    world.link.weather.extend(weather)
    work.run_message(world, index=0, fate=fate, again=False)


def refund(world: World, fate: Fate, weather: list[str]) -> None:
    charge(world, Fate(RUN), [])
    work.refund_invoice(world, index=0, part="third", client_key=None, fate=Fate(RUN))
    world.link.weather.extend(weather)
    work.run_message(world, index=0, fate=fate, again=False)


SUBJECTS = {"charge": charge, "refund": refund}


def finish(world: World, *, after: float, ending: Ending) -> None:
    """Let the service live on, then whoever was paused come back, and all come to rest."""
    work.live_on(world, seconds=MINUTES, with_events=ending.with_events)
    check(world)
    world.advance(after)
    outside.continue_process(world, index=0)
    check(world)
    end(world, ending)


@pytest.mark.parametrize("subject", SUBJECTS)
@pytest.mark.parametrize("fault", FAULTS)
def test_ledgers_agree_after_a_fault_at_each_call(
    service: Service, subject: str, fault: str
) -> None:
    for call in range(CALLS):
        for times in (1, 4):
            with running(service, call) as world:
                SUBJECTS[subject](world, Fate(RUN), ["normal"] * call + [fault] * times)
                finish(world, after=0, ending=Ending(with_events=bool(call % 2)))


@pytest.mark.parametrize("subject", SUBJECTS)
@pytest.mark.parametrize("step", range(1, STEPS))
def test_ledgers_agree_after_a_death_at_each_step(
    service: Service, subject: str, step: int
) -> None:
    with running(service, step) as world:
        SUBJECTS[subject](world, Fate(DIE, step), [])
        finish(world, after=0, ending=Ending(with_events=bool(step % 2)))


@pytest.mark.parametrize("seconds", [0, HOURS])
@pytest.mark.parametrize("subject", SUBJECTS)
@pytest.mark.parametrize("step", range(1, STEPS))
def test_ledgers_agree_after_a_pause_at_each_step(
    service: Service, subject: str, step: int, seconds: float
) -> None:
    with running(service, step) as world:
        SUBJECTS[subject](world, Fate(PAUSE, step), [])
        finish(world, after=seconds, ending=Ending(with_events=bool(step % 2)))
