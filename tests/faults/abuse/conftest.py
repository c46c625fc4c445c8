"""Two workspaces and two projects that have nothing to do with each other, in this process."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient

from payments.config import Settings
from tests.support.developers import ProjectSeat, developer_with_project
from tests.support.operations import Operation, operations_of
from tests.support.people import Cast, Person, fresh_email, sign_up, workspace_with_roles
from tests.support.shop import Shop
from tests.support.till import make_platform_admin, settings_of


@pytest.fixture
def shop(client: FlaskClient, settings: Settings) -> Iterator[Shop]:
    held = Shop(client, settings)
    yield held
    held.control("DELETE", "faults")


@pytest.fixture(scope="session")
def operations(app: Flask) -> list[Operation]:
    return operations_of(app.test_client().get("/openapi.json").json)


@pytest.fixture(scope="session")
def admin(app: Flask, worker: None) -> Person:
    """Somebody of the platform's own people."""
    return make_platform_admin(app, sign_up(app.test_client(), "Patricia"))


@pytest.fixture(scope="session")
def victim(app: Flask, worker: None, settings: Settings, admin: Person) -> Cast:
    """A workspace with cards, charges, invoices, a refund and an invitation."""
    shop = Shop(app.test_client(), settings)
    cast = workspace_with_roles(shop.client, "Victim").complete()
    for card in ("pm_card_visa", "pm_card_amex"):
        shop.save_card(cast.owner, cast.workspace.slug, card)
    for plan in ("starter", "pro"):
        assert shop.upgrade(cast.owner, cast.workspace.slug, plan).status_code == 200
    invoice = shop.invoices(cast.owner, cast.workspace.slug)[0]["id"]
    assert admin.post(f"/api/admin/invoices/{invoice}/refund", {"amount": 1}).status_code == 200
    with settings_of(app, email_verification=True):
        body = {"email": fresh_email(), "role": "member"}
        assert cast.owner.post(f"{cast.workspace.path}/members", body).status_code == 200
    return cast


@pytest.fixture(scope="session")
def intruder(app: Flask, victim: Cast, settings: Settings) -> Person:
    """The owner of another workspace, who has cards and invoices of his own."""
    shop = Shop(app.test_client(), settings)
    person = sign_up(shop.client, "Ingo")
    shop.save_card(person, person.home.slug)
    assert shop.upgrade(person, person.home.slug).status_code == 200
    return person


@pytest.fixture(scope="session")
def project(app: Flask, worker: None, settings: Settings) -> ProjectSeat:
    """A project with keys of both modes."""
    return developer_with_project(app.test_client(), settings, live=True, name="Victim")


@pytest.fixture(scope="session")
def foreign(app: Flask, project: ProjectSeat, settings: Settings) -> ProjectSeat:
    """Another developer's project."""
    return developer_with_project(app.test_client(), settings, name="Foreign")
