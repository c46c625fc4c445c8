"""The only place that changes a workspace's plan, so that none changes without saying why."""

from __future__ import annotations

from payments.invoices.models import Invoice
from payments.timeline.append import append
from payments.workspaces.models import PricingPlan, Workspace


def switch_plan(
    workspace: Workspace,
    target: PricingPlan,
    invoice: Invoice,
    *,
    actor: str,
    charge_id: int | None = None,
) -> None:
    """Put the workspace on a plan, inside the caller's transaction, and note from where."""
    former, workspace.plan = workspace.plan, target
    append(
        "plan.upgraded" if target.rank > former.rank else "plan.downgraded",
        actor=actor,
        subject=f"workspace:{workspace.id}",
        workspace_id=workspace.id,
        stripe_id=invoice.stripe_payment_intent_id,
        plan=target.slug,
        plan_name=target.name,
        previous=former.slug,
        previous_name=former.name,
        charge=charge_id,
        invoice=invoice.invoice_number,
        amount_minor=invoice.amount_minor,
        currency=invoice.currency,
    )
