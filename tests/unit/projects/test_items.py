"""Which of a subscription's items is its plan, and what the others are called."""

from __future__ import annotations

from typing import Any

import pytest

from payments.gateway.errors import BadCredentials, OutcomeUnknown, Rejected, Unavailable
from payments.projects.models import Subscription
from payments.projects.sync import names, shapes
from payments.projects.sync.account import Account
from payments.projects.sync.items import Item
from payments.projects.sync.subscriptions import choose_plan
from tests.support.ledgers import subscription

ACCOUNT = Account("11111111-1111-4111-8111-111111111111", True)


def item(price: str, *, metered: bool = False, **more: Any) -> dict[str, Any]:
    usage = "metered" if metered else "licensed"
    held = {"id": price, "nickname": None, "product": f"prod_{price}"}
    found = {"id": f"si_{price}", "price": {**held, "recurring": {"usage_type": usage}}}
    return found | ({} if metered else {"quantity": 1}) | more


def several(*items: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return subscription(items={"object": "list", "data": list(items)}, **changes)


def plan_of(found: dict[str, Any], row: Subscription | None = None) -> str | None:
    return choose_plan(shapes.subscription(found), row).price


def row_of(price: str | None, *add_ons: str) -> Subscription:
    held = [{"price_id": each, "plan_name": None, "quantity": 1} for each in add_ons]
    return Subscription(price_id=price, plan_name="Held", add_ons=held)


class TestThePlan:
    def test_of_one_item_it_is_that(self) -> None:
        assert plan_of(several(item("a")), row_of("b")) == "a"

    def test_it_is_what_checkout_sold(self) -> None:
        found = several(item("a"), item("b"), metadata={"plan_price_id": "b"})
        assert plan_of(found, row_of("a")) == "b"

    def test_else_what_the_row_has(self) -> None:
        found = several(item("a"), item("b"), metadata={"plan_price_id": "gone"})
        assert plan_of(found, row_of("b")) == "b"

    def test_else_the_first_with_a_quantity(self) -> None:
        found = several(item("a", metered=True), item("b"), item("c"))
        assert plan_of(found) == "b"
        assert plan_of(found, row_of("gone")) == "b"

    def test_of_those_the_oldest(self) -> None:
        assert plan_of(several(item("a", created=7), item("b", created=5))) == "b"

    def test_but_no_add_on_of_before(self) -> None:
        found = several(item("a"), item("b"))
        assert plan_of(found, row_of("gone", "a")) == "b"

    def test_of_metered_ones_the_first(self) -> None:
        assert plan_of(several(item("a", metered=True), item("b", metered=True))) == "a"

    def test_its_period_is_the_subscriptions(self) -> None:
        yearly = item("b", current_period_start=5, current_period_end=9)
        found = several(item("a"), yearly, metadata={"plan_price_id": "b"})
        state = shapes.subscription({**found, "cancel_at_period_end": True})
        assert (state.period_start, state.period_end, state.cancel_at) == (5, 9, 9)

    def test_the_others_are_add_ons(self) -> None:
        found = several(item("a"), item("b"), item("c", metered=True))
        assert [each.price for each in shapes.subscription(found).add_ons] == ["b", "c"]


class FakeBilling:
    """An account that answers each question about a product in one way."""

    def __init__(self, answer: str | Exception) -> None:
        self.answer, self.asked = answer, 0

    def get_product_name(self, _product: str) -> str:
        self.asked += 1
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


class TestNames:
    @pytest.fixture(autouse=True)
    def forget(self) -> None:
        names._held.clear()

    def ask(self, billing: FakeBilling, held: dict[Any, Any] | None = None) -> str | None:
        found: Item = shapes.subscription(several(item("a"))).plan
        return names.ask_name(billing, ACCOUNT, found, held or {})  # type: ignore[arg-type]

    def test_it_is_the_products(self) -> None:
        assert self.ask(FakeBilling("Gold")) == "Gold"

    @pytest.mark.parametrize(
        "error",
        [
            Rejected("No such product", code="resource_missing"),
            BadCredentials("may not read products", code="more_permissions_required"),
            OutcomeUnknown("500"),
        ],
        ids=lambda error: type(error).__name__,
    )
    def test_without_an_answer_the_former_name_stays(self, error: Exception) -> None:
        assert self.ask(FakeBilling(error), {"a": "Former", "b": "Other"}) == "Former"
        names._held.clear()
        assert self.ask(FakeBilling(error)) is None

    def test_a_deleted_product_is_asked_for_once(self) -> None:
        billing = FakeBilling(Rejected("No such product", code="resource_missing"))
        assert [self.ask(billing), self.ask(billing)] == [None, None]
        assert billing.asked == 1

    def test_an_account_without_room_is_asked_later(self) -> None:
        with pytest.raises(Unavailable):
            self.ask(FakeBilling(Unavailable("full", code="rate_limit")))

    def test_a_row_names_its_plan_and_its_add_ons(self) -> None:
        row = row_of("a")
        row.add_ons = [{"price_id": "b", "plan_name": "Extra", "quantity": 1}]
        assert names.names_of(row) == {"a": "Held", "b": "Extra"}
        assert names.names_of(None) == {}
