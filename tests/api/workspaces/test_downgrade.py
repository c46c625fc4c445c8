"""Moving to a lower plan: at once, without a refund, without Stripe."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from tests.support.people import Cast
from tests.support.shop import Shop
from tests.support.till import add_plan, plan_of, sent, settings_of

NOTE = (
    "Downgrade takes effect immediately. No refund will be issued for the current billing period."
)


@pytest.fixture
def starter(shop: Shop, payer: Cast) -> Cast:
    """A workspace on the starter plan."""
    assert shop.upgrade(payer.owner, payer.workspace.slug).status_code == 200
    return payer


@pytest.fixture(scope="module")
def stays(open_shop: Shop, new_payer: Callable[[], Cast]) -> Cast:
    """The same, for tests whose wishes are refused."""
    cast = new_payer()
    assert open_shop.upgrade(cast.owner, cast.workspace.slug).status_code == 200
    return cast


def downgrade(cast: Cast, **body):
    return cast.owner.post(f"{cast.workspace.plan_changes}/downgrade-plan", body)


@pytest.fixture(scope="module")
def down(open_shop: Shop, new_payer: Callable[[], Cast]) -> tuple[Cast, TestResponse]:
    """A workspace that went down again, and what that was answered."""
    cast = new_payer()
    assert open_shop.upgrade(cast.owner, cast.workspace.slug).status_code == 200
    return cast, downgrade(cast, planSlug="free")


class TestDowngrade:
    def test_switches_at_once(self, down: tuple[Cast, TestResponse]) -> None:
        starter, answer = down
        assert answer.status_code == 200
        assert set(answer.json) == {"message", "data"}
        assert answer.json["message"] == "Plan downgraded successfully"
        assert set(answer.json["data"]) == {"workspace", "note"}
        assert answer.json["data"]["note"] == NOTE
        workspace = answer.json["data"]["workspace"]
        assert (workspace["id"], workspace["planId"]) == (starter.workspace.id, 1)
        assert (workspace["name"], workspace["isActive"]) == ("John's Workspace", True)
        assert workspace["slug"] == starter.workspace.slug
        assert plan_of(starter.member, starter.workspace) == "free"

    def test_nothing_is_given_back(self, shop: Shop, down: tuple[Cast, TestResponse]) -> None:
        starter, _ = down
        upgrade, logged = shop.invoices(starter.owner, starter.workspace.slug)
        assert (upgrade["status"], upgrade["refundedAmount"]) == ("paid", 0)
        refunds = shop.stripe("GET", "/v1/refunds", payment_intent=upgrade["stripePaymentIntentId"])
        assert refunds["data"] == []
        assert logged["type"] == "plan_downgrade"

    def test_it_is_logged_as_an_invoice_over_nothing(
        self, shop: Shop, down: tuple[Cast, TestResponse]
    ) -> None:
        starter, _ = down
        invoice = shop.invoices(starter.owner, starter.workspace.slug)[1]
        assert (invoice["status"], invoice["amount"]) == ("paid", 0)
        assert invoice["paidAt"] is not None
        for name in ("stripePaymentIntentId", "paymentMethodId", "cardBrand", "cardLast4"):
            assert invoice[name] is None
        assert (invoice["planSlug"], invoice["previousPlanSlug"]) == ("free", "starter")
        sentence = 'Downgrade workspace "John\'s Workspace" from Starter to Free plan'
        assert invoice["description"] == sentence

    def test_no_card_and_no_stripe_are_needed(self, app: Flask, shop: Shop, cast: Cast) -> None:
        shop.upgrade(cast.owner, cast.workspace.slug, add_plan(app, price_minor=0))
        shop.control("DELETE", "requests")
        with settings_of(app, stripe_secret_key=None):
            assert downgrade(cast, planSlug="starter").status_code == 200
        assert sent(shop, "*", "*") == []

    def test_from_yearly_to_monthly(self, shop: Shop, payer: Cast) -> None:
        shop.upgrade(payer.owner, payer.workspace.slug, "starter-yearly")
        assert downgrade(payer, planSlug="starter").status_code == 200

    def test_an_admin_may(self, starter: Cast) -> None:
        path = f"{starter.workspace.plan_changes}/downgrade-plan"
        assert starter.admin.post(path, {"planSlug": "free"}).status_code == 200

    def test_up_again_is_charged_again(self, shop: Shop, starter: Cast) -> None:
        downgrade(starter, planSlug="free")
        answer = shop.upgrade(starter.owner, starter.workspace.slug)
        assert answer.json["data"]["paymentIntent"]["amount"] == 999
        kinds = [i["type"] for i in shop.invoices(starter.owner, starter.workspace.slug)]
        assert kinds == ["plan_upgrade", "plan_downgrade", "plan_upgrade"]


class TestDowngradeRefuses:
    def test_the_same_plan(self, shop: Shop, stays: Cast) -> None:
        answer = downgrade(stays, planSlug="starter")
        assert (answer.status_code, answer.json["code"]) == (400, "not_a_downgrade")
        assert "lower tier" in answer.json["message"]
        assert "upgrade" in answer.json["message"]
        assert len(shop.invoices(stays.owner, stays.workspace.slug)) == 1

    @pytest.mark.parametrize("plan", ["pro", "starter-yearly"])
    def test_a_higher_plan(self, stays: Cast, plan: str) -> None:
        assert downgrade(stays, planSlug=plan).json["code"] == "not_a_downgrade"

    def test_a_missing_plan(self, stays: Cast) -> None:
        answer = stays.owner.post(f"{stays.workspace.plan_changes}/downgrade-plan", {})
        assert (answer.status_code, answer.json["code"]) == (400, "missing_field")
        assert answer.json["message"] == "planSlug is required"

    @pytest.mark.parametrize("slug", [None, 1, "", [], "a" * 101])
    def test_no_text(self, stays: Cast, slug) -> None:
        answer = downgrade(stays, planSlug=slug)
        assert (answer.status_code, answer.json["code"]) == (400, "invalid_field")

    def test_an_unknown_plan(self, stays: Cast) -> None:
        answer = downgrade(stays, planSlug="platinum")
        assert (answer.status_code, answer.json["code"]) == (404, "plan_not_found")

    def test_a_malformed_or_retired_plan(self, app: Flask, stays: Cast) -> None:
        assert downgrade(stays, planSlug="Not A Slug").json["code"] == "invalid_plan"
        retired = add_plan(app, tier=0, is_active=False)
        assert downgrade(stays, planSlug=retired).json["code"] == "invalid_plan"
