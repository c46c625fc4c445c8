"""The timeline of a project: its keys, subscriptions and payments, and who changed them."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from payments.kit.db import db
from payments.timeline.models import TimelineEntry
from tests.support.developers import Developer, ProjectSeat, new_api_key, signing_secret, store_keys
from tests.support.ledger_rows import user_id
from tests.support.ledgers import NOON, Desk, intent, invoice, subscription, told

UPDATED = "customer.subscription.updated"
DAY = 86_400


def page(seat: ProjectSeat, **query: Any) -> dict[str, Any]:
    answer = seat.developer.get(f"{seat.path}/timeline", query_string={"page_size": 100, **query})
    assert answer.status_code == 200, answer.text
    return dict(answer.json)


def entries(seat: ProjectSeat, **query: Any) -> list[dict[str, Any]]:
    return list(page(seat, **query)["entries"])


def sentences(seat: ProjectSeat, **query: Any) -> list[str]:
    """Return the sentences, the oldest first."""
    return [entry["sentence"] for entry in entries(seat, **query)][::-1]


class TestConfiguration:
    def test_a_project_from_its_first_day(self, seat: ProjectSeat) -> None:
        fields = {"test_webhook_secret": signing_secret(), "test_secret_key": seat.secret_key}
        store_keys(seat.developer, seat.project_id, **fields)
        store_keys(seat.developer, seat.project_id, **fields)
        assert seat.developer.delete(f"{seat.path}/config").status_code == 204
        store_keys(seat.developer, seat.project_id)
        replaced = "test_webhook_secret"
        told_of = [s for s in sentences(seat) if "registered" not in s]
        assert told_of == [
            "The project was created",
            f"An API key {seat.api_key[:8]}... was made",
            "The Stripe configuration was saved: test_secret_key, test_webhook_secret",
            f"The Stripe configuration was saved: {replaced}; replaced: {replaced}",
            "The Stripe configuration was switched off; its keys will be destroyed after 7 days",
            "The Stripe configuration was saved",
        ]

    @pytest.mark.usefixtures("eve")
    def test_who_it_was(self, seat: ProjectSeat) -> None:
        saved = entries(seat, kind="stripe_config.")[0]
        assert saved["source"] == "request"
        assert saved["user"] == {
            "id": seat.developer.uuid,
            "name": "Dora",
            "email": seat.developer.email,
        }
        registered = entries(seat, kind="user.registered")[-1]
        (key,) = seat.developer.get(f"/api/v1/projects/{seat.project_id}/api-keys").json
        assert (registered["source"], registered["user"]) == ("api_key", None)
        assert registered["actor"] == f"api_key:{key['id']}"
        assert registered["sentence"].startswith("Emil (user ")

    def test_the_operator_registers_developers(self, app: Flask, seat: ProjectSeat) -> None:
        with app.app_context():
            user = user_id(seat.developer)
            query = sa.select(TimelineEntry.actor).where(TimelineEntry.kind == "user.registered")
            who = db.session.scalars(query.where(TimelineEntry.subject == f"user:{user}")).one()
        assert who == "operator"

    def test_it_outlives_the_project(self, seat: ProjectSeat, neighbours: ProjectSeat) -> None:
        before = entries(seat)
        path = f"/api/v1/projects/{seat.project_id}"
        assert seat.developer.delete(path).status_code == 204
        assert seat.developer.get(path).status_code == 404
        assert entries(seat)[1:] == before
        assert entries(seat)[0]["kind"] == "project.deleted"
        theirs = neighbours.developer.get(f"{seat.path}/timeline")
        assert theirs.status_code == 403

    def test_no_key_is_in_it(self, seat: ProjectSeat) -> None:
        new_api_key(seat.developer, seat.project_id)
        text = str(page(seat))
        for secret in (seat.secret_key, seat.webhook_secret, seat.api_key):
            assert secret not in text
            assert secret[8:] not in text

    def test_keys_and_the_project_itself(self, seat: ProjectSeat, developer: Developer) -> None:
        path = f"/api/v1/projects/{seat.project_id}"
        key = developer.get(f"{path}/api-keys").json[0]
        assert developer.delete(f"{path}/api-keys/{key['id']}").status_code == 204
        assert developer.put(path, {"name": "Renamed"}).status_code == 200
        assert sentences(seat, kind="project")[-2:] == [
            f"The API key {key['key_prefix']}... was revoked",
            "The project was changed: name",
        ]


class TestSubscriptions:
    def test_a_life(self, desk: Desk) -> None:
        """Trial, a plan changed, a period renewed, cancelled and taken back, past due, over."""
        other = {"id": "price_2", "object": "price", "nickname": "Pro", "product": "prod_2"}
        first = subscription(status="trialing")
        item = first["items"]["data"][0]
        later = {**item, "current_period_start": NOON + 30 * DAY,
                 "current_period_end": NOON + 60 * DAY}  # fmt: skip
        pro = {**later, "price": {**item["price"], **other}}
        life: list[dict[str, Any]] = [
            first,
            subscription(),
            subscription(items={"object": "list", "data": [later]}),
            subscription(items={"object": "list", "data": [pro]}),
            subscription(items={"object": "list", "data": [pro]}, cancel_at=NOON + 60 * DAY),
            subscription(items={"object": "list", "data": [pro]}),
            subscription(items={"object": "list", "data": [pro]}, status="past_due"),
            subscription(items={"object": "list", "data": [pro]}, status="canceled"),
        ]
        for at, state in enumerate(life):
            desk.take(UPDATED, state, at=NOON + at)
        name = desk.subscription().plan_name
        assert name == "Pro"
        started = entries(desk.seat, kind="subscription.")[-1]
        basic = started["data"]["plan_name"]
        head = "Subscription sub_1 to"
        assert sentences(desk.seat, kind="subscription.") == [
            f"{head} {basic} is trialing",
            f"{head} {basic} is active",
            f"{head} {basic} has a new period, until 2027-03-16T08:00:00.000Z",
            f"{head} Pro changed from {basic}",
            f"{head} Pro will end on 2027-03-16T08:00:00.000Z",
            f"{head} Pro will go on after all",
            f"{head} Pro is past due",
            f"{head} Pro is canceled",
        ]
        changed = entries(desk.seat, kind="subscription.plan_changed")[0]
        assert changed["data"]["previous_price"] == started["data"]["price"]
        assert changed["source"] == "event"
        event = changed["actor"].removeprefix("event:")
        assert changed["stripe_ids"] == ["sub_1", "price_2", started["data"]["price"], event]

    def test_nothing_is_told_of_an_event_that_changes_nothing(self, desk: Desk) -> None:
        desk.take(UPDATED, subscription())
        desk.take(UPDATED, subscription(), at=NOON + 1)
        assert len(entries(desk.seat, kind="subscription.")) == 1


class TestPayments:
    def test_money_back_in_parts_is_told_part_by_part(self, desk: Desk) -> None:
        desk.take(UPDATED, subscription())
        desk.objects["get_invoice", "in_1"] = invoice()
        desk.objects["find_invoice_of", "pi_1"] = "in_1"
        desk.objects["get_subscription", "sub_1"] = subscription()
        desk.take("invoice.paid", told(invoice()))
        for back in (500, 700, 2000):
            charge = {"id": "ch_1", "amount_refunded": back, "disputed": False}
            desk.objects["get_payment", "pi_1"] = intent(latest_charge=charge)
            made = {"id": "re_1", "object": "refund", "amount": back, "status": "succeeded"}
            desk.objects["list_refunds", "pi_1"] = [made]
            desk.take("charge.refunded", {**charge, "object": "charge", "payment_intent": "pi_1"})
        assert sentences(desk.seat, kind="payment.") == [
            "Payment pi_1 of 20.00 USD succeeded",
            "Payment pi_1 of 20.00 USD is refunded by 5.00 USD",
            "Payment pi_1 of 20.00 USD is refunded by 7.00 USD",
            "Payment pi_1 of 20.00 USD is refunded in full",
        ]


class TestTheList:
    def test_page_by_page(self, seat: ProjectSeat) -> None:
        whole = page(seat)
        ids = [entry["id"] for entry in whole["entries"]]
        assert ids == sorted(ids, reverse=True)
        assert (whole["total"], whole["page"], whole["page_size"]) == (len(ids), 1, 100)
        assert [e["id"] for e in entries(seat, page=2, page_size=2)] == ids[2:4]
        assert entries(seat, page=10**9, page_size=100) == []

    def test_filters(self, desk: Desk) -> None:
        desk.take(UPDATED, subscription())
        seat = desk.seat
        (entry,) = entries(seat, kind="subscription.")
        assert entries(seat, subject=entry["subject"]) == [entry]
        assert entries(seat, test_mode="true") == [entry]
        assert entries(seat, test_mode="false") == []
        assert entries(seat, kind="subscription.", **{"from": "2999-01-01T00:00:00Z"}) == []
        assert entries(seat, kind="subscription.", to="2999-01-01T00:00:00Z") == [entry]

    def test_a_replay_is_told_in_its_mode(self, desk: Desk) -> None:
        name = desk.take(UPDATED, subscription())
        assert desk.seat.developer.post(f"{desk.seat.path}/events/{name}/replay").status_code == 200
        (entry,) = entries(desk.seat, kind="event.", test_mode="true")
        assert entry["sentence"] == f"Event {name} was put back to be handled again"
        assert entry["user"]["email"] == desk.seat.developer.email

    @pytest.mark.parametrize(
        "query",
        [
            {"page": 0},
            {"page_size": 101},
            {"from": "x"},
            {"test_mode": "maybe"},
            {"kind": "a" * 61},
        ],
    )
    def test_bad_input(self, seat: ProjectSeat, query: dict[str, Any]) -> None:
        answer = seat.developer.get(f"{seat.path}/timeline", query_string=query)
        assert answer.status_code == 422

    def test_only_its_developer(self, seat: ProjectSeat, neighbours: ProjectSeat) -> None:
        path = f"{neighbours.path}/timeline"
        assert seat.developer.get(path).status_code == 403
        assert neighbours.end_user.get(path).status_code == 403
        assert seat.developer.client.get(path).status_code == 401
        mine, theirs = ({e["id"] for e in entries(s)} for s in (seat, neighbours))
        assert mine & theirs == set()
