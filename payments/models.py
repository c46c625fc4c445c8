"""Every domain's models, so that Alembic sees one metadata."""

from payments.auth.models import LoginSession, User
from payments.idempotency.models import IdempotentRequest
from payments.installation.models import Installation
from payments.invoices.models import Invoice, InvoiceCounter, InvoiceDayProof, InvoiceDocument
from payments.mail.models import OutgoingMail
from payments.projects.models import (
    CheckoutSession,
    Payment,
    Project,
    ProjectKey,
    ProjectRevenue,
    ProjectTotals,
    StripeConfig,
    StripeCredentials,
    StripeCustomer,
    Subscription,
)
from payments.runs.models import Drift, EventCursor, ReconciliationRun
from payments.timeline.models import TimelineEntry
from payments.users.models import SecondFactor
from payments.webhooks.models import EventStorage, WebhookEvent
from payments.workspaces.models import (
    Charge,
    Dispute,
    Invitation,
    Membership,
    PaymentMethod,
    PricingPlan,
    Refund,
    StripeAnomaly,
    Workspace,
)

__all__ = [
    "Charge",
    "CheckoutSession",
    "Dispute",
    "Drift",
    "EventCursor",
    "EventStorage",
    "IdempotentRequest",
    "Installation",
    "Invitation",
    "Invoice",
    "InvoiceCounter",
    "InvoiceDayProof",
    "InvoiceDocument",
    "LoginSession",
    "Membership",
    "OutgoingMail",
    "Payment",
    "PaymentMethod",
    "PricingPlan",
    "Project",
    "ProjectKey",
    "ProjectRevenue",
    "ProjectTotals",
    "ReconciliationRun",
    "Refund",
    "SecondFactor",
    "StripeAnomaly",
    "StripeConfig",
    "StripeCredentials",
    "StripeCustomer",
    "Subscription",
    "TimelineEntry",
    "User",
    "WebhookEvent",
    "Workspace",
]
