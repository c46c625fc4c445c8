"""The platform's webhook: what gets in, and what events do in whatever order they come."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import uuid4

import pytest
import sqlalchemy as sa
from flask import Flask

from payments.kit import clock
from payments.kit.db import db
from payments.kit.transactions import transaction
from payments.timeline.models import TimelineEntry
from payments.webhooks import drain, envelope, inbox
from payments.webhooks.misses import MISSING_WAITS
from payments.webhooks.models import WebhookEvent
from tests.support.people import Cast
from tests.support.shop import Shop, eventually
from tests.support.till import (
    CONFIRMATIONS,
    charge_of,
    event_row,
    fault,
    first_try_over,
    handled,
    open_async,
    payments_at_stripe,
    plan_of,
    settings_of,
    try_again,
)

PATH = "/api/payments/webhook"


def made_up(kind: str = "invoice.created", **changes) -> dict:
    """An event that nobody sent yet."""
    event = {
        "id": f"evt_{uuid4().hex}",
        "object": "event",
        "type": kind,
        "api_version": "2026-10-28.endive",
        "created": int(time.time()),
        "livemode": False,
        "data": {"object": {"id": f"obj_{uuid4().hex}", "metadata": {}}},
    }
    return {**event, **changes}


def failed_after(app: Flask, event_id: str, tries: int) -> dict | None:
    """Return the event once it was put back after so many tries."""
    row = event_row(app, event_id)
    return row if row and (row["state"], row["tries"]) == ("failed", tries) else None


class TestStored:
    def test_a_signed_event_is_taken(self, app: Flask, shop: Shop) -> None:
        event = made_up()
        answer = shop.deliver(event)
        assert (answer.status_code, answer.json) == (200, {"received": True})
        handled(app, event["id"])

    def test_no_token_is_needed_and_none_is_read(self, shop: Shop) -> None:
        event = made_up()
        payload = json.dumps(event)
        headers = {
            "Stripe-Signature": shop.signature(payload),
            "Authorization": "Bearer nonsense",
            "Content-Type": "application/json; charset=utf-8",
        }
        assert shop.client.post(PATH, data=payload, headers=headers).status_code == 200

    def test_an_unknown_type_is_kept_without_work(self, app: Flask, shop: Shop) -> None:
        event = made_up("something.entirely.new")
        assert shop.deliver(event).status_code == 200
        handled(app, event["id"])
        row = event_row(app, event["id"])
        assert json.loads(row["payload"]) == event
        with app.app_context():
            query = sa.select(TimelineEntry.id).where(TimelineEntry.actor == f"event:{event['id']}")
            assert db.session.scalars(query).all() == []

    def test_the_bytes_are_kept_as_they_came(self, app: Flask, shop: Shop) -> None:
        event = made_up()
        payload = json.dumps(event, indent=3, ensure_ascii=False) + "\n"
        shop.deliver(event, payload=payload)
        assert event_row(app, event["id"])["payload"] == payload

    def test_a_hundred_at_once_are_one(self, app: Flask, shop: Shop) -> None:
        event = made_up()
        payload = json.dumps(event)
        headers = {"Stripe-Signature": shop.signature(payload)}

        def deliver(_: int) -> int:
            return app.test_client().post(PATH, data=payload, headers=headers).status_code

        with ThreadPoolExecutor(10) as pool:
            assert set(pool.map(deliver, range(100))) == {200}
        with app.app_context():
            query = sa.select(sa.func.count()).select_from(WebhookEvent)
            assert db.session.scalar(query.where(WebhookEvent.event_id == event["id"])) == 1
        handled(app, event["id"])
        assert event_row(app, event["id"])["tries"] == 1

    def test_again_after_it_was_handled_is_no_work(self, app: Flask, shop: Shop) -> None:
        event = made_up()
        for _ in range(2):
            shop.deliver(event)
            handled(app, event["id"])
        assert event_row(app, event["id"])["tries"] == 1


class TestSignature:
    """Only what Stripe signed, not long ago, gets in."""

    def refused(self, shop: Shop, header: str | None, payload: str | None = None) -> None:
        payload = payload or json.dumps(made_up())
        headers = {} if header is None else {"Stripe-Signature": header}
        answer = shop.client.post(PATH, data=payload, headers=headers)
        assert (answer.status_code, answer.json["code"]) == (400, "invalid_signature")
        assert answer.json["message"] == "Invalid Stripe signature"

    def test_a_missing_one(self, shop: Shop) -> None:
        self.refused(shop, None)

    def test_another_bodys(self, shop: Shop) -> None:
        self.refused(shop, shop.signature(json.dumps(made_up())))

    def test_another_secrets(self, shop: Shop) -> None:
        payload = json.dumps(made_up())
        self.refused(shop, shop.signature(payload, secret="whsec_of_somebody_else"), payload)

    @pytest.mark.parametrize("age", [301, 3600, 10**9])
    def test_an_old_one(self, shop: Shop, age: int) -> None:
        payload = json.dumps(made_up())
        self.refused(shop, shop.signature(payload, at=int(time.time()) - age), payload)

    @pytest.mark.parametrize("ahead", [360, 86400, 10**9])
    def test_one_from_the_future(self, shop: Shop, ahead: int) -> None:
        payload = json.dumps(made_up())
        self.refused(shop, shop.signature(payload, at=int(time.time()) + ahead), payload)

    def test_a_few_minutes_are_forgiven(self, shop: Shop) -> None:
        for offset in (-240, 240):
            payload = json.dumps(made_up())
            header = shop.signature(payload, at=int(time.time()) + offset)
            assert shop.deliver({}, payload=payload, header=header).status_code == 200

    def test_a_doubled_stamp(self, shop: Shop) -> None:
        payload = json.dumps(made_up())
        good = shop.signature(payload)
        self.refused(shop, f"t=1,{good}", payload)
        self.refused(shop, f"{good},t={int(time.time())}", payload)

    @pytest.mark.parametrize(
        "header",
        [
            "", " ", "t=", "t=1", "v1=abc", "t=,v1=", "t=abc,v1=abc", "t=1,v1", ",,,", "=",
            "t=1=2,v1=a", "a" * 10_000, "t=1," + "v1=aa," * 2000, "t=\xe9,v1=\xe9",
            "t=٣,v1=a".encode().decode("latin-1"),
            "t=-1,v1=aa", "t=1e9,v1=aa", "t=" + "9" * 1000 + ",v1=aa", "v0=aa,t=1",
        ],
    )  # fmt: skip
    def test_a_header_of_odd_shape(self, shop: Shop, header: str) -> None:
        self.refused(shop, header)

    def test_two_signatures_of_which_one_is_good(self, shop: Shop) -> None:
        """Stripe signs with both secrets while one is being replaced."""
        payload = json.dumps(made_up())
        header = shop.signature(payload) + ",v1=" + "0" * 64
        assert shop.deliver({}, payload=payload, header=header).status_code == 200

    def test_each_active_secret_counts(self, app: Flask, shop: Shop) -> None:
        secrets = (*shop.settings.stripe_webhook_secrets, "whsec_new")
        with settings_of(app, stripe_webhook_secrets=secrets):
            for secret in secrets:
                payload = json.dumps(made_up())
                header = shop.signature(payload, secret=secret)
                assert shop.deliver({}, payload=payload, header=header).status_code == 200

    def test_without_any_secret_there_is_no_webhook(self, app: Flask, shop: Shop) -> None:
        with settings_of(app, stripe_webhook_secrets=()):
            answer = shop.deliver(made_up())
        assert (answer.status_code, answer.json["code"]) == (404, "webhook_not_configured")


class TestBody:
    @pytest.mark.parametrize(
        "payload",
        [
            "", "{", "null", "[]", "7", '"evt"', "{}", "[" * 100_000, '{"a":' * 50_000,
            '{"id": ' + "1" * 9000 + "}",
        ],
    )  # fmt: skip
    def test_what_is_no_event(self, shop: Shop, payload: str) -> None:
        header = shop.signature(payload)
        answer = shop.client.post(PATH, data=payload, headers={"Stripe-Signature": header})
        assert (answer.status_code, answer.json["code"]) == (400, "invalid_event")

    @pytest.mark.parametrize(
        "changes",
        [
            {"id": None}, {"id": 7}, {"id": "evt_\x00"}, {"id": "evt_\ud800"}, {"id": ""},
            {"id": "e" * 300}, {"type": None}, {"type": ["a"]}, {"type": "a b"},
        ],
    )  # fmt: skip
    def test_an_event_without_a_name(self, shop: Shop, changes: dict) -> None:
        payload = json.dumps(made_up(**changes))
        answer = shop.deliver({}, payload=payload)
        assert (answer.status_code, answer.json["code"]) == (400, "invalid_event")

    @pytest.mark.parametrize(
        "changes",
        [
            {"created": "now"}, {"created": None}, {"created": 10**30}, {"created": -1},
            {"created": 1.5}, {"data": None}, {"data": []}, {"data": {}},
            {"data": {"object": None}}, {"data": {"object": [1]}}, {"api_version": {"a": 1}},
            {"api_version": "v" * 100}, {"account": "acct_other"}, {"context": "acct_other"},
            {"account": 7}, {"livemode": None}, {"livemode": "no"}, {"livemode": True},
            {"object": "v2.core.event"}, {"object": None}, {"padding": "\x00\ud800"},
        ],
    )  # fmt: skip
    def test_whatever_is_signed_is_taken(self, app: Flask, shop: Shop, changes: dict) -> None:
        """It is handled like any other event; what can mean nothing here is no failure."""
        event = made_up(**changes)
        assert shop.deliver(event).status_code == 200
        handled(app, event["id"])

    @pytest.mark.parametrize(
        ("kind", "found"),
        [
            ("payment_intent.succeeded", {"amount": 2**70}),
            ("payment_intent.succeeded", {"amount": 7, "amount_received": 10**40}),
            ("payment_intent.succeeded", {"amount": 7, "currency": "dollars"}),
            ("payment_intent.succeeded", {"amount": 7, "created": "now"}),
            ("payment_intent.canceled", {"amount": 7, "customer": "cus_" + "1" * 300}),
        ],
    )
    def test_what_no_database_keeps_is_done_with_a_note(
        self, app: Flask, shop: Shop, kind: str, found: dict
    ) -> None:
        plain = {"id": "pi_odd", "status": "succeeded", "currency": "usd", "created": 1}
        event = made_up(kind, data={"object": {**plain, **found}})
        assert shop.deliver(event).status_code == 200
        handled(app, event["id"])
        with app.app_context():
            assert inbox.find("platform", event["id"]).note.startswith("It cannot be kept: ")

    @pytest.mark.parametrize(
        ("kind", "found"),
        [
            ("charge.refunded", {"object": "charge", "payment_intent": "pi_gone"}),
            ("refund.created", {"object": "refund", "payment_intent": "pi_gone"}),
        ],
    )
    def test_what_is_gone_at_stripe_is_no_dead_letter(
        self, app: Flask, shop: Shop, kind: str, found: dict
    ) -> None:
        event = made_up(kind, data={"object": {"id": "x_1", **found}})
        assert shop.deliver(event).status_code == 200
        for tries, _ in enumerate(MISSING_WAITS, start=1):
            row = eventually(lambda: failed_after(app, event["id"], tries))  # noqa: B023 - now
            assert row["last_error"].startswith("Rejected: resource_missing")
            with app.app_context(), transaction() as session:
                due = sa.update(WebhookEvent).where(WebhookEvent.id == row["id"])
                session.execute(due.values(due_at=clock.now()))
            with app.app_context():
                drain.drain()
        handled(app, event["id"])
        with app.app_context():
            row = inbox.find("platform", event["id"])
            assert (row.tries, row.note.startswith("Gone at Stripe: ")) == (3, True)

    def test_an_old_event_names_no_api_version(self, app: Flask, shop: Shop) -> None:
        event = made_up(api_version=None)
        assert shop.deliver(event).status_code == 200

    def test_bytes_that_are_no_text(self, shop: Shop) -> None:
        answer = shop.client.post(
            PATH, data=b"\xff\xfe", headers={"Stripe-Signature": shop.signature("x")}
        )
        assert answer.status_code == 400

    def test_more_than_a_mebibyte_is_too_large(self, shop: Shop) -> None:
        payload = json.dumps(made_up(padding="x" * (1024 * 1024)))
        answer = shop.deliver({}, payload=payload)
        assert (answer.status_code, answer.json["code"]) == (413, "too_large")

    def test_just_below_is_fine(self, app: Flask, shop: Shop) -> None:
        event = made_up(padding="x" * (1000 * 1000))
        assert shop.deliver(event).status_code == 200

    def test_live_events_mean_nothing_to_a_test_account(self, app: Flask, shop: Shop) -> None:
        event = made_up(livemode=True)
        assert shop.deliver(event).status_code == 200
        handled(app, event["id"])
        with app.app_context():
            row = inbox.find("platform", event["id"])
            assert (row.mode, row.note) == ("test", envelope.OTHER_MODE)
        with settings_of(app, stripe_secret_key="sk_live_1234567890"):
            assert shop.deliver(live := made_up(livemode=True)).status_code == 200
        with app.app_context():
            assert inbox.find("platform", live["id"]).mode == "live"

    @pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
    def test_only_post(self, shop: Shop, method: str) -> None:
        assert shop.client.open(PATH, method=method).status_code == 405


class TestPayments:
    def test_an_event_may_overtake_our_own_record(
        self, app: Flask, shop: Shop, payer: Cast
    ) -> None:
        """The answer was lost, and the event knows the charge by our metadata."""
        fault(shop, "drop_after", CONFIRMATIONS)
        charge_id = open_async(shop, payer)
        first_try_over(app, charge_id)
        (intent,) = payments_at_stripe(shop, charge_id)
        (event,) = shop.events("payment_intent.succeeded", intent["id"])
        shop.deliver(event)
        handled(app, event["id"])
        charge = charge_of(payer, charge_id)
        assert (charge["status"], charge["paymentIntentId"]) == ("succeeded", intent["id"])
        assert plan_of(payer.owner, payer.workspace) == "starter"
        try_again(app, charge_id)
        assert len(payments_at_stripe(shop, charge_id)) == 1

    def test_late_events_never_move_a_charge_back(
        self, app: Flask, shop: Shop, payer: Cast
    ) -> None:
        answer = shop.upgrade(payer.owner, payer.workspace.slug)
        intent_id = answer.json["data"]["paymentIntent"]["id"]
        intent = shop.stripe("GET", f"/v1/payment_intents/{intent_id}")
        failure = {"code": "card_declined", "message": "Your card was declined."}
        for kind, changes in (
            ("payment_intent.processing", {"status": "processing"}),
            ("payment_intent.requires_action", {"status": "requires_action"}),
            (
                "payment_intent.payment_failed",
                {"status": "requires_payment_method", "last_payment_error": failure},
            ),
            ("payment_intent.canceled", {"status": "canceled"}),
        ):
            event = made_up(kind, data={"object": {**intent, **changes}})
            shop.deliver(event)
            handled(app, event["id"])
        (invoice,) = shop.invoices(payer.owner, payer.workspace.slug)
        assert invoice["status"] == "paid"
        assert plan_of(payer.owner, payer.workspace) == "starter"

    def test_a_payment_of_somebody_else_is_no_work(self, app: Flask, shop: Shop) -> None:
        """The account may be used for other things too."""
        for metadata in ({}, {"charge_id": "x"}, {"charge_id": "999999", "workspace_id": "1"}):
            intent = {
                "id": f"pi_{uuid4().hex}", "status": "succeeded", "amount": 1, "currency": "usd",
                "metadata": metadata,
            }  # fmt: skip
            event = made_up("payment_intent.succeeded", data={"object": intent})
            shop.deliver(event)
            handled(app, event["id"])


class TestCards:
    def test_a_card_detached_in_the_dashboard_is_out_of_use(
        self, app: Flask, shop: Shop, payer: Cast
    ) -> None:
        second = shop.save_card(payer.owner, payer.workspace.slug, "pm_card_mastercard")
        first = shop.cards(payer.owner, payer.workspace.slug)[0]["stripePaymentMethodId"]
        shop.stripe("POST", f"/v1/payment_methods/{first}/detach")
        (event,) = shop.events("payment_method.detached", first)
        shop.deliver(event)
        handled(app, event["id"])
        (left,) = shop.cards(payer.owner, payer.workspace.slug)
        assert (left["stripePaymentMethodId"], left["isDefault"]) == (second, True)

    def test_a_browser_that_never_came_back_has_its_card_saved(
        self, app: Flask, shop: Shop, cast: Cast
    ) -> None:
        setup = shop.set_up(cast.owner, cast.workspace.slug)
        method = shop.browser_confirms_setup(setup)["payment_method"]
        (event,) = shop.events("setup_intent.succeeded", setup["setupIntentId"])
        shop.deliver(event)
        handled(app, event["id"])
        (card,) = shop.cards(cast.owner, cast.workspace.slug)
        assert (card["stripePaymentMethodId"], card["isDefault"]) == (method, True)
        body = {"setupIntentId": setup["setupIntentId"], "paymentMethodId": method}
        answer = cast.owner.post(f"{cast.workspace.payments}/payment-method/confirm", body)
        assert answer.status_code == 200
        assert len(shop.cards(cast.owner, cast.workspace.slug)) == 1

    def test_a_late_event_does_not_bring_a_deleted_card_back(
        self, app: Flask, shop: Shop, cast: Cast
    ) -> None:
        """Stripe could not be told of the deletion, so there the card is attached still."""
        setup = shop.set_up(cast.owner, cast.workspace.slug)
        method = shop.browser_confirms_setup(setup)["payment_method"]
        body = {"setupIntentId": setup["setupIntentId"], "paymentMethodId": method}
        cast.owner.post(f"{cast.workspace.payments}/payment-method/confirm", body)
        (card,) = shop.cards(cast.owner, cast.workspace.slug)
        with settings_of(app, stripe_secret_key=None):
            cast.owner.delete(f"{cast.workspace.payments}/payment-methods/{card['id']}")
        (event,) = shop.events("setup_intent.succeeded", setup["setupIntentId"])
        shop.deliver(event)
        handled(app, event["id"])
        assert shop.cards(cast.owner, cast.workspace.slug) == []

    def test_a_setup_that_failed_is_written_down(self, app: Flask, shop: Shop, cast: Cast) -> None:
        setup = shop.set_up(cast.owner, cast.workspace.slug)
        shop.browser_confirms_setup(setup, "pm_card_chargeDeclined")
        (event,) = shop.events("setup_intent.setup_failed", setup["setupIntentId"])
        shop.deliver(event)
        handled(app, event["id"])
        with app.app_context():
            query = sa.select(TimelineEntry).where(
                TimelineEntry.stripe_id == setup["setupIntentId"]
            )
            entry = db.session.scalars(query).one()
            assert (entry.kind, entry.data) == (
                "payment_method.setup_failed",
                {"code": "card_declined"},
            )
        assert shop.cards(cast.owner, cast.workspace.slug) == []

    def test_a_renewed_card_shows_its_new_expiry(self, app: Flask, shop: Shop, payer: Cast) -> None:
        method = shop.cards(payer.owner, payer.workspace.slug)[0]["stripePaymentMethodId"]
        shop.stripe(
            "POST", f"/v1/payment_methods/{method}",
            **{"card[exp_month]": 7, "card[exp_year]": 2039},
        )  # fmt: skip
        event = shop.events("payment_method.updated", method)[0]
        shop.deliver(event)
        handled(app, event["id"])
        (card,) = shop.cards(payer.owner, payer.workspace.slug)
        assert (card["cardExpMonth"], card["cardExpYear"]) == (7, 2039)

    @pytest.mark.parametrize(
        "kind", ["payment_method.detached", "payment_method.updated", "setup_intent.succeeded"]
    )
    def test_objects_that_are_not_ours_are_no_work(self, app: Flask, shop: Shop, kind: str) -> None:
        for metadata in ({}, {"workspace_id": "999999999"}, {"workspace_id": "x"}):
            thing = {"id": f"pm_{uuid4().hex}", "status": "succeeded", "metadata": metadata}
            event = made_up(kind, data={"object": thing})
            shop.deliver(event)
            handled(app, event["id"])


def drain_all() -> None:
    while drain.drain():
        pass


class TestPoison:
    """A signed event whose shape breaks the handler."""

    def poison(self) -> dict:
        return made_up("payment_intent.succeeded", data={"object": {"id": "pi_x"}})

    def test_is_kept_as_failed_with_a_wait(self, app: Flask, shop: Shop) -> None:
        event = self.poison()
        assert shop.deliver(event).status_code == 200
        eventually(lambda: event_row(app, event["id"])["state"] == "failed")
        row = event_row(app, event["id"])
        assert row["tries"] == 1
        assert "KeyError" in row["last_error"]
        assert row["due_at"] > clock.now()

    def test_blocks_nobody(self, app: Flask, shop: Shop, payer: Cast) -> None:
        poison, good = self.poison(), made_up()
        shop.deliver(poison)
        shop.deliver(good)
        handled(app, good["id"])
        eventually(lambda: event_row(app, poison["id"])["state"] == "failed")

    def test_is_dead_after_the_last_try(self, app: Flask, shop: Shop) -> None:
        event = self.poison()
        shop.deliver(event)
        eventually(lambda: event_row(app, event["id"])["state"] == "failed")
        with app.app_context(), clock.frozen(clock.now()) as advance:
            for _ in range(inbox.MOST_TRIES - 1):
                assert event_row(app, event["id"])["state"] == "failed"
                advance(timedelta(hours=2))
                drain_all()
        row = event_row(app, event["id"])
        assert (row["state"], row["tries"]) == ("dead", inbox.MOST_TRIES)
        with app.app_context(), clock.frozen(clock.now() + timedelta(days=9)):
            drain_all()
        assert event_row(app, event["id"])["tries"] == inbox.MOST_TRIES

    def test_stripe_being_down_is_no_poison(self, app: Flask, shop: Shop, payer: Cast) -> None:
        """A handler that has to ask Stripe comes back until it is answered."""
        shop.upgrade(payer.owner, payer.workspace.slug)
        (invoice,) = shop.invoices(payer.owner, payer.workspace.slug)
        intent = invoice["stripePaymentIntentId"]
        made = shop.stripe("POST", "/v1/refunds", payment_intent=intent, amount=100)
        (event,) = shop.events("refund.created", made["id"])
        fault(shop, "status", "/v1/refunds", method="GET")
        shop.deliver(event)
        eventually(lambda: event_row(app, event["id"])["state"] == "failed")
        assert "OutcomeUnknown" in event_row(app, event["id"])["last_error"]
        with app.app_context(), clock.frozen(clock.now() + timedelta(minutes=1)):
            drain_all()
        assert shop.invoices(payer.owner, payer.workspace.slug)[0]["refundedAmount"] == 1
