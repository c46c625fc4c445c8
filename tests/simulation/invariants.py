"""What must hold after every step, whatever has failed so far: money first."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator

from tests.simulation.ledgers import Facts, Row

SUCCEEDED = "succeeded"
_NUMBER = re.compile(r"INV-(\d{4})(\d{2})(\d{2})-(\d+)")


def violations(facts: Facts) -> list[str]:
    """Return a sentence for everything that may never be, however briefly."""
    return [sentence for check in _CHECKS for sentence in check(facts)]


def no_charge_takes_more_than_its_price(facts: Facts) -> Iterator[str]:
    for charge in facts.charges:
        taken = sum(payment["amount_received"] for payment in facts.paid(charge))
        if taken > charge["amount_minor"]:
            yield f"charge {charge['id']} over {charge['amount_minor']} has taken {taken}"


def no_refund_gives_back_more_than_was_asked_for(facts: Facts) -> Iterator[str]:
    for refund in facts.refunds:
        given = sum(made["amount"] for made in facts.refunds_for(refund))
        if given > refund["amount_minor"]:
            yield f"refund {refund['id']} of {refund['amount_minor']} has given back {given}"


def no_payment_gives_back_more_than_it_took(facts: Facts) -> Iterator[str]:
    for payment in facts.payments:
        given = facts.given_back(payment["id"])
        if given > payment["amount_received"]:
            yield f"{payment['id']} took {payment['amount_received']} and gave back {given}"


def a_success_is_one_payment_as_ordered(facts: Facts) -> Iterator[str]:
    """A charge that says succeeded has one PaymentIntent of its amount, currency and customer."""
    for charge in facts.charges:
        if charge["status"] != SUCCEEDED:
            continue
        paid = facts.paid(charge)
        if len(paid) != 1:
            yield f"charge {charge['id']} succeeded with {len(paid)} payments"
            continue
        yield from _differences(charge, paid[0])


def _differences(charge: Row, payment: Row) -> Iterator[str]:
    expected = {
        "id": charge["stripe_payment_intent_id"],
        "amount_received": charge["amount_minor"],
        "currency": charge["currency"],
        "customer": charge["stripe_customer_id"],
    }
    for name, value in expected.items():
        if payment[name] != value:
            yield f"charge {charge['id']}: {name} is {payment[name]!r} at Stripe, not {value!r}"


def the_plan_granted_is_paid_for(facts: Facts) -> Iterator[str]:
    """A downgrade is granted for nothing: so some charge must have paid for this rank or more."""
    for workspace in facts.workspaces:
        paid = (
            facts.rank(charge["plan_id"])
            for charge in facts.charges
            if charge["workspace_id"] == workspace["id"] and facts.paid(charge)
        )
        if facts.rank(workspace["plan_id"]) > max(paid, default=(0, False)):
            yield f"workspace {workspace['id']} has a plan that nobody paid for"


def invoice_numbers_have_no_gap_and_no_duplicate(facts: Facts) -> Iterator[str]:
    taken: dict[str, list[int]] = {}
    for invoice in facts.invoices:
        match = _NUMBER.fullmatch(invoice["invoice_number"])
        if match is None:
            yield f"{invoice['invoice_number']} is no invoice number"
            continue
        year, month, day, place = match.groups()
        taken.setdefault(f"{year}-{month}-{day}", []).append(int(place))
    for day, places in taken.items():
        if sorted(places) != list(range(1, facts.counters.get(day, 0) + 1)):
            yield f"invoice numbers of {day}: {sorted(places)}, counter {facts.counters.get(day)}"


def a_workspace_has_one_open_charge(facts: Facts) -> Iterator[str]:
    waiting = Counter(
        charge["workspace_id"]
        for charge in facts.charges
        if charge["status"] in {"pending", "requires_action"}
    )
    for workspace_id, number in waiting.items():
        if number > 1:
            yield f"workspace {workspace_id} has {number} open charges"


_CHECKS: tuple[Callable[[Facts], Iterator[str]], ...] = (
    no_charge_takes_more_than_its_price,
    no_refund_gives_back_more_than_was_asked_for,
    no_payment_gives_back_more_than_it_took,
    a_success_is_one_payment_as_ordered,
    the_plan_granted_is_paid_for,
    invoice_numbers_have_no_gap_and_no_duplicate,
    a_workspace_has_one_open_charge,
)
