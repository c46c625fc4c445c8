"""Histories that the simulation found, in their fewest steps, each with what it is about."""

from __future__ import annotations

import pytest

from tests.simulation import outside, work
from tests.simulation.example import check, end
from tests.simulation.processes import DIE, PAUSE, RUN, Fate
from tests.simulation.service import Service
from tests.simulation.settlement import Ending
from tests.simulation.world import World, running

RECORDING = 11  # the step before the commit of a charge that succeeded


def upgrade(world: World, fate: Fate) -> None:
    """Move a workspace up; `fate` is that of the worker that charges for it."""
    plain = Fate(RUN)
    work.upgrade_plan(world, workspace=0, plan="pro", card="good", client_key=None, fate=plain)
    work.run_message(world, index=0, fate=fate, again=False)


# A process that is suspended for a day in the instant between its last look at the lease and the
# first byte of its request still sends it, and Stripe has forgotten its key by then.
ABOUT_TO_SEND = pytest.param(
    3, marks=pytest.mark.xfail(strict=True, reason="nothing is left to check in between")
)


@pytest.mark.parametrize("step", [2, ABOUT_TO_SEND])
def test_partial_refund_is_given_once_although_its_process_slept_for_a_day(
    service: Service, step: int
) -> None:
    with running(service, 1) as world:
        upgrade(world, Fate(RUN))
        work.refund_invoice(world, index=0, part="third", client_key=None, fate=Fate(RUN))
        work.run_message(world, index=0, fate=Fate(PAUSE, step), again=False)
        work.live_on(world, seconds=600, with_events=True)
        world.advance(25 * 3600)
        world.scheduler.resume(world.scheduler.paused[0])
        check(world)


def test_invoice_says_refunded_when_the_refund_is_found_before_its_payment_is_recorded(
    service: Service,
) -> None:
    with running(service, 1) as world:
        upgrade(world, Fate(DIE, RECORDING))
        outside.refund_in_dashboard(world, index=0, part="all")
        work.compare_with_stripe(world, fate=Fate(RUN))
        end(world, Ending())
