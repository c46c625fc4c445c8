"""The tables of the workspaces room."""

from payments.workspaces.models.anomalies import StripeAnomaly
from payments.workspaces.models.charges import Charge, Refund
from payments.workspaces.models.disputes import Dispute
from payments.workspaces.models.invitations import Invitation
from payments.workspaces.models.payment_methods import PaymentMethod
from payments.workspaces.models.plans import PricingPlan
from payments.workspaces.models.workspaces import Membership, Workspace

__all__ = [
    "Charge",
    "Dispute",
    "Invitation",
    "Membership",
    "PaymentMethod",
    "PricingPlan",
    "Refund",
    "StripeAnomaly",
    "Workspace",
]
