"""Both generations of Stripe's payloads say the same, and odd ones are read as far as they go."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from payments.projects.sync import shapes

FIXTURES = Path(__file__).parents[2] / "fixtures"
GENERATIONS = ("basil", "before_basil")


def fixture(generation: str, name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((FIXTURES / f"{generation}.json").read_text())[name]
    return found


@pytest.mark.parametrize("generation", GENERATIONS)
class TestBothGenerations:
    def test_a_subscription(self, generation: str) -> None:
        found = fixture(generation, "subscription")
        state = shapes.subscription(found)
        item = found["items"]["data"][0]
        assert (state.id, state.customer, state.status) == (
            found["id"],
            found["customer"],
            "active",
        )
        assert (state.plan.price, state.plan.product) == (
            item["price"]["id"],
            item["price"]["product"],
        )
        assert (state.plan.nickname, state.plan.quantity) == ("Gold", 1)
        assert state.user == "3f2c5c8e-3a53-4a53-9c0e-0d6a0c1f7a10"
        assert state.period_end is not None
        assert state.period_start is not None
        assert 28 <= (state.period_end - state.period_start) / 86400 <= 31
        assert (state.cancel_at, state.canceled_at, state.created) == (None, None, found["created"])

    def test_an_invoice(self, generation: str) -> None:
        found = fixture(generation, "invoice")
        state = shapes.invoice(found)
        assert state.subscription == fixture(generation, "subscription")["id"]
        assert (state.amount_paid, state.currency, state.status) == (1200, "usd", "paid")
        assert state.description == "Subscription renewal"

    def test_a_payment(self, generation: str) -> None:
        found = fixture(generation, "payment_intent")
        state = shapes.payment(found, [], [])
        assert (state.id, state.status, state.amount) == (found["id"], "succeeded", 1200)
        assert (state.refunded, state.disputed, state.user) == (0, False, None)


class TestWhereThePaymentStands:
    def test_before_basil_in_the_invoice_itself(self) -> None:
        state = shapes.invoice(fixture("before_basil", "invoice"))
        held = fixture("before_basil", "payment_intent")["id"]
        assert (state.payments, state.settled) == ((held,), {held: 1200})

    @pytest.mark.parametrize("paid", [0, -100])
    def test_one_that_took_nothing_has_settled_nothing(self, paid: int) -> None:
        """A credit note settled the invoice; its PaymentIntent was canceled."""
        found = {**fixture("before_basil", "invoice"), "amount_paid": paid}
        state = shapes.invoice(found)
        assert (len(state.payments or ()), state.settled, state.unmeasured) == (1, {}, ())

    def test_a_canceled_one_has_settled_nothing(self) -> None:
        canceled = {"id": "pi_7", "status": "canceled"}
        state = shapes.invoice({**fixture("before_basil", "invoice"), "payment_intent": canceled})
        assert (state.payments, state.settled, state.unmeasured) == (("pi_7",), {}, ())

    def test_a_part_of_what_was_due_is_asked_for(self) -> None:
        found = {**fixture("before_basil", "invoice"), "amount_due": 1500}
        held = fixture("before_basil", "payment_intent")["id"]
        state = shapes.invoice(found)
        assert (state.settled, state.unmeasured) == ({}, (held,))

    def test_a_charge_without_a_payment_intent(self) -> None:
        older = {"payment_intent": None, "charge": "ch_1"}
        state = shapes.invoice({**fixture("before_basil", "invoice"), **older})
        assert (state.payments, state.settled) == (("ch_1",), {"ch_1": 1200})

    def test_an_expanded_one(self) -> None:
        found = {**fixture("before_basil", "invoice"), "payment_intent": {"id": "pi_7"}}
        assert shapes.invoice(found).payments == ("pi_7",)

    def test_since_then_not_in_an_event(self) -> None:
        state = shapes.invoice(fixture("basil", "invoice"))
        assert (state.payments, state.settled) == (None, {})

    def test_unless_nothing_was_due(self) -> None:
        for due in (0, -500):
            found = {**fixture("basil", "invoice"), "amount_due": due, "amount_paid": 0}
            assert shapes.invoice(found).payments == ()

    def listed(self, *parts: dict[str, Any], **more: Any) -> shapes.InvoiceState:
        payments = {"data": list(parts), "has_more": False}
        return shapes.invoice({**fixture("basil", "invoice"), "payments": payments, **more})

    def part(self, kind: str, paid_by: Any, status: str, amount: int | None) -> dict[str, Any]:
        held = {"type": kind, kind: paid_by}
        return {"payment": held, "status": status, "amount_paid": amount}

    def test_a_list_tells_which_took_how_much(self) -> None:
        state = self.listed(
            self.part("payment_intent", "pi_1", "canceled", None),
            self.part("payment_intent", {"id": "pi_2"}, "paid", 400),
            self.part("payment_intent", "pi_3", "open", None),
            self.part("payment_record", "pr_1", "paid", 500),
            self.part("charge", "ch_1", "paid", 300),
            {"payment": None, "status": "paid", "amount_paid": 100},
        )
        assert state.payments == ("pi_1", "pi_2", "pi_3", "ch_1")
        assert (state.settled, state.unmeasured) == ({"pi_2": 400, "ch_1": 300}, ())

    def test_a_part_without_an_amount_is_asked_for(self) -> None:
        parts = [self.part("payment_intent", name, "paid", None) for name in ("pi_1", "pi_2")]
        assert self.listed(*parts).unmeasured == ("pi_1", "pi_2")
        assert self.listed(parts[0]).settled == {"pi_1": 1200}

    def test_more_than_was_due_is_asked_for(self) -> None:
        part = self.part("payment_intent", "pi_1", "paid", 1200)
        assert self.listed(part, amount_overpaid=300).unmeasured == ("pi_1",)

    def test_a_list_that_goes_on_tells_nothing(self) -> None:
        part = self.part("payment_intent", "pi_1", "paid", 1200)
        state = self.listed(payments={"data": [part], "has_more": True})
        assert (state.payments, state.settled) == (None, {})

    def test_paid_elsewhere_nobody_knows(self) -> None:
        found = {**fixture("before_basil", "invoice"), "paid_out_of_band": True}
        assert (shapes.invoice(found).payments, shapes.invoice(found).settled) == (None, {})


class TestSubscriptions:
    def test_of_the_time_of_plans(self) -> None:
        plan = {"id": "plan_1", "nickname": "Old", "product": {"id": "prod_1"}}
        found = {**fixture("before_basil", "subscription"), "items": None, "plan": plan}
        state = shapes.subscription({**found, "quantity": 4})
        item = state.plan
        assert (item.price, item.nickname, item.product) == ("plan_1", "Old", "prod_1")
        assert item.quantity == 4

    def test_metered_ones_have_no_quantity(self) -> None:
        found = fixture("basil", "subscription")
        del found["items"]["data"][0]["quantity"]
        item = shapes.subscription(found).plan
        assert (item.quantity, item.shown_quantity) == (None, 1)

    def test_none_of_a_seat_is_none(self) -> None:
        found = fixture("basil", "subscription")
        found["items"]["data"][0]["quantity"] = 0
        assert shapes.subscription(found).plan.shown_quantity == 0

    @pytest.mark.parametrize("items", [None, {}, {"data": []}])
    def test_without_items_nothing_is_known_of_a_plan(self, items: Any) -> None:
        state = shapes.subscription({**fixture("basil", "subscription"), "items": items})
        assert (state.plan.price, state.add_ons, state.period_end) == (None, (), None)

    @pytest.mark.parametrize(
        ("told", "had"),
        [
            ({}, False),
            ({"trial_start": 1, "trial_end": 2}, True),
            ({"status": "trialing"}, True),
        ],
    )
    def test_a_trial_is_known_by_its_dates(self, told: dict[str, Any], had: bool) -> None:
        found = {**fixture("basil", "subscription"), "trial_start": None, "trial_end": None}
        assert shapes.subscription({**found, **told}).had_trial is had

    def test_the_end_of_the_period_when_only_the_wish_is_told(self) -> None:
        found = {**fixture("basil", "subscription"), "cancel_at_period_end": True}
        state = shapes.subscription(found)
        assert state.cancel_at == state.period_end

    @pytest.mark.parametrize("metadata", [None, {}, {"user_id": ""}, {"user_id": 7}])
    def test_nobody_is_named(self, metadata: Any) -> None:
        found = {**fixture("basil", "subscription"), "metadata": metadata}
        assert shapes.subscription(found).user is None


class TestPayments:
    @pytest.mark.parametrize(
        ("status", "error", "shown"),
        [
            ("succeeded", None, "succeeded"),
            ("canceled", {"code": "card_declined"}, "canceled"),
            ("processing", None, "pending"),
            ("requires_action", {"code": "card_declined"}, "pending"),
            ("requires_payment_method", None, "pending"),
            ("requires_payment_method", {"code": "card_declined"}, "failed"),
        ],
    )
    def test_statuses(self, status: str, error: Any, shown: str) -> None:
        found = fixture("basil", "payment_intent")
        found |= {"status": status, "last_payment_error": error}
        assert shapes.payment(found, [], []).status == shown

    def test_refunds_that_hold_and_disputes_that_last(self) -> None:
        made = [
            {"amount": 100, "status": status}
            for status in ("succeeded", "pending", "requires_action", "failed", "canceled")
        ]
        free = ("won", "prevented", "needs_response", "under_review", "closed")
        held = [{"status": f"warning_{s}" if s in free[2:] else s} for s in free]
        found = fixture("basil", "payment_intent")
        assert shapes.payment(found, made, held).refunded == 300
        assert not shapes.payment(found, made, held).disputed
        assert shapes.payment(found, made, [*held, {"status": "under_review"}]).disputed

    def test_what_was_captured_counts(self) -> None:
        found = fixture("basil", "payment_intent") | {"amount": 1200, "amount_received": 700}
        assert shapes.payment(found, [], []).amount == 700


def test_a_session_names_its_buyer_by_reference_or_metadata() -> None:
    found = {"id": "cs_1", "mode": "payment", "metadata": {"user_id": "b"}}
    assert shapes.session(found).user == "b"
    assert shapes.session({**found, "client_reference_id": "a"}).user == "a"
