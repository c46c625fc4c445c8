"""Who pays in the tests: a workspace of every role, and neighbours whose rows must never show."""

from __future__ import annotations

import pytest
from flask import Flask

from payments.config import Settings
from tests.support.people import Cast, Person, sign_up, workspace_with_roles
from tests.support.shop import Shop
from tests.support.till import make_platform_admin


@pytest.fixture(scope="session")
def neighbours(app: Flask, worker: None, settings: Settings) -> Cast:
    """Another workspace with cards, a plan and invoices of its own: a missing scope shows them."""
    shop = Shop(app.test_client(), settings)
    cast = workspace_with_roles(shop.client, "Neighbours")
    slug = cast.workspace.slug
    shop.save_card(cast.owner, slug, "pm_card_amex")
    shop.save_card(cast.owner, slug, "pm_card_mastercard")
    assert shop.upgrade(cast.owner, slug, "starter").status_code == 200
    assert shop.upgrade(cast.owner, slug, "pro").status_code == 200
    return cast


@pytest.fixture(scope="session")
def still(app: Flask, worker: None, settings: Settings) -> Cast:
    """A workspace with a card that went up and down again, for tests that change nothing in it."""
    shop = Shop(app.test_client(), settings)
    cast = workspace_with_roles(shop.client, "Still Life")
    shop.save_card(cast.owner, cast.workspace.slug)
    assert shop.upgrade(cast.owner, cast.workspace.slug).status_code == 200
    down = f"{cast.workspace.plan_changes}/downgrade-plan"
    assert cast.owner.post(down, {"planSlug": "free"}).status_code == 200
    return cast


@pytest.fixture
def cast(shop: Shop, neighbours: Cast) -> Cast:
    """A fresh workspace with an owner, an admin, a member and an outsider."""
    return workspace_with_roles(shop.client, "John's Workspace")


@pytest.fixture
def payer(shop: Shop, cast: Cast) -> Cast:
    """The same with a saved Visa as its default."""
    shop.save_card(cast.owner, cast.workspace.slug)
    return cast


@pytest.fixture(scope="session")
def admin(app: Flask, worker: None) -> Person:
    """Somebody of the platform's own people."""
    return make_platform_admin(app, sign_up(app.test_client(), "Patricia"))
