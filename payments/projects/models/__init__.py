"""The tables of the projects room."""

from payments.projects.models.configs import StripeConfig, StripeCredentials
from payments.projects.models.ledger import (
    Payment,
    ProjectRevenue,
    ProjectTotals,
    Subscription,
)
from payments.projects.models.projects import (
    CheckoutSession,
    Project,
    ProjectKey,
    StripeCustomer,
)

__all__ = [
    "CheckoutSession",
    "Payment",
    "Project",
    "ProjectKey",
    "ProjectRevenue",
    "ProjectTotals",
    "StripeConfig",
    "StripeCredentials",
    "StripeCustomer",
    "Subscription",
]
