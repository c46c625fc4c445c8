"""Look-ups of the workspaces room; every one of a tenant's rows is scoped by its workspace."""

from __future__ import annotations

import sqlalchemy as sa

from payments.kit.db import db
from payments.workspaces.models import (
    Charge,
    Membership,
    PaymentMethod,
    PricingPlan,
    Refund,
    Workspace,
)
from payments.workspaces.models.charges import OPEN


def find_workspace(slug: str) -> Workspace | None:
    """Return the active workspace of that slug."""
    query = sa.select(Workspace).where(Workspace.slug == slug, Workspace.is_active)
    return db.session.scalars(query).one_or_none()


def lock_workspace(workspace_id: int) -> Workspace:
    """Return the workspace, held against every other writer until the transaction ends."""
    query = sa.select(Workspace).where(Workspace.id == workspace_id).with_for_update()
    return db.session.scalars(query.execution_options(populate_existing=True)).one()


def find_role(workspace_id: int, user_id: int) -> str | None:
    """Return the user's role in the workspace, None for an outsider."""
    return db.session.scalar(
        sa.select(Membership.role).where(
            Membership.workspace_id == workspace_id, Membership.user_id == user_id
        )
    )


def managed_workspaces(user_id: int) -> list[Workspace]:
    """Return the active workspaces in which the user is owner or admin, at most two."""
    query = (
        sa.select(Workspace)
        .join(Membership)
        .where(Membership.user_id == user_id, Membership.role.in_(("owner", "admin")))
        .where(Workspace.is_active)
        .order_by(Workspace.id)
        .limit(2)
    )
    return list(db.session.scalars(query))


def find_plan(slug: str) -> PricingPlan | None:
    """Return the plan of that slug, active or not."""
    return db.session.scalars(sa.select(PricingPlan).where(PricingPlan.slug == slug)).one_or_none()


def lock_plan(slug: str) -> PricingPlan:
    """Return the plan as it is now; nobody reads its price for a charge until we commit."""
    query = sa.select(PricingPlan).where(PricingPlan.slug == slug).with_for_update()
    return db.session.scalars(query.execution_options(populate_existing=True)).one()


def plans(*, inactive: bool = False) -> list[PricingPlan]:
    """Return the plans, the lowest first; retired ones only when asked for."""
    found = db.session.scalars(sa.select(PricingPlan).order_by(PricingPlan.id))
    return sorted((p for p in found if p.is_active or inactive), key=lambda p: p.rank)


def get_plan(plan_id: int) -> PricingPlan:
    """Return the plan; it always exists, as rows of plans are never deleted."""
    return db.session.get_one(PricingPlan, plan_id)


def hold_plan(plan_id: int) -> PricingPlan:
    """Return the plan as it is now; its price stays until the transaction ends."""
    query = sa.select(PricingPlan).where(PricingPlan.id == plan_id).with_for_update(read=True)
    return db.session.scalars(query.execution_options(populate_existing=True)).one()


def payment_methods(workspace_id: int, *, inactive: bool = False) -> list[PaymentMethod]:
    """Return the workspace's methods: the default first, then the newest."""
    query = sa.select(PaymentMethod).where(PaymentMethod.workspace_id == workspace_id)
    if not inactive:
        query = query.where(PaymentMethod.is_active)
    order = (
        PaymentMethod.is_default.desc(),
        PaymentMethod.created_at.desc(),
        PaymentMethod.id.desc(),
    )
    return list(db.session.scalars(query.order_by(*order)))


def find_payment_method(method_id: int) -> PaymentMethod | None:
    """Return a method of any workspace: the caller tells a foreign one from a missing one."""
    return db.session.get(PaymentMethod, method_id)


def hold_payment_method(method_id: int) -> PaymentMethod | None:
    """Return a method of any workspace as it is now; it stays so until the transaction ends."""
    query = sa.select(PaymentMethod).where(PaymentMethod.id == method_id)
    query = query.with_for_update(read=True).execution_options(populate_existing=True)
    return db.session.scalars(query).one_or_none()


def find_stripe_method(stripe_id: str) -> PaymentMethod | None:
    """Return the row of a Stripe PaymentMethod, of whichever workspace."""
    query = sa.select(PaymentMethod).where(PaymentMethod.stripe_payment_method_id == stripe_id)
    return db.session.scalars(query).one_or_none()


def default_method(workspace_id: int) -> PaymentMethod | None:
    """Return the workspace's default method."""
    query = sa.select(PaymentMethod).where(
        PaymentMethod.workspace_id == workspace_id,
        PaymentMethod.is_default,
        PaymentMethod.is_active,
    )
    return db.session.scalars(query).one_or_none()


def oldest_method(workspace_id: int) -> PaymentMethod | None:
    """Return the active method that has been there longest."""
    query = (
        sa.select(PaymentMethod)
        .where(PaymentMethod.workspace_id == workspace_id, PaymentMethod.is_active)
        .order_by(PaymentMethod.created_at, PaymentMethod.id)
        .limit(1)
    )
    return db.session.scalars(query).one_or_none()


def open_charge(workspace_id: int) -> Charge | None:
    """Return the workspace's charge that is not settled yet."""
    query = sa.select(Charge).where(Charge.workspace_id == workspace_id, Charge.status.in_(OPEN))
    return db.session.scalars(query).one_or_none()


def find_charge(workspace_id: int, charge_id: int) -> Charge | None:
    """Return a charge of this workspace."""
    query = sa.select(Charge).where(Charge.workspace_id == workspace_id, Charge.id == charge_id)
    return db.session.scalars(query).one_or_none()


def charge_of_request(request_key: str | None) -> Charge | None:
    """Return the charge that a request with this client key has made already."""
    if request_key is None:
        return None
    return db.session.scalars(
        sa.select(Charge).where(Charge.request_key == request_key)
    ).one_or_none()


def refund_of_request(request_key: str | None) -> Refund | None:
    """Return the refund that a request with this client key has made already."""
    if request_key is None:
        return None
    return db.session.scalars(
        sa.select(Refund).where(Refund.request_key == request_key)
    ).one_or_none()


def charge_of_invoice(invoice_id: int) -> Charge | None:
    """Return the charge behind an invoice."""
    return db.session.scalars(
        sa.select(Charge).where(Charge.invoice_id == invoice_id)
    ).one_or_none()


def find_charge_by_reference(reference: str) -> Charge | None:
    """Return the charge of that reference, of whichever workspace."""
    return db.session.scalars(sa.select(Charge).where(Charge.reference == reference)).one_or_none()


def get_customer(charge: Charge) -> str | None:
    """Return whose PaymentIntent a charge's is: its stored customer, else its card's.

    A former release that still writes while a newer one starts stores none.
    """
    if charge.stripe_customer_id is not None:
        return charge.stripe_customer_id
    method = find_stripe_method(charge.stripe_payment_method_id)
    if method is not None and method.workspace_id == charge.workspace_id:
        return method.stripe_customer_id
    query = sa.select(Workspace.stripe_customer_id).where(Workspace.id == charge.workspace_id)
    return db.session.scalar(query)


def find_legacy_charge(number: str) -> Charge | None:
    """Return a charge of a former release whose PaymentIntent's id is not stored, by its number.

    Row numbers mean nothing at Stripe by themselves: the caller compares all other facts.
    """
    if not number.isdecimal() or len(number) > 18:
        return None
    query = sa.select(Charge).where(
        Charge.id == int(number),
        Charge.legacy_metadata,
        Charge.stripe_payment_intent_id.is_(None),
    )
    return db.session.scalars(query).one_or_none()


def find_workspace_of_customer(customer: str) -> Workspace | None:
    """Return the workspace whose Stripe customer it is now."""
    return db.session.scalars(
        sa.select(Workspace).where(Workspace.stripe_customer_id == customer)
    ).one_or_none()


def find_refund_by_reference(reference: str) -> Refund | None:
    """Return the refund of that reference, of whichever workspace."""
    return db.session.scalars(sa.select(Refund).where(Refund.reference == reference)).one_or_none()


def charge_of_payment(payment_intent: str) -> Charge | None:
    """Return the charge that a PaymentIntent belongs to, once we know of it."""
    query = sa.select(Charge).where(Charge.stripe_payment_intent_id == payment_intent)
    return db.session.scalars(query).one_or_none()


def refunds_of(invoice_id: int) -> list[Refund]:
    """Return every refund of an invoice, the oldest first."""
    query = sa.select(Refund).where(Refund.invoice_id == invoice_id).order_by(Refund.id)
    return list(db.session.scalars(query.execution_options(populate_existing=True)))
