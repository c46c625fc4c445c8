"""Migration 0011: keys that were switched off get their grace, stored payloads are counted."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask
from flask_migrate import downgrade, upgrade

from payments.config import Settings
from payments.kit import clock
from payments.kit.db import db
from payments.projects.models import StripeCredentials
from payments.webhooks import storage
from tests.support.migrations import app_at, insert
from tests.support.stack import MIGRATIONS

NOW = "2026-11-01 00:00:00+00:00"
STAMPS = {"created_at": NOW, "updated_at": NOW}


@pytest.fixture
def old_app(tmp_path: Path, settings: Settings) -> Iterator[Flask]:
    with app_at("0009", tmp_path, settings) as app:
        yield app


def plant() -> None:
    """Write a project in use, one whose configuration is off, and one that was deleted."""
    insert(
        "users", id=1, kind="developer", email="old@example.com", name="Old", password_hash="x",
        is_active=True, is_admin=False, uuid="00000000-0000-4000-8000-000000000001", **STAMPS,
    )  # fmt: skip
    for name, project_on, config_on in (
        ("used", True, True), ("off", True, False), ("deleted", False, True),
    ):  # fmt: skip
        insert(
            "projects", id=name, owner_id=1, name=name, is_active=project_on, allowed_origins="[]",
            **STAMPS,
        )  # fmt: skip
        insert(
            "stripe_configs", id=name, project_id=name, is_active=config_on,
            allow_repeat_trials=False, **STAMPS,
        )  # fmt: skip
        insert("stripe_credentials", id=name, project_id=name, mode="test", secret_key="sealed")
        for number, payload in enumerate(('{"a": "ä"}', "{}", None)):
            insert(
                "webhook_events", owner=name, mode="test", event_id=f"evt_{number}", type="x.y",
                created=1, payload=payload, state="processed", source="delivered",
                received_at=NOW, due_at=NOW, tries=0, throttled=0, fence=0,
            )  # fmt: skip


@pytest.mark.usefixtures("old_app")
def test_what_was_switched_off_is_destroyed_in_a_week() -> None:
    plant()
    upgrade(directory=str(MIGRATIONS))
    rows = {row.id: row.destroy_at for row in db.session.scalars(sa.select(StripeCredentials))}
    assert rows["used"] is None
    for name in ("off", "deleted"):
        assert abs(rows[name] - clock.now() - timedelta(days=7)) < timedelta(minutes=5)
    assert {storage.count_stored_bytes(name) for name in rows} == {len('{"a": "ä"}'.encode()) + 2}
    db.session.remove()
    downgrade(directory=str(MIGRATIONS), revision="0009")
    upgrade(directory=str(MIGRATIONS))
