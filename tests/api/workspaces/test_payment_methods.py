"""Listing saved cards, choosing the default, taking one out of use."""

from __future__ import annotations

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus

import pytest
from flask import Flask

from tests.support.hostile import HUGE_IDS
from tests.support.people import Cast
from tests.support.shop import Shop
from tests.support.till import add_plan, fault, sent, settings_of

FIELDS = {
    "id": int,
    "workspaceId": int,
    "stripePaymentMethodId": str,
    "stripeCustomerId": str,
    "type": str,
    "cardBrand": str,
    "cardLast4": str,
    "cardExpMonth": int,
    "cardExpYear": int,
    "isDefault": bool,
    "isActive": bool,
    "createdAt": str,
    "updatedAt": str,
}
ISO_MILLIS = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


def save_three(shop: Shop, cast: Cast) -> list[str]:
    kinds = ("pm_card_visa", "pm_card_mastercard", "pm_card_amex")
    return [shop.save_card(cast.owner, cast.workspace.slug, kind) for kind in kinds]


@pytest.fixture
def three(shop: Shop, cast: Cast) -> list[str]:
    """Three cards, the first one being the default; their `pm_` ids in order of their birth."""
    return save_three(shop, cast)


@pytest.fixture(scope="module")
def wallet(open_shop: Shop, new_cast: Callable[[], Cast]) -> tuple[Cast, list[str]]:
    """The same for tests that change nothing."""
    cast = new_cast()
    return cast, save_three(open_shop, cast)


def listed(cast: Cast, **query: str):
    return cast.owner.get(f"{cast.workspace.payments}/payment-methods", query_string=query)


def row_of(cast: Cast, stripe_id: str) -> dict:
    rows = listed(cast, include_inactive="true").json["data"]
    return next(row for row in rows if row["stripePaymentMethodId"] == stripe_id)


def set_default(cast: Cast, row_id, **options):
    path = f"{cast.workspace.payments}/payment-methods/{row_id}/set-default"
    return cast.owner.patch(path, **options)


def delete(cast: Cast, row_id):
    return cast.owner.delete(f"{cast.workspace.payments}/payment-methods/{row_id}")


def default_at_stripe(shop: Shop, cast: Cast) -> str | None:
    customer = listed(cast, include_inactive="true").json["data"][0]["stripeCustomerId"]
    held = shop.stripe("GET", f"/v1/customers/{customer}")
    return held["invoice_settings"]["default_payment_method"]


@pytest.fixture(scope="module")
def one_deleted(open_shop: Shop, new_cast: Callable[[], Cast]) -> Cast:
    """Three cards, the second one out of use."""
    cast = new_cast()
    second = save_three(open_shop, cast)[1]
    assert delete(cast, row_of(cast, second)["id"]).status_code == 200
    return cast


class TestList:
    def test_answers_the_documented_object(self, shop: Shop, payer: Cast) -> None:
        answer = listed(payer)
        assert answer.status_code == 200
        assert set(answer.json) == {"message", "count", "data"}
        assert answer.json["message"] == "Payment methods retrieved successfully"
        (card,) = answer.json["data"]
        assert {name: type(value) for name, value in card.items()} == FIELDS
        assert card["workspaceId"] == payer.workspace.id
        assert card["stripePaymentMethodId"].startswith("pm_")
        assert card["stripeCustomerId"].startswith("cus_")
        assert (card["type"], card["cardBrand"], card["cardLast4"]) == ("card", "Visa", "4242")
        assert (card["isDefault"], card["isActive"]) == (True, True)
        assert ISO_MILLIS.fullmatch(card["createdAt"])
        assert ISO_MILLIS.fullmatch(card["updatedAt"])

    def test_count_is_the_number_of_cards(self, wallet: tuple[Cast, list[str]]) -> None:
        answer = listed(wallet[0])
        assert answer.json["count"] == len(answer.json["data"]) == 3

    def test_the_default_first_then_the_newest(self, wallet: tuple[Cast, list[str]]) -> None:
        cast, three = wallet
        shown = [card["stripePaymentMethodId"] for card in listed(cast).json["data"]]
        assert shown == [three[0], three[2], three[1]]

    def test_a_workspace_without_cards(self, cast: Cast) -> None:
        answer = listed(cast)
        assert (answer.json["count"], answer.json["data"]) == (0, [])

    def test_members_may_look(self, still: Cast) -> None:
        answer = still.member.get(f"{still.workspace.payments}/payment-methods")
        assert answer.json["count"] == 1

    @pytest.mark.parametrize(
        ("card", "brand", "last4"),
        [
            ("pm_card_mastercard", "Mastercard", "4444"),
            ("pm_card_amex", "American Express", "0005"),
            ("pm_card_discover", "Discover", "1117"),
            ("pm_card_jcb", "JCB", "0505"),
            ("pm_card_diners", "Diners Club", "0004"),
            ("pm_card_unionpay", "UnionPay", "0005"),
        ],
    )
    def test_brands_are_written_as_people_write_them(
        self, shop: Shop, cast: Cast, card: str, brand: str, last4: str
    ) -> None:
        shop.save_card(cast.owner, cast.workspace.slug, card)
        (row,) = shop.cards(cast.owner, cast.workspace.slug)
        assert (row["cardBrand"], row["cardLast4"]) == (brand, last4)

    @pytest.mark.parametrize(
        ("value", "shown"),
        [("true", 3), ("TRUE", 3), ("false", 2), ("", 2), ("1", 2), ("yes", 2), ("\x00", 2)],
    )
    def test_inactive_ones_only_on_demand(self, one_deleted: Cast, value: str, shown: int) -> None:
        answer = listed(one_deleted, include_inactive=value)
        assert answer.json["count"] == shown
        assert {card["isActive"] for card in answer.json["data"]} == (
            {True, False} if shown == 3 else {True}
        )


class TestSetDefault:
    def test_moves_the_default(self, shop: Shop, cast: Cast, three: list[str]) -> None:
        before = row_of(cast, three[1])
        answer = set_default(cast, before["id"])
        assert answer.status_code == 200
        assert set(answer.json) == {"message", "data"}
        assert answer.json["message"] == "Default payment method set successfully"
        after = answer.json["data"]
        assert {name: type(value) for name, value in after.items()} == FIELDS
        changed = {name for name in after if after[name] != before[name]}
        assert changed == {"isDefault", "updatedAt"}
        assert after["isDefault"] is True
        assert after["updatedAt"] > before["updatedAt"]
        defaults = [c["id"] for c in listed(cast).json["data"] if c["isDefault"]]
        assert defaults == [before["id"]]
        assert default_at_stripe(shop, cast) == three[1]

    def test_the_present_default_stays_as_it_is(self, wallet: tuple[Cast, list[str]]) -> None:
        cast, three = wallet
        before = row_of(cast, three[0])
        assert set_default(cast, before["id"]).json["data"] == before

    def test_an_upgrade_charges_the_new_default(
        self, shop: Shop, cast: Cast, three: list[str]
    ) -> None:
        set_default(cast, row_of(cast, three[2])["id"])
        shop.upgrade(cast.owner, cast.workspace.slug)
        (invoice,) = shop.invoices(cast.owner, cast.workspace.slug)
        assert (invoice["cardBrand"], invoice["cardLast4"]) == ("amex", "0005")

    def test_an_empty_json_body_is_fine(self, cast: Cast, three: list[str]) -> None:
        row = row_of(cast, three[1])["id"]
        assert set_default(cast, row, content_type="application/json").status_code == 200

    def test_concurrent_wishes_leave_one_default(
        self, app: Flask, cast: Cast, three: list[str]
    ) -> None:
        rows = [row_of(cast, method)["id"] for method in three]
        paths = [f"{cast.workspace.payments}/payment-methods/{r}/set-default" for r in rows * 3]

        def wish(path: str) -> int:
            return app.test_client().patch(path, headers=cast.owner.headers).status_code

        with ThreadPoolExecutor(6) as pool:
            assert set(pool.map(wish, paths)) == {200}
        assert sum(c["isDefault"] for c in listed(cast).json["data"]) == 1


class TestDelete:
    def test_answers_id_and_deleted(self, cast: Cast, three: list[str]) -> None:
        row = row_of(cast, three[2])["id"]
        answer = delete(cast, row)
        assert answer.status_code == 200
        assert answer.json == {
            "message": "Payment method deleted successfully",
            "data": {"id": row, "deleted": True},
        }

    def test_it_is_a_soft_delete(self, cast: Cast, three: list[str]) -> None:
        delete(cast, row_of(cast, three[2])["id"])
        gone = row_of(cast, three[2])
        assert (gone["isActive"], gone["isDefault"]) == (False, False)

    def test_the_longest_held_card_takes_over(
        self, shop: Shop, cast: Cast, three: list[str]
    ) -> None:
        delete(cast, row_of(cast, three[0])["id"])
        assert row_of(cast, three[1])["isDefault"] is True
        assert row_of(cast, three[2])["isDefault"] is False
        assert default_at_stripe(shop, cast) == three[1]

    def test_deleting_another_one_leaves_the_default(self, cast: Cast, three: list[str]) -> None:
        delete(cast, row_of(cast, three[1])["id"])
        assert row_of(cast, three[0])["isDefault"] is True

    def test_the_last_one_may_go(self, shop: Shop, payer: Cast) -> None:
        (card,) = shop.cards(payer.owner, payer.workspace.slug)
        assert delete(payer, card["id"]).status_code == 200
        assert listed(payer).json["count"] == 0
        answer = shop.upgrade(payer.owner, payer.workspace.slug)
        assert (answer.status_code, answer.json["code"]) == (400, "no_payment_method")

    def test_it_is_detached_at_stripe(self, shop: Shop, cast: Cast, three: list[str]) -> None:
        delete(cast, row_of(cast, three[1])["id"])
        assert shop.stripe("GET", f"/v1/payment_methods/{three[1]}")["customer"] is None

    def test_a_second_time_it_is_not_found(self, cast: Cast, three: list[str]) -> None:
        row = row_of(cast, three[1])["id"]
        delete(cast, row)
        answer = delete(cast, row)
        assert (answer.status_code, answer.json["code"]) == (404, "payment_method_not_found")

    def test_a_deleted_card_cannot_be_the_default(self, cast: Cast, three: list[str]) -> None:
        row = row_of(cast, three[1])["id"]
        delete(cast, row)
        assert set_default(cast, row).status_code == 404

    def test_invoices_still_name_the_deleted_card(self, shop: Shop, payer: Cast) -> None:
        shop.upgrade(payer.owner, payer.workspace.slug)
        (card,) = shop.cards(payer.owner, payer.workspace.slug)
        delete(payer, card["id"])
        (invoice,) = shop.invoices(payer.owner, payer.workspace.slug)
        assert (invoice["paymentMethodId"], invoice["cardLast4"]) == (card["id"], "4242")


class TestIds:
    """The path takes the database id and nothing else."""

    @pytest.mark.parametrize("call", [set_default, delete])
    @pytest.mark.parametrize("raw", ["abc", "pm_123", "1.5", "-1", "0x1", "1e3", "%00", "٣"])
    def test_no_digits_are_a_400(self, still: Cast, call, raw: str) -> None:
        answer = call(still, raw)
        assert (answer.status_code, answer.json["code"]) == (400, "invalid_payment_method_id")
        assert answer.json["message"] == "Invalid payment method ID"

    @pytest.mark.parametrize("call", [set_default, delete])
    @pytest.mark.parametrize("raw", ["0", "999999999", *HUGE_IDS])
    def test_an_unknown_id_is_a_404(self, still: Cast, call, raw: str) -> None:
        answer = call(still, raw)
        assert (answer.status_code, answer.json["code"]) == (404, "payment_method_not_found")
        assert answer.json["message"] == "Payment method not found"

    @pytest.mark.parametrize("call", [set_default, delete])
    def test_another_workspaces_card_is_a_403(
        self, shop: Shop, still: Cast, neighbours: Cast, call
    ) -> None:
        foreign = shop.cards(neighbours.owner, neighbours.workspace.slug)
        for card in foreign:
            answer = call(still, card["id"])
            assert answer.status_code == HTTPStatus.FORBIDDEN
            assert answer.json["message"] == "Payment method does not belong to this workspace"
        assert shop.cards(neighbours.owner, neighbours.workspace.slug) == foreign


class TestWithoutStripe:
    """Our rows hold: Stripe only hears of default and deletion as a courtesy."""

    def test_default_and_delete_work_without_a_key(
        self, app: Flask, cast: Cast, three: list[str]
    ) -> None:
        with settings_of(app, stripe_secret_key=None):
            assert set_default(cast, row_of(cast, three[1])["id"]).status_code == 200
            assert delete(cast, row_of(cast, three[2])["id"]).status_code == 200
            assert listed(cast).json["count"] == 2

    def test_and_while_stripe_fails(self, shop: Shop, cast: Cast, three: list[str]) -> None:
        fault(shop, "status", "*", times=4, method="*")
        assert set_default(cast, row_of(cast, three[1])["id"]).status_code == 200
        assert delete(cast, row_of(cast, three[1])["id"]).status_code == 200
        assert row_of(cast, three[0])["isDefault"] is True

    def test_a_card_detached_in_the_dashboard_can_be_deleted(
        self, shop: Shop, cast: Cast, three: list[str]
    ) -> None:
        shop.stripe("POST", f"/v1/payment_methods/{three[1]}/detach")
        assert delete(cast, row_of(cast, three[1])["id"]).status_code == 200
        assert sent(shop, f"/v1/payment_methods/{three[1]}/detach")

    def test_a_free_plan_needs_no_card(self, app: Flask, shop: Shop, cast: Cast) -> None:
        slug = add_plan(app, price_minor=0)
        with settings_of(app, stripe_secret_key=None):
            assert shop.upgrade(cast.owner, cast.workspace.slug, slug).status_code == 200
