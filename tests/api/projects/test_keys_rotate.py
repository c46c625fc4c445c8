"""`flask keys rotate`: two keys, one run, and the old key can go."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator

import pytest
import sqlalchemy as sa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from flask import Flask

from payments import rotation
from payments.config import Settings
from payments.idempotency.models import IdempotentRequest
from payments.kit import crypto
from payments.kit.crypto import Sealer, Unsealable
from payments.kit.db import Base
from payments.kit.transactions import transaction
from payments.projects import credentials
from payments.projects.models import StripeCredentials
from payments.rotation import Report
from tests.api.projects.conftest import Holding
from tests.support.developers import (
    ProjectSeat,
    developer_with_project,
    sandbox_key,
    signing_secret,
    store_keys,
)
from tests.support.people import Person, sign_up

OLD, NEW = (crypto.parse_key(crypto.new_key()) for _ in range(2))


@pytest.fixture
def seat(holding: Holding, apart: Settings) -> Iterator[ProjectSeat]:
    """A project whose four columns were sealed with the old key."""
    with holding(OLD) as old:
        made = developer_with_project(old.test_client(), apart)
        store_keys(made.developer, made.project_id, test_publishable_key="pk_test_0123456789")
        store_keys(made.developer, made.project_id, test_webhook_secret=signing_secret())
        yield made
        with old.app_context(), transaction() as session:
            session.execute(sa.delete(StripeCredentials))
            session.execute(sa.delete(IdempotentRequest))


def opened(app: Flask, seat: ProjectSeat) -> tuple[str, tuple[str, ...]]:
    with app.app_context():
        key = credentials.secret_key(seat.project_id, "test")
        return key, credentials.webhook_secrets(seat.project_id, "test", fresh=True)


class TestRotate:
    def test_afterwards_the_old_key_can_go(self, holding: Holding, seat: ProjectSeat) -> None:
        with holding(OLD) as app:
            before = opened(app, seat)
            assert before[0] == seat.secret_key
            assert len(before[1]) == 2
        with holding(NEW, OLD) as app:
            answer = app.test_cli_runner().invoke(args=["keys", "rotate"])
            assert answer.exit_code == 0, answer.output
            assert "4 sealed anew" in answer.output
            assert opened(app, seat) == before
        with holding(NEW) as app:
            assert opened(app, seat) == before
        with holding(OLD) as app, pytest.raises(Unsealable):
            opened(app, seat)

    def test_without_downtime_both_keys_serve(self, holding: Holding, seat: ProjectSeat) -> None:
        with holding(NEW, OLD) as app:
            assert opened(app, seat)[0] == seat.secret_key
            store_keys(seat.developer, seat.project_id, test_secret_key=(key := sandbox_key()))
            assert opened(app, seat)[0] == key

    def test_a_second_run_changes_nothing(self, holding: Holding, seat: ProjectSeat) -> None:
        with holding(NEW, OLD) as app, app.app_context():
            first, second = rotation.rotate(), rotation.rotate()
        assert (first.renewed, first.unreadable) == (4, 0)
        assert second == Report(renewed=0, current=first.renewed + first.current, unreadable=0)

    def test_an_interrupted_run_is_finished_by_the_next(
        self, holding: Holding, seat: ProjectSeat, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with holding(OLD):
            for _ in range(2):
                store_keys(
                    seat.developer,
                    developer_with_project(
                        seat.developer.client, seat.settings, developer=seat.developer
                    ).project_id,
                    live_webhook_secret=signing_secret(),
                )
        with holding(NEW, OLD) as app, app.app_context():
            with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
                patch.setattr(rotation, "_batch", interrupted(rotation._batch, after=2))
                rotation.rotate(batch=1)
            finished = rotation.rotate(batch=2)
        assert finished.renewed > 0
        assert finished.current > 0
        with holding(NEW) as app, app.app_context():
            assert rotation.rotate().unreadable == 0

    def test_what_no_key_opens_is_told_and_the_rest_is_done(
        self, holding: Holding, seat: ProjectSeat, capsys: pytest.CaptureFixture[str]
    ) -> None:
        broken = Sealer((crypto.parse_key(crypto.new_key()),)).seal("whsec_lost", place="x")
        with holding(NEW, OLD) as app:
            with app.app_context(), transaction() as session:
                session.execute(
                    sa.update(StripeCredentials)
                    .where(StripeCredentials.project_id == seat.project_id)
                    .values(webhook_secret=broken)
                )
            answer = app.test_cli_runner().invoke(args=["keys", "rotate"])
        assert answer.exit_code == 1
        assert "3 sealed anew" in answer.output
        assert "1 open with no key" in answer.output
        assert "stripe_credentials.webhook_secret." in capsys.readouterr().err + answer.output

    def test_what_a_former_release_sealed_opens_and_is_bound_anew(
        self, holding: Holding, seat: ProjectSeat
    ) -> None:
        with holding(OLD) as app:
            before = opened(app, seat)
            with app.app_context(), transaction() as session:
                for row in session.scalars(sa.select(StripeCredentials)):
                    row.secret_key = seal_as_before(row, seat.secret_key)
            assert opened(app, seat) == before
            answer = app.test_cli_runner().invoke(args=["keys", "rotate"])
            assert "1 sealed anew" in answer.output
            assert opened(app, seat) == before
            with app.app_context(), transaction() as session:
                row = session.scalars(sa.select(StripeCredentials)).one()
                assert base64.urlsafe_b64decode(row.secret_key)[:1] == b"\x02"

    def test_answers_of_idempotent_requests_too(self, holding: Holding, seat: ProjectSeat) -> None:
        with holding(OLD) as app:
            ann = sign_up(app.test_client())
            first = setup(ann, app)
        with holding(NEW, OLD) as app, app.app_context():
            rotation.rotate()
        with holding(NEW) as app:
            assert setup(ann, app) == first


class TestColumns:
    def test_every_column_that_holds_sealed_texts_is_rotated(self) -> None:
        masked = {
            f"{table.name}.{column.name.removesuffix('_masked')}"
            for table in Base.metadata.tables.values()
            for column in table.columns
            if column.name.endswith("_masked")
        }
        rotated = {f"{m.__tablename__}.{c}" for m, cs in rotation.COLUMNS.items() for c in cs}
        assert masked <= rotated
        assert "stripe_credentials.former_webhook_secret" in rotated


def seal_as_before(row: StripeCredentials, plain: str) -> str:
    """Seal a secret key as it was sealed before project and mode were part of the place."""
    place = f"stripe_credentials.secret_key.{row.id}"
    body = AESGCM(OLD).encrypt(bytes(12), plain.encode(), place.encode())
    return base64.urlsafe_b64encode(b"\x01" + bytes(12) + body).decode()


def setup(person: Person, app: Flask) -> str:
    """Open a SetupIntent under one Idempotency-Key: the answer holds a client secret."""
    answer = app.test_client().post(
        f"{person.home.payments}/payment-method",
        headers={**person.headers, "Idempotency-Key": "the-same"},
    )
    assert answer.status_code == 200, answer.text
    return answer.text


def interrupted(run: Callable[..., object], *, after: int) -> Callable[..., object]:
    """Let Ctrl-C come after so many batches."""
    calls = []

    def once_more(*args: object) -> object:
        if len(calls) == after:
            raise KeyboardInterrupt
        calls.append(args)
        return run(*args)

    return once_more
