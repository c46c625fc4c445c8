"""Every domain's models, so that Alembic sees one metadata."""

from payments.auth.models import User
from payments.idempotency.models import IdempotentRequest
from payments.invoices.models import Invoice, InvoiceCounter, InvoiceDocument
from payments.projects.models import (
    Payment,
    Project,
    ProjectKey,
    ProjectTotals,
    StripeConfig,
    StripeCredentials,
    StripeCustomer,
    Subscription,
)
from payments.timeline.models import TimelineEntry
from payments.webhooks.models import WebhookEvent
from payments.workspaces.models import (
    Charge,
    Membership,
    PaymentMethod,
    PricingPlan,
    Refund,
    Workspace,
)

__all__ = [
    "Charge",
    "IdempotentRequest",
    "Invoice",
    "InvoiceCounter",
    "InvoiceDocument",
    "Membership",
    "Payment",
    "PaymentMethod",
    "PricingPlan",
    "Project",
    "ProjectKey",
    "ProjectTotals",
    "Refund",
    "StripeConfig",
    "StripeCredentials",
    "StripeCustomer",
    "Subscription",
    "TimelineEntry",
    "User",
    "WebhookEvent",
    "Workspace",
]
