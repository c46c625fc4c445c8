"""Two Checkout pages in two tabs: one subscription, or a second one that somebody is told of."""

from __future__ import annotations

import threading
from typing import Any

import pytest
import requests
import sqlalchemy as sa
from flask import Flask

from payments.kit.db import db
from payments.projects.models import CheckoutSession, Subscription
from payments.timeline.models import TimelineEntry
from tests.api.projects.test_checkout_flow import BACK, deliver_everything, pay
from tests.support.developers import STRIPE, ProjectSeat, sandbox_key, store_keys
from tests.support.ledger_rows import new_price, requests_to
from tests.support.ledgers import NOON, Desk, subscription
from tests.support.metrics import scrape_metrics
from tests.support.shop import eventually
from tests.support.site import at_once

SESSION, SESSIONS = f"{STRIPE}/checkout-session", "/v1/checkout/sessions"


@pytest.fixture
def price(seat: ProjectSeat) -> str:
    return new_price(seat.shop)


def check_out(seat: ProjectSeat, price: str, **more: Any) -> Any:
    body = {"price_id": price, "success_url": BACK, "cancel_url": "https://shop.example/", **more}
    headers = more.pop("headers", {})
    client = seat.developer.client.application.test_client()
    return client.post(SESSION, json=body, headers={**seat.end_user.headers, **headers})


def opened(seat: ProjectSeat, price: str, **more: Any) -> dict[str, Any]:
    answer = check_out(seat, price, **more)
    assert answer.status_code == 200, answer.text
    return dict(answer.json)


def at_stripe(seat: ProjectSeat) -> dict[str, str]:
    found = seat.shop.stripe("GET", SESSIONS, limit=100)["data"]
    return {session["id"]: session["status"] for session in found}


def rows(app: Flask, model: Any, seat: ProjectSeat) -> list[Any]:
    with app.app_context():
        query = sa.select(model).where(model.project_id == seat.project_id).order_by(model.id)
        found = list(db.session.scalars(query))
        db.session.expunge_all()
        return found


def states(app: Flask, seat: ProjectSeat) -> dict[str, str]:
    return {row.session_id: row.state for row in rows(app, CheckoutSession, seat)}


def fault(seat: ProjectSeat, action: str, path: str, **more: Any) -> None:
    match = {"method": "POST", "path": path}
    seat.shop.control("POST", "faults", {"match": match, "action": action, **more})


class TestOneCanBePaid:
    def test_the_newer_page_closes_the_older(
        self, app: Flask, seat: ProjectSeat, price: str
    ) -> None:
        first, second = opened(seat, price), opened(seat, price)
        ended = {first["session_id"]: "expired", second["session_id"]: "open"}
        assert at_stripe(seat) == ended
        assert states(app, seat) == ended
        assert pay(first["checkout_url"]).status_code not in {302, 303}
        assert pay(second["checkout_url"]).status_code in {302, 303}
        assert len(seat.shop.stripe("GET", "/v1/subscriptions")["data"]) == 1

    def test_paid_in_one_tab_while_the_other_opens(
        self, app: Flask, seat: ProjectSeat, price: str
    ) -> None:
        """Nothing was paid when we looked; it is when the new page is there."""
        first = opened(seat, price)
        fault(seat, "delay", SESSIONS, ms=1500)
        answers: list[Any] = []
        other_tab = threading.Thread(target=lambda: answers.append(check_out(seat, price)))
        other_tab.start()
        eventually(lambda: requests_to(seat.shop, "/v1/subscriptions", "GET"))
        assert pay(first["checkout_url"]).status_code in {302, 303}
        other_tab.join()
        assert (answers[0].status_code, answers[0].json["detail"]) == (
            400, "An active subscription exists already",
        )  # fmt: skip
        assert sorted(at_stripe(seat).values()) == ["complete", "expired"]
        assert states(app, seat) == at_stripe(seat)

    def test_paid_and_over_is_no_reason_to_refuse(
        self, app: Flask, seat: ProjectSeat, price: str
    ) -> None:
        """No event of the first page has come yet, but its subscription has ended again."""
        first = opened(seat, price)
        pay(first["checkout_url"])
        (held,) = seat.shop.stripe("GET", "/v1/subscriptions")["data"]
        seat.shop.stripe("DELETE", f"/v1/subscriptions/{held['id']}")
        second = opened(seat, price)
        assert states(app, seat)[first["session_id"]] == "complete"
        assert at_stripe(seat)[second["session_id"]] == "open"

    def test_many_tabs_at_once(self, app: Flask, seat: ProjectSeat, price: str) -> None:
        answers = at_once([lambda: check_out(seat, price)] * 5)
        assert [answer.status_code for answer in answers] == [200] * 5
        assert sorted(at_stripe(seat).values()) == [*["expired"] * 4, "open"]
        assert states(app, seat) == at_stripe(seat)

    def test_a_page_that_could_not_be_closed_hides_the_new_one(
        self, app: Flask, seat: ProjectSeat, price: str
    ) -> None:
        first = opened(seat, price)
        fault(seat, "drop_before", f"{SESSIONS}/{first['session_id']}/expire")
        assert check_out(seat, price).status_code == 502
        last = opened(seat, price)
        still_open = [name for name, state in at_stripe(seat).items() if state == "open"]
        assert still_open == [last["session_id"]]

    def test_the_same_key_gives_the_same_page(self, seat: ProjectSeat, price: str) -> None:
        """The first request died of a lost answer: its own page is not an older one."""
        first = opened(seat, price)
        fault(seat, "drop_after", f"{SESSIONS}/{first['session_id']}/expire")
        headers = {"Idempotency-Key": "the-second-tab"}
        assert check_out(seat, price, headers=headers).status_code == 502
        made = set(at_stripe(seat)) - {first["session_id"]}
        again = opened(seat, price, headers=headers)
        assert {again["session_id"]} == made
        assert at_stripe(seat)[again["session_id"]] == "open"


class TestWhatStaysOpen:
    def test_pages_of_others(self, seat: ProjectSeat, price: str) -> None:
        opened(seat, price)
        other = seat.another_end_user()
        body = {"price_id": price, "success_url": BACK, "cancel_url": BACK}
        assert other.post(SESSION, body).status_code == 200
        assert list(at_stripe(seat).values()) == ["open", "open"]

    def test_a_page_for_one_payment(self, seat: ProjectSeat, price: str) -> None:
        once = new_price(seat.shop, interval=None)
        opened(seat, once, mode="payment")
        opened(seat, price)
        opened(seat, once, mode="payment")
        assert list(at_stripe(seat).values()) == ["open"] * 3

    def test_whoever_wants_another_one_may_have_several(
        self, app: Flask, seat: ProjectSeat, price: str
    ) -> None:
        opened(seat, price)
        opened(seat, price, allow_existing_subscription=True)
        assert list(at_stripe(seat).values()) == ["open", "open"]
        opened(seat, price)
        assert sorted(at_stripe(seat).values()) == ["expired", "expired", "open"]

    def test_but_not_any_number(
        self, monkeypatch: pytest.MonkeyPatch, seat: ProjectSeat, price: str
    ) -> None:
        from payments.projects import sessions

        monkeypatch.setattr(sessions, "MOST_OPEN", 2)
        for _ in range(4):
            last = opened(seat, price, allow_existing_subscription=True)
        assert sorted(at_stripe(seat).values()) == ["expired", "expired", "open", "open"]
        assert at_stripe(seat)[last["session_id"]] == "open"

    def test_a_page_of_another_account(self, app: Flask, seat: ProjectSeat, price: str) -> None:
        """The project's keys were changed: the former account's page is not ours to close."""
        first = opened(seat, price)
        key = sandbox_key()
        store_keys(seat.developer, seat.project_id, test_secret_key=key)
        moved = ProjectSeat(**{**seat.__dict__, "secret_key": key})
        opened(seat, new_price(moved.shop))
        assert states(app, seat)[first["session_id"]] == "expired"
        assert at_stripe(seat)[first["session_id"]] == "open"


def test_rows_follow_events(app: Flask, seat: ProjectSeat, price: str) -> None:
    first, once = opened(seat, price), new_price(seat.shop, interval=None)
    other = opened(seat, once, mode="payment")
    seat.shop.stripe("POST", f"{SESSIONS}/{other['session_id']}/expire")
    pay(first["checkout_url"])
    assert set(states(app, seat).values()) == {"open"}
    deliver_everything(seat)
    ended = {first["session_id"]: "complete", other["session_id"]: "expired"}
    eventually(lambda: states(app, seat) == ended)


class TestTwoSubscriptions:
    """Both pages were paid all the same: nothing is dropped, and a person is told."""

    def twice(self, seat: ProjectSeat, price: str) -> list[str]:
        """Pay on two pages, the second opened behind our back; return both, the older first."""
        session = opened(seat, price)
        (told,) = seat.shop.stripe("GET", SESSIONS)["data"]
        order = {
            "mode": "subscription", "customer": told["customer"], "success_url": BACK,
            "line_items[0][price]": price, "line_items[0][quantity]": 1,
            "subscription_data[metadata][user_id]": seat.end_user.user_id,
            "client_reference_id": seat.end_user.user_id,
        }  # fmt: skip
        pay(session["checkout_url"])
        seat.shop.control("POST", "clock/advance", {"seconds": 60})
        pay(seat.shop.stripe("POST", SESSIONS, **order)["url"])
        found = seat.shop.stripe("GET", "/v1/subscriptions")["data"]
        assert len(found) == 2
        return [held["id"] for held in sorted(found, key=lambda held: held["created"])]

    def flags(self, app: Flask, seat: ProjectSeat) -> dict[str, bool]:
        found = rows(app, Subscription, seat)
        return {row.subscription_id: row.needs_attention for row in found}

    def story(self, app: Flask, seat: ProjectSeat, kind: str) -> list[tuple[str, str]]:
        found = rows(app, TimelineEntry, seat)
        return [(e.stripe_id, e.data["beside"]) for e in found if e.kind == kind]

    def test_the_newer_is_flagged_until_one_ends(
        self, app: Flask, seat: ProjectSeat, price: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        older, newer = self.twice(seat, price)
        deliver_everything(seat)
        eventually(lambda: self.flags(app, seat) == {older: False, newer: True})
        assert self.story(app, seat, "subscription.duplicate") == [(newer, older)]
        assert f"{newer} runs beside {older}" in caplog.text

        def read_mine() -> dict[str, Any]:
            return dict(seat.end_user.get(f"{STRIPE}/my-subscription").json)

        eventually(lambda: read_mine()["subscription_id"] == newer)
        mine = read_mine()
        assert mine["status"] == "active"
        assert "needs_attention" not in mine

        answer = seat.end_user.post(f"{STRIPE}/cancel-subscription", {"cancel_immediately": True})
        assert answer.json["subscription_id"] == newer
        deliver_everything(seat)
        eventually(lambda: self.flags(app, seat) == {older: False, newer: False})
        assert self.story(app, seat, "subscription.duplicate_over") == [(newer, older)]

    def test_it_is_counted(self, app: Flask, seat: ProjectSeat, price: str) -> None:
        def counted() -> float:
            text = scrape_metrics(seat.developer.client).text
            (line,) = (n for n in text.splitlines() if n.startswith("payments_subscriptions_dup"))
            return float(line.split()[-1])

        before = counted()
        self.twice(seat, price)
        deliver_everything(seat)
        eventually(lambda: counted() == before + 1)

    def test_when_the_older_one_ends(self, app: Flask, seat: ProjectSeat, price: str) -> None:
        older, newer = self.twice(seat, price)
        deliver_everything(seat)
        eventually(lambda: self.flags(app, seat) == {older: False, newer: True})
        seat.shop.stripe("DELETE", f"/v1/subscriptions/{older}")
        deliver_everything(seat)
        eventually(lambda: self.flags(app, seat) == {older: False, newer: False})

    def test_a_second_one_that_was_wanted(self, app: Flask, seat: ProjectSeat, price: str) -> None:
        pay(opened(seat, price)["checkout_url"])
        pay(opened(seat, price, allow_existing_subscription=True)["checkout_url"])
        deliver_everything(seat)
        eventually(lambda: len(self.flags(app, seat)) == 2)
        eventually(lambda: len(seat.end_user.get(f"{STRIPE}/my-payments").json["payments"]) == 2)
        assert set(self.flags(app, seat).values()) == {False}
        assert self.story(app, seat, "subscription.duplicate") == []

    def test_an_end_user_cannot_say_so_himself(self, seat: ProjectSeat, price: str) -> None:
        opened(seat, price, metadata={"allow_existing_subscription": "true"})
        (session,) = seat.shop.stripe("GET", SESSIONS)["data"]
        assert "allow_existing_subscription" not in session["metadata"]


class TestWhatCounts:
    """Whatever is not over may be billed again beside the other one."""

    def flags(self, desk: Desk, *states: tuple[str, str]) -> dict[str, bool]:
        """Let subscriptions come to these states, one after the other; return which are flagged."""
        user = {"user_id": desk.seat.end_user.user_id}
        for turn, (name, status) in enumerate(states):
            found = subscription(
                id=name, status=status, metadata=user, created=NOON + int(name[-1])
            )
            desk.take("customer.subscription.updated", found, at=NOON + turn)
        return {row.subscription_id: row.needs_attention for row in desk.subscriptions()}

    @pytest.mark.parametrize("status", ["past_due", "unpaid", "paused"])
    def test_the_newer_is_flagged(self, desk: Desk, status: str) -> None:
        assert self.flags(desk, ("sub_1", status), ("sub_2", "active")) == {
            "sub_1": False, "sub_2": True,
        }  # fmt: skip

    @pytest.mark.parametrize("status", ["canceled", "incomplete_expired"])
    def test_what_is_over_flags_nothing(self, desk: Desk, status: str) -> None:
        flags = self.flags(desk, ("sub_1", status), ("sub_2", "active"))
        assert not any(flags.values())

    def test_one_counts_once_its_first_payment_has_come(self, desk: Desk) -> None:
        first, second = ("sub_1", "incomplete"), ("sub_2", "active")
        assert self.flags(desk, first, second) == {"sub_1": False, "sub_2": False}
        paid = ("sub_1", "active")
        assert self.flags(desk, first, second, paid) == {"sub_1": False, "sub_2": True}


def test_two_that_nobody_owned_are_found_when_their_owner_is_known(
    app: Flask, seat: ProjectSeat, price: str
) -> None:
    """Made in the dashboard for a customer; a Checkout page then tells whose he is."""
    shop = seat.shop
    customer = shop.stripe("POST", "/v1/customers", email="x@example.com")["id"]
    card = shop.stripe("POST", "/v1/payment_methods/pm_card_visa/attach", customer=customer)["id"]
    for _ in range(2):
        order = {"customer": customer, "default_payment_method": card, "items[0][price]": price}
        assert "id" in shop.stripe("POST", "/v1/subscriptions", **order)
    deliver_everything(seat)
    eventually(lambda: len(rows(app, Subscription, seat)) == 2)
    once = new_price(shop, interval=None)
    page = shop.stripe(
        "POST", SESSIONS, mode="payment", customer=customer, success_url=BACK,
        client_reference_id=seat.end_user.user_id,
        **{"line_items[0][price]": once, "line_items[0][quantity]": 1},
    )  # fmt: skip
    assert isinstance(pay(page["url"]), requests.Response)
    deliver_everything(seat)
    eventually(lambda: sum(row.needs_attention for row in rows(app, Subscription, seat)) == 1)
