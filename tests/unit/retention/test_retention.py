"""What is forgotten after its days, what stays, and that no batch is large."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from payments import config
from payments.config import ConfigError, Settings
from payments.extensions import redis
from payments.kit import clock
from payments.kit.db import db
from payments.kit.transactions import transaction
from payments.projects.models import CheckoutSession
from payments.retention import counts, payloads, prune
from payments.retention.sessions import prune_sessions
from payments.timeline.models import TimelineEntry
from payments.timeline.prune import prune_timeline
from payments.webhooks import inbox
from payments.webhooks.models import WebhookEvent
from tests.support.apps import another_app
from tests.support.deliveries import made_up
from tests.support.developers import developer_with_project
from tests.support.ledger_rows import user_id

DAY = timedelta(days=1)


class Inbox:
    """Rows of an owner of the test's own, handled some days ago."""

    def __init__(self) -> None:
        self.owner = str(uuid4())

    def add(self, age: timedelta, **values: Any) -> int:
        event = made_up()
        row = inbox.new_row(self.owner, event, "{}") | {"state": "processed"}
        with transaction() as session:
            made = WebhookEvent(**row | {"processed_at": clock.now() - age} | values)
            session.add(made)
            session.flush()
            return made.id

    def kept(self) -> set[int]:
        """Return the rows that still have their payload."""
        query = sa.select(WebhookEvent.id).where(
            WebhookEvent.owner == self.owner, WebhookEvent.payload.is_not(None)
        )
        return set(db.session.scalars(query))

    def rows(self) -> int:
        query = sa.select(sa.func.count()).select_from(WebhookEvent)
        return db.session.scalar(query.where(WebhookEvent.owner == self.owner)) or 0


@pytest.fixture
def box(context: Flask) -> Iterator[Inbox]:
    while payloads.drop_payloads(500):  # what other tests left
        pass
    box = Inbox()
    yield box
    with transaction() as session:
        session.execute(sa.delete(WebhookEvent).where(WebhookEvent.owner == box.owner))


class TestPayloads:
    @pytest.mark.parametrize(
        ("state", "age", "stays"),
        [
            ("processed", 91 * DAY, False),
            ("processed", 89 * DAY, True),
            ("dead", 400 * DAY, True),
            ("failed", 400 * DAY, True),
            ("received", 400 * DAY, True),
        ],
    )
    def test_which_are_dropped(self, box: Inbox, state: str, age: timedelta, stays: bool) -> None:
        row = box.add(age, state=state)
        payloads.drop_payloads(500)
        assert (row in box.kept()) is stays
        assert box.rows() == 1

    def test_an_event_whose_payload_is_gone_is_known_all_the_same(self, box: Inbox) -> None:
        """Stripe may deliver or list it again: it must not be taken for a new one."""
        event = made_up()
        row = box.add(91 * DAY, event_id=event["id"])
        payloads.drop_payloads(500)
        assert inbox.store(box.owner, event, "{}") is False
        held = db.session.get_one(WebhookEvent, row)
        assert (held.payload_dropped, held.content, held.state) == (True, None, "processed")

    def test_the_oldest_first_and_few_at_once(self, box: Inbox) -> None:
        old, older = box.add(100 * DAY), box.add(200 * DAY)
        assert payloads.drop_payloads(1) == 1
        assert box.kept() == {old}
        assert payloads.find_oldest_payload() <= clock.now() - 99 * DAY
        assert (older in box.kept()) is False

    def test_the_setting_counts(self, settings: Settings, box: Inbox) -> None:
        with another_app(settings, event_retention_days=31) as app, app.app_context():
            young, old = box.add(30 * DAY), box.add(32 * DAY)
            payloads.drop_payloads(500)
            assert box.kept() == {young}
            assert old not in box.kept()


class TestTurn:
    def test_batches_until_nothing_is_left(
        self, box: Inbox, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        redis().delete(counts._KEY)
        monkeypatch.setattr(prune, "BATCH", 2)
        for _ in range(5):
            box.add(91 * DAY)
        assert prune.prune() is False
        assert box.kept() == set()
        assert counts.read_pruned(("webhook_payloads",)) == {"webhook_payloads": 5}

    def test_what_takes_too_long_goes_on_in_another_turn(
        self, box: Inbox, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(prune, "BATCH", 2)
        monkeypatch.setattr(prune, "TURN_SECONDS", 0)
        for _ in range(5):
            box.add(91 * DAY)
        assert prune.prune() is True
        assert len(box.kept()) == 3


class TestRows:
    def test_the_timeline(self, context: Flask) -> None:
        marker = str(uuid4())
        kinds = {"old": 731 * DAY, "young": 729 * DAY}
        with transaction() as session:
            # Rows are made in the order of time; the lowest number is the oldest.
            first = session.scalar(sa.select(sa.func.min(TimelineEntry.id))) or 1
            for number, (kind, age) in enumerate(kinds.items()):
                entry = TimelineEntry(
                    id=first - 2 + number,
                    kind=kind, at=clock.now() - age, actor="sweep", subject=marker, data={},
                )  # fmt: skip
                session.add(entry)
        assert prune_timeline(500) >= 1
        left = sa.select(TimelineEntry.kind).where(TimelineEntry.subject == marker)
        assert list(db.session.scalars(left)) == ["young"]

    def test_checkout_sessions(self, app: Flask, client: FlaskClient, settings: Settings) -> None:
        seat = developer_with_project(client, settings)
        user = seat.end_user
        with app.app_context():
            first = db.session.scalar(sa.select(sa.func.min(CheckoutSession.id))) or 1
            with transaction() as session:
                for number, age in enumerate((91 * DAY, 89 * DAY)):
                    row = CheckoutSession(
                        id=first - 2 + number, project_id=seat.project_id, is_test_mode=True,
                        user_id=user_id(user), session_id=f"cs_{uuid4()}",
                        mode="payment", created_at=clock.now() - age,
                    )  # fmt: skip
                    session.add(row)
            assert prune_sessions(500) >= 1
            left = sa.select(CheckoutSession.id).where(
                CheckoutSession.project_id == seat.project_id
            )
            assert list(db.session.scalars(left)) == [first - 1]


@pytest.mark.parametrize(
    "name", ["EVENT_RETENTION_DAYS", "TIMELINE_RETENTION_DAYS", "SESSION_RETENTION_DAYS"]
)
@pytest.mark.parametrize("days", ["30", "0", "-1", "ninety", "1e9"])
def test_fewer_days_than_stripe_lists_events_for_are_refused(
    tmp_path: Any, name: str, days: str
) -> None:
    with pytest.raises(ConfigError, match=name):
        config.load({"DATA_DIR": str(tmp_path), name: days})
    held = config.load({"DATA_DIR": str(tmp_path), name: "31"})
    assert getattr(held, name.lower()) == 31
