"""What changes while Stripe is asked about a card: role, plan, workspace and card count as they
are when the charge is reserved."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask import Flask

from payments.workspaces.models import Membership, PaymentMethod, PricingPlan, Workspace
from payments.workspaces.payment_methods import choose, setup
from payments.workspaces.plans import upgrade
from tests.support.drift import change
from tests.support.people import Cast
from tests.support.shop import Shop
from tests.support.till import add_plan, sent

Change = Callable[[Flask, Cast, str], None]


def take_role(app: Flask, cast: Cast, _plan: str) -> None:
    change(app, Membership, *_membership(cast), role="member")


def remove_member(app: Flask, cast: Cast, _plan: str) -> None:
    """Take the admin out of the workspace, as the owner does."""
    cast.owner.delete(f"{cast.workspace.path}/members/{cast.admin.id}")


def retire_plan(app: Flask, _cast: Cast, plan: str) -> None:
    change(app, PricingPlan, PricingPlan.slug == plan, is_active=False)


def deactivate_workspace(app: Flask, cast: Cast, _plan: str) -> None:
    change(app, Workspace, Workspace.id == cast.workspace.id, is_active=False)


def remove_card(app: Flask, cast: Cast, _plan: str) -> None:
    own = PaymentMethod.workspace_id == cast.workspace.id
    change(app, PaymentMethod, own, is_active=False, is_default=False)


def change_customer(app: Flask, cast: Cast, _plan: str) -> None:
    """Forget the customer whose card was chosen."""
    change(app, Workspace, Workspace.id == cast.workspace.id, stripe_customer_id=None)


CHANGES: list[tuple[Change, int, str]] = [
    (take_role, 403, "forbidden"),
    (remove_member, 403, "forbidden"),
    (retire_plan, 400, "invalid_plan"),
    (deactivate_workspace, 404, "workspace_not_found"),
    (remove_card, 400, "invalid_payment_method"),
    (change_customer, 400, "invalid_payment_method"),
]


def _membership(cast: Cast) -> tuple[Any, Any]:
    return Membership.workspace_id == cast.workspace.id, Membership.user_id == cast.admin.id


def then(
    monkeypatch: pytest.MonkeyPatch, module: Any, name: str, happen: Callable[[], None]
) -> None:
    """Let something happen elsewhere as soon as a function has returned."""
    original = getattr(module, name)

    def wrapped(*args: Any, **kwargs: Any) -> Any:
        result = original(*args, **kwargs)
        with ThreadPoolExecutor(1) as pool:
            pool.submit(happen).result()
        return result

    monkeypatch.setattr(module, name, wrapped)


@pytest.fixture
def plan(app: Flask) -> str:
    return add_plan(app, price_minor=700, tier=60)


class TestUpgrade:
    @pytest.mark.parametrize(
        ("happens", "status", "code"), CHANGES, ids=[each[0].__name__ for each in CHANGES]
    )
    def test_nothing_is_charged_for_what_no_longer_holds(
        self, app: Flask, shop: Shop, payer: Cast, plan: str, monkeypatch: pytest.MonkeyPatch,
        happens: Change, status: int, code: str,
    ) -> None:  # fmt: skip
        admin = payer.admin
        then(monkeypatch, upgrade, "choose_method", lambda: happens(app, payer, plan))
        answer = shop.upgrade(admin, payer.workspace.slug, plan)
        assert (answer.status_code, answer.json["code"]) == (status, code)
        change(app, Workspace, Workspace.id == payer.workspace.id, is_active=True)
        assert shop.invoices(payer.owner, payer.workspace.slug) == []

    @pytest.mark.parametrize("happens", [take_role, remove_member, retire_plan])
    def test_a_free_plan_is_not_given_either(
        self, app: Flask, shop: Shop, payer: Cast, monkeypatch: pytest.MonkeyPatch, happens: Change
    ) -> None:
        admin, free = payer.admin, add_plan(app, price_minor=0, tier=60)
        then(monkeypatch, upgrade, "check_price", lambda: happens(app, payer, free))
        answer = shop.upgrade(admin, payer.workspace.slug, free)
        assert answer.status_code in {400, 403}
        assert shop.invoices(payer.owner, payer.workspace.slug) == []


class TestCards:
    @pytest.mark.parametrize("happens", [take_role, remove_member])
    def test_a_card_of_somebody_who_may_no_longer_is_not_saved_by_an_upgrade(
        self, app: Flask, shop: Shop, cast: Cast, monkeypatch: pytest.MonkeyPatch, happens: Change
    ) -> None:
        admin = cast.admin
        then(monkeypatch, choose, "_attached", lambda: happens(app, cast, ""))
        answer = shop.upgrade(admin, cast.workspace.slug, card="pm_card_visa")
        assert (answer.status_code, answer.json["code"]) == (403, "forbidden")
        assert shop.cards(cast.owner, cast.workspace.slug) == []
        assert shop.invoices(cast.owner, cast.workspace.slug) == []

    @pytest.mark.parametrize("happens", [take_role, remove_member, deactivate_workspace])
    def test_nor_by_a_confirmation(
        self, app: Flask, shop: Shop, cast: Cast, monkeypatch: pytest.MonkeyPatch, happens: Change
    ) -> None:
        admin = cast.admin
        opened = shop.set_up(admin, cast.workspace.slug)
        method = shop.browser_confirms_setup(opened)["payment_method"]
        then(monkeypatch, setup, "_described", lambda: happens(app, cast, ""))
        body = {"setupIntentId": opened["setupIntentId"], "paymentMethodId": method}
        answer = admin.post(f"{cast.workspace.payments}/payment-method/confirm", body)
        assert answer.status_code in {403, 404}
        change(app, Workspace, Workspace.id == cast.workspace.id, is_active=True)
        assert shop.cards(cast.owner, cast.workspace.slug) == []


def test_without_a_change_the_same_request_is_charged(
    app: Flask, shop: Shop, payer: Cast, plan: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    then(monkeypatch, upgrade, "choose_method", lambda: None)
    assert shop.upgrade(payer.admin, payer.workspace.slug, plan).status_code == 200
    assert sent(shop, "/v1/payment_intents")
