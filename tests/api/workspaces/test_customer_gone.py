"""Customers and cards that are no longer at Stripe: the workspace gets others and pays again."""

from __future__ import annotations

import secrets
from dataclasses import replace

import pytest
from flask import Flask

from payments.workspaces.models import Charge, Workspace
from tests.support.people import Cast
from tests.support.shop import Shop
from tests.support.strangers import tell
from tests.support.till import (
    column,
    find_charge_id,
    installation_of,
    plan_of,
    sent,
    settings_of,
)


def customer_of(app: Flask, cast: Cast) -> str | None:
    return column(app, Workspace, cast.workspace.id, "stripe_customer_id")


def delete_customer(app: Flask, shop: Shop, cast: Cast) -> str:
    """Delete the workspace's customer in Stripe's dashboard; return its id."""
    customer = customer_of(app, cast)
    assert shop.stripe("DELETE", f"/v1/customers/{customer}")["deleted"] is True
    return str(customer)


def told_of_customers(cast: Cast) -> list[tuple[str, str]]:
    """Return what the timeline tells of the workspace's customers, the oldest first."""
    entries = cast.owner.get(
        f"{cast.workspace.payments}/timeline", query_string={"limit": "100"}
    ).json["data"]
    told = [entry for entry in entries if entry["kind"].startswith("customer.")]
    return [(entry["kind"], entry["stripeIds"][0]) for entry in told[::-1]]


def assert_pays_again(app: Flask, shop: Shop, cast: Cast, former: str) -> None:
    """Save a card, pay with it, and find another customer behind both."""
    shop.save_card(cast.owner, cast.workspace.slug, "pm_card_mastercard")
    (card,) = shop.cards(cast.owner, cast.workspace.slug)
    assert (card["cardBrand"], card["isDefault"]) == ("Mastercard", True)
    answer = shop.upgrade(cast.owner, cast.workspace.slug)
    assert answer.status_code == 200, answer.text
    assert plan_of(cast.owner, cast.workspace) == "starter"
    customer = customer_of(app, cast)
    charge_id = find_charge_id(app, answer.json["data"]["paymentIntent"]["id"])
    assert column(app, Charge, charge_id, "stripe_customer_id") == customer != former
    assert told_of_customers(cast) == [
        ("customer.created", former),
        ("customer.forgotten", former),
        ("customer.created", customer),
    ]


class TestDeletedCustomer:
    def test_without_the_event_the_next_setup_makes_another(
        self, app: Flask, shop: Shop, payer: Cast
    ) -> None:
        former = delete_customer(app, shop, payer)
        shop.set_up(payer.owner, payer.workspace.slug)
        assert shop.cards(payer.owner, payer.workspace.slug) == []
        assert_pays_again(app, shop, payer, former)

    def test_the_event_alone_takes_the_cards_out_of_use(
        self, app: Flask, shop: Shop, payer: Cast
    ) -> None:
        former = delete_customer(app, shop, payer)
        tell(app, shop, "customer.deleted", former)
        assert customer_of(app, payer) is None
        assert shop.cards(payer.owner, payer.workspace.slug) == []
        answer = shop.upgrade(payer.owner, payer.workspace.slug)
        assert (answer.status_code, answer.json["code"]) == (400, "no_payment_method")
        assert_pays_again(app, shop, payer, former)

    def test_a_charge_that_finds_it_gone_is_the_callers_400(
        self, app: Flask, shop: Shop, payer: Cast
    ) -> None:
        """Nobody told us, and the default card went with the customer."""
        former = delete_customer(app, shop, payer)
        answer = shop.upgrade(payer.owner, payer.workspace.slug)
        assert (answer.status_code, answer.json["code"]) == (400, "invalid_payment_method")
        assert shop.cards(payer.owner, payer.workspace.slug) == []
        assert_pays_again(app, shop, payer, former)

    def test_a_card_in_the_upgrade_itself_is_attached_to_the_new_one(
        self, app: Flask, shop: Shop, payer: Cast
    ) -> None:
        former = delete_customer(app, shop, payer)
        answer = shop.upgrade(payer.owner, payer.workspace.slug, card="pm_card_visa")
        assert answer.status_code == 200, answer.text
        assert customer_of(app, payer) not in {None, former}

    def test_the_new_one_is_asked_for_under_a_key_that_names_the_former(
        self, app: Flask, shop: Shop, payer: Cast
    ) -> None:
        """Under the same key Stripe would answer with the deleted customer for a day."""
        former = delete_customer(app, shop, payer)
        shop.set_up(payer.owner, payer.workspace.slug)
        reference = column(app, Workspace, payer.workspace.id, "reference")
        keys = [call["idempotency_key"] for call in sent(shop, "/v1/customers")]
        key = f"{installation_of(app)}:workspace:{reference}:customer"
        assert [found for found in keys if found and found.startswith(key)] == [
            key,
            f"{key}:after:{former}",
        ]

    def test_a_late_event_does_not_forget_the_new_customer(
        self, app: Flask, shop: Shop, payer: Cast
    ) -> None:
        former = delete_customer(app, shop, payer)
        shop.save_card(payer.owner, payer.workspace.slug)
        present = customer_of(app, payer)
        tell(app, shop, "customer.deleted", former)
        assert customer_of(app, payer) == present
        assert len(shop.cards(payer.owner, payer.workspace.slug)) == 1

    def test_a_setup_of_the_deleted_customer_cannot_be_confirmed(
        self, app: Flask, shop: Shop, cast: Cast
    ) -> None:
        setup = shop.set_up(cast.owner, cast.workspace.slug)
        method = shop.browser_confirms_setup(setup)["payment_method"]
        delete_customer(app, shop, cast)
        body = {"setupIntentId": setup["setupIntentId"], "paymentMethodId": method}
        answer = cast.owner.post(f"{cast.workspace.payments}/payment-method/confirm", body)
        assert answer.status_code == 400, answer.text
        assert shop.cards(cast.owner, cast.workspace.slug) == []

    def test_the_customer_of_others_is_no_work(self, app: Flask, shop: Shop, payer: Cast) -> None:
        stranger = shop.stripe("POST", "/v1/customers", email="stranger@example.com")["id"]
        shop.stripe("DELETE", f"/v1/customers/{stranger}")
        tell(app, shop, "customer.deleted", stranger)
        assert len(shop.cards(payer.owner, payer.workspace.slug)) == 1


class TestDetachedCard:
    @pytest.mark.parametrize("is_told", [True, False])
    def test_another_one_is_saved_and_pays(
        self, app: Flask, shop: Shop, payer: Cast, is_told: bool
    ) -> None:
        (card,) = shop.cards(payer.owner, payer.workspace.slug)
        method = card["stripePaymentMethodId"]
        shop.stripe("POST", f"/v1/payment_methods/{method}/detach")
        if is_told:
            tell(app, shop, "payment_method.detached", method)
        answer = shop.upgrade(payer.owner, payer.workspace.slug)
        code = "no_payment_method" if is_told else "invalid_payment_method"
        assert (answer.status_code, answer.json["code"]) == (400, code)
        assert shop.cards(payer.owner, payer.workspace.slug) == []
        shop.save_card(payer.owner, payer.workspace.slug, "pm_card_mastercard")
        assert shop.upgrade(payer.owner, payer.workspace.slug).status_code == 200


class TestKeyOfAnotherAccount:
    """STRIPE_SECRET_KEY moved from test to live, or to another account: all ids are unknown."""

    def test_a_new_card_is_saved_and_pays_there(self, app: Flask, shop: Shop, payer: Cast) -> None:
        former = str(customer_of(app, payer))
        key = f"sk_test_{secrets.token_hex(12)}"
        with settings_of(app, stripe_secret_key=key):
            there = Shop(shop.client, replace(shop.settings, stripe_secret_key=key))
            answer = there.upgrade(payer.owner, payer.workspace.slug)
            assert (answer.status_code, answer.json["code"]) == (400, "invalid_payment_method")
            assert_pays_again(app, there, payer, former)
