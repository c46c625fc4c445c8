"""Move a workspace to a lower plan: at once, without a refund and without Stripe."""

from __future__ import annotations

from payments.invoices import documents
from payments.invoices.issue import issue, mark_paid
from payments.invoices.models import DOWNGRADE
from payments.kit import clock
from payments.kit.repeat import repeated
from payments.kit.transactions import transaction
from payments.workspaces.guards import Access, lock_as_manager
from payments.workspaces.models import PricingPlan, Workspace
from payments.workspaces.notes import note_invoice
from payments.workspaces.plans.resolve import check_downgrade, describe_change, resolve_plan
from payments.workspaces.plans.switch import switch_plan

NOTE = (
    "Downgrade takes effect immediately. No refund will be issued for the current billing period."
)


@repeated
def downgrade_plan(access: Access, plan_slug: str) -> Workspace:
    """Switch the plan and log an invoice over nothing; NotADowngrade unless the plan is lower."""
    workspace_id, user_id, actor = access.workspace.id, access.user.id, access.actor
    with transaction():
        workspace = lock_as_manager(workspace_id, user_id)
        target = resolve_plan(plan_slug)
        check_downgrade(workspace.plan, target)
        _switch(workspace, target, actor)
        return workspace


def _switch(workspace: Workspace, target: PricingPlan, actor: str) -> None:
    change = describe_change(DOWNGRADE, workspace, target)
    invoice = issue(workspace.id, change, amount_minor=0, currency=target.currency)
    switch_plan(workspace, target, invoice, actor=actor)
    mark_paid(invoice, at=clock.now())
    note_invoice("paid", invoice, actor=actor)
    documents.request(invoice)
