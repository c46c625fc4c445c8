"""Cards whose holder must authenticate (3D Secure) before a charge goes through."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace

import pytest
from flask import Flask

from payments.kit import clock
from payments.workspaces import reconcile
from payments.workspaces.models import Charge
from payments.workspaces.routes import plan_changes
from tests.support.people import Cast
from tests.support.shop import Shop
from tests.support.till import (
    browser_authenticates,
    charge_of,
    column,
    fault,
    handled,
    payments_at_stripe,
    plan_of,
    save_authenticated_card,
    settings_of,
    until,
)

ALWAYS = "pm_card_authenticationRequired"


@pytest.fixture
def waiting(shop: Shop, cast: Cast) -> dict:
    """The details of an upgrade that waits for its card's holder."""
    save_authenticated_card(shop, cast, ALWAYS)
    answer = shop.upgrade(cast.owner, cast.workspace.slug)
    assert answer.status_code == 402, answer.text
    return dict(answer.json["details"])


def cancel(cast: Cast, charge_id: int, **options):
    return cast.owner.post(f"{cast.workspace.payments}/charges/{charge_id}/cancel", **options)


def pass_bank(shop: Shop, waiting: dict, outcome: str = "complete") -> dict:
    secret, method = waiting["clientSecret"], waiting["paymentMethodId"]
    return browser_authenticates(shop, secret, method, outcome=outcome)


class TestAsked:
    def test_the_browser_gets_what_it_needs(self, shop: Shop, cast: Cast) -> None:
        method = save_authenticated_card(shop, cast, ALWAYS)
        answer = shop.upgrade(cast.owner, cast.workspace.slug)
        assert answer.status_code == 402
        assert answer.json["code"] == "authentication_required"
        details = answer.json["details"]
        assert details["clientSecret"].startswith(f"{details['paymentIntentId']}_secret_")
        assert details["paymentMethodId"] == method
        assert details["status"] == "requires_action"
        (invoice,) = shop.invoices(cast.owner, cast.workspace.slug)
        assert (details["invoiceId"], invoice["status"]) == (invoice["id"], "pending")
        assert invoice["stripePaymentIntentId"] == details["paymentIntentId"]
        assert plan_of(cast.owner, cast.workspace) == "free"

    def test_a_card_set_up_for_off_session_use_is_not_asked(self, shop: Shop, cast: Cast) -> None:
        """4000 0025 0000 3155 authenticates at the setup and is charged silently afterwards."""
        save_authenticated_card(shop, cast, "pm_card_authenticationRequiredOnSetup")
        assert shop.upgrade(cast.owner, cast.workspace.slug).status_code == 200

    def test_a_raw_card_that_was_never_set_up_is_asked(self, shop: Shop, cast: Cast) -> None:
        card = "pm_card_authenticationRequiredOnSetup"
        answer = shop.upgrade(cast.owner, cast.workspace.slug, card=card)
        assert (answer.status_code, answer.json["code"]) == (402, "authentication_required")

    def test_the_secret_is_never_stored(self, app: Flask, cast: Cast, waiting: dict) -> None:
        names = [column.name for column in Charge.__table__.columns]
        values = column(app, Charge, waiting["chargeId"], *names)
        assert waiting["clientSecret"] not in {str(value) for value in values}

    def test_a_second_upgrade_meanwhile_is_a_conflict(
        self, shop: Shop, cast: Cast, waiting: dict
    ) -> None:
        answer = shop.upgrade(cast.owner, cast.workspace.slug, "pro")
        assert (answer.status_code, answer.json["code"]) == (409, "charge_in_progress")
        assert answer.json["details"] == {
            "chargeId": waiting["chargeId"],
            "status": "requires_action",
        }
        assert len(shop.invoices(cast.owner, cast.workspace.slug)) == 1

    def test_while_stripe_cannot_be_asked_the_secret_is_left_out(
        self, shop: Shop, cast: Cast
    ) -> None:
        save_authenticated_card(shop, cast, ALWAYS)
        fault(shop, "status", "/v1/payment_intents/*", method="GET", times=9)
        answer = shop.upgrade(cast.owner, cast.workspace.slug)
        assert (answer.status_code, answer.json["code"]) == (402, "authentication_required")
        assert "clientSecret" not in answer.json["details"]


class TestCompleted:
    def test_by_polling_the_charge(self, shop: Shop, cast: Cast, waiting: dict) -> None:
        assert pass_bank(shop, waiting)["status"] == "succeeded"
        charge = charge_of(cast, waiting["chargeId"])
        assert (charge["status"], charge["error"]) == ("succeeded", None)
        assert charge.get("clientSecret") is None
        assert plan_of(cast.owner, cast.workspace) == "starter"
        (invoice,) = shop.invoices(cast.owner, cast.workspace.slug)
        assert (invoice["status"], invoice["stripePaymentIntentId"]) == (
            "paid",
            waiting["paymentIntentId"],
        )

    def test_by_a_member_who_looks(self, shop: Shop, cast: Cast, waiting: dict) -> None:
        pass_bank(shop, waiting)
        assert charge_of(cast, waiting["chargeId"], cast.member)["status"] == "succeeded"

    def test_by_the_webhook(self, app: Flask, shop: Shop, cast: Cast, waiting: dict) -> None:
        pass_bank(shop, waiting)
        (event,) = shop.events("payment_intent.succeeded", waiting["paymentIntentId"])
        assert shop.deliver(event).status_code == 200
        handled(app, event["id"])
        assert column(app, Charge, waiting["chargeId"], "status") == "succeeded"
        assert plan_of(cast.owner, cast.workspace) == "starter"

    def test_by_both_it_counts_once(
        self, app: Flask, shop: Shop, cast: Cast, waiting: dict
    ) -> None:
        pass_bank(shop, waiting)
        charge_of(cast, waiting["chargeId"])
        (event,) = shop.events("payment_intent.succeeded", waiting["paymentIntentId"])
        shop.deliver(event)
        handled(app, event["id"])
        assert len(shop.invoices(cast.owner, cast.workspace.slug)) == 1
        assert len(payments_at_stripe(shop, waiting["chargeId"])) == 1

    def test_the_next_upgrade_is_free_to_go(self, shop: Shop, cast: Cast, waiting: dict) -> None:
        pass_bank(shop, waiting)
        charge_of(cast, waiting["chargeId"])
        shop.save_card(cast.owner, cast.workspace.slug)
        (good,) = [
            c["id"] for c in shop.cards(cast.owner, cast.workspace.slug) if c["cardLast4"] == "4242"
        ]
        answer = shop.upgrade(cast.owner, cast.workspace.slug, "pro", card=good)
        assert answer.status_code == 200


class TestPolling:
    def test_managers_see_the_secret_members_do_not(self, cast: Cast, waiting: dict) -> None:
        for person, shown in ((cast.owner, True), (cast.admin, True), (cast.member, False)):
            charge = charge_of(cast, waiting["chargeId"], person)
            assert (charge.get("clientSecret") == waiting["clientSecret"]) is shown
            assert charge["status"] == "requires_action"
            assert charge["error"]["code"] == "authentication_required"
            assert charge["expiresAt"].endswith("Z")

    def test_it_still_answers_while_stripe_is_down(
        self, shop: Shop, cast: Cast, waiting: dict
    ) -> None:
        fault(shop, "status", "/v1/payment_intents/*", method="GET")
        charge = charge_of(cast, waiting["chargeId"])
        assert (charge["status"], charge.get("clientSecret")) == ("requires_action", None)


class TestFailed:
    def test_the_bank_says_no(self, shop: Shop, cast: Cast, waiting: dict) -> None:
        assert pass_bank(shop, waiting, "fail")["status"] == "requires_payment_method"
        charge = charge_of(cast, waiting["chargeId"])
        assert charge["status"] == "failed"
        assert charge["error"]["code"] == "payment_intent_authentication_failure"
        (invoice,) = shop.invoices(cast.owner, cast.workspace.slug)
        assert invoice["status"] == "failed"
        assert plan_of(cast.owner, cast.workspace) == "free"

    def test_nobody_can_pay_what_we_called_failed(
        self, shop: Shop, cast: Cast, waiting: dict
    ) -> None:
        pass_bank(shop, waiting, "fail")
        charge_of(cast, waiting["chargeId"])
        held = shop.stripe("GET", f"/v1/payment_intents/{waiting['paymentIntentId']}")
        assert held["status"] == "canceled"

    def test_by_webhook_too(self, app: Flask, shop: Shop, cast: Cast, waiting: dict) -> None:
        pass_bank(shop, waiting, "fail")
        event = shop.events("payment_intent.payment_failed", waiting["paymentIntentId"])[0]
        shop.deliver(event)
        handled(app, event["id"])
        assert column(app, Charge, waiting["chargeId"], "status") == "failed"

    def test_another_card_may_be_tried(self, shop: Shop, cast: Cast, waiting: dict) -> None:
        pass_bank(shop, waiting, "fail")
        charge_of(cast, waiting["chargeId"])
        answer = shop.upgrade(cast.owner, cast.workspace.slug, card="pm_card_visa")
        assert answer.status_code == 200
        statuses = [i["status"] for i in shop.invoices(cast.owner, cast.workspace.slug)]
        assert statuses == ["failed", "paid"]

    def test_authenticated_and_then_declined(self, shop: Shop, cast: Cast) -> None:
        card = "pm_card_authenticationRequiredChargeDeclinedInsufficientFunds"
        answer = shop.upgrade(cast.owner, cast.workspace.slug, card=card)
        details = answer.json["details"]
        assert answer.json["code"] == "authentication_required"
        pass_bank(shop, details)
        charge = charge_of(cast, details["chargeId"])
        assert (charge["status"], charge["error"]["declineCode"]) == (
            "failed",
            "insufficient_funds",
        )


class TestCanceled:
    def test_gives_way_to_another_card(self, shop: Shop, cast: Cast, waiting: dict) -> None:
        answer = cancel(cast, waiting["chargeId"])
        assert answer.status_code == 200
        assert answer.json["message"] == "Charge canceled successfully"
        assert answer.json["data"]["status"] == "canceled"
        held = shop.stripe("GET", f"/v1/payment_intents/{waiting['paymentIntentId']}")
        assert held["status"] == "canceled"
        answer = shop.upgrade(cast.owner, cast.workspace.slug, card="pm_card_visa")
        assert answer.status_code == 200

    def test_the_holder_cannot_pay_it_any_more(self, shop: Shop, cast: Cast, waiting: dict) -> None:
        cancel(cast, waiting["chargeId"])
        data = {"client_secret": waiting["clientSecret"], "payment_method": "pm_card_visa"}
        path = f"/v1/payment_intents/{waiting['paymentIntentId']}/confirm"
        assert shop.as_browser(path, data)["error"]["code"] == "payment_intent_unexpected_state"

    def test_what_was_paid_meanwhile_is_not_canceled(
        self, shop: Shop, cast: Cast, waiting: dict
    ) -> None:
        """The holder had authenticated in another window: his money counts, and he is told so."""
        pass_bank(shop, waiting)
        answer = cancel(cast, waiting["chargeId"])
        assert (answer.status_code, answer.json["code"]) == (409, "charge_not_cancelable")
        assert charge_of(cast, waiting["chargeId"])["status"] == "succeeded"
        assert plan_of(cast.owner, cast.workspace) == "starter"

    def test_a_settled_charge_cannot_be_canceled(
        self, shop: Shop, cast: Cast, waiting: dict
    ) -> None:
        cancel(cast, waiting["chargeId"])
        answer = cancel(cast, waiting["chargeId"])
        assert (answer.status_code, answer.json["code"]) == (409, "charge_not_cancelable")

    def test_while_stripe_is_down_nothing_changes(
        self, shop: Shop, cast: Cast, waiting: dict
    ) -> None:
        fault(shop, "status", "/v1/payment_intents/*/cancel")
        answer = cancel(cast, waiting["chargeId"])
        assert (answer.status_code, answer.json["code"]) == (500, "stripe_error")
        assert charge_of(cast, waiting["chargeId"])["status"] == "requires_action"

    def test_in_the_dashboard(self, app: Flask, shop: Shop, cast: Cast, waiting: dict) -> None:
        shop.stripe("POST", f"/v1/payment_intents/{waiting['paymentIntentId']}/cancel")
        (event,) = shop.events("payment_intent.canceled", waiting["paymentIntentId"])
        shop.deliver(event)
        handled(app, event["id"])
        assert column(app, Charge, waiting["chargeId"], "status") == "canceled"

    def test_only_managers_and_only_their_own(
        self, cast: Cast, neighbours: Cast, waiting: dict
    ) -> None:
        own = f"{cast.workspace.payments}/charges/{waiting['chargeId']}/cancel"
        assert cast.member.post(own).status_code == 403
        assert cast.outsider.post(own).status_code == 403
        foreign = f"{neighbours.workspace.payments}/charges/{waiting['chargeId']}/cancel"
        answer = neighbours.owner.post(foreign)
        assert (answer.status_code, answer.json["code"]) == (404, "charge_not_found")


class TestExpired:
    def expire(self, app: Flask, after: timedelta) -> int:
        with app.app_context(), clock.frozen(clock.now() + after):
            return reconcile.expire_unauthenticated()

    def test_after_a_day_it_is_canceled(
        self, app: Flask, shop: Shop, cast: Cast, waiting: dict
    ) -> None:
        assert self.expire(app, timedelta(hours=24, minutes=1)) >= 1
        held = shop.stripe("GET", f"/v1/payment_intents/{waiting['paymentIntentId']}")
        assert (held["status"], held["cancellation_reason"]) == ("canceled", "abandoned")
        assert column(app, Charge, waiting["chargeId"], "status") == "canceled"
        (invoice,) = shop.invoices(cast.owner, cast.workspace.slug)
        assert invoice["status"] == "failed"

    def test_not_before(self, app: Flask, cast: Cast, waiting: dict) -> None:
        self.expire(app, timedelta(hours=23))
        assert charge_of(cast, waiting["chargeId"])["status"] == "requires_action"

    def test_what_was_paid_in_time_is_recorded_as_paid(
        self, app: Flask, shop: Shop, cast: Cast, waiting: dict
    ) -> None:
        """Neither a poll nor a webhook came: the sweep looks before it gives up."""
        pass_bank(shop, waiting)
        self.expire(app, timedelta(hours=25))
        assert column(app, Charge, waiting["chargeId"], "status") == "succeeded"
        assert plan_of(cast.owner, cast.workspace) == "starter"

    def test_while_stripe_is_down_it_waits(
        self, app: Flask, shop: Shop, cast: Cast, waiting: dict
    ) -> None:
        self.expire(app, timedelta(hours=25))  # whatever other tests left open
        fresh = shop.upgrade(cast.owner, cast.workspace.slug).json["details"]["chargeId"]
        fault(shop, "status", "/v1/payment_intents/*/cancel", times=50)
        self.expire(app, timedelta(hours=25))
        assert column(app, Charge, fresh, "status") == "requires_action"
        shop.control("DELETE", "faults")
        self.expire(app, timedelta(hours=50))
        assert column(app, Charge, fresh, "status") == "canceled"


def test_a_late_answer_finds_the_authentication(app: Flask, shop: Shop, cast: Cast) -> None:
    """The wait is over before Stripe asks for authentication: the poll tells, with the secret."""
    save_authenticated_card(shop, cast, ALWAYS)
    fault(shop, "delay", ms=400)
    with settings_of(app, charge_wait_seconds=0.1):
        answer = shop.upgrade(cast.owner, cast.workspace.slug)
    assert answer.status_code == 202
    charge = until(cast, answer.json["data"]["charge"]["id"], "requires_action")
    assert charge["clientSecret"].startswith("pi_")


def test_it_comes_to_wait_while_it_is_read(
    cast: Cast, waiting: dict, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first look found it unanswered, the second one waiting: the secret is there with it."""
    charge_id = waiting["chargeId"]
    former = SimpleNamespace(id=charge_id, status="pending", stripe_payment_intent_id=None)
    monkeypatch.setattr(plan_changes, "_get_charge", lambda access, raw_id: former)
    charge = charge_of(cast, charge_id)
    assert charge["status"] == "requires_action"
    assert charge["clientSecret"].startswith("pi_")
