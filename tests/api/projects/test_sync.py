"""What a project's events do to its subscriptions, payments and counters."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa
from flask import Flask

from payments.auth.models import User
from payments.gateway import errors
from payments.gateway.errors import BadCredentials, Unavailable
from payments.kit.db import db
from payments.kit.transactions import transaction
from payments.projects.models import StripeCustomer
from payments.projects.sync.contribution import Counts, Revenue
from payments.timeline.models import TimelineEntry
from payments.webhooks import batches, drain, inbox
from payments.webhooks.models import WebhookEvent
from tests.support.deliveries import account_of, deliver_all, made_up
from tests.support.developers import ProjectSeat
from tests.support.histories import DAY
from tests.support.ledger_rows import rewrite
from tests.support.ledgers import (
    NOON,
    Desk,
    intent,
    invoice,
    session,
    subscription,
    told,
)

UPDATED = "customer.subscription.updated"
USD_2000 = {"usd": Revenue(1, 2000)}


def moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


class TestSubscriptions:
    def test_a_new_one(self, desk: Desk, app: Flask) -> None:
        user = desk.seat.end_user
        desk.take("customer.subscription.created", subscription(metadata={"user_id": user.uuid}))
        row = desk.subscription()
        assert (row.subscription_id, row.customer_id, row.status) == ("sub_1", "cus_1", "active")
        assert (row.plan_name, row.price_id, row.quantity) == ("Gold", "price_1", 2)
        assert row.current_period_start == moment(NOON)
        assert row.current_period_end == moment(NOON + 30 * DAY)
        assert (row.cancel_at, row.cancelled_at, row.is_test_mode) == (None, None, True)
        assert row.created_at == moment(NOON - 60)
        assert desk.totals() == Counts(subscriptions=1, active_subscriptions=1)
        with app.app_context():
            assert db.session.get_one(User, row.user_id).uuid == user.uuid
            assert desk.stripe.asked == 0

    def test_the_newer_state_wins(self, desk: Desk) -> None:
        desk.take(UPDATED, subscription(), at=NOON)
        desk.take(UPDATED, subscription(status="past_due"), at=NOON + 1)
        assert desk.subscription().status == "past_due"
        assert desk.totals() == Counts(subscriptions=1)
        assert desk.stripe.asked == 0

    @pytest.mark.parametrize("seconds", [0, -5])
    def test_without_an_order_stripe_is_asked(self, desk: Desk, seconds: int) -> None:
        desk.take(UPDATED, subscription(status="past_due"), at=NOON)
        desk.objects["get_subscription", "sub_1"] = subscription(status="unpaid")
        desk.take(UPDATED, subscription(status="trialing"), at=NOON + seconds)
        assert desk.subscription().status == "unpaid"

    @pytest.mark.parametrize("final", ["canceled", "incomplete_expired"])
    @pytest.mark.parametrize("seconds", [-5, 0, 5])
    def test_what_is_over_stays_over(self, desk: Desk, final: str, seconds: int) -> None:
        ended = subscription(status=final, canceled_at=NOON)
        desk.take("customer.subscription.deleted", ended, at=NOON)
        desk.take(UPDATED, subscription(), at=NOON + seconds)
        row = desk.subscription()
        assert (row.status, row.cancelled_at) == (final, moment(NOON))
        assert desk.stripe.asked == 0

    def test_a_scheduled_end_comes_and_goes(self, desk: Desk) -> None:
        ends = NOON + 30 * DAY
        scheduled = subscription(cancel_at=ends, cancel_at_period_end=True, canceled_at=NOON)
        desk.take(UPDATED, scheduled, at=NOON)
        row = desk.subscription()
        assert (row.status, row.cancel_at, row.cancelled_at) == (
            "active", moment(ends), moment(NOON),
        )  # fmt: skip
        desk.take(UPDATED, subscription(), at=NOON + 1)
        row = desk.subscription()
        assert (row.cancel_at, row.cancelled_at) == (None, None)

    def test_a_plan_without_a_name_is_called_like_its_product(self, desk: Desk) -> None:
        nameless = subscription()
        nameless["items"]["data"][0]["price"]["nickname"] = None
        desk.objects["get_subscription", "sub_1"] = nameless
        desk.objects["get_product_name", "prod_1"] = "Platinum"
        desk.take(UPDATED, nameless, at=NOON)
        desk.take(UPDATED, {**nameless, "status": "past_due"}, at=NOON + 1)
        desk.take(UPDATED, {**nameless, "id": "sub_2"}, at=NOON + 1)
        assert {row.plan_name for row in desk.subscriptions()} == {"Platinum"}
        assert desk.stripe.asked == 2

    def test_every_change_of_status_is_told(self, desk: Desk, app: Flask) -> None:
        first = desk.take(UPDATED, subscription(), at=NOON)
        desk.take(UPDATED, subscription(quantity=3), at=NOON + 1)
        desk.take(UPDATED, subscription(status="past_due"), at=NOON + 2)
        with app.app_context():
            query = sa.select(TimelineEntry).where(
                TimelineEntry.project_id == desk.seat.project_id,
                TimelineEntry.stripe_id == "sub_1",
            )
            told_of = list(db.session.scalars(query.order_by(TimelineEntry.id)))
        assert [entry.kind for entry in told_of] == ["subscription.active", "subscription.past_due"]
        assert told_of[0].actor == f"event:{first}"


@pytest.mark.usefixtures("eve", "second")
class TestOwners:
    def test_metadata_may_not_name_a_strangers_end_user(
        self, desk: Desk, neighbours: ProjectSeat
    ) -> None:
        named = {"user_id": neighbours.end_user.uuid}
        desk.take(UPDATED, subscription(metadata=named))
        assert desk.subscription().user_id is None

    @pytest.mark.parametrize("name", ["", "x" * 37, "\x00", "nobody"])
    def test_metadata_may_hold_anything(self, desk: Desk, name: str) -> None:
        desk.take(UPDATED, subscription(metadata={"user_id": name}))
        assert desk.subscription().user_id is None

    def test_else_whoever_has_the_customer(self, desk: Desk, app: Flask) -> None:
        user_id = self.customer(desk, app, "cus_1")
        desk.take(UPDATED, subscription())
        assert desk.subscription().user_id == user_id

    def test_a_customer_of_live_mode_is_another(self, desk: Desk, app: Flask) -> None:
        self.customer(desk, app, "cus_1", is_test_mode=False)
        desk.take(UPDATED, subscription())
        assert desk.subscription().user_id is None

    def test_rows_from_before_he_was_known_become_his(self, desk: Desk) -> None:
        desk.take(UPDATED, subscription(), at=NOON)
        desk.objects["get_invoice", "in_1"] = invoice()
        desk.take("invoice.paid", told(invoice()))
        assert (desk.subscription().user_id, desk.payment().user_id) == (None, None)
        desk.objects["get_subscription", "sub_1"] = subscription()
        made = session(
            mode="subscription",
            subscription="sub_1",
            payment_intent=None,
            client_reference_id=desk.seat.end_user.uuid,
        )
        desk.take("checkout.session.completed", made)
        assert desk.subscription().user_id == desk.payment().user_id is not None

    def customer(self, desk: Desk, app: Flask, name: str, *, is_test_mode: bool = True) -> int:
        uuid = desk.seat.end_user.uuid
        with app.app_context(), transaction() as db_session:
            query = sa.select(User.id).where(User.uuid == uuid)
            user_id = db_session.scalars(query).one()
            scope = {"project_id": desk.seat.project_id, "is_test_mode": is_test_mode}
            db_session.add(StripeCustomer(**scope, user_id=user_id, customer_id=name))
            return user_id


class TestInvoices:
    def test_a_paid_one_is_a_payment(self, desk: Desk) -> None:
        desk.take(UPDATED, subscription())
        desk.objects["get_invoice", "in_1"] = invoice()
        desk.take("invoice.paid", told(invoice()))
        row = desk.payment()
        assert (row.payment_intent_id, row.invoice_id, row.status) == ("pi_1", "in_1", "succeeded")
        assert (row.amount_cents, row.currency, row.refunded_amount_cents) == (2000, "usd", 0)
        assert row.description == "Subscription renewal"
        assert row.subscription_row_id == desk.subscription().id
        assert row.created_at == moment(NOON - 10)
        assert desk.totals() == Counts(1, 1, 1, USD_2000)

    def test_both_names_of_the_event_are_one_payment(self, desk: Desk) -> None:
        desk.take(UPDATED, subscription())
        desk.objects["get_invoice", "in_1"] = invoice()
        desk.take("invoice.paid", told(invoice()))
        desk.take("invoice.payment_succeeded", told(invoice()))
        part = {"id": "inpay_1", "object": "invoice_payment", "invoice": "in_1"}
        desk.take("invoice_payment.paid", part)
        assert desk.totals() == Counts(1, 1, 1, USD_2000)

    def test_before_basil_no_call_is_needed(self, desk: Desk) -> None:
        desk.take(UPDATED, subscription())
        older = told(invoice(subscription="sub_1", payment_intent="pi_1", parent=None))
        desk.take("invoice.paid", older)
        assert desk.payment().subscription_row_id == desk.subscription().id
        assert desk.stripe.asked == 0

    def test_a_free_one_is_no_payment(self, desk: Desk) -> None:
        desk.take(UPDATED, subscription(status="trialing"))
        desk.take("invoice.paid", told(invoice(amount_due=0, amount_paid=0)))
        assert desk.payments() == []
        assert desk.stripe.asked == 0

    def test_paid_elsewhere_is_no_payment_of_ours(self, desk: Desk) -> None:
        desk.take(UPDATED, subscription())
        canceled = {"payment": {"payment_intent": "pi_1"}, "status": "canceled"}
        desk.objects["get_invoice", "in_1"] = invoice(payments={"data": [canceled]}, amount_paid=0)
        older = told(invoice(payment_intent="pi_1", paid_out_of_band=True, amount_paid=0))
        desk.take("invoice.paid", older)
        assert desk.payments() == []

    def test_a_paid_one_before_its_subscription(self, desk: Desk) -> None:
        desk.objects["get_invoice", "in_1"] = invoice()
        desk.objects["get_subscription", "sub_1"] = subscription()
        desk.take("invoice.paid", told(invoice()))
        assert desk.payment().subscription_row_id == desk.subscription().id
        assert desk.totals() == Counts(1, 1, 1, USD_2000)

    def test_several_payments_on_one_invoice(self, desk: Desk) -> None:
        desk.take(UPDATED, subscription())
        parts = [
            {"payment": {"payment_intent": name}, "status": "paid"} for name in ("pi_1", "pi_2")
        ]
        desk.objects["get_invoice", "in_1"] = invoice(payments={"data": parts})
        for name, amount in (("pi_1", 500), ("pi_2", 1500)):
            held = intent(id=name, amount=amount, amount_received=amount)
            desk.objects["get_payment", name] = held
        desk.take("invoice.paid", told(invoice()))
        assert sorted(row.amount_cents for row in desk.payments()) == [500, 1500]
        assert desk.totals().revenue == {"usd": Revenue(2, 2000)}

    def failed(self, desk: Desk, **changes: object) -> None:
        """Let the renewal fail at Stripe."""
        error = {"code": "card_declined"}
        refused = intent(
            status="requires_payment_method", last_payment_error=error, amount_received=0
        )
        tried = {"payment": {"payment_intent": "pi_1"}, "status": "open"}
        unpaid = {"status": "open", "amount_paid": 0, "payments": {"data": [tried]}}
        desk.objects["get_payment", "pi_1"] = {**refused, **changes}
        desk.objects["get_invoice", "in_1"] = invoice(**unpaid)
        desk.objects["get_subscription", "sub_1"] = subscription(status="past_due")

    def test_a_failed_one_is_a_failed_payment_and_an_overdue_subscription(self, desk: Desk) -> None:
        desk.take(UPDATED, subscription())
        self.failed(desk)
        desk.take("invoice.payment_failed", told(invoice(status="open", amount_paid=0)))
        assert (desk.payment().status, desk.subscription().status) == ("failed", "past_due")
        assert desk.totals() == Counts(subscriptions=1, payments=1)

    def test_recovery(self, desk: Desk) -> None:
        self.failed(desk)
        desk.take("invoice.payment_failed", told(invoice(status="open", amount_paid=0)))
        desk.objects["get_invoice", "in_1"] = invoice()
        desk.objects["get_subscription", "sub_1"] = subscription()
        desk.take("invoice.paid", told(invoice()), at=NOON + 9)
        assert (desk.payment().status, desk.subscription().status) == ("succeeded", "active")

    def test_a_failure_told_late_undoes_nothing(self, desk: Desk) -> None:
        desk.objects["get_invoice", "in_1"] = invoice()
        desk.objects["get_subscription", "sub_1"] = subscription()
        desk.objects["get_payment", "pi_1"] = intent()
        desk.take("invoice.paid", told(invoice()), at=NOON + 9)
        desk.take("invoice.payment_failed", told(invoice(status="open", amount_paid=0)))
        assert (desk.payment().status, desk.subscription().status) == ("succeeded", "active")

    def test_waiting_for_authentication_is_pending(self, desk: Desk) -> None:
        self.failed(desk, status="requires_action", last_payment_error=None)
        desk.take("invoice.payment_action_required", told(invoice(status="open", amount_paid=0)))
        assert desk.payment().status == "pending"

    def test_a_void_invoice_cancels_its_payment(self, desk: Desk) -> None:
        self.failed(desk, status="canceled")
        desk.take("invoice.voided", told(invoice(status="void", amount_paid=0)))
        assert desk.payment().status == "canceled"

    def test_an_invoice_without_a_subscription(self, desk: Desk) -> None:
        alone = invoice(parent=None, billing_reason="manual", description="Consulting")
        desk.objects["get_invoice", "in_1"] = alone
        desk.take("invoice.paid", told(alone))
        row = desk.payment()
        assert (row.description, row.subscription_row_id) == ("Consulting", None)


def back(amount: int, status: str = "succeeded") -> dict:
    return {"id": f"re_{amount}", "object": "refund", "amount": amount, "status": status}


class TestMoneyBack:
    @pytest.fixture
    def paid(self, desk: Desk) -> Desk:
        desk.take(UPDATED, subscription())
        desk.objects["get_invoice", "in_1"] = invoice()
        desk.take("invoice.paid", told(invoice()))
        desk.objects["find_invoice_of", "pi_1"] = "in_1"
        desk.objects["get_subscription", "sub_1"] = subscription()
        return desk

    def refunds(self, desk: Desk, *made: dict) -> None:
        good = sum(m["amount"] for m in made if m["status"] != "failed")
        charge = {"id": "ch_1", "amount_refunded": good, "disputed": False}
        desk.objects["get_payment", "pi_1"] = intent(latest_charge=charge)
        desk.objects["list_refunds", "pi_1"] = list(made)

    def test_a_part_then_all(self, paid: Desk) -> None:
        self.refunds(paid, back(500))
        charge = {"id": "ch_1", "object": "charge", "payment_intent": "pi_1"}
        paid.take("charge.refunded", charge)
        row = paid.payment()
        assert (row.status, row.refunded_amount_cents) == ("partially_refunded", 500)
        assert paid.totals() == Counts(1, 1, 1, {"usd": Revenue(0, 1500)})
        self.refunds(paid, back(500), back(1500, "pending"))
        paid.take("refund.created", {**back(1500), "payment_intent": "pi_1"})
        row = paid.payment()
        assert (row.status, row.refunded_amount_cents) == ("refunded", 2000)
        assert paid.totals() == Counts(subscriptions=1, active_subscriptions=1, payments=1)

    def test_a_refund_that_fails_is_restored(self, paid: Desk) -> None:
        self.refunds(paid, back(2000))
        paid.take("refund.created", {**back(2000), "payment_intent": "pi_1"})
        assert paid.totals().revenue == {}
        self.refunds(paid, back(2000, "failed"))
        paid.take("refund.failed", {**back(2000, "failed"), "payment_intent": "pi_1"})
        row = paid.payment()
        assert (row.status, row.refunded_amount_cents) == ("succeeded", 0)
        assert paid.totals().revenue == USD_2000

    def test_a_refund_told_before_the_payment(self, desk: Desk) -> None:
        self.refunds(desk, back(500))
        desk.objects["find_invoice_of", "pi_1"] = "in_1"
        desk.objects["get_invoice", "in_1"] = invoice()
        desk.objects["get_subscription", "sub_1"] = subscription()
        desk.take("refund.updated", {**back(500), "payment_intent": "pi_1"}, at=NOON + 5)
        desk.take("invoice.paid", told(invoice()), at=NOON)
        assert desk.payment().status == "partially_refunded"

    def test_a_refund_that_names_the_charge_only(self, paid: Desk) -> None:
        self.refunds(paid, back(500))
        paid.objects["get_charge", "ch_1"] = {"payment_intent": "pi_1"}
        paid.take("charge.refund.updated", {**back(500), "charge": "ch_1"})
        assert paid.payment().refunded_amount_cents == 500

    def test_what_was_never_ours_is_not_recorded(self, desk: Desk) -> None:
        self.refunds(desk, back(500))
        desk.objects["find_invoice_of", "pi_1"] = None
        desk.take("refund.created", {**back(500), "payment_intent": "pi_1"})
        desk.objects["get_charge", "ch_9"] = {"payment_intent": None}
        desk.take("refund.created", {**back(1), "charge": "ch_9"})
        desk.take("refund.created", back(2))
        assert desk.payments() == []

    @pytest.mark.parametrize(
        ("status", "shown"),
        [
            *[(taken, "disputed") for taken in ("needs_response", "under_review", "lost")],
            *[(over, "succeeded") for over in ("won", "prevented")],
            ("warning_needs_response", "succeeded"),
            ("warning_under_review", "succeeded"),
            ("warning_closed", "succeeded"),
        ],
    )
    def test_a_dispute(self, paid: Desk, status: str, shown: str) -> None:
        charge = {"id": "ch_1", "amount_refunded": 0, "disputed": True}
        paid.objects["get_payment", "pi_1"] = intent(latest_charge=charge)
        held = {"id": "dp_1", "object": "dispute", "payment_intent": "pi_1", "status": status}
        paid.objects["list_disputes", "pi_1"] = [held]
        paid.take("charge.dispute.created", held)
        row = paid.payment()
        assert (row.status, row.disputed) == (shown, shown == "disputed")
        assert paid.totals().revenue == (USD_2000 if shown == "succeeded" else {})


class TestCheckout:
    def test_a_single_payment(self, desk: Desk, app: Flask) -> None:
        desk.objects["get_payment", "pi_1"] = intent(description="A book")
        desk.objects["find_invoice_of", "pi_1"] = None
        named = desk.seat.end_user.uuid
        desk.take("checkout.session.completed", session(client_reference_id=named))
        row = desk.payment()
        assert (row.status, row.amount_cents, row.description) == ("succeeded", 2000, "A book")
        assert (row.invoice_id, row.subscription_row_id) == (None, None)
        with app.app_context():
            assert db.session.get_one(User, row.user_id).uuid == named
            query = sa.select(StripeCustomer.user_id).where(
                StripeCustomer.project_id == desk.seat.project_id
            )
            assert db.session.scalars(query).all() == [row.user_id]

    def test_a_guest_has_no_customer(self, desk: Desk) -> None:
        desk.objects["get_payment", "pi_1"] = intent(customer=None)
        desk.objects["find_invoice_of", "pi_1"] = None
        named = desk.seat.end_user.uuid
        desk.take("checkout.session.completed", session(customer=None, client_reference_id=named))
        assert desk.payment().user_id is not None

    @pytest.mark.parametrize(
        ("kind", "status", "shown"),
        [("succeeded", "succeeded", "succeeded"), ("failed", "requires_payment_method", "failed")],
    )
    def test_an_asynchronous_method(self, desk: Desk, kind: str, status: str, shown: str) -> None:
        desk.objects["get_payment", "pi_1"] = intent(status="processing")
        desk.objects["find_invoice_of", "pi_1"] = None
        desk.take("checkout.session.completed", session())
        assert desk.payment().status == "pending"
        error = None if status == "succeeded" else {"code": "debit_not_authorized"}
        desk.objects["get_payment", "pi_1"] = intent(status=status, last_payment_error=error)
        desk.take(f"checkout.session.async_payment_{kind}", session())
        assert desk.payment().status == shown

    def test_a_subscription(self, desk: Desk) -> None:
        desk.objects["get_subscription", "sub_1"] = subscription(status="trialing")
        made = session(mode="subscription", subscription="sub_1", payment_intent=None)
        desk.take("checkout.session.completed", made)
        assert desk.subscription().status == "trialing"

    @pytest.mark.parametrize("kind", ["expired", "completed"])
    def test_a_session_that_made_nothing(self, desk: Desk, kind: str) -> None:
        event_id = desk.take(f"checkout.session.{kind}", session(payment_intent=None))
        assert desk.event(event_id).state == "processed"
        assert desk.payments() == desk.subscriptions() == []


class TestTrouble:
    def test_poison_blocks_nobody(self, desk: Desk) -> None:
        poison = desk.tell(UPDATED, {"id": "sub_9", "object": "subscription"}, at=NOON - 1)
        good = [desk.tell(UPDATED, subscription(id=f"sub_{n}"), at=NOON + n) for n in range(3)]
        desk.drain()
        assert desk.event(poison).state == "failed"
        assert "KeyError" in (desk.event(poison).last_error or "")
        assert {desk.event(name).state for name in good} == {"processed"}
        assert desk.totals() == Counts(subscriptions=3, active_subscriptions=3)

    def test_poison_is_dead_in_the_end(self, desk: Desk) -> None:
        poison = desk.take(UPDATED, {"id": "sub_9", "object": "subscription"})
        for _ in range(inbox.MOST_TRIES - 1):
            assert desk.event(poison).state == "failed"
            desk.due(poison)
            desk.drain()
        assert (desk.event(poison).state, desk.event(poison).tries) == ("dead", inbox.MOST_TRIES)

    def test_a_stripe_that_is_down_is_waited_for(self, desk: Desk) -> None:
        desk.objects["get_subscription", "sub_1"] = subscription()
        desk.objects["get_invoice", "in_1"] = invoice()
        desk.failure = Unavailable("down", code="connection")
        waits = desk.take("invoice.paid", told(invoice()))
        for _ in range(inbox.MOST_TRIES):
            desk.due(waits)
            desk.drain()
        row = desk.event(waits)
        assert (row.state, row.last_error) == ("failed", "Unavailable: connection")
        desk.failure = None
        desk.due(waits)
        desk.drain()
        assert desk.event(waits).state == "processed"

    @pytest.mark.parametrize(("kind", "calls"), [("Unavailable", 1), ("OutcomeUnknown", 2)])
    def test_a_silent_account_is_asked_no_further(self, desk: Desk, kind: str, calls: int) -> None:
        """One missing answer may be an object's own, two are the account's; nobody's try."""
        asked: list[str] = []

        class Silent:
            def get_invoice(self, name: str) -> None:
                asked.append(name)
                raise getattr(errors, kind)("down", code="rate_limit")

        desk.stripe = Silent()  # type: ignore[assignment]
        names = [desk.tell("invoice.paid", told(invoice(id=f"in_{n}"))) for n in range(4)]
        desk.drain()
        assert len(asked) == calls
        rows = [desk.event(name) for name in names]
        assert {(r.state, r.tries, r.throttled) for r in rows} == {("failed", 0, 1)}
        for name in names:  # another test's Stripe must not be asked about them
            desk._change(WebhookEvent.event_id == name, state="processed")

    def test_a_failing_account_is_asked_once_a_batch(self, desk: Desk) -> None:
        asked: list[int] = []

        class Refusing:
            def get_invoice(self, _name: str) -> None:
                asked.append(1)
                raise BadCredentials("revoked", code="api_key_expired")

        desk.stripe = Refusing()  # type: ignore[assignment]
        names = [desk.tell("invoice.paid", told(invoice(id=f"in_{n}"))) for n in range(4)]
        desk.drain()
        assert len(asked) == 1
        assert {desk.event(name).last_error for name in names} == {
            "BadCredentials: api_key_expired: revoked"
        }

    def test_what_took_too_long_goes_back_untried(
        self, desk: Desk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(drain, "LEASE_SECONDS", -1)
        late = [desk.tell("invoice.paid", told(invoice()))]
        ours = made_up()
        with desk.app.app_context():
            inbox.store("platform", ours, json.dumps(ours))
            drain.drain()
        for row in map(desk.event, [*late, ours["id"]]):
            assert (row.state, row.tries, row.leased_until) == ("received", 0, None)

    def test_a_look_that_was_overtaken_is_repeated(self, desk: Desk, app: Flask) -> None:
        """Somebody else writes the row between our look and our writing: we look again."""
        desk.take(UPDATED, subscription(), at=NOON)
        seen: list[str] = []

        class Overtaking:
            def get_subscription(self, _name: str) -> dict:
                seen.append("look")
                if len(seen) == 1:
                    rewrite(app, desk.seat, "sub_1", quantity=9)
                return subscription(status="unpaid" if len(seen) > 1 else "active")

        desk.stripe = Overtaking()  # type: ignore[assignment]
        desk.take(UPDATED, subscription(), at=NOON)
        assert (len(seen), desk.subscription().status) == (2, "unpaid")

    def test_one_overtaken_again_and_again_comes_back_later(self, desk: Desk, app: Flask) -> None:
        desk.take(UPDATED, subscription(), at=NOON)

        class Overtaking:
            def get_subscription(self, _name: str) -> dict:
                rewrite(app, desk.seat, "sub_1", quantity=9)
                return subscription()

        desk.stripe = Overtaking()  # type: ignore[assignment]
        name = desk.take(UPDATED, subscription(), at=NOON)
        assert (desk.event(name).state, desk.event(name).last_error) == ("failed", "Overtaken: ")

    def test_an_event_that_lapsed_to_another_worker_is_left_to_him(
        self, desk: Desk, app: Flask, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        name = desk.tell(UPDATED, subscription())
        slow = desk.tell("invoice.paid", told(invoice()))
        take = batches.take

        def lapsed(limit: int) -> list[batches.Taken]:
            taken = take(limit)
            for event in taken:
                desk._change(batches.WebhookEvent.id == event.id, fence=event.fence + 1)
            return taken

        monkeypatch.setattr(drain.batches, "take", lapsed)
        with app.app_context():
            drain.drain()
        assert desk.event(name).state == desk.event(slow).state == "received"
        assert desk.subscriptions() == []

    def test_an_event_of_a_project_that_is_gone(self, desk: Desk, app: Flask) -> None:
        event = made_up(UPDATED, data={"object": subscription()}, created=NOON)
        with app.app_context():
            inbox.store("gone", event, json.dumps(event))
        desk.drain()
        assert desk.event(event["id"]).last_error == "ProjectNotFound: Project not found"

    def test_many_drains_at_once_do_everything_once(self, desk: Desk, app: Flask) -> None:
        for number in range(120):
            found = subscription(id=f"sub_{number % 9}", status=("active", "unpaid")[number % 2])
            desk.objects["get_subscription", found["id"]] = found
            desk.tell(UPDATED, found, at=NOON + number)

        def drained(_number: int) -> int:
            with app.app_context():
                return sum(iter(drain.drain, 0))

        with ThreadPoolExecutor(6) as pool:
            assert sum(pool.map(drained, range(6))) >= 120
        with app.app_context():
            query = sa.select(WebhookEvent.state).where(WebhookEvent.owner == desk.seat.project_id)
            assert set(db.session.scalars(query)) == {"processed"}
        assert desk.totals().subscriptions == len(desk.subscriptions()) == 9

    def test_a_backlog_is_shared_out(self, desk: Desk, app: Flask) -> None:
        """One owner's thousand events do not keep another one's single event waiting."""
        other = made_up()
        with app.app_context():
            for _ in range(30):
                event = made_up()
                inbox.store(desk.seat.project_id, event, json.dumps(event))
            inbox.store("quiet", other, json.dumps(other))
            taken = batches.take(10)
            with transaction():
                batches.finish(taken)
        assert len(taken) == 10
        assert other["id"] in {event.event_id for event in taken}
        desk.drain()

    def test_of_very_many_owners_some_come_first(
        self, desk: Desk, app: Flask, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(batches, "_OWNERS_A_BATCH", 3)
        with app.app_context():
            for number in range(9):
                event = made_up()
                inbox.store(f"owner-{number}", event, json.dumps(event))
            taken = batches.take(6)
            with transaction():
                batches.finish(taken)
        assert len(taken) == 6
        desk.drain()


class TestAtTheSandbox:
    def test_a_subscription_lives(self, app: Flask, seat: ProjectSeat) -> None:
        """Started with a trial, paid, failed, recovered, refunded, ended: by real deliveries."""
        account = account_of(seat)
        customer = account.customer()
        price = account.price(1200, name="Pro", trial=7)
        subscription_id = account.subscribe(customer, price, seat.end_user.uuid)
        self.catch_up(app, seat)
        assert self.statuses(app, seat) == ({"trialing"}, set())
        account.advance(8 * DAY)
        self.catch_up(app, seat)
        assert self.statuses(app, seat) == ({"active"}, {"succeeded"})
        account.pay_with(customer, "pm_card_chargeCustomerFail")
        account.advance(31 * DAY)
        self.catch_up(app, seat)
        assert self.statuses(app, seat) == ({"past_due"}, {"succeeded", "failed"})
        account.pay_with(customer, "pm_card_visa")
        account.post(f"invoices/{account.latest_invoice(subscription_id)}/pay")
        self.catch_up(app, seat)
        assert self.statuses(app, seat) == ({"active"}, {"succeeded"})
        account.refund(account.payments()[0], 200)
        account.call("DELETE", f"subscriptions/{subscription_id}")
        self.catch_up(app, seat)
        assert self.statuses(app, seat) == ({"canceled"}, {"succeeded", "partially_refunded"})

    def catch_up(self, app: Flask, seat: ProjectSeat) -> None:
        """Deliver what the account has sent since, the newest first."""
        deliver_all(app, seat, account_of(seat).all("events")[::-1])

    def statuses(self, app: Flask, seat: ProjectSeat) -> tuple[set[str], set[str]]:
        desk = Desk.__new__(Desk)
        desk.app, desk.seat = app, seat
        desk.totals()
        rows = (desk.subscriptions(), desk.payments())
        return {row.status for row in rows[0]}, {row.status for row in rows[1]}
