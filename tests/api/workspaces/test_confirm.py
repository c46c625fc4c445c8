"""Saving the card of a completed SetupIntent."""

from __future__ import annotations

import pytest
from flask import Flask

from payments.workspaces.models import PaymentMethod
from tests.support.people import Cast, new_workspace, sign_up
from tests.support.shop import Shop
from tests.support.till import browser_authenticates, column, fault, settings_of

SLUGLESS = "/api/payments/payment-method/confirm"


def completed(shop: Shop, cast: Cast, card: str = "pm_card_visa") -> dict[str, str]:
    """Set a card up in the browser; return the body that reports it."""
    setup = shop.set_up(cast.owner, cast.workspace.slug)
    intent = shop.browser_confirms_setup(setup, card)
    return {"setupIntentId": intent["id"], "paymentMethodId": intent["payment_method"]}


def confirm(cast: Cast, body):
    return cast.owner.post(f"{cast.workspace.payments}/payment-method/confirm", body)


class TestConfirm:
    def test_saves_the_card(self, shop: Shop, cast: Cast) -> None:
        body = completed(shop, cast)
        answer = confirm(cast, {**body, "billingName": "Jane Doe", "billingPostalCode": "94102"})
        assert answer.status_code == 200
        assert answer.json == {
            "message": "Payment method confirmed and saved",
            "data": {
                "paymentMethodId": body["paymentMethodId"],
                "setupIntentId": body["setupIntentId"],
                "workspaceId": cast.workspace.id,
                "workspaceSlug": cast.workspace.slug,
            },
        }
        (card,) = shop.cards(cast.owner, cast.workspace.slug)
        assert card["stripePaymentMethodId"] == body["paymentMethodId"]

    def test_billing_fields_go_to_stripe_and_are_stored(
        self, app: Flask, shop: Shop, cast: Cast
    ) -> None:
        body = completed(shop, cast)
        confirm(cast, {**body, "billingName": "  Jane Doe ", "billingPostalCode": "94102"})
        at_stripe = shop.stripe("GET", f"/v1/payment_methods/{body['paymentMethodId']}")
        assert at_stripe["billing_details"]["name"] == "Jane Doe"
        assert at_stripe["billing_details"]["address"]["postal_code"] == "94102"
        row = shop.cards(cast.owner, cast.workspace.slug)[0]["id"]
        assert column(app, PaymentMethod, row, "billing_name", "billing_postal_code") == (
            "Jane Doe",
            "94102",
        )

    @pytest.mark.parametrize(
        "more", [{}, {"billingName": None, "billingPostalCode": None}, {"billingName": "  "}]
    )
    def test_billing_fields_are_optional(self, shop: Shop, cast: Cast, more) -> None:
        assert confirm(cast, {**completed(shop, cast), **more}).status_code == 200

    def test_the_first_card_becomes_the_default_also_at_stripe(
        self, shop: Shop, cast: Cast
    ) -> None:
        first, second = completed(shop, cast), completed(shop, cast, "pm_card_mastercard")
        for body in (first, second):
            assert confirm(cast, body).status_code == 200
        cards = shop.cards(cast.owner, cast.workspace.slug)
        defaults = [c["stripePaymentMethodId"] for c in cards if c["isDefault"]]
        assert defaults == [first["paymentMethodId"]]
        customer = shop.stripe("GET", f"/v1/customers/{cards[0]['stripeCustomerId']}")
        held = customer["invoice_settings"]["default_payment_method"]
        assert held == first["paymentMethodId"]

    def test_asking_twice_saves_once(self, shop: Shop, cast: Cast) -> None:
        body = completed(shop, cast)
        assert confirm(cast, body).status_code == confirm(cast, body).status_code == 200
        assert len(shop.cards(cast.owner, cast.workspace.slug)) == 1

    def test_unknown_fields_are_ignored(self, shop: Shop, cast: Cast) -> None:
        assert confirm(cast, {**completed(shop, cast), "extra": {"a": 1}}).status_code == 200

    def test_an_authenticated_setup_can_be_confirmed(self, shop: Shop, cast: Cast) -> None:
        setup = shop.set_up(cast.owner, cast.workspace.slug)
        card = "pm_card_authenticationRequiredOnSetup"
        waiting = shop.browser_confirms_setup(setup, card)
        body = {"setupIntentId": waiting["id"], "paymentMethodId": waiting["payment_method"]}
        early = confirm(cast, body)
        assert (early.status_code, early.json["code"]) == (400, "setup_incomplete")
        browser_authenticates(shop, setup["clientSecret"], waiting["payment_method"])
        assert confirm(cast, body).status_code == 200


class TestConfirmRefuses:
    @pytest.mark.parametrize("field", ["setupIntentId", "paymentMethodId"])
    def test_a_missing_field(self, still: Cast, field: str) -> None:
        body = {"setupIntentId": "seti_1", "paymentMethodId": "pm_1"}
        del body[field]
        answer = confirm(still, body)
        assert answer.status_code == 400
        assert answer.json["code"] == "missing_field"
        assert answer.json["message"] == answer.json["error"] == f"{field} is required"

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("setupIntentId", "pi_123"),
            ("setupIntentId", ""),
            ("setupIntentId", 1),
            ("setupIntentId", None),
            ("setupIntentId", "seti_1/../../v1/customers"),
            ("setupIntentId", "seti_" + "a" * 300),
            ("paymentMethodId", "card_123"),
            ("paymentMethodId", 1),
            ("paymentMethodId", ["pm_1"]),
            ("paymentMethodId", "pm_1?expand=1"),
            ("billingName", 1),
            ("billingName", "a" * 256),
            ("billingName", "a\x00b"),
            ("billingPostalCode", 94102),
            ("billingPostalCode", "9" * 21),
        ],
    )
    def test_a_field_of_odd_shape(self, still: Cast, field: str, value) -> None:
        body = {"setupIntentId": "seti_1", "paymentMethodId": "pm_1", field: value}
        answer = confirm(still, body)
        assert answer.status_code == 400
        assert answer.json["code"] == "invalid_field"
        assert field in answer.json["details"]["fields"]

    def test_a_setup_that_is_not_complete(self, shop: Shop, cast: Cast) -> None:
        setup = shop.set_up(cast.owner, cast.workspace.slug)
        body = {"setupIntentId": setup["setupIntentId"], "paymentMethodId": "pm_1"}
        answer = confirm(cast, body)
        assert (answer.status_code, answer.json["code"]) == (400, "setup_incomplete")

    def test_a_canceled_setup(self, shop: Shop, cast: Cast) -> None:
        setup = shop.set_up(cast.owner, cast.workspace.slug)
        shop.stripe("POST", f"/v1/setup_intents/{setup['setupIntentId']}/cancel")
        body = {"setupIntentId": setup["setupIntentId"], "paymentMethodId": "pm_1"}
        assert confirm(cast, body).json["code"] == "setup_incomplete"

    def test_a_setup_that_the_bank_declined(self, shop: Shop, cast: Cast) -> None:
        """4000 0000 0000 0002 fails in the browser already, so there is nothing to save."""
        setup = shop.set_up(cast.owner, cast.workspace.slug)
        refused = shop.browser_confirms_setup(setup, "pm_card_chargeDeclined")
        assert refused["error"]["code"] == "card_declined"
        body = {"setupIntentId": setup["setupIntentId"], "paymentMethodId": "pm_1"}
        assert confirm(cast, body).json["code"] == "setup_incomplete"
        assert shop.cards(cast.owner, cast.workspace.slug) == []

    def test_an_unknown_setup(self, still: Cast) -> None:
        answer = confirm(still, {"setupIntentId": "seti_nothing", "paymentMethodId": "pm_1"})
        assert (answer.status_code, answer.json["code"]) == (400, "setup_incomplete")
        assert answer.json["message"] == "Unknown setupIntentId"

    def test_another_card_than_the_setups(self, shop: Shop, cast: Cast) -> None:
        body, other = completed(shop, cast), completed(shop, cast)
        answer = confirm(cast, {**body, "paymentMethodId": other["paymentMethodId"]})
        assert (answer.status_code, answer.json["code"]) == (400, "setup_mismatch")

    def test_a_setup_of_another_workspace(self, shop: Shop, cast: Cast, neighbours: Cast) -> None:
        foreign = completed(shop, neighbours)
        answer = confirm(cast, foreign)
        assert (answer.status_code, answer.json["code"]) == (400, "setup_mismatch")
        assert shop.cards(cast.owner, cast.workspace.slug) == []

    def test_a_card_detached_meanwhile(self, shop: Shop, cast: Cast) -> None:
        body = completed(shop, cast)
        shop.stripe("POST", f"/v1/payment_methods/{body['paymentMethodId']}/detach")
        for more in ({}, {"billingName": "Jane"}):
            answer = confirm(cast, {**body, **more})
            assert (answer.status_code, answer.json["code"]) == (400, "invalid_payment_method")

    def test_when_stripe_fails_it_is_a_500(self, shop: Shop, cast: Cast) -> None:
        body = completed(shop, cast)
        fault(shop, "status", f"/v1/setup_intents/{body['setupIntentId']}", method="GET")
        answer = confirm(cast, body)
        assert (answer.status_code, answer.json["code"]) == (500, "stripe_error")
        assert confirm(cast, body).status_code == 200

    def test_without_a_key_it_is_a_500(self, app: Flask, shop: Shop, cast: Cast) -> None:
        body = completed(shop, cast)
        with settings_of(app, stripe_secret_key=None):
            answer = confirm(cast, body)
        assert (answer.status_code, answer.json["code"]) == (500, "stripe_not_configured")


class TestConfirmWithoutSlug:
    def test_the_setup_knows_its_workspace(self, shop: Shop, cast: Cast) -> None:
        """Of several workspaces it is the one that the setup was opened for."""
        body = completed(shop, cast)
        answer = cast.owner.post(SLUGLESS, body)
        assert answer.status_code == 200
        assert answer.json["data"]["workspaceSlug"] == cast.workspace.slug

    def test_a_name_in_the_body_counts_first(self, shop: Shop, cast: Cast) -> None:
        body = completed(shop, cast)
        other = new_workspace(cast.owner, "Elsewhere")
        answer = cast.owner.post(SLUGLESS, {**body, "workspaceSlug": other.slug})
        assert (answer.status_code, answer.json["code"]) == (400, "setup_mismatch")
        answer = cast.owner.post(SLUGLESS, {**body, "workspaceSlug": cast.workspace.slug})
        assert answer.status_code == 200

    def test_a_foreign_setup_opens_no_door(self, shop: Shop, cast: Cast, neighbours: Cast) -> None:
        body = completed(shop, neighbours)
        assert cast.owner.post(SLUGLESS, body).status_code == 403

    def test_a_member_may_not(self, shop: Shop, cast: Cast) -> None:
        assert cast.member.post(SLUGLESS, completed(shop, cast)).status_code == 403

    def test_an_unknown_setup_of_somebody_with_one_workspace(self, client) -> None:
        person = sign_up(client, "Solo")
        body = {"setupIntentId": "seti_nothing", "paymentMethodId": "pm_1"}
        answer = person.post(SLUGLESS, body)
        assert (answer.status_code, answer.json["code"]) == (400, "setup_incomplete")

    def test_missing_fields_and_tokens(self, cast: Cast, client) -> None:
        assert cast.owner.post(SLUGLESS, {}).status_code == 400
        assert client.post(SLUGLESS, json={}).status_code == 401


def test_card_numbers_are_never_stored(app: Flask, shop: Shop, cast: Cast) -> None:
    """Only Stripe's ids and what may be shown: brand, last four digits, expiry, billing."""
    names = {column.name for column in PaymentMethod.__table__.columns}
    assert names == {
        "id", "workspace_id", "stripe_payment_method_id", "stripe_customer_id", "type",
        "card_brand", "card_last4", "card_exp_month", "card_exp_year", "is_default", "is_active",
        "billing_name", "billing_postal_code", "created_at", "updated_at",
    }  # fmt: skip
