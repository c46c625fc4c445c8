"""The timeline of a workspace: what happened, when and by whom, in words that people understand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from payments.invoices.models import Invoice
from payments.kit import clock
from payments.kit.db import db
from payments.kit.transactions import transaction
from payments.timeline.append import append
from payments.workspaces.models import Charge
from tests.support.people import Cast, Person
from tests.support.shop import Shop, eventually
from tests.support.till import (
    browser_authenticates,
    charge_of,
    handled,
    save_authenticated_card,
)


def told(cast: Cast, person: Person | None = None, **query: Any) -> dict[str, Any]:
    answer = (person or cast.owner).get(
        f"{cast.workspace.payments}/timeline", query_string={"limit": 100, **query}
    )
    assert answer.status_code == 200, answer.text
    return dict(answer.json)


def entries(cast: Cast, **query: Any) -> list[dict[str, Any]]:
    return list(told(cast, **query)["data"])


def sentences(cast: Cast, **query: Any) -> list[str]:
    return [entry["sentence"] for entry in entries(cast, **query)]


def last_charge(app: Flask, cast: Cast) -> tuple[int, str]:
    """Return the id of the workspace's newest charge, and the number of its invoice."""
    with app.app_context():
        query = sa.select(Charge).where(Charge.workspace_id == cast.workspace.id)
        charge = db.session.scalars(query.order_by(Charge.id.desc())).first()
        return charge.id, db.session.get_one(Invoice, charge.invoice_id).invoice_number


class TestWhyThisPlan:
    def test_an_upgrade_tells_from_where_by_which_charge_and_by_whom(
        self, app: Flask, shop: Shop, payer: Cast
    ) -> None:
        assert shop.upgrade(payer.admin, payer.workspace.slug, "starter").status_code == 200
        charge, number = last_charge(app, payer)
        (why,) = entries(payer, kind="plan.")
        assert why["sentence"] == (
            f"The plan moved up from Free to Starter, paid by charge {charge} (invoice {number})"
        )
        asked = entries(payer, subject=f"charge:{charge}")[-1]
        assert asked["sentence"] == (
            f"Charge {charge} of 9.99 USD for plan Starter was asked for, invoice {number}"
        )
        assert (asked["source"], asked["actor"]) == ("request", f"user:{payer.admin.id}")
        assert asked["user"] == {
            "id": payer.admin.id,
            "name": payer.admin.name,
            "email": payer.admin.email,
        }

    def test_an_entry_holds_the_facts_and_the_ids_at_stripe(
        self, app: Flask, shop: Shop, payer: Cast
    ) -> None:
        assert shop.upgrade(payer.owner, payer.workspace.slug, "pro").status_code == 200
        charge, number = last_charge(app, payer)
        (intent,) = shop.invoices(payer.owner, payer.workspace.slug)
        paid = entries(payer, kind="charge.succeeded")[0]
        at, row_id = paid.pop("at"), paid.pop("id")
        assert datetime.fromisoformat(at) <= clock.now()
        assert row_id > 0
        assert paid == {
            "kind": "charge.succeeded",
            "sentence": f"Charge {charge} of 29.99 USD for plan Pro succeeded",
            "source": "worker",
            "actor": "worker",
            "user": None,
            "subject": f"charge:{charge}",
            "stripeIds": [intent["stripePaymentIntentId"]],
            "data": {
                "plan": "pro",
                "planName": "Pro",
                "invoice": number,
                "amountMinor": 2999,
                "currency": "usd",
            },
        }

    def test_down_again(self, shop: Shop, payer: Cast) -> None:
        shop.upgrade(payer.owner, payer.workspace.slug, "starter")
        down = f"{payer.workspace.plan_changes}/downgrade-plan"
        assert payer.owner.post(down, {"planSlug": "free"}).status_code == 200
        (number,) = [i["invoiceNumber"] for i in shop.invoices(payer.owner, payer.workspace.slug)][
            1:
        ]
        down_to, up_to = sentences(payer, kind="plan")
        assert down_to == f"The plan moved down from Starter to Free (invoice {number})"
        assert up_to.startswith("The plan moved up from Free to Starter")

    def test_a_decline_says_why_nothing_moved(self, shop: Shop, cast: Cast) -> None:
        shop.save_card(cast.owner, cast.workspace.slug, "pm_card_chargeCustomerFail")
        assert shop.upgrade(cast.owner, cast.workspace.slug).status_code == 402
        failed = entries(cast, kind="charge.failed")[0]["sentence"]
        assert failed.endswith("of 9.99 USD for plan Starter failed: generic_decline")
        assert entries(cast, kind="plan.") == []
        assert sentences(cast, kind="invoice.")[0].endswith("failed: nothing was charged")


class TestWhatElseHappened:
    def test_a_workspace_from_its_first_day(self, cast: Cast) -> None:
        cast.complete().owner.patch(cast.workspace.path, {"name": "Renamed"})
        assert sentences(cast)[::-1] == [
            "The workspace was created on plan Free",
            f"Olivia (user {cast.owner.id}) became a member as owner",
            f"Adam (user {cast.admin.id}) became a member as admin",
            f"Mia (user {cast.member.id}) became a member as member",
            "The workspace's details were changed: name",
        ]

    def test_cards(self, shop: Shop, cast: Cast) -> None:
        slug, owner = cast.workspace.slug, cast.owner
        shop.save_card(owner, slug)
        shop.save_card(owner, slug, "pm_card_mastercard")
        visa = next(c for c in shop.cards(owner, slug) if c["isDefault"])
        path = f"{cast.workspace.payments}/payment-methods/{visa['id']}"
        assert owner.delete(path).status_code == 200
        assert sentences(cast, kind="payment_method.")[::-1] == [
            "The visa card ending in 4242 was saved",
            "The visa card ending in 4242 became the default",
            "The mastercard card ending in 4444 was saved",
            "The visa card ending in 4242 was removed",
            "The mastercard card ending in 4444 became the default",
        ]
        (customer,) = entries(cast, kind="customer.")
        assert customer["stripeIds"][0].startswith("cus_")
        assert customer["actor"] == f"user:{owner.id}"

    def test_a_card_that_its_issuer_renewed(self, app: Flask, shop: Shop, payer: Cast) -> None:
        (card,) = shop.cards(payer.owner, payer.workspace.slug)
        method = card["stripePaymentMethodId"]
        shop.stripe("POST", f"/v1/payment_methods/{method}", **{"card[exp_year]": 2044})
        event = shop.events("payment_method.updated", method)[0]
        shop.deliver(event)
        handled(app, event["id"])
        (renewed,) = entries(payer, kind="payment_method.updated")
        assert renewed["sentence"] == "The visa card ending in 4242 was renewed: card_exp_year"
        assert (renewed["source"], renewed["stripeIds"]) == ("event", [method, event["id"]])
        assert "2044" not in str(renewed["data"])

    def test_a_refund_here_and_one_in_the_dashboard(
        self, app: Flask, shop: Shop, payer: Cast, admin: Person
    ) -> None:
        shop.upgrade(payer.owner, payer.workspace.slug)
        (invoice,) = shop.invoices(payer.owner, payer.workspace.slug)
        number, intent = invoice["invoiceNumber"], invoice["stripePaymentIntentId"]
        path = f"/api/admin/invoices/{invoice['id']}/refund"
        assert admin.post(path, {"amount": 2.5}).status_code == 200
        shop.stripe("POST", "/v1/refunds", payment_intent=intent, amount=100)
        event = shop.events("charge.refunded")[0]
        shop.deliver(event)
        handled(app, event["id"])
        first, found = (e["subject"].split(":")[1] for e in self.begun(payer))
        assert sentences(payer, kind="refund.")[::-1] == [
            f"Refund {first} of 2.50 USD on invoice {number} was asked for",
            f"Refund {first} of 2.50 USD on invoice {number} succeeded",
            f"Refund {found} of 1.00 USD on invoice {number} was found at Stripe, "
            "where somebody had made it",
            f"Refund {found} of 1.00 USD on invoice {number} succeeded",
        ]
        of_invoice = sentences(payer, subject=f"invoice:{invoice['id']}")
        head = f"Invoice {number} of 9.99 USD for plan Starter"
        assert of_invoice == [
            f"{head} is refunded by 3.50 USD",
            f"{head} is refunded by 2.50 USD",
            f"{head} is paid",
            f"{head} was issued",
        ]

    def begun(self, cast: Cast) -> list[dict[str, Any]]:
        return [e for e in entries(cast, kind="refund.")[::-1] if e["kind"] in BEGINNINGS]

    def test_somebody_who_is_no_member_is_not_named(
        self, shop: Shop, payer: Cast, admin: Person
    ) -> None:
        shop.upgrade(payer.owner, payer.workspace.slug)
        (invoice,) = shop.invoices(payer.owner, payer.workspace.slug)
        admin.post(f"/api/admin/invoices/{invoice['id']}/refund", {})
        (asked,) = entries(payer, kind="refund.reserved")
        assert (asked["source"], asked["actor"]) == ("request", f"user:{admin.id}")
        assert asked["user"] is None
        assert admin.email not in str(told(payer))

    def test_a_kind_that_nobody_wrote_a_sentence_for(self, app: Flask, cast: Cast) -> None:
        with app.app_context(), transaction():
            append("seat.moved_on", actor="sweep", subject="big_seat:7",
                   workspace_id=cast.workspace.id, nothing=None)  # fmt: skip
        entry = entries(cast)[0]
        assert (entry["sentence"], entry["source"]) == ("Big seat 7: moved on", "sweep")
        assert entry["data"] == {}


BEGINNINGS = {"refund.reserved", "refund.found"}


class TestWhoDroveIt:
    def test_who_polls_a_charge_is_who_found_it_paid(self, shop: Shop, cast: Cast) -> None:
        """The holder authenticates; the admin's page asks how far it is."""
        save_authenticated_card(shop, cast, "pm_card_authenticationRequired")
        answer = shop.upgrade(cast.owner, cast.workspace.slug)
        assert answer.status_code == 402, answer.text
        details = answer.json["details"]
        browser_authenticates(shop, details["clientSecret"], details["paymentMethodId"])
        charge_of(cast, details["chargeId"], cast.admin)
        subject = f"charge:{details['chargeId']}"
        eventually(lambda: entries(cast, subject=subject)[0]["kind"] == "charge.succeeded")
        kinds = [(e["kind"], e["actor"]) for e in entries(cast, subject=subject)[::-1]]
        assert kinds == [
            ("charge.reserved", f"user:{cast.owner.id}"),
            ("charge.requires_action", "worker"),
            ("charge.succeeded", f"user:{cast.admin.id}"),
        ]
        assert details["clientSecret"] not in str(told(cast))


class TestTheList:
    def test_the_newest_first_page_by_page(self, still: Cast) -> None:
        whole = told(still)
        assert whole["message"] == "Timeline retrieved successfully"
        ids = [entry["id"] for entry in whole["data"]]
        assert ids == sorted(ids, reverse=True)
        assert whole["count"] == len(ids) == whole["pagination"]["total"]
        second = told(still, page=2, limit=3)
        assert [entry["id"] for entry in second["data"]] == ids[3:6]
        assert second["pagination"] | {"hasNextPage": None} == {
            "page": 2,
            "limit": 3,
            "total": len(ids),
            "totalPages": -(-len(ids) // 3),
            "hasNextPage": None,
            "hasPrevPage": True,
        }
        assert told(still, page=999)["data"] == []

    def test_filters(self, still: Cast) -> None:
        everything = entries(still)
        assert entries(still, kind="plan.up") == [
            e for e in everything if e["kind"] == "plan.upgraded"
        ]
        charge = next(e["subject"] for e in everything if e["kind"] == "charge.succeeded")
        assert {e["subject"] for e in entries(still, subject=charge)} == {charge}
        assert entries(still, kind="plan_") == entries(still, kind="%") == []
        assert entries(still, subject="charge:0") == []

    def test_moments(self, app: Flask, cast: Cast) -> None:
        noon = datetime(2031, 1, 5, 12, tzinfo=UTC)
        for hours in range(3):
            with app.app_context(), clock.frozen(noon + timedelta(hours=hours)), transaction():
                append("x.y", actor="sweep", subject=f"x:{hours}", workspace_id=cast.workspace.id)
        assert sentences(cast, **{"from": "2031-01-05T13:00:00Z"}) == ["X 2: y", "X 1: y"]
        assert sentences(cast, **{"from": "2031-01-05T13:00", "to": "2031-01-05T14:00Z"}) == [
            "X 1: y"
        ]
        assert sentences(cast, to="2031-01-05T14:00:00+01:00", kind="x.") == ["X 0: y"]

    @pytest.mark.parametrize(
        "query",
        [
            {"from": "yesterday"},
            {"to": "2031-13-01T00:00:00Z"},
            {"from": "0001-01-01T00:00:00+14:00"},
            {"subject": "x" * 81},
            {"kind": "plan\x00"},
        ],
    )
    def test_bad_input(self, cast: Cast, query: dict[str, str]) -> None:
        answer = cast.owner.get(f"{cast.workspace.payments}/timeline", query_string=query)
        assert (answer.status_code, answer.json["code"]) == (400, "invalid_field"), answer.text

    def test_nobody_elses(self, still: Cast, neighbours: Cast) -> None:
        mine, theirs = ({e["id"] for e in entries(cast)} for cast in (still, neighbours))
        assert mine
        assert theirs
        assert mine & theirs == set()
