"""From a Checkout session over Stripe's page and its events to the end user's own lists."""

from __future__ import annotations

import json
from typing import Any

import pytest
import requests

from tests.support.developers import STRIPE, ProjectSeat
from tests.support.ledger_rows import new_price
from tests.support.shop import eventually

CARD = {"number": "4242 4242 4242 4242", "expiry": "12 / 34", "cvc": "123", "name": "Emil Example"}
BACK = "https://shop.example/ok?session={CHECKOUT_SESSION_ID}"


def check_out(seat: ProjectSeat, price: str, **more: Any) -> dict[str, Any]:
    body = {"price_id": price, "success_url": BACK, "cancel_url": "https://shop.example/", **more}
    answer = seat.end_user.post(f"{STRIPE}/checkout-session", body)
    assert answer.status_code == 200, answer.text
    return dict(answer.json)


def pay(page: str) -> requests.Response:
    """Fill in the hosted page and press its button, as a browser does."""
    return requests.post(page, data=CARD, allow_redirects=False, timeout=10)


def deliver_everything(seat: ProjectSeat) -> None:
    """Send all the account's events to the project's webhook, the newest first."""
    for event in seat.shop.stripe("GET", "/v1/events", limit=100)["data"]:
        payload = json.dumps(event)
        headers = {"Stripe-Signature": seat.shop.signature(payload)}
        answer = seat.developer.client.post(seat.webhook_path(), data=payload, headers=headers)
        assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("trial", [None, 14])
def test_a_subscription(seat: ProjectSeat, trial: int | None) -> None:
    price = new_price(seat.shop, name="Pro", amount=1500, trial=trial)
    session = check_out(seat, price, quantity=2, metadata={"team": "red"})
    back = pay(session["checkout_url"])
    assert back.status_code in {302, 303}, back.text
    assert back.headers["Location"] == BACK.format(CHECKOUT_SESSION_ID=session["session_id"])
    assert seat.end_user.get(f"{STRIPE}/my-subscription").json is None

    deliver_everything(seat)
    mine = eventually(lambda: seat.end_user.get(f"{STRIPE}/my-subscription").json)
    assert mine["status"] == ("trialing" if trial else "active")
    assert (mine["plan_name"], mine["quantity"]) == ("Pro", 2)
    assert mine["user_id"] == seat.end_user.user_id
    held = seat.shop.stripe("GET", f"/v1/subscriptions/{mine['subscription_id']}")
    assert held["metadata"]["team"] == "red"

    again = seat.end_user.post(f"{STRIPE}/checkout-session", {
        "price_id": price, "success_url": BACK, "cancel_url": BACK,
    })  # fmt: skip
    assert again.status_code == 400


def test_paid_but_not_heard_of_yet(seat: ProjectSeat) -> None:
    """The events are late: a second click must not sell the same thing again."""
    price = new_price(seat.shop)
    pay(check_out(seat, price)["checkout_url"])
    body = {"price_id": price, "success_url": BACK, "cancel_url": BACK}
    assert seat.end_user.post(f"{STRIPE}/checkout-session", body).status_code == 400
    check_out(seat, price, allow_existing_subscription=True)


def test_a_subscription_is_paid(seat: ProjectSeat) -> None:
    session = check_out(seat, new_price(seat.shop, amount=1500), quantity=2)
    pay(session["checkout_url"])
    deliver_everything(seat)
    listed = eventually(lambda: seat.end_user.get(f"{STRIPE}/my-payments").json["payments"])
    (payment,) = listed
    mine = eventually(lambda: seat.end_user.get(f"{STRIPE}/my-subscription").json)
    assert (payment["status"], payment["amount_cents"]) == ("succeeded", 3000)

    def tied() -> bool:
        (payment,) = seat.end_user.get(f"{STRIPE}/my-payments").json["payments"]
        return bool(payment["subscription_id"] == mine["id"])

    eventually(tied)


def test_a_one_time_payment(seat: ProjectSeat) -> None:
    price = new_price(seat.shop, amount=700, interval=None)
    session = check_out(seat, price, mode="payment", quantity=3)
    pay(session["checkout_url"])
    deliver_everything(seat)
    (payment,) = eventually(lambda: seat.end_user.get(f"{STRIPE}/my-payments").json["payments"])
    assert (payment["status"], payment["amount_cents"]) == ("succeeded", 2100)
    assert payment["subscription_id"] is None
    assert seat.end_user.get(f"{STRIPE}/my-subscription").json is None
    figures = seat.developer.get("/api/v1/payments/stats").json
    assert (figures["successful_payments"], figures["total_revenue_cents"]) == (1, 2100)


def test_a_declined_card_makes_nothing(seat: ProjectSeat) -> None:
    session = check_out(seat, new_price(seat.shop))
    declined = {**CARD, "number": "4000 0000 0000 0002"}
    answer = requests.post(
        session["checkout_url"], data=declined, allow_redirects=False, timeout=10
    )
    assert "declined" in answer.text
    deliver_everything(seat)
    assert seat.end_user.get(f"{STRIPE}/my-subscription").json is None
    assert check_out(seat, new_price(seat.shop))["session_id"] != session["session_id"]
