"""The daily comparison and whole accounts: tenants apart, Stripe down, an object that breaks."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from payments.config import Settings
from payments.gateway.errors import BadCredentials, OutcomeUnknown, Unavailable
from payments.kit import clock
from payments.projects.errors import StripeNotSetUp
from payments.projects.models import Payment, StripeConfig, Subscription
from payments.projects.reconcile import mend
from payments.projects.sync import names
from tests.support.developers import ProjectSeat, developer_with_project, sandbox_key, store_keys
from tests.support.drift import calls, change, compared, ledger, rows
from tests.support.herd import herd, stored
from tests.support.histories import Account
from tests.support.ledger_rows import add_subscription
from tests.support.till import fault


@pytest.fixture
def ids(app: Flask, seat: ProjectSeat, account: Account, sandbox: Any) -> list[str]:
    """More subscriptions than stand on one page, the newest last."""
    return herd(sandbox, account, 130)


class TestTenants:
    def test_only_the_compared_account_is_touched(
        self,
        app: Flask,
        client: FlaskClient,
        settings: Settings,
        seat: ProjectSeat,
        account: Account,
    ) -> None:
        """Two projects, both modes, and everywhere the same ids of Stripe's."""
        held = account.subscribe(account.customer(), account.price(700), None)
        compared(app, seat.project_id)
        other = developer_with_project(client, settings)
        for project, test_mode in ((seat, False), (other, True), (other, False)):
            values = {"subscription_id": held, "status": "past_due", "quantity": 9}
            add_subscription(app, project, test_mode=test_mode, **values)
        change(app, Subscription, *of(seat, held, True), status="past_due", quantity=9)
        before = [ledger(app, each.project_id) for each in (seat, other)]
        assert {d[:2] for d in compared(app, seat.project_id).told} >= {(held, "quantity")}
        after = [ledger(app, each.project_id) for each in (seat, other)]
        assert after[1] == before[1]
        assert apart(after[0], live=True) == apart(before[0], live=True)
        (mended,) = rows(app, Subscription, *of(seat, held, True))
        assert (mended["status"], mended["quantity"]) == ("active", 1)
        assert compared(app, seat.project_id, dry_run=True).differences == []

    def test_the_live_side_needs_a_live_key(self, app: Flask, seat: ProjectSeat) -> None:
        with pytest.raises(StripeNotSetUp):
            compared(app, seat.project_id, "live")

    def test_a_project_that_is_switched_off_is_not_asked(
        self, app: Flask, seat: ProjectSeat
    ) -> None:
        change(app, StripeConfig, StripeConfig.project_id == seat.project_id, is_active=False)
        with pytest.raises(StripeNotSetUp):
            compared(app, seat.project_id)
        assert calls(seat.shop) == []


def of(seat: ProjectSeat, subscription: str, test_mode: bool) -> tuple[Any, ...]:
    return (
        Subscription.project_id == seat.project_id,
        Subscription.is_test_mode == test_mode,
        Subscription.subscription_id == subscription,
    )


def apart(found: dict[str, list[dict[str, Any]]], *, live: bool) -> Any:
    return [[r for r in held if r["is_test_mode"] is not live] for held in found.values()]


class TestFailures:
    @pytest.mark.parametrize(
        ("status", "error"), [(429, Unavailable), (503, OutcomeUnknown), (401, BadCredentials)]
    )
    def test_an_account_that_fails_at_once_is_for_the_run_to_know(
        self, app: Flask, seat: ProjectSeat, status: int, error: type[Exception]
    ) -> None:
        fault(seat.shop, "status", "/v1/subscriptions", method="GET", status=status)
        with pytest.raises(error):
            compared(app, seat.project_id)

    def test_what_was_done_before_it_failed_is_kept(
        self, app: Flask, seat: ProjectSeat, ids: list[str]
    ) -> None:
        """The third list is down once: the slice ends there, the next one goes on from there."""
        fault(seat.shop, "status", "/v1/invoice_payments", method="GET", status=503)
        found = compared(app, seat.project_id)
        first, second = found.slices
        assert (first.done, first.position["phase"]) == (False, "invoices")
        assert (first.missing, second.missing) == (130, 130)
        assert compared(app, seat.project_id, dry_run=True).differences == []

    def test_a_key_of_another_account_ends_subscriptions_until_it_is_put_right(
        self, app: Flask, seat: ProjectSeat, account: Account
    ) -> None:
        """What was made just now is not judged yet; an hour later it is told of. No row is lost."""
        held = account.subscribe(account.customer(), account.price(700), None)
        compared(app, seat.project_id)
        store_keys(seat.developer, seat.project_id, test_secret_key=sandbox_key())
        assert compared(app, seat.project_id).differences == []
        for model in (Subscription, Payment):
            past = clock.now() - timedelta(hours=1)
            change(app, model, model.project_id == seat.project_id, created_at=past)
        before = ledger(app, seat.project_id)
        (paid,) = [row["payment_intent_id"] for row in before["payments"]]
        told = {(held, "row", "active", None), (paid, "row", "succeeded", None)}
        assert compared(app, seat.project_id).told == told
        (ended,) = rows(app, Subscription, Subscription.project_id == seat.project_id)
        assert (ended["status"], ended["ended_reason"]) == ("canceled", "gone_at_stripe")
        store_keys(seat.developer, seat.project_id, test_secret_key=seat.secret_key)
        compared(app, seat.project_id)
        after = ledger(app, seat.project_id)
        (again,) = after["subscriptions"]
        assert (again["status"], again["ended_reason"]) == ("active", None)
        assert after["payments"] == before["payments"]

    def test_an_object_in_a_shape_that_nobody_knows(
        self, app: Flask, seat: ProjectSeat, ids: list[str], sandbox: Any
    ) -> None:
        odd = ids[60]
        with stored(sandbox, seat.secret_key) as objects:
            record = objects.find("subscription", odd)
            assert record is not None
            del record.data["status"]
            objects.save(record)
        found = compared(app, seat.project_id)
        assert (found.failed, found.missing) == (1, 129 + 130)
        assert rows(app, Subscription, *of(seat, odd, True)) == []
        assert len(rows(app, Subscription, Subscription.project_id == seat.project_id)) == 129

    def test_a_product_that_cannot_be_named(
        self, app: Flask, seat: ProjectSeat, account: Account, sandbox: Any
    ) -> None:
        customer = account.customer()
        good, bad = account.price(700), account.price(800)
        held = [account.subscribe(customer, price, None) for price in (good, bad)]
        with stored(sandbox, seat.secret_key) as objects:
            price = objects.find("price", bad)
            assert price is not None
            product = objects.find("product", price.data["product"])
            assert product is not None
            objects.remove(product)
        found = compared(app, seat.project_id)
        assert found.failed == 0
        found_rows = rows(app, Subscription, Subscription.project_id == seat.project_id)
        names_found = {row["subscription_id"]: row["plan_name"] for row in found_rows}
        assert names_found == {held[0]: "Pro", held[1]: None}
        assert compared(app, seat.project_id).differences == []

    def test_a_row_that_cannot_be_written_stops_no_other(
        self, app: Flask, seat: ProjectSeat, ids: list[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        write = mend.record

        def broken(book: Any, topic: Any, *more: Any, **options: Any) -> None:
            if topic.id == ids[7]:
                raise RuntimeError("planted")
            write(book, topic, *more, **options)

        monkeypatch.setattr(mend, "record", broken)
        found = compared(app, seat.project_id)
        assert (found.failed, found.missing, found.fixed) == (1, 260, 259)
        names._held.clear()
        monkeypatch.undo()
        assert compared(app, seat.project_id).counts["fixed"] >= 1
        assert compared(app, seat.project_id).differences == []
