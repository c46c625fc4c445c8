"""Stripe's events of one workspace, in any order and any number: the rows end the same."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from random import Random
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from payments.invoices.models import Invoice
from payments.kit import clock
from payments.webhooks import drain
from payments.webhooks.models import PROCESSED, WebhookEvent
from payments.workspaces.charges import call
from payments.workspaces.models import Charge, PaymentMethod, PricingPlan, Refund, Workspace
from payments.workspaces.refunds import call as refund_call
from tests.support import stack
from tests.support.people import Person, Place
from tests.support.shop import eventually
from tests.support.site import Site, open_site
from tests.support.strangers import names_of_charge

ASYNC = {"Prefer": "respond-async"}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, sandbox: stack.Sandbox) -> Iterator[Site]:
    """An installation without workers: only Stripe's events tell what has happened."""
    with open_site(tmp_path_factory.mktemp("orders"), sandbox, own_redis=True) as made:
        yield made


@dataclass
class History:
    """What happened to one workspace at Stripe while nobody here was listening."""

    site: Site
    person: Person
    place: Place
    events: list[dict[str, Any]]
    cards: list[str]


def reserved(site: Site, person: Person, place: Place, **options: Any) -> Charge:
    answer = site.shop.upgrade(person, place.slug, headers=ASYNC, **options)
    assert answer.status_code == 202, answer.text
    return site.row(Charge, Charge.id == answer.json["data"]["charge"]["id"])


def paid_at_stripe(site: Site, charge: Charge) -> str:
    """Take the money under the charge's names, of which no row here knows yet."""
    made = site.shop.stripe(
        "POST",
        "/v1/payment_intents",
        amount=charge.amount_minor,
        currency=charge.currency,
        customer=charge.stripe_customer_id,
        payment_method=charge.stripe_payment_method_id,
        confirm="true",
        off_session="true",
        **{
            "allowed_payment_method_types[]": "card",
            **{
                f"metadata[{name}]": value
                for name, value in names_of_charge(site.app, charge.id).items()
            },
        },
    )
    return str(made["id"] if "id" in made else made["error"]["payment_intent"]["id"])


def lived_through(site: Site) -> History:
    """A decline, a payment, two refunds in the dashboard and one of ours, three cards, two gone."""
    known = {event["id"] for event in site.shop.stripe("GET", "/v1/events", limit=100)["data"]}
    person, place = site.customer()
    cards = [
        site.shop.save_card(person, place.slug, card)
        for card in ("pm_card_chargeCustomerFail", "pm_card_amex")
    ]
    first = site.row(
        PaymentMethod, PaymentMethod.workspace_id == place.id, PaymentMethod.is_default
    )
    cards = [first.stripe_payment_method_id, *cards]
    declined = reserved(site, person, place, card=cards[1])
    with site.app.app_context():
        call.run(declined.id)
    intent = paid_at_stripe(site, reserved(site, person, place))
    for amount in (300, 200):
        site.shop.stripe("POST", "/v1/refunds", payment_intent=intent, amount=amount)
    site.shop.stripe(
        "POST", f"/v1/payment_methods/{cards[2]}", **{"card[exp_year]": 2040, "card[exp_month]": 5}
    )
    for card in cards[:2]:
        site.shop.stripe("POST", f"/v1/payment_methods/{card}/detach")
    listed = site.shop.stripe("GET", "/v1/events", limit=100)["data"]
    events = [event for event in listed if event["id"] not in known]
    return History(site, person, place, events[::-1], cards)


def told(history: History, random: Random) -> None:
    """Deliver the events in some order, some of them again, with the worker coming now and then."""
    deliveries = history.events + random.choices(history.events, k=len(history.events) // 2)
    random.shuffle(deliveries)
    for event in deliveries:
        assert history.site.shop.deliver(event).status_code == 200
        if random.random() < 0.3:
            drained(history.site)
    drained(history.site)
    ids = [event["id"] for event in history.events]
    assert {e.state for e in history.site.rows(WebhookEvent, WebhookEvent.event_id.in_(ids))} == {
        PROCESSED
    }


def drained(site: Site) -> None:
    with site.app.app_context():
        drain.drain()


def assert_ended_well(history: History) -> None:
    """The one state in which all this can end."""
    site, own = history.site, history.place.id
    charges = site.rows(Charge, Charge.workspace_id == own)
    assert [(c.status, c.decline_code) for c in charges] == [
        ("failed", "generic_decline"),
        ("succeeded", None),
    ]
    invoices = site.rows(Invoice, Invoice.workspace_id == own)
    assert [(i.status, i.refunded_minor) for i in invoices] == [("failed", 0), ("paid", 500)]
    refunds = site.rows(Refund, Refund.workspace_id == own)
    assert sorted((r.amount_minor, r.status) for r in refunds) == [
        (200, "succeeded"),
        (300, "succeeded"),
    ]
    workspace = site.row(Workspace, Workspace.id == own)
    assert site.row(PricingPlan, PricingPlan.id == workspace.plan_id).slug == "starter"
    rows = {
        m.stripe_payment_method_id: m
        for m in site.rows(PaymentMethod, PaymentMethod.workspace_id == own)
    }
    state = [
        (rows[c].is_active, rows[c].is_default, rows[c].card_exp_year == 2040)
        for c in history.cards
    ]
    assert state == [(False, False, False), (False, False, False), (True, True, True)]


class TestAnyOrder:
    @settings(
        max_examples=12,
        derandomize=True,
        deadline=None,
        database=None,
        phases=[Phase.generate],  # a history takes a while to live through again for each shrink
        suppress_health_check=list(HealthCheck),
    )
    @given(random=st.randoms(use_true_random=False))
    def test_shuffled_and_repeated(self, site, random):
        """Whatever order Stripe chooses, and whatever it sends twice, the rows end the same."""
        history = lived_through(site)
        told(history, random)
        assert_ended_well(history)

    def test_in_order(self, site):
        """As it happened."""
        history = lived_through(site)
        for event in history.events:
            site.shop.deliver(event)
        drained(site)
        assert_ended_well(history)

    def test_reversed(self, site):
        """The refunds are told before the payment, the payment before its creation."""
        history = lived_through(site)
        for event in history.events[::-1]:
            site.shop.deliver(event)
            drained(site)
        assert_ended_well(history)


class TestFailedRefund:
    @pytest.mark.parametrize("backwards", [False, True])
    def test_a_refund_that_fails_later_is_taken_back(self, site, backwards):
        """`refund.failed`, before or after the events that said it was made: the amount is back."""
        person, place = site.customer(card="pm_card_refundFail")
        charge = reserved(site, person, place)
        with site.app.app_context():
            call.run(charge.id)
        known = {event["id"] for event in site.shop.stripe("GET", "/v1/events", limit=100)["data"]}
        path = f"/api/admin/invoices/{charge.invoice_id}/refund"
        answer = site.shop.call("POST", path, site.admin(), json={"amount": 9.99}, headers=ASYNC)
        with site.app.app_context():
            refund_call.run(answer.json["data"]["refund"]["id"])
        assert site.row(Invoice, Invoice.id == charge.invoice_id).status == "refunded"
        site.shop.control("POST", "clock/advance", {"seconds": 10})
        eventually(lambda: site.shop.events("refund.failed"))
        listed = site.shop.stripe("GET", "/v1/events", limit=100)["data"]
        events = [event for event in listed if event["id"] not in known]
        for event in events if backwards else events[::-1]:
            site.shop.deliver(event)
            drained(site)
        invoice = site.row(Invoice, Invoice.id == charge.invoice_id)
        assert (invoice.status, invoice.refunded_minor) == ("paid", 0)
        assert site.row(Refund, Refund.invoice_id == invoice.id).status == "failed"


class TestPoison:
    def test_an_event_nobody_understands_stops_nobody(self, site):
        """A known type of unknown shape fails, is kept with its reason, and the rest goes on."""
        poison = {
            "id": "evt_poison",
            "object": "event",
            "type": "payment_intent.succeeded",
            "created": clock.timestamp(),
            "livemode": False,
            "data": {"object": {"surprise": True}},
        }
        site.shop.deliver(poison)
        history = lived_through(site)
        told(history, Random(1))  # noqa: S311 - an order, not a secret
        assert_ended_well(history)
        where = WebhookEvent.event_id == "evt_poison"
        row = site.row(WebhookEvent, where)
        assert row.state == "failed"
        assert "KeyError" in row.last_error
        for _ in range(12):
            past = clock.now() - timedelta(seconds=1)
            due = sa.update(WebhookEvent).where(where).values(due_at=past)
            site.run(lambda session, due=due: session.execute(due))
            drained(site)
        assert (site.row(WebhookEvent, where).state, site.row(WebhookEvent, where).tries) == (
            "dead",
            12,
        )
