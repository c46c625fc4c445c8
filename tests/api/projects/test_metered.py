"""Metered prices: usage is billed, so no quantity is ever sent for them."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask

from payments.gateway.billing import Billing
from payments.gateway.billing_results import Price
from tests.support.developers import STRIPE, ProjectSeat
from tests.support.ledger_rows import add_subscription, requests_to
from tests.support.ledgers import Desk, subscription

URLS = {"success_url": "https://shop.example/s", "cancel_url": "https://shop.example/c"}


class Stripe:
    """An account with one price, metered or not, and one subscription on another one."""

    def __init__(self, patch: pytest.MonkeyPatch, *, from_metered: bool, to_metered: bool) -> None:
        price = Price("price_2", True, True, to_metered, None, "Usage", 5, "usd")
        recurring = {"usage_type": "metered" if from_metered else "licensed"}
        item: dict[str, Any] = {"id": "si_1", "price": {"id": "price_1", "recurring": recurring}}
        if not from_metered:
            item["quantity"] = 0
        self.found = subscription(items={"object": "list", "data": [item]})
        self.sent: list[Any] = []
        patch.setattr(Billing, "get_price", lambda *_: price)
        patch.setattr(Billing, "get_subscription", lambda *_: self.found)
        patch.setattr(Billing, "change_price", self.change_price)

    def change_price(self, change: Any, *, key: str) -> Any:
        self.sent.append(change.quantity)
        return self.found


class TestCheckout:
    @pytest.mark.parametrize("quantity", [1, 5])
    def test_no_quantity_is_sent(
        self, seat: ProjectSeat, monkeypatch: pytest.MonkeyPatch, quantity: int
    ) -> None:
        Stripe(monkeypatch, from_metered=False, to_metered=True)
        body = {"price_id": "price_2", "quantity": quantity, **URLS}
        seat.end_user.post(f"{STRIPE}/checkout-session", body)
        (asked,) = requests_to(seat.shop, "/v1/checkout/sessions")
        items = asked["line_items"]
        (line,) = items.values() if isinstance(items, dict) else items
        assert line == {"price": "price_2"}


class TestChangePlan:
    @pytest.mark.parametrize(
        ("from_metered", "to_metered", "sent"),
        [(False, True, None), (True, True, None), (True, False, 1), (False, False, 0)],
    )
    def test_the_quantity_follows_the_price(
        self,
        app: Flask,
        seat: ProjectSeat,
        monkeypatch: pytest.MonkeyPatch,
        from_metered: bool,
        to_metered: bool,
        sent: int | None,
    ) -> None:
        stripe = Stripe(monkeypatch, from_metered=from_metered, to_metered=to_metered)
        add_subscription(app, seat, seat.end_user, subscription_id="sub_1", price_id="price_1")
        body = {"new_price_id": "price_2"}
        answer = seat.end_user.post(f"{STRIPE}/update-subscription", body)
        assert answer.status_code == 200, answer.text
        assert stripe.sent == [sent]


def test_one_is_shown_as_held_once(desk: Desk) -> None:
    price = {"id": "price_1", "nickname": "Usage", "recurring": {"usage_type": "metered"}}
    found = subscription(items={"data": [{"id": "si_1", "price": price}]})
    desk.take("customer.subscription.updated", found)
    (shown,) = desk.seat.developer.get(f"{desk.seat.path}/subscriptions").json["subscriptions"]
    assert (shown["plan_name"], shown["quantity"]) == ("Usage", 1)
