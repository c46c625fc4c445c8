"""From the slug of a body to a plan that can be moved to."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

from payments.invoices.issue import PlanChange
from payments.kit import money
from payments.workspaces import errors, queries
from payments.workspaces.models import PricingPlan, Workspace

SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


def resolve_plan(slug: str) -> PricingPlan:
    """Return the active plan of that slug.

    InvalidPlan when the slug is malformed or the plan retired, PlanNotFound when there is none.
    """
    if len(slug) > 100 or not SLUG.fullmatch(slug):
        raise errors.InvalidPlan
    plan = queries.find_plan(slug)
    if plan is None:
        raise errors.PlanNotFound
    check_offered(plan)
    return plan


def check_offered(plan: PricingPlan) -> None:
    """Raise InvalidPlan when nobody can move to the plan any more."""
    if not plan.is_active:
        raise errors.InvalidPlan(f"The plan {plan.name} is no longer offered")


def check_upgrade(current: PricingPlan, target: PricingPlan) -> None:
    """Raise NotAnUpgrade unless the target stands above the current plan."""
    if target.rank <= current.rank:
        raise errors.NotAnUpgrade


def check_price(plan: PricingPlan, expected: Decimal | None) -> None:
    """Raise PriceChanged when the plan costs another amount than the one that was shown."""
    if expected is not None and expected != money.to_major(plan.price_minor, plan.currency):
        raise errors.PriceChanged(details=price_of(plan))


def check_amount(plan: PricingPlan) -> None:
    """Raise AmountNotChargeable for a price that Stripe is known to refuse."""
    if plan.price_minor == 0:
        return
    try:
        money.check_chargeable(plan.price_minor, plan.currency)
    except money.NotChargeable as error:
        raise errors.AmountNotChargeable(str(error)) from error


def price_of(plan: PricingPlan) -> dict[str, Any]:
    """Return what the plan costs now, in major units."""
    return {"amount": money.to_major(plan.price_minor, plan.currency), "currency": plan.currency}


def check_downgrade(current: PricingPlan, target: PricingPlan) -> None:
    """Raise NotADowngrade unless the target stands below the current plan."""
    if target.rank >= current.rank:
        raise errors.NotADowngrade


def describe_change(kind: str, workspace: Workspace, target: PricingPlan) -> PlanChange:
    """Write down what the invoice is about, with the names as they are now."""
    current = workspace.plan
    verb = "Upgrade" if kind == "plan_upgrade" else "Downgrade"
    move = f"from {current.name} to {target.name} plan"
    return PlanChange(
        type=kind,
        plan_id=target.id,
        plan_name=target.name,
        plan_slug=target.slug,
        plan_period=target.price_period,
        previous_plan_id=current.id,
        previous_plan_name=current.name,
        previous_plan_slug=current.slug,
        description=f'{verb} workspace "{workspace.name}" {move}',
    )
