"""Opened secrets: who gets which, how rotation and switching off reach every process."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa
from flask import Flask

from payments.config import Settings
from payments.kit import clock
from payments.kit.crypto import Unsealable
from payments.kit.db import db
from payments.kit.transactions import NestedTransaction, transaction
from payments.projects import configs, credentials
from payments.projects.errors import StripeNotSetUp
from payments.projects.models import StripeCredentials
from tests.support.apps import another_app
from tests.support.developers import (
    PROJECTS,
    ProjectSeat,
    live_key,
    sandbox_key,
    signing_secret,
    store_keys,
)


@pytest.fixture
def elsewhere(settings: Settings, context: Flask) -> Iterator[Flask]:
    """Another process of the service: it shares nothing but the database."""
    with another_app(settings) as app:
        yield app


def rotate(seat: ProjectSeat) -> str:
    fresh = signing_secret()
    store_keys(seat.developer, seat.project_id, test_webhook_secret=fresh)
    return fresh


def secrets_in(app: Flask, seat: ProjectSeat, mode: str = "test") -> tuple[str, ...]:
    with app.app_context():
        return credentials.webhook_secrets(seat.project_id, mode)


class TestSecretKey:
    def test_the_key_of_the_mode(self, context: Flask, neighbours: ProjectSeat) -> None:
        held = {
            mode: credentials.secret_key(neighbours.project_id, mode) for mode in ("test", "live")
        }
        assert held == {"test": neighbours.secret_key, "live": neighbours.live_secret_key}

    def test_the_other_mode_is_not_set_up(self, context: Flask, seat: ProjectSeat) -> None:
        with pytest.raises(StripeNotSetUp):
            credentials.secret_key(seat.project_id, "live")

    def test_a_webhook_secret_is_no_key(self, context: Flask, seat: ProjectSeat) -> None:
        store_keys(seat.developer, seat.project_id, live_webhook_secret=signing_secret())
        with pytest.raises(StripeNotSetUp):
            credentials.secret_key(seat.project_id, "live")

    def test_switched_off_there_is_none(self, context: Flask, seat: ProjectSeat) -> None:
        seat.developer.delete(f"{seat.path}/config")
        with pytest.raises(StripeNotSetUp):
            credentials.secret_key(seat.project_id, "test")
        store_keys(seat.developer, seat.project_id)
        assert credentials.secret_key(seat.project_id, "test") == seat.secret_key

    def test_of_a_deleted_project_there_is_none(self, context: Flask, seat: ProjectSeat) -> None:
        seat.developer.delete(f"{PROJECTS}/{seat.project_id}")
        with pytest.raises(StripeNotSetUp):
            credentials.secret_key(seat.project_id, "test")
        assert credentials.webhook_secrets(seat.project_id, "test") == ()

    def test_a_text_that_was_moved_does_not_open(
        self, context: Flask, seat: ProjectSeat, neighbours: ProjectSeat
    ) -> None:
        with transaction() as session:
            theirs = sa.select(StripeCredentials.secret_key).where(
                StripeCredentials.project_id == neighbours.project_id,
                StripeCredentials.mode == "test",
            )
            stolen = session.scalars(theirs).one()
            session.execute(
                sa.update(StripeCredentials)
                .where(StripeCredentials.project_id == seat.project_id)
                .values(secret_key=stolen)
            )
        with pytest.raises(Unsealable):
            credentials.secret_key(seat.project_id, "test")
        store_keys(seat.developer, seat.project_id, test_secret_key=seat.secret_key)
        assert credentials.secret_key(seat.project_id, "test") == seat.secret_key

    @pytest.mark.parametrize("change", [{"project_id": "..."}, {"mode": "live"}])
    def test_a_row_given_to_another_project_or_mode_does_not_open(
        self, context: Flask, seat: ProjectSeat, second: ProjectSeat, change: dict[str, str]
    ) -> None:
        """Whoever can write to the database cannot use one tenant's key for another's."""
        target = second.project_id if "project_id" in change else seat.project_id
        mode = change.get("mode", "test")
        row = StripeCredentials.__table__.c
        with transaction() as session:
            there = (row.project_id == target, row.mode == mode)
            session.execute(sa.delete(StripeCredentials).where(*there))
            session.execute(
                sa.update(StripeCredentials)
                .where(row.project_id == seat.project_id, row.mode == "test")
                .values(project_id=target, mode=mode)
            )
        with pytest.raises(Unsealable):
            credentials.secret_key(target, mode)
        with pytest.raises(Unsealable):
            credentials.webhook_secrets(target, mode, fresh=True)


class TestGateway:
    def test_it_speaks_to_the_projects_account(self, context: Flask, seat: ProjectSeat) -> None:
        made = seat.shop.stripe("POST", "/v1/customers", email="a@example.com")["id"]
        gateway = credentials.gateway_for(seat.project_id, True)
        assert gateway.find_payments(made, since=0) == []

    def test_no_transaction_stays_open(self, context: Flask, seat: ProjectSeat) -> None:
        credentials.gateway_for(seat.project_id, True)
        assert not db.session().in_transaction()
        with pytest.raises(NestedTransaction), transaction():
            credentials.gateway_for(seat.project_id, True)

    def test_without_a_key_it_is_not_set_up(self, context: Flask, seat: ProjectSeat) -> None:
        with pytest.raises(StripeNotSetUp):
            credentials.gateway_for(seat.project_id, False)


class TestWebhookSecrets:
    def test_those_of_the_mode(self, app: Flask, neighbours: ProjectSeat) -> None:
        assert secrets_in(app, neighbours) == (neighbours.webhook_secret,)
        assert secrets_in(app, neighbours, "live") == (neighbours.live_webhook_secret,)

    def test_without_one_there_are_none(self, app: Flask, seat: ProjectSeat) -> None:
        assert secrets_in(app, seat, "live") == ()

    def test_a_new_one_is_known_at_once_and_the_former_still(
        self, app: Flask, seat: ProjectSeat
    ) -> None:
        assert secrets_in(app, seat) == (seat.webhook_secret,)
        fresh = rotate(seat)
        assert secrets_in(app, seat) == (fresh, seat.webhook_secret)

    def test_the_former_ends_after_its_grace(self, app: Flask, seat: ProjectSeat) -> None:
        fresh = rotate(seat)
        start = clock.now()
        with clock.frozen(start + configs.GRACE - timedelta(seconds=5)) as advance:
            assert secrets_in(app, seat) == (fresh, seat.webhook_secret)
            advance(timedelta(seconds=6))
            assert secrets_in(app, seat) == (fresh,)

    def test_the_former_ends_in_the_midst_of_what_is_kept(
        self, app: Flask, seat: ProjectSeat
    ) -> None:
        fresh = rotate(seat)
        with clock.frozen(_grace_end(app, seat) - timedelta(seconds=1)) as advance:
            assert len(secrets_in(app, seat)) == 2
            advance(timedelta(seconds=2))
            assert secrets_in(app, seat) == (fresh,)

    def test_the_same_one_again_is_no_rotation(self, app: Flask, seat: ProjectSeat) -> None:
        store_keys(seat.developer, seat.project_id, test_webhook_secret=seat.webhook_secret)
        assert secrets_in(app, seat) == (seat.webhook_secret,)

    def test_only_the_last_former_is_kept(self, app: Flask, seat: ProjectSeat) -> None:
        second, third = rotate(seat), rotate(seat)
        assert secrets_in(app, seat) == (third, second)

    def test_switched_off_there_are_none(self, app: Flask, seat: ProjectSeat) -> None:
        assert secrets_in(app, seat)
        seat.developer.delete(f"{seat.path}/config")
        assert secrets_in(app, seat) == ()

    def test_another_process_knows_within_the_bound(
        self, app: Flask, elsewhere: Flask, seat: ProjectSeat
    ) -> None:
        with clock.frozen(clock.now()) as advance:
            assert secrets_in(elsewhere, seat) == (seat.webhook_secret,)
            fresh = rotate(seat)
            assert secrets_in(elsewhere, seat) == (seat.webhook_secret,)
            advance(credentials.SECRETS_KEPT_FOR)
            assert secrets_in(elsewhere, seat) == (fresh, seat.webhook_secret)
            seat.developer.delete(f"{seat.path}/config")
            advance(credentials.SECRETS_KEPT_FOR)
            assert secrets_in(elsewhere, seat) == ()

    def test_fresh_asks_the_database(self, elsewhere: Flask, seat: ProjectSeat) -> None:
        secrets_in(elsewhere, seat)
        fresh = rotate(seat)
        with elsewhere.app_context():
            found = credentials.webhook_secrets(seat.project_id, "test", fresh=True)
        assert found[0] == fresh
        assert secrets_in(elsewhere, seat)[0] == fresh

    def test_what_is_kept_needs_no_database(self, app: Flask, seat: ProjectSeat) -> None:
        secrets_in(app, seat)
        with app.app_context():
            credentials.webhook_secrets(seat.project_id, "test")
            assert not db.session().in_transaction()

    def test_memory_is_bounded(
        self,
        app: Flask,
        seat: ProjectSeat,
        neighbours: ProjectSeat,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(credentials, "_MOST_KEPT", 1)
        secrets_in(app, seat)
        secrets_in(app, neighbours)
        assert len(app.extensions["payments.webhook_secrets"]) == 1

    def test_what_is_kept_shows_nothing(self, app: Flask, seat: ProjectSeat) -> None:
        rotate(seat)
        held = secrets_in(app, seat)
        shown = repr(app.extensions["payments.webhook_secrets"])
        assert not any(secret in shown for secret in held)


def _grace_end(app: Flask, seat: ProjectSeat) -> datetime:
    with app.app_context():
        query = sa.select(StripeCredentials.former_until).where(
            StripeCredentials.project_id == seat.project_id
        )
        until = db.session.scalars(query).one()
    assert until is not None
    return until


def test_keys_of_two_modes_are_two_accounts(context: Flask, seat: ProjectSeat) -> None:
    live = live_key()
    store_keys(seat.developer, seat.project_id, live_secret_key=live)
    assert credentials.secret_key(seat.project_id, "live") == live
    assert credentials.secret_key(seat.project_id, "test") == seat.secret_key
    store_keys(seat.developer, seat.project_id, test_secret_key=(other := sandbox_key()))
    assert credentials.secret_key(seat.project_id, "test") == other
