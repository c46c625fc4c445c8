"""`flask keys check`, readiness and `/metrics`: whether CREDENTIALS_KEYS open what is sealed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from flask import Flask

from payments.config import Settings
from payments.idempotency.models import IdempotentRequest
from payments.kit import crypto
from payments.kit.transactions import transaction
from payments.projects.models import StripeCredentials
from tests.api.projects.conftest import Holding
from tests.support.developers import ProjectSeat, developer_with_project, signing_secret, store_keys

OLD, NEW = (crypto.parse_key(crypto.new_key()) for _ in range(2))


@pytest.fixture
def seat(holding: Holding, apart: Settings) -> Iterator[ProjectSeat]:
    """A project whose three texts were sealed with the old key."""
    with holding(OLD) as old:
        made = developer_with_project(old.test_client(), apart)
        store_keys(made.developer, made.project_id, test_webhook_secret=signing_secret())
        yield made
        with old.app_context(), transaction() as session:
            session.execute(sa.delete(StripeCredentials))
            session.execute(sa.delete(IdempotentRequest))


def check(app: Flask) -> tuple[int, str]:
    done = app.test_cli_runner().invoke(args=["keys", "check"])
    return done.exit_code, next(
        line for line in done.output.splitlines() if line.startswith("stripe_credentials: ")
    )


def part(app: Flask) -> str:
    return str(app.test_client().get("/readyz").json["parts"]["credentials"])


def gauge(app: Flask) -> float:
    name = 'payments_unreadable_secrets{table="stripe_credentials"} '
    lines = app.test_client().get("/metrics").text.splitlines()
    return float(next(line for line in lines if line.startswith(name)).removeprefix(name))


@pytest.mark.parametrize(
    ("keys", "code", "told"),
    [
        ((OLD,), 0, "3 open with the first key, 0 with a later one, 0 with none"),
        ((NEW, OLD), 0, "0 open with the first key, 3 with a later one, 0 with none"),
        ((NEW,), 1, "0 open with the first key, 0 with a later one, 3 with none"),
    ],
)
def test_every_text_is_opened(
    holding: Holding, seat: ProjectSeat, keys: tuple[bytes, ...], code: int, told: str
) -> None:
    with holding(*keys) as app:
        assert check(app) == (code, f"stripe_credentials: {told}")


def test_a_key_that_opens_nothing_stops_readiness(holding: Holding, seat: ProjectSeat) -> None:
    with holding(NEW, OLD) as app:
        assert (part(app), gauge(app)) == ("ok", 0)
    with holding(NEW) as app:
        assert part(app) == "unreadable"
        assert gauge(app) > 0


def test_a_text_that_was_left_behind_is_found_among_others(
    holding: Holding, seat: ProjectSeat
) -> None:
    """The old key was taken away without `flask keys rotate`, and new rows have come since."""
    with holding(NEW) as app:
        developer_with_project(app.test_client(), seat.settings)
        assert part(app) == "unreadable"


def test_a_sample_is_kept_for_a_while(
    holding: Holding, seat: ProjectSeat, monkeypatch: pytest.MonkeyPatch
) -> None:
    from payments.pages import readiness

    with holding(OLD) as app:
        assert part(app) == "ok"
        monkeypatch.setattr(readiness.sealed_texts, "count_unreadable_samples", pytest.fail)
        assert part(app) == "ok"


class TestNew:
    def test_a_key_is_one_that_production_takes(self, app: Flask) -> None:
        run = app.test_cli_runner().invoke
        assert len(crypto.parse_key(run(args=["keys", "new"]).output.strip())) == crypto.KEY_BYTES
        for kind in ("secret", "jwt", "operator", "metrics"):
            first, second = (run(args=["keys", "new", "--kind", kind]).output for _ in range(2))
            assert first != second
            assert len(first.strip()) >= 64
