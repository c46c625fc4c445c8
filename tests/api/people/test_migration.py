"""Users of a former release, and the way back to it."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

import sqlalchemy as sa
from flask_migrate import downgrade, upgrade

from payments.config import Settings
from payments.kit import clock
from payments.kit.db import db
from tests.support.migrations import app_at, insert
from tests.support.stack import MIGRATIONS

BEFORE, WITH = "0011", "0012"


def add_user(email: str, **values: object) -> None:
    now = clock.now()
    insert(
        "users", uuid=str(uuid4()), email=email, name="Ann", password_hash="x", kind="member",
        is_admin=False, is_active=True, created_at=now, updated_at=now, **values,
    )  # fmt: skip


def read_users() -> list[tuple[str, bool]]:
    query = sa.text("SELECT email, is_active FROM users ORDER BY id")
    found = [(email, bool(is_active)) for email, is_active in db.session.execute(query)]
    db.session.rollback()
    return found


def test_who_was_there_counts_as_verified(tmp_path: Path, settings: Settings) -> None:
    with app_at(BEFORE, tmp_path, settings):
        add_user("a@example.com")
        upgrade(directory=str(MIGRATIONS), revision=WITH)
        add_user("b@example.com")  # as the former release goes on to write
        query = sa.text("SELECT count(*) FROM users WHERE is_email_verified")
        assert db.session.execute(query).scalar() == 2
        db.session.rollback()


def test_on_the_way_back_an_address_has_one_account(tmp_path: Path, settings: Settings) -> None:
    with app_at(WITH, tmp_path, settings):
        add_user("a@example.com", is_email_verified=False)
        add_user("a@example.com", is_email_verified=True)
        add_user("b@example.com", is_email_verified=False)
        add_user("b@example.com", is_email_verified=False)
        downgrade(directory=str(MIGRATIONS), revision=BEFORE)
        users = read_users()
    assert [email for email, is_active in users if is_active] == ["a@example.com", "b@example.com"]
    assert len({email for email, _ in users}) == 4
