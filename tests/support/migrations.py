"""A database at the revision of a former release, and rows as that one wrote them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from flask import Flask
from flask_migrate import upgrade

from payments.config import Settings
from payments.kit.db import db
from payments.kit.transactions import transaction
from tests.support import stack
from tests.support.apps import another_app
from tests.support.site import GIVEN_DATABASE
from tests.support.stack import MIGRATIONS


@contextmanager
def app_at(revision: str, folder: Path, settings: Settings) -> Iterator[Flask]:
    """Yield an app, its context open, whose database stands at a revision."""
    with (
        stack.database(GIVEN_DATABASE, folder) as url,
        another_app(
            settings, database_url=url.replace("postgresql://", "postgresql+psycopg://")
        ) as app,
        app.app_context(),
    ):
        upgrade(directory=str(MIGRATIONS), revision=revision)
        yield app
        db.session.remove()


def insert(table: str, **values: Any) -> None:
    """Insert a row as the former release wrote it, knowing nothing of the new columns."""
    names, marks = ", ".join(values), ", ".join(f":{name}" for name in values)
    with transaction() as session:
        statement = f"INSERT INTO {table} ({names}) VALUES ({marks})"  # noqa: S608 - our names
        session.execute(sa.text(statement), values)
