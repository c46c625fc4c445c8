"""The pricing plans that a fresh database gets; afterwards they are the operator's."""

from __future__ import annotations

from typing import Any

from payments.kit import money
from payments.kit.inserts import inserted
from payments.kit.transactions import transaction
from payments.workspaces import queries
from payments.workspaces.models import PricingPlan

UNLIMITED = -1
_MONTHS_PAID_A_YEAR = 10  # who pays for a year gets two months of it for nothing


def _limits(
    projects: int,
    environments: int,
    resources: int,
    connections: int,
    members: int,
    *disabled: str,
) -> dict[str, Any]:
    bounded = UNLIMITED not in (projects, resources)
    return {
        "max_projects": projects,
        "max_environments_per_project": environments,
        "max_resources": projects * resources if bounded else UNLIMITED,
        "max_resources_per_project": resources,
        "max_cloud_connections": connections,
        "max_workspace_members": members,
        "features_disabled": list(disabled),
    }


FREE: dict[str, Any] = {
    "slug": "free",
    "name": "Free",
    "description": "For trying things out alone.",
    "price_minor": 0,
    "tier": 0,
    "restrictions": _limits(1, 1, 5, 1, 1, "custom_domains", "audit_log", "sso"),
    "features": ["1 project", "Community support"],
}
STARTER: dict[str, Any] = {
    "slug": "starter",
    "name": "Starter",
    "description": "For a small team with its first product.",
    "price_minor": 999,
    "tier": 1,
    "restrictions": _limits(5, 2, 20, 3, 5, "audit_log", "sso"),
    "features": ["5 projects", "5 members", "Custom domains", "Email support"],
}
PRO: dict[str, Any] = {
    "slug": "pro",
    "name": "Pro",
    "description": "For a growing team that ships every day.",
    "price_minor": 2999,
    "tier": 2,
    "restrictions": _limits(25, 5, 100, 10, 25, "sso"),
    "features": ["25 projects", "25 members", "Audit log", "Priority support"],
}
ULTIMATE: dict[str, Any] = {
    "slug": "ultimate",
    "name": "Ultimate",
    "description": "Without limits, for the whole company.",
    "price_minor": 9999,
    "tier": 3,
    "restrictions": _limits(UNLIMITED, UNLIMITED, UNLIMITED, UNLIMITED, UNLIMITED),
    "features": ["Unlimited projects", "Unlimited members", "Single sign-on", "24/7 support"],
}
ENTERPRISE: dict[str, Any] = {
    **ULTIMATE,
    "slug": "enterprise",
    "name": "Enterprise",
    "description": "By agreement; an operator opens it when there is one.",
    "price_minor": 49999,
    "tier": 4,
    "is_active": False,
}


def _yearly(plan: dict[str, Any]) -> dict[str, Any]:
    return {
        **plan,
        "slug": f"{plan['slug']}-yearly",
        "name": f"{plan['name']} (yearly)",
        "price_minor": plan["price_minor"] * _MONTHS_PAID_A_YEAR,
        "price_period": "year",
    }


# In this order, so that a fresh database numbers them from free = 1, starter = 2 on.
PLANS = (
    FREE,
    STARTER,
    PRO,
    ULTIMATE,
    *(_yearly(plan) for plan in (STARTER, PRO, ULTIMATE)),
    ENTERPRISE,
)


def seed() -> int:
    """Add the plans that are missing and return how many; what is there stays as it is.

    Raises NotChargeable, with nothing added, for a price that Stripe would refuse.
    """
    for plan in PLANS:
        if plan["price_minor"]:
            money.check_chargeable(plan["price_minor"], plan.get("currency", "usd"))
    with transaction():
        # Looked up first: a refused insert would use up a number of PostgreSQL's sequence.
        missing = [plan for plan in PLANS if queries.find_plan(plan["slug"]) is None]
        return sum(inserted(PricingPlan(**plan)) for plan in missing)
