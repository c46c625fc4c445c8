"""Two at the same moment, where only one may win or both must come out right."""

from __future__ import annotations

import json
from collections import Counter
from datetime import timedelta

import pytest
import sqlalchemy as sa

from payments.gateway import results
from payments.installation.names import make_metadata
from payments.invoices.models import PAID, UPGRADE, Invoice, InvoiceDocument
from payments.kit import clock, leases
from payments.kit.transactions import transaction
from payments.timeline.models import TimelineEntry
from payments.webhooks import batches, drain, inbox
from payments.webhooks.models import PROCESSED, WebhookEvent
from payments.workspaces import reconcile
from payments.workspaces.charges.action import apply_payment
from payments.workspaces.models import (
    Charge,
    Membership,
    PaymentMethod,
    PricingPlan,
    Refund,
    Workspace,
)
from tests.support.errands import CONFIRMATION
from tests.support.people import join, sign_up
from tests.support.shop import eventually
from tests.support.site import Site, at_once

ASYNC = {"Prefer": "respond-async"}


def plan_of(site: Site, workspace_id: int) -> str:
    query = sa.select(PricingPlan.slug).join(Workspace, Workspace.plan_id == PricingPlan.id)
    return site.read(lambda s: s.scalars(query.where(Workspace.id == workspace_id)).one())


@pytest.mark.usefixtures("crew")
class TestWithWorkers:
    def test_an_upgrade_and_a_downgrade_at_once(self, site, shop):
        """Either order may win; what was paid for was granted, and the plan is the last one's."""
        people = [site.customer() for _ in range(4)]
        for person, place in people:
            assert shop.upgrade(person, place.slug, "starter").status_code == 200

        def down(person, place):
            path = f"/api/payments/workspace/{place.slug}/downgrade-plan"
            return lambda: shop.call("POST", path, person, json={"planSlug": "free"})

        jobs = [
            job
            for p, w in people
            for job in (lambda p=p, w=w: shop.upgrade(p, w.slug, "pro"), down(p, w))
        ]  # fmt: skip
        answers = at_once(jobs)
        assert {a.status_code for a in answers} == {200}
        for _, place in people:
            paid = [p["amount"] for p in site.payments(place.id)]
            assert sorted(paid) == [999, 2999]
            assert [i.status for i in site.rows(Invoice, Invoice.workspace_id == place.id)] == [
                PAID
            ] * 3
            kinds = [
                e.kind
                for e in site.rows(TimelineEntry, TimelineEntry.workspace_id == place.id)
                if e.kind in {"charge.succeeded", "plan.downgraded"}
            ]
            assert kinds.count("charge.succeeded") == 2
            last = "free" if kinds[-1] == "plan.downgraded" else "pro"
            assert plan_of(site, place.id) == last
            charges = site.rows(Charge, Charge.workspace_id == place.id)
            assert not any(charge.needs_attention for charge in charges)

    def test_cards_deleted_and_made_default_at_once(self, site, shop):
        """Never two defaults, never none while a card is left."""
        person, place = site.customer()
        for card in ("pm_card_amex", "pm_card_mastercard", "pm_card_discover", "pm_card_jcb"):
            shop.save_card(person, place.slug, card)
        cards = [card["id"] for card in shop.cards(person, place.slug)]
        base = f"/api/payments/{place.slug}/payment-methods"

        def make_default(card: int):
            return lambda: shop.call("PATCH", f"{base}/{card}/set-default", person)

        def delete(card: int):
            return lambda: shop.call("DELETE", f"{base}/{card}", person)

        jobs = [*map(make_default, cards), *map(delete, cards[:4]), *map(make_default, cards)]
        answers = at_once(jobs)
        assert {a.status_code for a in answers} <= {200, 404}, Counter(
            (a.status_code, a.text) for a in answers
        )
        rows = site.rows(PaymentMethod, PaymentMethod.workspace_id == place.id)
        left = [row for row in rows if row.is_active]
        assert [(row.id, row.is_default) for row in left] == [(cards[4], True)]
        assert not any(row.is_default for row in rows if not row.is_active)

    def test_the_last_two_owners_leave_at_once(self, site, shop):
        """One may go, the other has to stay."""
        first, second = sign_up(site.client), sign_up(site.client)
        join(first.home, first, second, "owner")
        place = first.home
        answers = at_once(
            [
                lambda p=p: shop.call("DELETE", f"{place.path}/members/{p.id}", p)
                for p in (first, second)
            ]
        )
        assert sorted(a.status_code for a in answers) == [200, 400]
        where = Membership.workspace_id == place.id
        owners = sa.select(sa.func.count()).where(where, Membership.role == "owner")
        assert site.read(lambda session: session.scalars(owners).one()) == 1

    def test_an_event_overtakes_the_worker_at_its_own_charge(self, site, shop):
        """Stripe's event arrives while the worker still waits for the answer: recorded once."""
        person, place = site.customer()
        site.fault("delay", "POST", CONFIRMATION, ms=1500, when="after")
        answer = shop.upgrade(person, place.slug, headers=ASYNC)
        charge_id = answer.json["data"]["charge"]["id"]
        intent = eventually(lambda: site.payments(place.id))[0]["id"]
        (event,) = eventually(lambda: shop.events("payment_intent.succeeded", intent))
        statuses = at_once([lambda: shop.deliver(event).status_code] * 10)
        assert statuses == [200] * 10
        eventually(
            lambda: site.row(Charge, Charge.id == charge_id).status == "succeeded", seconds=1.3
        )
        eventually(lambda: site.calls("POST", f"/v1/payment_intents/{intent}/confirm"))
        self.assert_recorded_once(site, place.id, charge_id)

    def test_a_hundred_deliveries_of_one_event(self, site, shop):
        """The same event a hundred times at once: a hundred times 200, one row, one effect."""
        person, place = site.customer()
        charge_id = self.reserved_and_paid(site, shop, person, place)
        intent = site.payments(place.id)[0]["id"]
        (event,) = shop.events("payment_intent.succeeded", intent)
        statuses = at_once([lambda: shop.deliver(event).status_code] * 100)
        assert statuses == [200] * 100
        where = WebhookEvent.event_id == event["id"]
        eventually(lambda: site.row(WebhookEvent, where).state == PROCESSED)
        assert site.row(WebhookEvent, where).tries == 1
        self.assert_recorded_once(site, place.id, charge_id)

    def reserved_and_paid(self, site, shop, person, place) -> int:
        assert shop.upgrade(person, place.slug).status_code == 200
        return site.row(Charge, Charge.workspace_id == place.id).id

    def assert_recorded_once(self, site: Site, workspace_id: int, charge_id: int) -> None:
        notes = site.rows(
            TimelineEntry,
            TimelineEntry.workspace_id == workspace_id,
            TimelineEntry.kind == "charge.succeeded",
        )
        assert len(notes) == 1
        assert len(site.payments(workspace_id)) == 1
        invoice = site.row(Invoice, Invoice.workspace_id == workspace_id)
        assert (invoice.status, invoice.type) == (PAID, UPGRADE)
        assert plan_of(site, workspace_id) == "starter"


class TestRows:
    """Without workers: the claims themselves."""

    @pytest.fixture
    def site(self, site):
        yield site
        site.clear()

    @pytest.fixture
    def charge(self, site):
        person, place = site.customer()
        answer = site.shop.upgrade(person, place.slug, headers=ASYNC)
        return site.row(Charge, Charge.id == answer.json["data"]["charge"]["id"])

    def test_one_of_sixteen_claims_a_row(self, site, charge):
        """Sixteen claim at once: one gets the next fence, the others get nothing."""

        def claim():
            with site.app.app_context(), transaction():
                return leases.claim(Charge, charge.id, ("pending",), seconds=60)

        won = [fence for fence in at_once([claim] * 16) if fence is not None]
        assert won == [charge.fence + 1]

    def test_a_lapsed_claim_is_taken_over_once(self, site, charge):
        """A dead holder's row goes to one of those who come, with a higher fence."""
        with site.app.app_context(), transaction():
            first = leases.claim(Charge, charge.id, ("pending",), seconds=60)
        site.lapse(Charge)
        assert first == 1

        def claim():
            with site.app.app_context(), transaction():
                return leases.claim(Charge, charge.id, ("pending",), seconds=60)

        assert [f for f in at_once([claim] * 8) if f is not None] == [2]

    def test_success_is_recorded_once_by_whoever_comes(self, site, charge):
        """Worker, webhook, request and sweep record the same success at once: one of them does."""
        with site.app.app_context():
            names = make_metadata(charge=charge.reference)
        intent = site.shop.stripe(
            "POST",
            "/v1/payment_intents",
            amount=999,
            currency="usd",
            customer=charge.stripe_customer_id,
            payment_method=charge.stripe_payment_method_id,
            confirm="true",
            **{
                **{f"metadata[{name}]": value for name, value in names.items()},
                "allowed_payment_method_types[]": "card",
            },
        )
        payment = results.payment_of_event(intent)

        def record():
            with site.app.app_context():
                apply_payment(charge.id, payment, actor="race")

        at_once([record] * 12)
        kinds = [
            e.kind
            for e in site.rows(TimelineEntry, TimelineEntry.workspace_id == charge.workspace_id)
        ]
        assert kinds.count("charge.succeeded") == 1
        invoice = site.row(Invoice, Invoice.id == charge.invoice_id)
        assert (invoice.status, invoice.stripe_payment_intent_id) == (PAID, intent["id"])
        assert len(site.rows(InvoiceDocument, InvoiceDocument.invoice_id == invoice.id)) == 1

    def test_two_sweeps_at_once_wake_and_take_nothing_twice(self, site, charge):
        """A sweep only sends hints: two of them, and eight drains, handle an event once."""
        event = {
            "id": f"evt_sweep_{charge.id}",
            "type": "payment_method.updated",
            "created": clock.timestamp(),
            "livemode": False,
            "data": {"object": {"id": "pm_nobody"}},
        }
        with site.app.app_context():
            inbox.store("platform", event, json.dumps(event))

        def sweep():
            with site.app.app_context():
                return reconcile.wake_due()

        def drained():
            with site.app.app_context():
                return drain.drain()

        site.redis.flushdb()  # what the charge's request has sent is gone
        assert sum(at_once([sweep] * 4)) >= 1
        at_once([drained] * 8)
        row = site.row(WebhookEvent, WebhookEvent.event_id == event["id"])
        assert (row.state, row.tries, row.fence) == (PROCESSED, 1, 1)

    def test_who_lost_his_lease_cannot_unmake_an_event(self, site):
        """A drain that comes back from the dead does not put a handled event back."""
        event = {
            "id": "evt_zombie",
            "type": "payment_method.updated",
            "created": clock.timestamp(),
            "livemode": False,
            "data": {"object": {"id": "pm_nobody"}},
        }
        where = WebhookEvent.event_id == event["id"]
        with site.app.app_context():
            inbox.store("platform", event, json.dumps(event))
        with site.app.app_context():
            (zombie,) = [e for e in batches.take(200) if e.event_id == event["id"]]
        site.lapse(WebhookEvent)
        with site.app.app_context():
            drain.drain()
            inbox.fail(zombie.id, zombie.fence, "came back too late")
            inbox.finish(zombie.id, zombie.fence)
        assert site.row(WebhookEvent, where).state == PROCESSED

    def test_a_refund_never_counts_twice(self, site, charge):
        """Our own refund, told by Stripe's event before its answer: one row, one amount."""
        with site.app.app_context():
            from payments.workspaces.charges import call

            call.run(charge.id)
        admin = site.admin()
        path = f"/api/admin/invoices/{charge.invoice_id}/refund"
        answer = site.shop.call("POST", path, admin, json={"amount": 5}, headers=ASYNC)
        refund_id = answer.json["data"]["refund"]["id"]
        site.fault("delay", "POST", "/v1/refunds", ms=1200, when="after")

        def ours():
            from payments.workspaces.refunds import call

            with site.app.app_context():
                call.run(refund_id)

        def theirs():
            intent = site.row(Charge, Charge.id == charge.id).stripe_payment_intent_id
            eventually(lambda: site.refunds(intent))
            for event in eventually(lambda: site.shop.events("refund.created")):
                if event["data"]["object"]["payment_intent"] == intent:
                    assert site.shop.deliver(event).status_code == 200
            with site.app.app_context():
                drain.drain()

        at_once([ours, theirs])
        row = site.row(Refund, Refund.invoice_id == charge.invoice_id)
        assert (row.id, row.status) == (refund_id, "succeeded")
        assert site.row(Invoice, Invoice.id == charge.invoice_id).refunded_minor == 500


def test_due_rows_come_longest_waiting_first(site):
    """The sweep's batch is bounded, so those who wait longest come first."""
    site.clear()
    made = []
    for wait in (1, 3, 2):
        person, place = site.customer()
        answer = site.shop.upgrade(person, place.slug, headers=ASYNC)
        charge_id = answer.json["data"]["charge"]["id"]
        due = clock.now() - timedelta(hours=wait)
        change = sa.update(Charge).where(Charge.id == charge_id).values(due_at=due)
        site.run(lambda session, change=change: session.execute(change))
        made.append(charge_id)
    with site.app.app_context():
        found = leases.due(Charge, ("pending",), limit=2)
    assert found == [made[1], made[2]]
    site.clear()
