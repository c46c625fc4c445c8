"""Odd texts, numbers and moments in events end alike on both databases, and never as failures."""

from __future__ import annotations

import json
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from payments.kit import clock
from tests.support.deliveries import deliver, made_up
from tests.support.ledgers import NOON, Desk, intent, invoice, subscription

UPDATED = "customer.subscription.updated"
FAR = clock.from_timestamp(2**60)


def item(price: dict | None = None, **changes: Any) -> dict[str, Any]:
    """A subscription whose only item is changed."""
    found = subscription()
    held = found["items"]["data"][0]
    held.update(changes)
    held["price"].update(price or {})
    return found


class TestSubscription:
    @pytest.mark.parametrize(
        ("nickname", "kept"),
        [("Team\x00", "Team"), ("Team \ud83d", "Team \ufffd"), ("é" * 400, "é" * 255)],
    )
    def test_a_plans_name(self, desk: Desk, nickname: str, kept: str) -> None:
        desk.take(UPDATED, item({"nickname": nickname}))
        assert desk.subscription().plan_name == kept

    @pytest.mark.parametrize(
        ("found", "column", "kept"),
        [
            (item(quantity=2**31), "quantity", 2**31 - 1),
            (item(quantity=10**40), "quantity", 2**31 - 1),
            (subscription(status="s" * 90), "status", "s" * 30),
            (subscription(cancel_at=253_402_300_800), "cancel_at", FAR),
            (subscription(canceled_at=10**300), "cancelled_at", FAR),
            (item(current_period_end=2**62), "current_period_end", FAR),
            (subscription(created=2**62), "created_at", FAR),
            (subscription(metadata={"user_id": "u" * 500}), "user_id", None),
        ],
    )
    def test_it_is_kept(self, desk: Desk, found: dict, column: str, kept: Any) -> None:
        name = desk.take(UPDATED, found)
        assert (desk.event(name).state, desk.event(name).note) == ("processed", None)
        assert getattr(desk.subscription(), column) == kept

    @pytest.mark.parametrize(
        "found",
        [
            subscription(id="sub_" + "1" * 300),
            subscription(customer="cus_" + "1" * 300),
            subscription(created="yesterday"),
            subscription(cancel_at=1.5),
            item({"id": "price_" + "1" * 300}),
            item(quantity="many"),
        ],
    )
    def test_it_is_refused_with_a_note(self, desk: Desk, found: dict) -> None:
        name = desk.take(UPDATED, found)
        assert desk.event(name).state == "processed"
        assert desk.event(name).note.startswith("It cannot be kept: ")
        assert desk.subscriptions() == []


class TestPayment:
    @pytest.mark.parametrize(
        "changes", [{"amount_paid": 2**63}, {"currency": "dollars"}, {"amount_paid": "2000"}]
    )
    def test_an_invoice_that_tells_no_amount(self, desk: Desk, changes: dict) -> None:
        desk.take(UPDATED, subscription())
        name = desk.take("invoice.paid", invoice(**changes))
        assert desk.event(name).note.startswith("It cannot be kept: ")
        assert desk.payments() == []

    def test_an_amount_that_a_look_shows(self, desk: Desk) -> None:
        desk.objects["get_payment", "pi_1"] = intent(amount_received=2**70)
        desk.objects["find_invoice_of", "pi_1"] = None
        name = desk.take("payment_intent.canceled", {"id": "pi_1"})
        assert desk.event(name).note == "It cannot be kept: amount is larger than any amount"

    def test_the_largest_amount_is_kept(self, desk: Desk) -> None:
        desk.take(UPDATED, subscription())
        desk.take("invoice.paid", invoice(amount_paid=2**53))
        assert desk.payment().amount_cents == 2**53

    def test_a_description(self, desk: Desk) -> None:
        desk.take(UPDATED, subscription())
        desk.take("invoice.paid", invoice(description="a\x00b" * 300))
        assert desk.payment().description == ("ab" * 300)[:500]


class TestNeighboursInTheBatch:
    def test_they_are_not_touched(self, desk: Desk) -> None:
        names = [
            desk.tell(UPDATED, subscription(id="sub_" + "1" * 300)),
            desk.tell(UPDATED, item({"nickname": "\x00\ud800"})),
            desk.tell("invoice.paid", invoice(amount_paid=2**63)),
            desk.tell(UPDATED, subscription(id="sub_2")),
        ]
        desk.drain()
        assert {desk.event(name).state for name in names} == {"processed"}
        assert {row.subscription_id for row in desk.subscriptions()} == {"sub_1", "sub_2"}


@pytest.mark.parametrize("named", [["pi_1"], {"id": ["pi_1"]}, 7, {}])
def test_a_name_that_is_none_holds_up_nobody(desk: Desk, named: Any) -> None:
    """The events beside it in the batch are handled in the same turn."""
    desk.tell("charge.refunded", {"id": "ch_1", "object": "charge", "payment_intent": named})
    odd = desk.tell(UPDATED, subscription(id=named))
    good = desk.take(UPDATED, subscription(id="sub_2"))
    assert desk.event(good).state == "processed"
    assert (desk.event(odd).state, "id is not a text" in desk.event(odd).note) == (
        "processed",
        True,
    )


def test_the_payload_is_shown_without_what_no_answer_can_hold(app: Flask, desk: Desk) -> None:
    event = made_up(data={"object": {"id": "cus_1", "name": "a\x00b\ud800"}})
    assert deliver(desk.seat, event).status_code == 200
    shown = desk.seat.developer.get(f"{desk.seat.path}/events/{event['id']}")
    assert shown.status_code == 200
    assert shown.json["payload"]["data"]["object"]["name"] == "ab\ufffd"
    with app.app_context():
        told = app.test_cli_runner().invoke(args=["events", "show", event["id"]])
    assert told.exit_code == 0, told.exception


TEXTS = st.text(st.characters(codec=None), max_size=300) | st.sampled_from(["\x00", "\ud800"])
NUMBERS = st.integers() | st.integers(-(2**70), 2**70) | st.sampled_from([2**31, 2**63, 10**80])
VALUES = st.none() | NUMBERS | TEXTS
PLACES = (
    *(("status",), ("customer",), ("created",), ("cancel_at",), ("canceled_at",)),
    *(("metadata", "user_id"), ("items", "data", 0, "quantity")),
    *(("items", "data", 0, "current_period_end"), ("items", "data", 0, "price", "nickname")),
)


def put(found: Any, place: tuple[Any, ...], value: Any) -> None:
    for step in place[:-1]:
        found = found[step]
    found[place[-1]] = value


@given(changes=st.dictionaries(st.sampled_from(PLACES), VALUES, min_size=1, max_size=4))
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_no_value_kills_an_event(desk: Desk, changes: dict[tuple[Any, ...], Any]) -> None:
    """Each is applied, or done with a note; a database that refused it would show as an error."""
    found = json.loads(json.dumps(subscription()))
    for place, value in changes.items():
        put(found, place, value)
    if found["status"] is None or found["created"] is None:
        return
    name = desk.take(UPDATED, found, at=NOON)
    event = desk.event(name)
    assert "Error" not in (event.last_error or "")
    assert event.state == "processed" or event.last_error.startswith("Rejected: resource_missing")
