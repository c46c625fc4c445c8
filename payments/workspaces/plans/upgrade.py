"""Move a workspace to a higher plan once its card has been charged for it."""

from __future__ import annotations

from decimal import Decimal

from payments import jobs
from payments.kit import steps
from payments.kit.repeat import repeated
from payments.kit.transactions import transaction
from payments.workspaces import queries, waiting
from payments.workspaces.charges.reserve import reserve, reserve_free
from payments.workspaces.guards import Access
from payments.workspaces.models import Charge, PricingPlan
from payments.workspaces.payment_methods.choose import choose_method
from payments.workspaces.plans.resolve import (
    check_amount,
    check_price,
    check_upgrade,
    resolve_plan,
)


def upgrade_plan(
    access: Access,
    plan_slug: str,
    reference: int | str | None,
    *,
    expected: Decimal | None = None,
    wait: bool,
    request_key: str | None,
) -> Charge | None:
    """Charge the plan's full price and switch to it; PriceChanged if it is not as `expected`.

    Returns the charge, or None for a plan without a price. The charge is settled, or waits for
    authentication, or is still pending when the bounded wait is over (at once without `wait`).
    """
    plan = resolve_plan(plan_slug)
    repeated = queries.charge_of_request(request_key)
    if repeated is None:
        check_upgrade(access.workspace.plan, plan)
        check_price(plan, expected)
        check_amount(plan)
        if plan.price_minor == 0:
            _upgrade_free(access, plan, expected)
            return None
        method_id = choose_method(access, reference).id
        charge_id = _reserved(access, plan, method_id, expected, request_key)
    else:
        charge_id = repeated.id
    return _driven(charge_id, wait=wait)


@repeated
def _reserved(
    access: Access,
    plan: PricingPlan,
    method_id: int,
    expected: Decimal | None,
    request_key: str | None,
) -> int:
    workspace_id, user_id, plan_id = access.workspace.id, access.user.id, plan.id
    with transaction():
        charge_id = reserve(
            workspace_id,
            plan_id,
            method_id,
            expected=expected,
            requested_by=user_id,
            request_key=request_key,
        ).id
        steps.passed("charge.reserved")
    steps.passed("charge.committed")
    return charge_id


@repeated
def _upgrade_free(access: Access, plan: PricingPlan, expected: Decimal | None) -> None:
    workspace_id, plan_id, user_id = access.workspace.id, plan.id, access.user.id
    with transaction():
        reserve_free(workspace_id, plan_id, expected=expected, requested_by=user_id)


def _driven(charge_id: int, *, wait: bool) -> Charge:
    """Wake a worker for the charge and wait a while for what becomes of it."""

    def start() -> bool:
        sent = jobs.enqueue(jobs.RUN_CHARGE, charge_id=charge_id)
        steps.passed("charge.enqueued")
        return sent

    return waiting.follow(Charge, charge_id, start, wait=wait)
