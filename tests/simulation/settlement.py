"""The end of a history: faults stop, time goes on, and both ledgers have to agree to the cent."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tests.simulation import outside, work
from tests.simulation.ledgers import Facts, Row
from tests.simulation.world import Violation, World

HOUR = 3600
# Weeks of retries at one an hour fit in here: what is not over by then never will be.
_MOST_ROUNDS = 400


@dataclass(frozen=True)
class Ending:
    """How a history ends: whether Stripe delivers all events or none, and who comes back."""

    with_events: bool = True
    resumes: bool = True


def settle(world: World, ending: Ending) -> None:
    """Let the service work undisturbed until nothing changes; Violation if that never ends."""
    world.note(f"the end: {ending}")
    world.link.weather.clear()
    for process in world.scheduler.paused:
        if ending.resumes:
            outside.wake(world, process)
        else:
            world.scheduler.kill(process)
    for _ in range(_MOST_ROUNDS):
        _work_off_everything(world, ending)
        before = world.ledgers.facts()
        world.advance(HOUR)
        work.work_off(world, with_events=ending.with_events)
        world.task("comparison", work.compare_all)
        after = world.ledgers.facts()
        if after == before and not work.next_moments(world) and not work.is_due(world):
            return
    raise Violation(f"it never comes to rest: {_open(world)}")


def _work_off_everything(world: World, ending: Ending) -> None:
    for _ in range(_MOST_ROUNDS):
        work.work_off(world, with_events=ending.with_events)
        later = work.next_moments(world)
        if not later:
            return
        world.advance(max(min(later) - world.clock.now, 0) + 0.5)
        if _only_flagged(world):
            return


def _only_flagged(world: World) -> bool:
    """Return whether all that is still open waits for a person."""
    return all(is_flagged(row) for row in _open(world)) and bool(_open(world))


def _open(world: World) -> list[Row]:
    facts = world.ledgers.facts()
    return [row for row in (*facts.charges, *facts.refunds) if row["status"] in _UNSETTLED]


_UNSETTLED = {"pending", "requires_action", "submitted"}


def is_flagged(row: Row) -> bool:
    """Return whether a person is asked about the row itself.

    A stranger's payment under its names excuses nothing that is wrong with its own.
    """
    return bool(row["needs_attention"]) and row["attention_code"] != "facts_disagree"


def disagreements(facts: Facts) -> list[str]:
    """Return a sentence for everything that the two ledgers say differently, once all is quiet."""
    return [sentence for check in _CHECKS for sentence in check(facts)]


def every_charge_is_settled(facts: Facts) -> Iterator[str]:
    for row in (*facts.charges, *facts.refunds):
        if row["status"] in {"pending", "requires_action"} and not is_flagged(row):
            kind = "charge" if "plan_id" in row else "refund"
            yield f"{kind} {row['id']} is {row['status']} for ever"


def every_payment_is_booked(facts: Facts) -> Iterator[str]:
    """What Stripe took and we do not know has to be flagged."""
    for charge in facts.charges:
        for payment in facts.paid(charge):
            ours = charge["status"] == "succeeded" and charge["stripe_payment_intent_id"]
            told = is_flagged(charge) or payment["id"] in facts.anomalies
            if ours != payment["id"] and not told:
                yield f"charge {charge['id']} is {charge['status']} and {payment['id']} succeeded"
    known = {payment["id"] for charge in facts.charges for payment in facts.payments_of(charge)}
    for payment in facts.payments:
        told = payment["id"] in known | facts.anomalies
        if payment["status"] == "succeeded" and not told:
            yield f"{payment['id']} succeeded and belongs to no charge"


def no_payment_is_left_on_its_way(facts: Facts) -> Iterator[str]:
    """A PaymentIntent that may still take money belongs to a charge that waits for it."""
    for charge in facts.charges:
        for payment in facts.payments_of(charge):
            moving = payment["status"] in {"requires_action", "processing"}
            if moving and charge["status"] not in _UNSETTLED and not is_flagged(charge):
                yield f"charge {charge['id']} is over and {payment['id']} is {payment['status']}"


def every_invoice_says_what_was_paid(facts: Facts) -> Iterator[str]:
    invoices = {invoice["id"]: invoice for invoice in facts.invoices}
    for charge in facts.charges:
        invoice, paid = invoices[charge["invoice_id"]], charge["status"] == "succeeded"
        if is_flagged(charge) or charge["status"] in _UNSETTLED:
            continue
        back = facts.given_back(str(charge["stripe_payment_intent_id"])) if paid else 0
        whole = back == charge["amount_minor"]
        status = ("refunded" if whole else "paid") if paid else "failed"
        said = (invoice["status"], invoice["amount_minor"], invoice["refunded_minor"])
        if said != (status, charge["amount_minor"], back):
            yield f"invoice {invoice['id']} says {said}, Stripe {(status, back)}"


def what_was_paid_for_is_granted(facts: Facts) -> Iterator[str]:
    """A workspace stands no lower than a charge lifted it, unless it was moved down since."""
    plans = {workspace["id"]: workspace["plan_id"] for workspace in facts.workspaces}
    for charge in facts.charges:
        if charge["status"] != "succeeded" or charge["attention_code"] == "paid_for_no_upgrade":
            continue
        lowered = any(
            invoice["type"] == "plan_downgrade"
            and invoice["workspace_id"] == charge["workspace_id"]
            and invoice["created_at"] >= charge["settled_at"]
            for invoice in facts.invoices
        )
        granted = facts.rank(plans[charge["workspace_id"]])
        if granted < facts.rank(charge["plan_id"]) and not lowered:
            yield f"charge {charge['id']} paid for a plan that is not granted"


def every_refund_is_booked(facts: Facts) -> Iterator[str]:
    for refund in facts.refunds:
        given = sum(made["amount"] for made in facts.refunds_for(refund))
        ours = refund["amount_minor"] if refund["status"] in {"succeeded", "submitted"} else 0
        if given != ours and not is_flagged(refund):
            yield f"refund {refund['id']} is {refund['status']} and {given} was given back"


def every_refund_made_has_a_row(facts: Facts) -> Iterator[str]:
    known = {refund["stripe_refund_id"] for refund in facts.refunds}
    flagged = {
        payment["id"]
        for charge in facts.charges
        if is_flagged(charge)
        for payment in facts.payments_of(charge)
    }
    for made in facts.refunds_made:
        if made["id"] not in known and made["payment_intent"] not in flagged:
            yield f"{made['id']} of {made['amount']} ({made['status']}) has no row"


_CHECKS: tuple[Callable[[Facts], Iterator[str]], ...] = (
    every_charge_is_settled,
    every_payment_is_booked,
    no_payment_is_left_on_its_way,
    every_invoice_says_what_was_paid,
    what_was_paid_for_is_granted,
    every_refund_is_booked,
    every_refund_made_has_a_row,
)
