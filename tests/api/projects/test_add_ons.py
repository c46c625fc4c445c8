"""Subscriptions with several items: one is the plan, the others are kept and shown beside it."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask

from tests.support.deliveries import account_of, deliver_all
from tests.support.developers import STRIPE, ProjectSeat
from tests.support.ledger_rows import add_subscription, new_price, requests_to
from tests.support.ledgers import NOON, Desk, subscription
from tests.support.shop import Shop

UPDATED = "customer.subscription.updated"


def item(number: int, *, nickname: str | None = "", **more: Any) -> dict[str, Any]:
    name = f"Plan {number}" if nickname == "" else nickname
    price = {"id": f"price_{number}", "nickname": name, "product": f"prod_{number}"}
    return {"id": f"si_{number}", "quantity": number, "price": price, **more}


def several(*items: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return subscription(items={"object": "list", "data": list(items)}, **changes)


def shown(desk: Desk) -> list[tuple[Any, ...]]:
    """Return the plan and the add-ons as the developer sees them."""
    (told,) = desk.seat.developer.get(f"{desk.seat.path}/subscriptions").json["subscriptions"]
    add_ons = [(each["plan_name"], each["quantity"]) for each in told["add_ons"]]
    return [(told["plan_name"], told["quantity"]), *add_ons]


class TestEvents:
    def test_the_plan_is_what_was_sold(self, desk: Desk) -> None:
        desk.take(UPDATED, several(item(1), item(2), metadata={"plan_price_id": "price_2"}))
        assert shown(desk) == [("Plan 2", 2), ("Plan 1", 1)]
        assert desk.subscription().price_id == "price_2"
        assert desk.stripe.asked == 0

    def test_an_add_on_that_comes_later_does_not_become_the_plan(self, desk: Desk) -> None:
        desk.take(UPDATED, several(item(2)), at=NOON)
        desk.take(UPDATED, several(item(1), item(2)), at=NOON + 1)
        assert shown(desk) == [("Plan 2", 2), ("Plan 1", 1)]

    def test_nor_one_whose_plan_was_replaced(self, desk: Desk) -> None:
        desk.take(UPDATED, several(item(1), item(2), metadata={"plan_price_id": "price_1"}))
        desk.take(UPDATED, several(item(2), item(3)), at=NOON + 1)
        assert shown(desk) == [("Plan 3", 3), ("Plan 2", 2)]

    def test_no_quantity_at_all_is_none(self, desk: Desk) -> None:
        desk.take(UPDATED, several(item(1, quantity=0), item(2, quantity=0)))
        assert shown(desk) == [("Plan 1", 0), ("Plan 2", 0)]

    def test_names_come_from_their_products(self, desk: Desk) -> None:
        found = several(item(1), item(2, nickname=None))
        desk.objects["get_subscription", "sub_1"] = found
        desk.objects["get_product_name", "prod_2"] = "Support"
        desk.take(UPDATED, found)
        assert shown(desk) == [("Plan 1", 1), ("Support", 2)]

    def test_a_deleted_product_costs_the_name_only(self, desk: Desk) -> None:
        found = several(item(1, nickname=None), item(2, nickname=None))
        desk.objects["get_subscription", "sub_1"] = found
        event = desk.take(UPDATED, found)
        assert shown(desk) == [(None, 1), (None, 2)]
        assert desk.event(event).state == "processed"

    def test_a_product_deleted_later_leaves_its_name(self, desk: Desk) -> None:
        desk.take(UPDATED, several(item(1)), at=NOON)
        nameless = several(item(1, nickname=None), status="past_due")
        desk.objects["get_subscription", "sub_1"] = nameless
        desk.take(UPDATED, nameless, at=NOON)
        assert (desk.subscription().plan_name, desk.subscription().status) == ("Plan 1", "past_due")

    def test_items_that_the_event_leaves_out_are_asked_for(self, desk: Desk) -> None:
        desk.objects["get_subscription", "sub_1"] = several(item(1), item(2))
        found = several(item(1))
        found["items"]["has_more"] = True
        desk.take(UPDATED, found)
        assert shown(desk) == [("Plan 1", 1), ("Plan 2", 2)]

    def test_the_timeline_tells_of_a_change(self, desk: Desk) -> None:
        desk.take(UPDATED, several(item(1)), at=NOON)
        desk.take(UPDATED, several(item(1), item(2)), at=NOON + 1)
        query = {"kind": "subscription.add_ons_changed"}
        path = f"{desk.seat.path}/timeline"
        (entry,) = desk.seat.developer.get(path, query_string=query).json["entries"]
        assert entry["sentence"] == "The add-ons of subscription sub_1 changed"


@pytest.fixture
def prices(seat: ProjectSeat) -> dict[str, str]:
    return {name: new_price(seat.shop, name=name) for name in ("Basic", "Better", "Support")}


@pytest.fixture
def held(app: Flask, seat: ProjectSeat, prices: dict[str, str]) -> str:
    """A subscription of a plan that stands second, behind two of an add-on."""
    items = {
        "items[0][price]": prices["Support"], "items[0][quantity]": 2,
        "items[1][price]": prices["Basic"], "items[1][quantity]": 3,
        "metadata[plan_price_id]": prices["Basic"], "metadata[user_id]": seat.end_user.user_id,
    }  # fmt: skip
    return new_subscription(app, seat, **items)


def new_subscription(app: Flask, seat: ProjectSeat, **params: Any) -> str:
    """Make a subscription that is paid by card, and let its events be handled."""
    account = account_of(seat)
    before = len(account.all("events"))
    made = account.call("POST", "subscriptions", customer=account.customer(), **params)
    deliver_all(app, seat, account.all("events")[before:])
    return str(made["id"])


def items_at_stripe(shop: Shop, subscription_id: str) -> dict[str, int]:
    found = shop.stripe("GET", f"/v1/subscriptions/{subscription_id}")
    return {each["price"]["id"]: each["quantity"] for each in found["items"]["data"]}


class TestChangePlan:
    def change(self, seat: ProjectSeat, price: str) -> Any:
        return seat.end_user.post(f"{STRIPE}/update-subscription", {"new_price_id": price})

    def test_only_the_plans_item_is_named(
        self, seat: ProjectSeat, held: str, prices: dict[str, str]
    ) -> None:
        assert self.change(seat, prices["Better"]).status_code == 200
        asked = requests_to(seat.shop, f"/v1/subscriptions/{held}")[-1]
        (sent,) = asked["items"].values() if isinstance(asked["items"], dict) else asked["items"]
        assert (sent["price"], str(sent["quantity"])) == (prices["Better"], "3")
        assert items_at_stripe(seat.shop, held) == {prices["Support"]: 2, prices["Better"]: 3}

    def test_the_new_plan_is_shown_and_stays_the_plan(
        self, seat: ProjectSeat, held: str, prices: dict[str, str]
    ) -> None:
        self.change(seat, prices["Better"])
        mine = seat.end_user.get(f"{STRIPE}/my-subscription").json
        assert (mine["plan_name"], mine["quantity"]) == ("Better", 3)
        assert mine["add_ons"] == [
            {"price_id": prices["Support"], "plan_name": "Support", "quantity": 2}
        ]
        found = seat.shop.stripe("GET", f"/v1/subscriptions/{held}")
        assert found["metadata"]["plan_price_id"] == prices["Better"]

    def test_the_same_price_costs_nothing(
        self, seat: ProjectSeat, held: str, prices: dict[str, str]
    ) -> None:
        assert self.change(seat, prices["Basic"]).status_code == 200
        assert requests_to(seat.shop, f"/v1/subscriptions/{held}") == []

    def test_the_price_of_an_add_on_is_400(
        self, seat: ProjectSeat, held: str, prices: dict[str, str]
    ) -> None:
        assert self.change(seat, prices["Support"]).status_code == 400
        assert requests_to(seat.shop, f"/v1/subscriptions/{held}") == []


class TestPages:
    def test_all_items_are_read(
        self, app: Flask, seat: ProjectSeat, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Stripe shows the first ten of a subscription's items in it."""
        account = account_of(seat)
        prices = {f"items[{n}][price]": account.price(100) for n in range(3)}
        made = account.call("POST", "subscriptions", customer=account.customer(), **prices)
        retrieve = account.billing._v1.subscriptions.retrieve

        def first_page(*args: Any) -> Any:
            found = retrieve(*args)
            found["items"]["data"], found["items"]["has_more"] = found["items"]["data"][:1], True
            return found

        monkeypatch.setattr(account.billing._v1.subscriptions, "retrieve", first_page)
        whole = account.billing.get_subscription(made["id"])
        assert {each["price"]["id"] for each in whole["items"]["data"]} == set(prices.values())
        assert whole["items"]["has_more"] is False


def test_one_without_items_is_no_plan_to_change(
    app: Flask, seat: ProjectSeat, monkeypatch: pytest.MonkeyPatch, prices: dict[str, str]
) -> None:
    empty = subscription(items={"object": "list", "data": []})
    monkeypatch.setattr("payments.gateway.billing.Billing.get_subscription", lambda *_: empty)
    add_subscription(app, seat, seat.end_user, subscription_id="sub_1")
    answer = seat.end_user.post(f"{STRIPE}/update-subscription", {"new_price_id": prices["Better"]})
    assert answer.status_code == 400
