"""Runs the migrations inside the app's own connection."""

from __future__ import annotations

from alembic import context
from flask import current_app
from sqlalchemy.engine import Connection

from payments.kit.db import Base, UTCDateTime
from payments.kit.db import db as database
from payments.kit.postgres import lift_bounds

config = context.config
target_metadata = Base.metadata


def render_item(kind: str, item: object, _context: object) -> str | bool:
    """Write our own column type as the plain one it stands for: migrations need nothing of ours."""
    if kind == "type" and isinstance(item, UTCDateTime):
        return "sa.DateTime(timezone=True)"
    return False


def release_references(connection: Connection) -> None:
    """Let SQLite drop a table that others refer to: altering one means to copy and replace it.

    The setting changes nothing inside a transaction, so the driver is told before one begins; the
    pool never sees the connection again.
    https://www.sqlite.org/lang_altertable.html#otheralter
    """
    driver = connection.connection.dbapi_connection
    assert driver is not None
    connection.detach()
    driver.execute("PRAGMA foreign_keys = OFF")


def check_references(connection: Connection) -> None:
    """Refuse a migration that left a reference to a row which is not there."""
    if connection.dialect.name == "sqlite":
        broken = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
        if broken:
            raise RuntimeError(f"the migration broke references: {broken[:5]}")


def run_migrations() -> None:
    """Migrate on one connection; SQLite alters tables by copying them, hence the batch mode."""
    engine = database.engine
    with engine.connect() as connection:
        if engine.dialect.name == "postgresql":
            # To alter a table may take its time, and is worth waiting for.
            lift_bounds(connection)
            connection.commit()
        else:
            release_references(connection)
        context.configure(
            connection=connection,
            target_metadata=target_metadata,
            render_as_batch=engine.dialect.name == "sqlite",
            render_item=render_item,
            compare_type=True,
        )
        with context.begin_transaction():
            context.run_migrations()
            check_references(connection)
        connection.commit()


assert current_app, "run through `flask db`"
run_migrations()
