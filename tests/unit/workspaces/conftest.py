"""Charges that no worker was told of."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient

from payments.config import Settings
from tests.support.people import Person, sign_up
from tests.support.reserved import reserve_charge, settle_leftover
from tests.support.shop import Shop


@pytest.fixture(scope="module")
def person(app: Flask, worker: None) -> Person:
    return sign_up(app.test_client(), "Reserver")


@pytest.fixture
def charge_id(app: Flask, client: FlaskClient, settings: Settings, person: Person) -> Iterator[int]:
    """Return a pending charge in a workspace of its own; the app's context is open."""
    with app.app_context():
        reserved = reserve_charge(Shop(client, settings), person)
        yield reserved
    settle_leftover(app, reserved)
