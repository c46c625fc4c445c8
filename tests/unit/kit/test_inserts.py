"""Telling a duplicate from every other broken constraint."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask
from sqlalchemy.exc import IntegrityError

from payments.kit.inserts import inserted, is_duplicate
from payments.kit.transactions import transaction
from payments.workspaces import queries
from payments.workspaces.models import PricingPlan

BASE: dict[str, Any] = {"name": "x", "price_minor": 0, "tier": 0}


class TestInserted:
    def test_a_duplicate_leaves_the_transaction_usable(self, context: Flask) -> None:
        with transaction() as session:
            assert not inserted(PricingPlan(slug="free", **BASE))
            assert inserted(PricingPlan(slug="test-inserts", **BASE))
            assert queries.find_plan("test-inserts") is not None
            session.rollback()

    def test_another_broken_constraint_is_an_error(self, context: Flask) -> None:
        with pytest.raises(IntegrityError), transaction():
            inserted(PricingPlan(slug="test-inserts", **{**BASE, "price_minor": -1}))


class TestIsDuplicate:
    @pytest.mark.parametrize(
        ("told", "duplicate"),
        [
            ({"sqlstate": "23505"}, True),
            ({"sqlstate": "23503"}, False),
            ({"sqlite_errorname": "SQLITE_CONSTRAINT_UNIQUE"}, True),
            ({"sqlite_errorname": "SQLITE_CONSTRAINT_PRIMARYKEY"}, True),
            ({"sqlite_errorname": "SQLITE_CONSTRAINT_FOREIGNKEY"}, False),
            ({}, False),
        ],
    )
    def test_by_the_engines_own_code(self, told: dict[str, str], duplicate: bool) -> None:
        error = IntegrityError("INSERT", {}, SimpleNamespace(**told))  # type: ignore[arg-type]
        assert is_duplicate(error) is duplicate
