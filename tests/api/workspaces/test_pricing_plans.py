"""Pricing plans: public, seeded once, the operator's afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from payments.kit.db import db
from payments.kit.transactions import transaction
from payments.workspaces import catalog
from payments.workspaces.models import PricingPlan
from tests.support.people import sign_up

PLANS = "/api/pricing-plans"
SLUGS = ["free", "starter", "starter-yearly", "pro", "pro-yearly", "ultimate", "ultimate-yearly"]


def set_plan(slug: str, **values: Any) -> None:
    with transaction() as session:
        session.execute(sa.update(PricingPlan).where(PricingPlan.slug == slug).values(**values))


def rows() -> list[dict[str, Any]]:
    names = [column.name for column in PricingPlan.__table__.columns]
    found = db.session.scalars(sa.select(PricingPlan).order_by(PricingPlan.id))
    return [{name: getattr(plan, name) for name in names} for plan in found]


@pytest.fixture
def starter(context: Flask) -> Iterator[str]:
    """A plan that a test may change: it is put back afterwards."""
    plan = db.session.scalars(sa.select(PricingPlan).where(PricingPlan.slug == "starter")).one()
    former = {"price_minor": plan.price_minor, "is_active": True, "name": plan.name}
    yield "starter"
    set_plan("starter", **former)


def is_seeded(slug: str) -> bool:
    """Tell the shipped plans from those that other tests add (`plan-...`)."""
    return not slug.startswith("plan-")


class TestList:
    def test_lists_active_plans_from_the_lowest(self, client: FlaskClient) -> None:
        answer = client.get(PLANS)
        assert answer.status_code == 200
        assert answer.json["message"] == "Pricing plans retrieved successfully"
        assert answer.json["count"] == len(answer.json["data"])
        assert [slug for plan in answer.json["data"] if is_seeded(slug := plan["slug"])] == SLUGS

    def test_a_token_changes_nothing(self, client: FlaskClient) -> None:
        assert sign_up(client).get(PLANS).json == client.get(PLANS).json
        assert client.get(PLANS, headers={"Authorization": "Bearer x"}).status_code == 200

    def test_the_fields_of_a_plan(self, client: FlaskClient) -> None:
        plan = client.get(PLANS).json["data"][0]
        assert set(plan) == {
            "id", "name", "slug", "description", "price", "currency", "pricePeriod", "tier",
            "isActive", "restrictions", "features", "createdAt", "updatedAt",
        }  # fmt: skip
        assert set(plan["restrictions"]) == {
            "max_projects", "max_environments_per_project", "max_resources",
            "max_resources_per_project", "max_cloud_connections", "max_workspace_members",
            "features_disabled",
        }  # fmt: skip

    @pytest.mark.parametrize(
        ("asked", "shown"),
        [
            ("true", True),
            ("TRUE", True),
            ("false", False),
            ("1", False),
            ("", False),
            ("\x00", False),
        ],
    )
    def test_retired_plans_only_when_asked_for(
        self, client: FlaskClient, starter: str, asked: str, shown: bool
    ) -> None:
        set_plan(starter, is_active=False)
        answer = client.get(PLANS, query_string={"includeInactive": asked})
        slugs = [plan["slug"] for plan in answer.json["data"]]
        assert ("starter" in slugs) is shown
        assert ("enterprise" in slugs) is shown

    def test_cannot_be_written(self, client: FlaskClient) -> None:
        for method in (client.post, client.put, client.patch, client.delete):
            assert method(PLANS, json={}).status_code == 405
            assert method(f"{PLANS}/free", json={}).json["code"] == "method_not_allowed"


class TestGet:
    def test_returns_a_plan(self, client: FlaskClient) -> None:
        answer = client.get(f"{PLANS}/starter")
        assert answer.status_code == 200
        plan = answer.json["data"]
        assert (plan["id"], plan["slug"], plan["tier"]) == (2, "starter", 1)
        assert '"price":9.99' in answer.text

    def test_a_retired_plan(self, client: FlaskClient) -> None:
        assert client.get(f"{PLANS}/enterprise").json["data"]["isActive"] is False

    @pytest.mark.parametrize(
        "slug",
        [
            "gold",
            "FREE",
            "free%20",
            "free%00",
            "%00",
            "%ED%A0%80",
            "%FF",
            "'%20OR%201=1",
            "x" * 10_000,
        ],
    )
    def test_no_such_plan(self, client: FlaskClient, slug: str) -> None:
        answer = client.get(f"{PLANS}/{slug}")
        assert (answer.status_code, answer.json["code"]) == (404, "plan_not_found")


class TestSeed:
    def test_the_plans_of_a_fresh_database(self, context: Flask) -> None:
        plans = [
            (r["id"], r["slug"], r["tier"], r["price_minor"], r["price_period"])
            for r in rows()
            if is_seeded(r["slug"])
        ]
        assert plans == [
            (1, "free", 0, 0, "month"),
            (2, "starter", 1, 999, "month"),
            (3, "pro", 2, 2999, "month"),
            (4, "ultimate", 3, 9999, "month"),
            (5, "starter-yearly", 1, 9990, "year"),
            (6, "pro-yearly", 2, 29990, "year"),
            (7, "ultimate-yearly", 3, 99990, "year"),
            (8, "enterprise", 4, 49999, "month"),
        ]

    def test_twice_changes_nothing(self, context: Flask) -> None:
        before = rows()
        assert catalog.seed() == 0
        assert rows() == before

    def test_what_an_operator_changed_stays(self, context: Flask, starter: str) -> None:
        set_plan(starter, price_minor=1234, is_active=False, name="Beginner")
        catalog.seed()
        plan = next(r for r in rows() if r["slug"] == starter)
        assert (plan["price_minor"], plan["is_active"], plan["name"]) == (1234, False, "Beginner")

    def test_a_missing_plan_is_added(self, context: Flask) -> None:
        with transaction() as session:
            session.execute(sa.delete(PricingPlan).where(PricingPlan.slug == "enterprise"))
        assert catalog.seed() == 1
        assert rows()[-1]["slug"] == "enterprise"
        # The number it had is part of what other tests expect of a fresh database.
        set_plan("enterprise", id=8)

    def test_a_year_costs_ten_months(self) -> None:
        prices = {plan["slug"]: plan["price_minor"] for plan in catalog.PLANS}
        for slug in ("starter", "pro", "ultimate"):
            assert prices[f"{slug}-yearly"] == 10 * prices[slug]

    def test_limits_only_grow_with_the_tier(self) -> None:
        monthly = [p for p in catalog.PLANS if p.get("price_period") != "year"]
        for lower, higher in pairwise(monthly):
            for limit, most in lower["restrictions"].items():
                if limit == "features_disabled":
                    assert set(higher["restrictions"][limit]) <= set(most)
                else:
                    above = higher["restrictions"][limit]
                    assert above == catalog.UNLIMITED or above >= most != catalog.UNLIMITED
