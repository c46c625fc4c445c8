"""A project of a test's own, and neighbours whose rows must never show."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import pytest
from flask import Flask
from flask.testing import FlaskClient

from payments.config import Settings
from tests.support.apart import own_database
from tests.support.apps import another_app
from tests.support.developers import Developer, EndUser, ProjectSeat, developer_with_project
from tests.support.ledgers import Desk

# Starts the service with keys of its own.
Holding = Callable[..., AbstractContextManager[Flask]]


@pytest.fixture(scope="session")
def neighbours(app: Flask, worker: None, settings: Settings) -> ProjectSeat:
    """Another developer's project with keys of both modes and two end users."""
    seat = developer_with_project(app.test_client(), settings, live=True, name="Neighbours")
    seat.another_end_user()
    return seat


@pytest.fixture
def seat(client: FlaskClient, settings: Settings, neighbours: ProjectSeat) -> ProjectSeat:
    """A fresh project with test keys."""
    return developer_with_project(client, settings)


@pytest.fixture
def second(seat: ProjectSeat, settings: Settings) -> ProjectSeat:
    """A second project of the same developer, for tests that could mistake it for the first."""
    client = seat.developer.client
    return developer_with_project(client, settings, developer=seat.developer, name="Second")


@pytest.fixture
def eve(seat: ProjectSeat) -> EndUser:
    """A second end user of the project, who comes after its first."""
    assert seat.end_user
    return seat.another_end_user()


@pytest.fixture
def developer(seat: ProjectSeat) -> Developer:
    return seat.developer


@pytest.fixture
def desk(app: Flask, seat: ProjectSeat, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """The project's ledger, with a Stripe that answers what the test says."""
    return Desk(app, seat, monkeypatch)


@pytest.fixture(scope="module")
def apart(
    settings: Settings, environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Settings]:
    """A database of a module's own: keys concern the rows of every tenant."""
    folder = tmp_path_factory.mktemp("apart")
    with own_database(settings, environment, folder) as chosen:
        yield chosen


@pytest.fixture
def holding(apart: Settings) -> Holding:
    """Start the service with these keys."""

    def start(*keys: bytes) -> AbstractContextManager[Flask]:
        return another_app(apart, credentials_keys=keys)

    return start
