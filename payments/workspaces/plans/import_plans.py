"""Brings the plans of the database to what the operator's file says, and tells what changes.

A plan is found by its slug. One that the file does not name stays as it is: nothing is deleted, as
workspaces and invoices refer to it. A new price is charged from the next upgrade on; what was
charged before keeps the amount that its charge and invoice have.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from payments.kit import money
from payments.kit.transactions import transaction
from payments.timeline.append import append
from payments.workspaces import queries
from payments.workspaces.models import PricingPlan
from payments.workspaces.plans.plan_file import InvalidPlanFile, Plan

ADDED, CHANGED, SAME = "added", "changed", "unchanged"
OPERATOR = "operator"


@dataclass(frozen=True)
class Difference:
    """What the file changes of one plan: each field with its former and its new value."""

    slug: str
    kind: str
    fields: dict[str, tuple[Any, Any]] = field(default_factory=dict)


def compare_plans(plans: list[Plan], *, retire_others: bool = False) -> list[Difference]:
    """Return the difference of each plan of the file, in its order; InvalidPlanFile as below."""
    held = {plan.slug: plan for plan in queries.plans(inactive=True)}
    named = {plan.slug for plan in plans}
    others = [plan for plan in held.values() if plan.is_active and plan.slug not in named]
    _check_together([*plans, *(() if retire_others else others)])
    retired = [Difference(plan.slug, CHANGED, {"is_active": (True, False)}) for plan in others]
    return [
        *(_compare(plan, held.get(plan.slug)) for plan in plans),
        *(retired if retire_others else ()),
    ]


def import_plans(plans: list[Plan], *, retire_others: bool = False) -> list[Difference]:
    """Write the plans of the file and tell the timeline; return what was changed.

    `retire_others`: active plans that the file does not name are no longer offered; workspaces
    that are on them stay. Raises InvalidPlanFile, with nothing written, when two active plans would
    be alike in tier, period and currency, or when none would be left to sign up with.
    """
    with transaction() as session:
        differences = compare_plans(plans, retire_others=retire_others)
        new = {plan.slug: plan for plan in plans}
        for difference in differences:
            if difference.kind == ADDED:
                session.add(PricingPlan(**asdict(new[difference.slug])))
            if difference.kind == CHANGED:
                row = queries.lock_plan(difference.slug)
                for name, (_former, value) in difference.fields.items():
                    setattr(row, name, value)
        session.flush()
        _tell(differences)
    return differences


def _check_together(plans: Sequence[Plan | PricingPlan]) -> None:
    """Look at the plans that would be active afterwards."""
    places = defaultdict(list)
    for plan in plans:
        if plan.is_active:
            places[plan.tier, plan.price_period, plan.currency].append(plan.slug)
    for (tier, period, currency), slugs in places.items():
        if len(slugs) > 1:
            names = " and ".join(slugs)
            raise InvalidPlanFile(
                f"tier {tier} ({period}, {currency}) has {names}: which is higher?"
            )
    if not any(plan.price_minor == 0 for plan in plans if plan.is_active):
        raise InvalidPlanFile("no active plan would cost nothing: nobody could sign up")


def _compare(plan: Plan, held: PricingPlan | None) -> Difference:
    if held is None:
        return Difference(plan.slug, ADDED)
    new = asdict(plan)
    pairs = {name: (getattr(held, name), value) for name, value in new.items()}
    differing = {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}
    return Difference(plan.slug, CHANGED if differing else SAME, differing)


def _tell(differences: list[Difference]) -> None:
    for difference in differences:
        if difference.kind == SAME:
            continue
        plan = queries.lock_plan(difference.slug)
        append(
            f"pricing_plan.{difference.kind}",
            actor=OPERATOR,
            subject=f"pricing_plan:{plan.slug}",
            plan_name=plan.name,
            fields=sorted(difference.fields) or None,
            amount_minor=plan.price_minor,
            currency=plan.currency,
            former_price=_write_former_price(plan, difference),
        )


def _write_former_price(plan: PricingPlan, difference: Difference) -> str | None:
    """Return the price before, if it was another one."""
    former = {name: pair[0] for name, pair in difference.fields.items()}
    if not {"price_minor", "currency"} & former.keys():
        return None
    currency = former.get("currency", plan.currency)
    price = money.plain(former.get("price_minor", plan.price_minor), currency)
    return f"{price} {currency.upper()}"
