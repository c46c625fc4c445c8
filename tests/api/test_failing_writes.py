"""A write that the database refuses leaves its constraint's name in the log, and no personal data.

The constraint is planted: the schema's own ones are checked before.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from payments.kit.db import db, is_sqlite
from payments.kit.transactions import transaction
from tests.support.log_lines import read_log

NAME = "ck_users_planted"
EMAIL = "leak.me@private.example"
_SQLITE = (
    f"CREATE TRIGGER {NAME} BEFORE INSERT ON users WHEN NEW.email = '{EMAIL}' "
    f"BEGIN SELECT RAISE(ABORT, 'CHECK constraint failed: {NAME}'); END",
    f"DROP TRIGGER {NAME}",
)
_POSTGRESQL = (
    f"ALTER TABLE users ADD CONSTRAINT {NAME} CHECK (email <> '{EMAIL}') NOT VALID",
    f"ALTER TABLE users DROP CONSTRAINT {NAME}",
)


@pytest.fixture
def planted(app: Flask) -> Iterator[None]:
    with app.app_context():
        plant, remove = _SQLITE if is_sqlite(db.engine) else _POSTGRESQL
        with transaction() as session:
            session.execute(sa.text(plant))
        yield
        with transaction() as session:
            session.execute(sa.text(remove))


@pytest.mark.usefixtures("planted")
def test_a_refused_row_is_not_repeated(client: FlaskClient) -> None:
    body = {"email": EMAIL, "password": "Correct-horse-9-battery", "name": "Secretname"}
    with read_log() as lines:
        answer = client.post("/api/auth/signup", json=body)
    assert answer.status_code == 500
    told = str(lines)
    assert NAME in told
    assert "Traceback" in told
    for secret in ("leak.me", "Correct-horse", "Secretname", "scrypt:32", "scrypt:1024", "argon2"):
        assert secret not in told, secret
