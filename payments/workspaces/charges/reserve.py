"""Reserve: the charge and its numbered invoice exist before Stripe hears of them."""

from __future__ import annotations

from decimal import Decimal

from payments.invoices import documents
from payments.invoices.issue import PaidBy, issue, mark_paid
from payments.invoices.models import UPGRADE
from payments.kit import clock
from payments.kit.db import db
from payments.workspaces import errors, queries
from payments.workspaces.guards import lock_as_manager
from payments.workspaces.models import Charge, PaymentMethod, PricingPlan, Workspace
from payments.workspaces.notes import note_charge, note_invoice
from payments.workspaces.plans.resolve import (
    check_amount,
    check_offered,
    check_price,
    check_upgrade,
    describe_change,
    price_of,
)
from payments.workspaces.plans.switch import switch_plan


def reserve(
    workspace_id: int,
    plan_id: int,
    method_id: int,
    *,
    expected: Decimal | None = None,
    requested_by: int,
    request_key: str | None,
) -> Charge:
    """Add a pending charge over the plan's price, inside the caller's transaction.

    Role, plan, price and method are checked again under the workspace's lock: calls to Stripe
    came between. Raises NotAMember, NotAManager, WorkspaceNotFound, InvalidPlan, NotAnUpgrade,
    PriceChanged, AmountNotChargeable, ChargeInProgress or InvalidPaymentMethod.
    """
    lock_as_manager(workspace_id, requested_by)
    repeated = queries.charge_of_request(request_key)
    if repeated is not None:
        return repeated  # the same request, slower than its key's lock, came here before
    workspace, plan = _hold_upgradable(workspace_id, plan_id, expected, requested_by)
    method = queries.hold_payment_method(method_id)
    if method is None or not _is_usable(method, workspace):
        raise errors.InvalidPaymentMethod
    return _added(workspace, plan, method, requested_by, request_key)


def _is_usable(method: PaymentMethod, workspace: Workspace) -> bool:
    return (
        method.workspace_id == workspace.id
        and method.is_active
        and method.stripe_customer_id == workspace.stripe_customer_id
    )


def reserve_free(
    workspace_id: int, plan_id: int, *, expected: Decimal | None = None, requested_by: int
) -> None:
    """Move up to a plan that costs nothing: no charge, an invoice over nothing."""
    workspace, plan = _hold_upgradable(workspace_id, plan_id, expected, requested_by)
    if plan.price_minor:
        raise errors.PriceChanged(details=price_of(plan))
    change = describe_change(UPGRADE, workspace, plan)
    invoice = issue(workspace_id, change, amount_minor=0, currency=plan.currency)
    actor = f"user:{requested_by}"
    switch_plan(workspace, plan, invoice, actor=actor)
    mark_paid(invoice, at=clock.now())
    note_invoice("paid", invoice, actor=actor)
    documents.request(invoice)


def _hold_upgradable(
    workspace_id: int, plan_id: int, expected: Decimal | None, requested_by: int
) -> tuple[Workspace, PricingPlan]:
    """Lock the workspace and its target: neither the price nor the plan changes until the end."""
    workspace = lock_as_manager(workspace_id, requested_by)
    plan = queries.hold_plan(plan_id)
    check_offered(plan)
    _check_idle(workspace_id)
    check_upgrade(workspace.plan, plan)
    check_price(plan, expected)
    check_amount(plan)
    return workspace, plan


def _check_idle(workspace_id: int) -> None:
    running = queries.open_charge(workspace_id)
    if running is not None:
        details = {"chargeId": running.id, "status": running.status}
        raise errors.ChargeInProgress(details=details)


def _added(
    workspace: Workspace,
    plan: PricingPlan,
    method: PaymentMethod,
    requested_by: int,
    request_key: str | None,
) -> Charge:
    invoice = issue(
        workspace.id,
        describe_change(UPGRADE, workspace, plan),
        amount_minor=plan.price_minor,
        currency=plan.currency,
        card=PaidBy(method.id, method.card_brand, method.card_last4),
    )
    charge = Charge(
        workspace_id=workspace.id,
        requested_by=requested_by,
        request_key=request_key,
        invoice_id=invoice.id,
        plan_id=plan.id,
        payment_method_id=method.id,
        stripe_payment_method_id=method.stripe_payment_method_id,
        stripe_customer_id=method.stripe_customer_id,
        amount_minor=plan.price_minor,
        currency=plan.currency,
    )
    db.session.add(charge)
    db.session.flush()
    actor, card = f"user:{requested_by}", method.stripe_payment_method_id
    note_charge("reserved", charge, invoice, actor=actor, payment_method=card)
    note_invoice("issued", invoice, actor=actor)
    return charge
