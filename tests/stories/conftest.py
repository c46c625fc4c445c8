"""Projects whose account at Stripe goes its own way."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask.testing import FlaskClient

from payments.config import Settings
from payments.projects.sync import names
from tests.support.deliveries import account_of
from tests.support.developers import ProjectSeat, developer_with_project
from tests.support.histories import Account


@pytest.fixture
def seat(client: FlaskClient, settings: Settings) -> Iterator[ProjectSeat]:
    """A project with a fresh account, and no name of a product remembered."""
    names._held.clear()
    made = developer_with_project(client, settings)
    yield made
    made.shop.control("DELETE", "faults")


@pytest.fixture
def account(seat: ProjectSeat, monkeypatch: pytest.MonkeyPatch) -> Account:
    """Return the project's account at the sandbox; nobody asks how it stood in between."""
    held = account_of(seat)
    monkeypatch.setattr(held, "snapshot", lambda: None)
    return held
