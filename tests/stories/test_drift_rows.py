"""The daily comparison, row by row: what is mended, what is only told of, what is left alone."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask import Flask

from payments.kit import clock
from payments.kit.transactions import transaction
from payments.projects.models import Payment, ProjectRevenue, Subscription
from payments.projects.reconcile import unlisted
from payments.projects.sync import names
from payments.runs import window
from payments.sandbox.visitor import Visitor
from payments.webhooks import drain, inbox
from tests.support.developers import STRIPE, ProjectSeat
from tests.support.drift import calls, change, compared, counters_agree, ledger, rows
from tests.support.herd import stored
from tests.support.histories import DAY, Account
from tests.support.ledger_rows import add_payment, add_subscription, new_price, rewrite
from tests.support.shop import eventually
from tests.support.till import fault

BACK = "https://shop.example/ok"


def subscribed(account: Account, **more: Any) -> str:
    return account.subscribe(account.customer(), account.price(2000), None, **more)


def of(subscription: str) -> Any:
    return Subscription.subscription_id == subscription


class TestOneRow:
    def test_what_is_over_is_never_revived(
        self, app: Flask, seat: ProjectSeat, account: Account
    ) -> None:
        held = subscribed(account)
        compared(app, seat.project_id)
        change(app, Subscription, of(held), status="canceled")
        found = compared(app, seat.project_id)
        told = {each for each in found.told if each[0] == held}
        assert told == {(held, "status", "canceled", "active")}
        assert found.counts == {"drifted": 2, "fixed": 1}  # the counters are set right
        assert rows(app, Subscription, of(held))[0]["status"] == "canceled"

    @pytest.mark.parametrize(
        ("slow", "planted"),
        [
            pytest.param("/v1/subscriptions", {"quantity": 5}, id="while the page comes"),
            pytest.param("/v1/products/*", {"price_id": "price_old"}, id="before it is mended"),
        ],
    )
    def test_a_row_that_was_written_meanwhile_is_left_alone(
        self, app: Flask, seat: ProjectSeat, account: Account, slow: str, planted: dict[str, Any]
    ) -> None:
        """An event comes while Stripe is being asked: the event is the newer one."""
        held = subscribed(account)
        compared(app, seat.project_id)
        names._held.clear()
        change(app, Subscription, of(held), **planted)
        fault(seat.shop, "delay", slow, method="GET", ms=1500, when="after")
        with ThreadPoolExecutor(1) as pool:
            running = pool.submit(compared, app, seat.project_id)
            eventually(lambda: not seat.shop.control("GET", "faults")["data"])
            rewrite(app, seat, held, quantity=6)
            assert running.result(30).differences == []
        assert rows(app, Subscription, of(held))[0]["quantity"] == 6

    def test_an_event_from_before_that_comes_late_changes_nothing(
        self, app: Flask, seat: ProjectSeat, account: Account
    ) -> None:
        """Two changes were missed, the comparison brings the second; then the first arrives."""
        held = subscribed(account)
        compared(app, seat.project_id)
        item = account.call("GET", f"subscriptions/{held}")["items"]["data"][0]["id"]
        for quantity in (2, 3):
            account.post(
                f"subscriptions/{held}",
                **{"items[0][id]": item, "items[0][quantity]": str(quantity)},
            )
        assert compared(app, seat.project_id).fixed >= 1
        told = [e for e in account.all("events") if e["type"] == "customer.subscription.updated"]
        with app.app_context():
            assert inbox.store(seat.project_id, told[0], json.dumps(told[0]))
            while drain.drain():
                pass
        assert rows(app, Subscription, of(held))[0]["quantity"] == 3

    def test_a_payment_of_a_checkout_page(
        self, app: Flask, seat: ProjectSeat, account: Account
    ) -> None:
        """Sold through a page, refunded in the dashboard: nobody told us of either."""
        price = new_price(seat.shop, interval=None, amount=1500)
        body = {"price_id": price, "mode": "payment", "success_url": BACK, "cancel_url": BACK}
        page = seat.end_user.post(f"{STRIPE}/checkout-session", body).json
        Visitor().check_out(page["checkout_url"], "4242424242424242")
        (intent,) = account.payments()
        account.refund(intent, 400)
        found = compared(app, seat.project_id)
        assert found.told == {(intent, "row", None, "partially_refunded")}
        (row,) = rows(app, Payment, Payment.project_id == seat.project_id)
        assert (row["amount_cents"], row["refunded_amount_cents"]) == (1500, 400)
        assert row["user_id"] is not None
        assert compared(app, seat.project_id).differences == []

    def test_an_invoice_that_nobody_has_tried_to_pay_has_no_payment(
        self, app: Flask, seat: ProjectSeat, account: Account
    ) -> None:
        """It was sent: its PaymentIntent waits, as no event would tell of it either."""
        subscribed(account, collection_method="send_invoice", days_until_due="30")
        account.advance(2 * DAY)
        assert account.payments("requires_payment_method")
        found = compared(app, seat.project_id)
        assert found.counts == {"missing": 1, "fixed": 1}
        assert rows(app, Payment, Payment.project_id == seat.project_id) == []

    def test_a_refund_that_failed_is_not_taken_from_the_sum_of_the_charge(
        self, app: Flask, seat: ProjectSeat, account: Account, sandbox: Any
    ) -> None:
        """The charge may still count it: what differs is asked of the refunds themselves."""
        customer = account.customer("pm_card_refundFail")
        account.subscribe(customer, account.price(2000), None)
        (intent,) = account.payments()
        account.refund(intent, 2000)
        account.advance(60)
        with stored(sandbox, seat.secret_key) as objects:
            (charge,) = objects.all("charge", payment_intent=intent)
            charge.data["amount_refunded"] = 2000
            objects.save(charge)
        compared(app, seat.project_id)
        (row,) = rows(app, Payment, Payment.project_id == seat.project_id)
        assert (row["status"], row["refunded_amount_cents"]) == ("succeeded", 0)
        assert compared(app, seat.project_id).differences == []


class TestCounters:
    def test_every_currency_is_counted_anew(
        self, app: Flask, seat: ProjectSeat, account: Account
    ) -> None:
        """One that is wrong, one that no payment has, one that is missing; live has its own."""
        subscribed(account)
        compared(app, seat.project_id)
        add_payment(app, seat, test_mode=False, currency="jpy", amount_cents=500)
        with app.app_context(), transaction() as session:
            session.add(ProjectRevenue(**_counter(app, seat, "eur", 1, 900)))
        mine = (ProjectRevenue.project_id == seat.project_id, ProjectRevenue.is_test_mode)
        change(app, ProjectRevenue, *mine, ProjectRevenue.currency == "usd", revenue_cents=1)
        where = f"{seat.project_id}:test"
        expected = {
            (where, "revenue_cents.usd", "1", "2000"),
            (where, "revenue_cents.eur", "900", "0"),
            (where, "successful_payments.eur", "1", "0"),
        }
        assert compared(app, seat.project_id, dry_run=True).told == expected
        found = compared(app, seat.project_id)
        assert (found.told, found.counts) == (expected, {"drifted": 1, "fixed": 1})
        (row,) = rows(app, ProjectRevenue, *mine)
        assert (row["currency"], row["successful_payments"], row["revenue_cents"]) == (
            "usd",
            1,
            2000,
        )
        change(app, ProjectRevenue, *mine, currency="gbp")
        assert (where, "revenue_cents.usd", "0", "2000") in compared(app, seat.project_id).told
        assert counters_agree(app, seat.project_id)


def _counter(app: Flask, seat: ProjectSeat, currency: str, number: int, cents: int) -> Any:
    owner = rows(app, ProjectRevenue, ProjectRevenue.project_id == seat.project_id)[0]["owner_id"]
    return {
        "project_id": seat.project_id, "is_test_mode": True, "currency": currency,
        "owner_id": owner, "successful_payments": number, "revenue_cents": cents,
    }  # fmt: skip


class TestUnlisted:
    def test_rows_that_stripe_does_not_know_are_told_of_and_subscriptions_end(
        self, app: Flask, seat: ProjectSeat, account: Account
    ) -> None:
        subscribed(account)
        compared(app, seat.project_id)
        alive, over = (
            add_subscription(app, seat, status=status)["subscription_id"]
            for status in ("active", "canceled")
        )
        paid = add_payment(app, seat)["payment_intent_id"]
        billed = add_payment(app, seat, invoice_id="in_gone")["payment_intent_id"]
        before = ledger(app, seat.project_id)
        assert compared(app, seat.project_id, dry_run=True).counts == {"drifted": 4}
        assert ledger(app, seat.project_id) == before
        seat.shop.control("DELETE", "requests")
        found = compared(app, seat.project_id)
        assert found.told == {
            (alive, "row", "active", None),
            (over, "row", "canceled", None),
            (paid, "row", "succeeded", None),
            (billed, "row", "succeeded", None),
        }
        assert found.counts == {"drifted": 4, "fixed": 1}
        (ended,) = rows(app, Subscription, of(alive))
        assert (ended["status"], ended["ended_reason"]) == ("canceled", "gone_at_stripe")
        assert ledger(app, seat.project_id)["payments"] == before["payments"]
        looks = [call for call in calls(seat.shop) if "/sub_" in call or "/pi_" in call]
        assert len(looks) == len(set(looks)) == 3

    def test_one_that_no_list_shows_is_recorded_as_what_it_is(
        self, app: Flask, seat: ProjectSeat, account: Account
    ) -> None:
        """Subscriptions on a test clock stand in no list; one look tells how they are."""
        held = account.call("POST", "test_helpers/test_clocks", frozen_time=clock.timestamp())
        customer = str(account.call("POST", "customers", test_clock=held["id"])["id"])
        account.pay_with(customer, "pm_card_visa")
        alone = account.subscribe(customer, account.price(900), None)
        add_subscription(app, seat, subscription_id=alone, status="past_due")
        found = compared(app, seat.project_id)
        assert (alone, "status", "past_due", "active") in found.told
        assert found.counts["failed" if found.failed else "fixed"] >= 1
        assert rows(app, Subscription, of(alone))[0]["status"] == "active"
        assert compared(app, seat.project_id).differences == []

    def test_one_that_stripe_will_not_show_has_failed(
        self, app: Flask, seat: ProjectSeat, account: Account
    ) -> None:
        """It was refused, which does not say that it is gone."""
        odd = add_subscription(app, seat)["subscription_id"]
        fault(seat.shop, "status", f"/v1/subscriptions/{odd}", method="GET", status=400)
        found = compared(app, seat.project_id)
        assert (found.counts, found.differences) == ({"failed": 1}, [])

    def test_after_many_looks_in_vain_the_list_is_taken_at_its_word(
        self, app: Flask, seat: ProjectSeat, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Keys of another account: every row is told of, and not every one costs a call."""
        monkeypatch.setattr(window, "MOST_IN_VAIN", 3)
        monkeypatch.setattr(window, "BATCH", 4)
        monkeypatch.setattr(unlisted, "BATCH", 4)
        for _ in range(11):
            add_subscription(app, seat)
        seat.shop.control("DELETE", "requests")
        found = compared(app, seat.project_id)
        assert (found.seen, found.counts) == (11, {"drifted": 11, "fixed": 3})
        assert len([c for c in calls(seat.shop) if "/v1/subscriptions/" in c]) == 3
