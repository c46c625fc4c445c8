"""A process is stopped with SIGSTOP in the middle of its run, and wakes after others have finished.

So it is with a machine that is suspended, moved, or swaps: its lease is over and it does not know.
No fence of ours stops a request that is about to leave; one PaymentIntent takes money once.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from payments.workspaces.charges import call as charge_call
from payments.workspaces.models import Charge
from payments.workspaces.refunds import call as refund_call
from tests.support.errands import (
    CONFIRMATION,
    CREATION,
    Errand,
    reserve_charge,
    reserve_refund,
)
from tests.support.processes import Group, running
from tests.support.site import Site
from tests.support.steps import Doom


@pytest.fixture
def site(site: Site) -> Iterator[Site]:
    """The installation without a worker but those that a test stops."""
    site.clear()
    yield site
    site.shop.control("DELETE", "faults")
    site.clear()


@contextmanager
def stopped(errand: Errand, step: str, folder: Path) -> Iterator[Group]:
    """Drive the row in a process of its own that is stopped at a step, its lease run out."""
    module = charge_call.__name__ if errand.model is Charge else refund_call.__name__
    code = (
        f"from payments.app import create_app\nfrom {module} import run\n"
        f"with create_app().app_context():\n    run({errand.id})\n"
    )
    environment = Doom(folder, (step,), "stop").environment(errand.site.environment)
    with running(Group("stopped", [sys.executable, "-c", code], environment)) as group:
        group.wait_until(lambda: is_stopped(group))
        errand.lapse()
        yield group


def is_stopped(group: Group) -> bool:
    state = Path(f"/proc/{group.pid}/stat").read_text().rpartition(")")[2].split()[0]
    return state == "T"


def wake(group: Group) -> None:
    """Let the process go on, and end."""
    os.kill(group.pid, signal.SIGCONT)
    assert group.ended() == 0, group.output


@pytest.mark.parametrize("step", ["charge.confirming", "charge.intent_created", "charge.creating"])
def test_a_charge_taken_over_from_a_stopped_process_is_paid_once(
    site: Site, tmp_path: Path, step: str
) -> None:
    """Stripe has a bad minute meanwhile, and the late one finds nothing to take."""
    charge = reserve_charge(site, CREATION)
    with stopped(charge, step, tmp_path) as late:
        for path in (CREATION, CONFIRMATION):
            site.fault("status", "POST", path, status=500, times=2)
        while charge.again().status == "pending":
            assert charge.row.tries < 8
        assert charge.moved == [999]
        site.shop.control("DELETE", "faults")
        wake(late)
    assert (len(charge.payments), charge.moved) == (1, [999])
    row = charge.row
    assert (row.status, row.needs_attention) == ("succeeded", False)
    assert row.stripe_payment_intent_id == charge.payments[0]["id"]


@pytest.mark.parametrize("step", ["charge.confirming", "charge.intent_created"])
def test_a_charge_given_up_while_its_process_was_stopped_is_not_paid(
    site: Site, tmp_path: Path, step: str
) -> None:
    """Canceled at Stripe: what the late process confirms can take nothing any more."""
    charge = reserve_charge(site, CREATION)
    with stopped(charge, step, tmp_path) as late:
        path = f"{charge.place.payments}/charges/{charge.id}/cancel"
        assert site.shop.call("POST", path, charge.person).status_code == 200
        wake(late)
    assert (charge.row.status, charge.moved) == ("canceled", [])
    assert [p["status"] for p in charge.payments] == ["canceled"]


def test_a_refund_taken_over_from_a_stopped_process_is_made_once(
    site: Site, tmp_path: Path
) -> None:
    """The late request bears the same key: Stripe answers with the refund that was made."""
    charge = reserve_charge(site, CREATION)
    assert charge.run().status == "succeeded"
    refund = reserve_refund(charge, amount=3.0)
    with stopped(refund, "refund.calling", tmp_path) as late:
        assert refund.again().status == "succeeded"
        wake(late)
    assert set(refund.sent) == {refund.key}
    assert (refund.row.status, refund.moved) == ("succeeded", [300])
