"""Who pays in the tests: a workspace of every role, and neighbours whose rows must never show."""

from __future__ import annotations

import pytest
from flask import Flask

from payments.config import Settings
from tests.support.people import Cast, sign_up, workspace_with_roles
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


@pytest.fixture
def cast(shop: Shop, neighbours: Cast) -> Cast:
    """A fresh workspace with an owner, an admin, a member and an outsider."""
    return workspace_with_roles(shop.client, "John's Workspace")


@pytest.fixture
def payer(shop: Shop, cast: Cast) -> Cast:
    """The same with a saved Visa as its default."""
    shop.save_card(cast.owner, cast.workspace.slug)
    return cast


@pytest.fixture
def admin(app: Flask, shop: Shop):
    """Somebody of the platform's own people."""
    return make_platform_admin(app, sign_up(shop.client, "Patricia"))
