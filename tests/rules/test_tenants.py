"""Every table with a tenant's rows says whose they are, so that no query can forget it."""

from __future__ import annotations

import sqlalchemy as sa

from payments import models
from payments.kit.db import Base

OWNERS = {"workspace_id", "project_id", "owner"}
WITHOUT = {
    "installation": "the name of this database, one row",
    "workspaces": "is the tenant itself",
    "projects": "is the tenant itself",
    "pricing_plans": "the platform's catalogue, the same for everybody",
    "invoice_counters": "one sequence a day for the whole platform",
    "invoice_day_proofs": "one a day for the whole platform",
    "invoice_documents": "one to one with its invoice, which says it",
    "second_factors": "belongs to its user, whatever they are a member of",
    "idempotent_requests": "belongs to the user who sent the request",
    "login_sessions": "belongs to the user who logged in",
}


def ownerless(metadata: sa.MetaData) -> set[str]:
    return {name for name, table in metadata.tables.items() if not OWNERS & set(table.c.keys())}


def test_every_table_says_whose_its_rows_are() -> None:
    assert models.Charge.metadata is Base.metadata
    assert ownerless(Base.metadata) - WITHOUT.keys() == set()


def test_no_exception_outlives_its_table() -> None:
    assert WITHOUT.keys() - ownerless(Base.metadata) == set()


def test_a_planted_table_is_found() -> None:
    metadata = sa.MetaData()
    sa.Table("payouts", metadata, sa.Column("id", sa.Integer))
    sa.Table("cards", metadata, sa.Column("workspace_id", sa.Integer))
    assert ownerless(metadata) == {"payouts"}
