"""Who pays in the tests: a workspace of every role, and neighbours whose rows must never show."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask

from payments.config import Settings
from tests.support.people import Cast, Person, sign_up, workspace_with_roles
from tests.support.shop import Shop
from tests.support.till import make_platform_admin


@pytest.fixture(scope="session")
def open_shop(app: Flask, worker: None, settings: Settings) -> Shop:
    """The shop of fixtures that outlive a test."""
    return Shop(app.test_client(), settings)


@pytest.fixture(scope="session")
def neighbours(open_shop: Shop) -> Cast:
    """Another workspace with cards, a plan and invoices of its own: a missing scope shows them."""
    cast = workspace_with_roles(open_shop.client, "Neighbours").complete()
    slug = cast.workspace.slug
    open_shop.save_card(cast.owner, slug, "pm_card_amex")
    open_shop.save_card(cast.owner, slug, "pm_card_mastercard")
    assert open_shop.upgrade(cast.owner, slug, "starter").status_code == 200
    assert open_shop.upgrade(cast.owner, slug, "pro").status_code == 200
    return cast


@pytest.fixture(scope="session")
def still(open_shop: Shop) -> Cast:
    """A workspace with a card that went up and down again, for tests that change nothing in it."""
    cast = workspace_with_roles(open_shop.client, "Still Life").complete()
    open_shop.save_card(cast.owner, cast.workspace.slug)
    assert open_shop.upgrade(cast.owner, cast.workspace.slug).status_code == 200
    down = f"{cast.workspace.plan_changes}/downgrade-plan"
    assert cast.owner.post(down, {"planSlug": "free"}).status_code == 200
    return cast


@pytest.fixture(scope="module")
def noise(open_shop: Shop) -> Cast:
    """Somebody else's workspace and its members, whom no answer may show."""
    return workspace_with_roles(open_shop.client, "Noise").complete()


@pytest.fixture(scope="module")
def plain(open_shop: Shop) -> Cast:
    """A workspace as it was made, for tests that change nothing in it."""
    return workspace_with_roles(open_shop.client).complete()


@pytest.fixture(scope="session")
def new_cast(open_shop: Shop, neighbours: Cast) -> Callable[[], Cast]:
    """Make what `cast` is, for a fixture that several tests share."""
    return lambda: workspace_with_roles(open_shop.client, "John's Workspace")


@pytest.fixture(scope="session")
def new_payer(open_shop: Shop, new_cast: Callable[[], Cast]) -> Callable[[], Cast]:
    """Make what `payer` is, for a fixture that several tests share."""

    def make() -> Cast:
        cast = new_cast()
        open_shop.save_card(cast.owner, cast.workspace.slug)
        return cast

    return make


@pytest.fixture
def cast(shop: Shop, neighbours: Cast) -> Cast:
    """A fresh workspace; its owner is there, the others come when a test asks for them."""
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
