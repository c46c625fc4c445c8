"""Money back: by the platform's people, and in Stripe's dashboard."""

from __future__ import annotations

import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa
from flask import Flask
from werkzeug.test import TestResponse

from payments.auth.models import User
from payments.kit.db import db
from payments.kit.transactions import transaction
from payments.workspaces.models import Refund
from tests.support.hostile import HUGE_IDS, NO_IDS
from tests.support.people import Cast, Person, as_json, sign_up
from tests.support.shop import Shop, eventually
from tests.support.till import (
    column,
    event_row,
    fault,
    handled,
    installation_of,
    make_platform_admin,
    pdf_of,
    pdf_text,
    plan_of,
    sent,
    settings_of,
)


@pytest.fixture
def paid(shop: Shop, payer: Cast) -> Cast:
    """A workspace with one paid invoice over 29.99."""
    assert shop.upgrade(payer.owner, payer.workspace.slug, "pro").status_code == 200
    return payer


@pytest.fixture(scope="module")
def refunded(
    open_shop: Shop, new_payer: Callable[[], Cast], admin: Person
) -> tuple[Cast, dict, TestResponse]:
    """A paid invoice over 29.99 that was refunded in full, as it was before, and the answer."""
    cast = new_payer()
    assert open_shop.upgrade(cast.owner, cast.workspace.slug, "pro").status_code == 200
    invoice = invoice_of(open_shop, cast)
    return cast, invoice, refund(admin, invoice["id"])


def invoice_of(shop: Shop, cast: Cast) -> dict:
    return shop.invoices(cast.owner, cast.workspace.slug)[0]


def refund(admin: Person, invoice_id, body=None, **options):
    return admin.post(f"/api/admin/invoices/{invoice_id}/refund", body or {}, **options)


def refunds_at_stripe(shop: Shop, invoice: dict) -> list[dict]:
    return shop.stripe("GET", "/v1/refunds", payment_intent=invoice["stripePaymentIntentId"])[
        "data"
    ]


def rows(app: Flask, invoice_id: int) -> list[tuple[str, int]]:
    with app.app_context():
        query = sa.select(Refund.status, Refund.amount_minor).where(Refund.invoice_id == invoice_id)
        return [tuple(row) for row in db.session.execute(query.order_by(Refund.id))]


class TestRefund:
    def test_in_full(self, shop: Shop, refunded: tuple[Cast, dict, TestResponse]) -> None:
        paid, invoice, answer = refunded
        assert answer.status_code == 200
        assert answer.json["message"] == "Invoice refunded successfully"
        data = answer.json["data"]
        assert set(data) == set(invoice)
        assert (data["status"], data["amount"], data["refundedAmount"]) == (
            "refunded",
            29.99,
            29.99,
        )
        (made,) = refunds_at_stripe(shop, invoice)
        assert (made["amount"], made["status"]) == (2999, "succeeded")
        assert invoice_of(shop, paid)["status"] == "refunded"

    def test_the_plan_stays(self, refunded: tuple[Cast, dict, TestResponse]) -> None:
        paid, _, answer = refunded
        assert answer.status_code == 200
        assert plan_of(paid.owner, paid.workspace) == "pro"

    def test_in_parts_until_nothing_is_left(self, shop: Shop, paid: Cast, admin: Person) -> None:
        invoice = invoice_of(shop, paid)
        seen = []
        for amount in (10, 9.99, "10.00"):
            data = refund(admin, invoice["id"], {"amount": amount}).json["data"]
            seen.append((data["status"], data["refundedAmount"]))
        assert seen == [("paid", 10), ("paid", 19.99), ("refunded", 29.99)]
        answer = refund(admin, invoice["id"], {"amount": 0.01})
        assert (answer.status_code, answer.json["code"]) == (400, "not_refundable")

    def test_without_an_amount_the_rest_goes(self, shop: Shop, paid: Cast, admin: Person) -> None:
        invoice = invoice_of(shop, paid)
        refund(admin, invoice["id"], {"amount": 0.99})
        data = refund(admin, invoice["id"], {"amount": None}).json["data"]
        assert (data["status"], data["refundedAmount"]) == ("refunded", 29.99)
        assert [r["amount"] for r in refunds_at_stripe(shop, invoice)] == [2900, 99]

    def test_more_than_is_left_is_refused(self, shop: Shop, paid: Cast, admin: Person) -> None:
        invoice = invoice_of(shop, paid)
        for first, second in ((None, 30), (20, 10)):
            if first:
                refund(admin, invoice["id"], {"amount": first})
            answer = refund(admin, invoice["id"], {"amount": second})
            assert (answer.status_code, answer.json["code"]) == (400, "refund_too_large")

    def test_a_partly_refunded_invoice_stays_in_the_list(
        self, shop: Shop, paid: Cast, admin: Person
    ) -> None:
        refund(admin, invoice_of(shop, paid)["id"], {"amount": 5})
        shown = paid.owner.get(f"{paid.workspace.payments}/invoices").json["data"]
        assert [(i["status"], i["refundedAmount"]) for i in shown] == [("paid", 5)]

    def test_concurrent_ones_never_exceed_the_amount(
        self, app: Flask, shop: Shop, paid: Cast, admin: Person
    ) -> None:
        invoice = invoice_of(shop, paid)
        path = f"/api/admin/invoices/{invoice['id']}/refund"

        def give(_: int) -> int:
            options = as_json({"amount": 10})
            return app.test_client().post(path, headers=admin.headers, **options).status_code

        with ThreadPoolExecutor(5) as pool:
            statuses = sorted(pool.map(give, range(5)))
        assert statuses == [200, 200, 400, 400, 400]
        assert invoice_of(shop, paid)["refundedAmount"] == 20
        assert sum(r["amount"] for r in refunds_at_stripe(shop, invoice)) == 2000

    def test_the_reason_is_kept(self, app: Flask, shop: Shop, paid: Cast, admin: Person) -> None:
        invoice = invoice_of(shop, paid)
        refund(admin, invoice["id"], {"reason": "  Ordered twice "})
        with app.app_context():
            query = sa.select(Refund.reason).where(Refund.invoice_id == invoice["id"])
            assert db.session.scalars(query).all() == ["Ordered twice"]

    def test_async_it_can_be_polled(self, shop: Shop, paid: Cast, admin: Person) -> None:
        invoice = invoice_of(shop, paid)
        answer = refund(admin, invoice["id"], headers={"Prefer": "respond-async"})
        assert answer.status_code == 202
        assert answer.json["data"]["refund"]["status"] == "pending"
        where = answer.headers["Location"]

        def done() -> dict | None:
            data = admin.get(where).json["data"]
            return data if data["status"] == "succeeded" else None

        data = eventually(done)
        assert (data["amount"], data["currency"], data["invoiceId"]) == (
            29.99,
            "usd",
            invoice["id"],
        )
        assert data["stripeRefundId"].startswith("re_")


class TestAmounts:
    @pytest.mark.parametrize(
        "amount",
        [
            0, -1, "-0.01", 0.001, "1.999", 1e-9, True, [], {}, "", "abc", "1,5", "$5", "0x10",
            "1e999999", "-1e999999", "1e-999999", "9" * 400, 10**40,
        ],
    )  # fmt: skip
    def test_what_is_no_amount_is_refused(
        self, shop: Shop, still: Cast, admin: Person, amount
    ) -> None:
        invoice = invoice_of(shop, still)
        answer = refund(admin, invoice["id"], {"amount": amount})
        assert answer.status_code == 400, answer.text
        assert len(answer.text) < 2000
        assert invoice_of(shop, still)["refundedAmount"] == 0

    @pytest.mark.parametrize("literal", ["NaN", "Infinity", "-Infinity", "1e400", "1" * 5000])
    def test_numbers_that_json_does_not_have(
        self, shop: Shop, still: Cast, admin: Person, literal: str
    ) -> None:
        path = f"/api/admin/invoices/{invoice_of(shop, still)['id']}/refund"
        data = f'{{"amount": {literal}}}'
        answer = admin.post(path, data=data, content_type="application/json")
        assert answer.status_code == 400, answer.text

    @pytest.mark.parametrize("reason", [1, ["a"], "a" * 501, "a\x00b"])
    def test_the_reason_is_a_short_text(
        self, shop: Shop, still: Cast, admin: Person, reason
    ) -> None:
        answer = refund(admin, invoice_of(shop, still)["id"], {"reason": reason})
        assert answer.status_code == 400


class TestWhoAndWhat:
    def test_only_platform_administrators(self, shop: Shop, still: Cast) -> None:
        invoice = invoice_of(shop, still)
        for role in ("owner", "admin", "member", "outsider"):
            answer = refund(still[role], invoice["id"])
            assert (answer.status_code, answer.json["code"]) == (403, "forbidden")
            path = f"/api/admin/invoices/{invoice['id']}"
            assert still[role].get(path).status_code == 403
            assert still[role].get("/api/admin/refunds/1").status_code == 403
        assert shop.call("POST", f"/api/admin/invoices/{invoice['id']}/refund").status_code == 401

    def test_the_row_decides_not_the_token(self, app: Flask, shop: Shop) -> None:
        admin = make_platform_admin(app, sign_up(shop.client, "Former"))
        assert refund(admin, 999999999).status_code == 404
        with app.app_context(), transaction() as session:
            session.execute(sa.update(User).where(User.id == admin.id).values(is_admin=False))
        assert refund(admin, 1).status_code == 403

    def test_an_administrator_reads_every_invoice(
        self, shop: Shop, still: Cast, admin: Person
    ) -> None:
        invoice = invoice_of(shop, still)
        answer = admin.get(f"/api/admin/invoices/{invoice['id']}")
        assert (answer.status_code, answer.json["data"]) == (200, invoice)

    @pytest.mark.parametrize(
        ("raw", "status"),
        [*((raw, 404) for raw in ("0", "999999999", *HUGE_IDS)), *((raw, 400) for raw in NO_IDS)],
    )
    def test_no_such_invoice(self, admin: Person, raw: str, status: int) -> None:
        assert refund(admin, raw).status_code == status
        assert admin.get(f"/api/admin/invoices/{raw}").status_code == status
        assert admin.get(f"/api/admin/refunds/{raw}").status_code == 404

    def test_a_downgrades_invoice_has_nothing_to_refund(
        self, shop: Shop, paid: Cast, admin: Person
    ) -> None:
        paid.owner.post(f"{paid.workspace.plan_changes}/downgrade-plan", {"planSlug": "free"})
        logged = shop.invoices(paid.owner, paid.workspace.slug)[1]
        answer = refund(admin, logged["id"])
        assert (answer.status_code, answer.json["code"]) == (400, "not_refundable")

    def test_nor_has_a_failed_one(self, shop: Shop, cast: Cast, admin: Person) -> None:
        shop.save_card(cast.owner, cast.workspace.slug, "pm_card_chargeCustomerFail")
        shop.upgrade(cast.owner, cast.workspace.slug)
        answer = refund(admin, invoice_of(shop, cast)["id"])
        assert (answer.status_code, answer.json["code"]) == (400, "not_refundable")


class TestWhenStripeFails:
    def test_a_refusal_is_told(self, shop: Shop, paid: Cast, admin: Person) -> None:
        error = {
            "type": "invalid_request_error",
            "code": "charge_disputed",
            "message": "The charge is disputed.",
        }
        fault(shop, "error", "/v1/refunds", status=400, error=error)
        invoice = invoice_of(shop, paid)
        answer = refund(admin, invoice["id"])
        assert (answer.status_code, answer.json["code"]) == (400, "refund_failed")
        assert answer.json["message"] == "The charge is disputed."
        assert refund(admin, invoice["id"]).status_code == 200

    def test_a_missing_key_is_a_500(
        self, app: Flask, shop: Shop, paid: Cast, admin: Person
    ) -> None:
        with settings_of(app, stripe_secret_key=None):
            answer = refund(admin, invoice_of(shop, paid)["id"])
        assert (answer.status_code, answer.json["code"]) == (500, "stripe_not_configured")

    @pytest.mark.parametrize("action", ["drop_after", "drop_before", "status"])
    def test_a_lost_answer_is_asked_for_again(
        self, app: Flask, shop: Shop, paid: Cast, admin: Person, action: str
    ) -> None:
        from datetime import timedelta

        from payments.kit import clock
        from payments.workspaces.refunds import call

        fault(shop, action, "/v1/refunds")
        invoice = invoice_of(shop, paid)
        answer = refund(admin, invoice["id"], headers={"Prefer": "respond-async"})
        refund_id = answer.json["data"]["refund"]["id"]
        eventually(lambda: column(app, Refund, refund_id, "due_at") > clock.now())
        with app.app_context(), clock.frozen(clock.now() + timedelta(minutes=2)):
            call.run(refund_id)
        assert invoice_of(shop, paid)["status"] == "refunded"
        assert len(refunds_at_stripe(shop, invoice)) == 1
        reference = column(app, Refund, refund_id, "reference")
        calls = [
            e
            for e in sent(shop, "/v1/refunds")
            if e["params"].get("metadata", {}).get("refund") == reference
        ]
        keys = {e["idempotency_key"] for e in calls}
        assert keys == {f"{installation_of(app)}:refund:{reference}"}


class TestInTheDashboard:
    def made(self, shop: Shop, invoice: dict, amount: int) -> dict:
        made = shop.stripe(
            "POST", "/v1/refunds", payment_intent=invoice["stripePaymentIntentId"], amount=amount
        )
        assert made["status"] == "succeeded", made
        return made

    def all_events(self, shop: Shop, made: dict) -> list[dict]:
        refunded = [
            e
            for e in shop.events("charge.refunded")
            if e["data"]["object"]["payment_intent"] == made["payment_intent"]
        ]
        return [*shop.events("refund.created", made["id"]), *refunded]

    def test_it_reaches_the_invoice(self, app: Flask, shop: Shop, paid: Cast) -> None:
        invoice = invoice_of(shop, paid)
        made = self.made(shop, invoice, 500)
        event = self.all_events(shop, made)[0]
        shop.deliver(event)
        handled(app, event["id"])
        shown = invoice_of(shop, paid)
        assert (shown["status"], shown["refundedAmount"]) == ("paid", 5)
        assert rows(app, invoice["id"]) == [("succeeded", 500)]

    @pytest.mark.parametrize("seed", range(4))
    def test_in_whatever_order_and_however_often(
        self, app: Flask, shop: Shop, paid: Cast, seed: int
    ) -> None:
        invoice = invoice_of(shop, paid)
        events = []
        for amount in (1000, 999, 1000):
            events += self.all_events(shop, self.made(shop, invoice, amount))
        events = list({e["id"]: e for e in events}.values()) * 2
        random.Random(seed).shuffle(events)  # noqa: S311 - an order, not a secret
        for event in events:
            assert shop.deliver(event).status_code == 200
        for event in events:
            handled(app, event["id"])
        shown = invoice_of(shop, paid)
        assert (shown["status"], shown["refundedAmount"]) == ("refunded", 29.99)
        assert sorted(rows(app, invoice["id"])) == [
            ("succeeded", 999), ("succeeded", 1000), ("succeeded", 1000),
        ]  # fmt: skip

    def test_ours_and_the_dashboards_add_up(
        self, app: Flask, shop: Shop, paid: Cast, admin: Person
    ) -> None:
        invoice = invoice_of(shop, paid)
        refund(admin, invoice["id"], {"amount": 10})
        event = self.all_events(shop, self.made(shop, invoice, 500))[0]
        shop.deliver(event)
        handled(app, event["id"])
        assert invoice_of(shop, paid)["refundedAmount"] == 15
        assert refund(admin, invoice["id"], {"amount": 15}).json["code"] == "refund_too_large"

    def test_an_event_that_overtakes_our_own_answer_counts_once(
        self, app: Flask, shop: Shop, paid: Cast, admin: Person
    ) -> None:
        fault(shop, "drop_after", "/v1/refunds")
        invoice = invoice_of(shop, paid)
        answer = refund(admin, invoice["id"], headers={"Prefer": "respond-async"})
        (made,) = eventually(lambda: refunds_at_stripe(shop, invoice))
        (event,) = shop.events("refund.created", made["id"])
        shop.deliver(event)
        handled(app, event["id"])
        assert rows(app, invoice["id"]) == [("succeeded", 2999)]
        refund_id = answer.json["data"]["refund"]["id"]
        assert column(app, Refund, refund_id, "stripe_refund_id") == made["id"]

    def test_a_stranger_s_refund_is_no_work(self, app: Flask, shop: Shop) -> None:
        method = shop.stripe(
            "POST", "/v1/payment_methods", type="card", **{"card[token]": "tok_visa"}
        )
        intent = shop.stripe(
            "POST", "/v1/payment_intents", amount=700, currency="usd", confirm="true",
            payment_method=method["id"],
        )  # fmt: skip
        assert intent["status"] == "succeeded", intent
        made = shop.stripe("POST", "/v1/refunds", payment_intent=intent["id"])
        (event,) = shop.events("refund.created", made["id"])
        shop.deliver(event)
        handled(app, event["id"])


class TestLater:
    def test_a_refund_that_fails_later_gives_the_amount_back(
        self, app: Flask, shop: Shop, cast: Cast, admin: Person
    ) -> None:
        """4000 0000 0000 5126: the refund succeeds at first and fails afterwards."""
        shop.save_card(cast.owner, cast.workspace.slug, "pm_card_refundFail")
        shop.upgrade(cast.owner, cast.workspace.slug)
        invoice = invoice_of(shop, cast)
        assert refund(admin, invoice["id"]).json["data"]["status"] == "refunded"
        shop.control("POST", "clock/advance", {"seconds": 60})
        (made,) = refunds_at_stripe(shop, invoice)
        assert made["status"] == "failed"
        (event,) = shop.events("refund.failed", made["id"])
        shop.deliver(event)
        handled(app, event["id"])
        shown = invoice_of(shop, cast)
        assert (shown["status"], shown["refundedAmount"]) == ("paid", 0)
        assert rows(app, invoice["id"]) == [("failed", 999)]
        assert "Refunded" not in pdf_text(pdf_of(cast.owner, cast.workspace, invoice["id"]))
        assert refund(admin, invoice["id"]).status_code == 200

    def test_a_refund_that_is_still_on_its_way_counts(
        self, app: Flask, shop: Shop, cast: Cast, admin: Person
    ) -> None:
        shop.save_card(cast.owner, cast.workspace.slug, "pm_card_pendingRefund")
        shop.upgrade(cast.owner, cast.workspace.slug)
        invoice = invoice_of(shop, cast)
        assert refund(admin, invoice["id"]).json["data"]["status"] == "refunded"
        assert rows(app, invoice["id"]) == [("submitted", 999)]
        shop.control("POST", "clock/advance", {"seconds": 60})
        (made,) = refunds_at_stripe(shop, invoice)
        event = shop.events("refund.updated", made["id"])[0]
        shop.deliver(event)
        handled(app, event["id"])
        assert rows(app, invoice["id"]) == [("succeeded", 999)]


class TestDocument:
    def test_a_partial_refund_shows_in_the_pdf(self, shop: Shop, paid: Cast, admin: Person) -> None:
        invoice = invoice_of(shop, paid)
        before = pdf_text(pdf_of(paid.owner, paid.workspace, invoice["id"]))
        assert "Refunded" not in before
        refund(admin, invoice["id"], {"amount": 10})
        text = pdf_text(pdf_of(paid.owner, paid.workspace, invoice["id"]))
        assert "Paid (Refunded $10.00)" in text
        for part in ("Original amount", "Refunded", "$29.99", "$10.00", "Amount due"):
            assert part in text

    def test_a_full_refund_shows_in_the_pdf(
        self, refunded: tuple[Cast, dict, TestResponse]
    ) -> None:
        paid, invoice, _ = refunded
        text = pdf_text(pdf_of(paid.owner, paid.workspace, invoice["id"]))
        assert "Refunded" in text
        assert "Paid (Refunded" not in text
        for part in ("Original amount", "$29.99", "Amount due", "$0.00"):
            assert part in text


def test_events_of_refunds_are_kept(app: Flask, shop: Shop, paid: Cast, admin: Person) -> None:
    invoice = invoice_of(shop, paid)
    refund(admin, invoice["id"])
    (made,) = refunds_at_stripe(shop, invoice)
    (event,) = shop.events("refund.created", made["id"])
    shop.deliver(event)
    handled(app, event["id"])
    assert (event_row(app, event["id"]) or {})["type"] == "refund.created"
    assert invoice_of(shop, paid)["refundedAmount"] == 29.99
