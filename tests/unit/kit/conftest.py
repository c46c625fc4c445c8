"""A database with one table of its own: the kit knows none of the service's."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from payments.kit.db import Leased, UTCDateTime, db, engine_options, prepare_engine


class Own(DeclarativeBase):
    type_annotation_map = {datetime: UTCDateTime()}  # noqa: RUF012 - as SQLAlchemy wants it


class Chore(Own, Leased):
    __tablename__ = "chores"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    status: Mapped[str] = mapped_column(default="open")


@pytest.fixture
def sqlite(tmp_path: Path) -> Path:
    return tmp_path / "kit.sqlite3"


@pytest.fixture
def database(sqlite: Path) -> Iterator[Flask]:
    """The app context of a bare Flask app on a SQLite file."""
    app = Flask("kit")
    url = f"sqlite:///{sqlite}"
    app.config.update(SQLALCHEMY_DATABASE_URI=url, SQLALCHEMY_ENGINE_OPTIONS=engine_options(url))
    db.init_app(app)
    prepare_engine(app)
    with app.app_context():
        Own.metadata.create_all(db.engine)
        yield app
        db.session.remove()
        db.engine.dispose()


@pytest.fixture
def chore() -> type[Chore]:
    return Chore
