"""A sale in each kind of currency, from Checkout's page over the figures to the last refund."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask

from tests.api.projects.test_one_time import Till, line_of
from tests.support.developers import ProjectSeat
from tests.support.ledger_rows import add_payment, new_price

# Of none, two and three decimals, and of two that have to be 00.
PRICES = {"usd": 1999, "jpy": 1500, "kwd": 12_500, "ugx": 3_800_000, "isk": 150_000}
PARTS = {"usd": 1, "jpy": 1, "kwd": 10, "ugx": 100, "isk": 100}


@pytest.fixture
def till(app: Flask, seat: ProjectSeat, neighbours: ProjectSeat) -> Till:
    """A neighbour has sold something in each of the currencies, too."""
    for currency in PRICES:
        add_payment(app, neighbours, neighbours.end_user, currency=currency)
    return Till(app, seat)


def sell(till: Till, currency: str) -> dict[str, Any]:
    till.price = new_price(
        till.seat.shop, amount=PRICES[currency], interval=None, currency=currency
    )
    return till.sell(quantity=1)


def figures(till: Till) -> tuple[str, int, dict[str, int]]:
    told = till.seat.developer.get("/api/v1/payments/stats").json
    return told["currency"], told["total_revenue_cents"], told["revenue_by_currency"]


@pytest.mark.parametrize("currency", PRICES)
def test_a_sale_and_what_is_given_back_of_it(till: Till, currency: str) -> None:
    price, part = PRICES[currency], PARTS[currency]
    sold = sell(till, currency)
    assert (sold["currency"], *line_of(sold)) == (currency, "succeeded", price, 0)
    assert figures(till) == (currency, price, {currency: price})
    till.refund(sold, amount=part)
    assert line_of(till.only()) == ("partially_refunded", price, part)
    assert figures(till) == (currency, price - part, {currency: price - part})
    till.refund(sold)
    assert line_of(till.only()) == ("refunded", price, price)
    assert figures(till) == ("usd", 0, {})
    assert till.left_at_stripe() == 0


def test_sales_in_all_of_them_stay_apart(till: Till) -> None:
    for currency in PRICES:
        sell(till, currency)
    extra = sell(till, "jpy")
    assert figures(till) == ("jpy", 3000, {**PRICES, "jpy": 3000})
    till.refund(extra)
    # One of each is left, and the first by its code is told.
    assert figures(till) == ("isk", PRICES["isk"], PRICES)


def test_the_timeline_tells_an_amount_in_its_own_units(till: Till) -> None:
    sell(till, "ugx")
    path = f"{till.seat.path}/timeline"
    told = till.seat.developer.get(path, query_string={"kind": "payment."}).json
    (sentence,) = [entry["sentence"] for entry in told["entries"]]
    assert "38000.00 UGX" in sentence
