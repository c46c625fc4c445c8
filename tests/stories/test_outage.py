"""Four days in which Stripe's deliveries were lost, and what the next look at its list brings."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import simplejson
import sqlalchemy as sa

from payments.invoices.models import Invoice
from payments.kit import clock
from payments.projects import configs, queries
from payments.projects.models import Payment, Subscription
from payments.projects.sync.topics import TYPES
from payments.runs.models import EventCursor
from payments.webhooks import drain
from payments.webhooks.models import FOUND, PROCESSED, WebhookEvent
from payments.workspaces.models import Charge
from tests.support import stack
from tests.support.deliveries import account_of, deliver
from tests.support.developers import ProjectSeat, developer_with_project, live_key
from tests.support.histories import DAY, Account
from tests.support.people import Person, Place
from tests.support.runs import Runs
from tests.support.site import Site, open_site
from tests.support.till import browser_authenticates


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, sandbox: stack.Sandbox) -> Iterator[Site]:
    """An installation without workers: what is not looked for is not found."""
    with open_site(tmp_path_factory.mktemp("outage"), sandbox, own_redis=True) as made:
        yield made


class Ledger:
    """A project's account at Stripe, and what we hold of it."""

    def __init__(self, site: Site, seat: ProjectSeat) -> None:
        self.site, self.seat = site, seat
        self.stripe: Account = account_of(seat)
        self.runs = Runs(site.app, seat.project_id)

    def drain(self) -> None:
        with self.site.app.app_context():
            while drain.drain():
                pass

    def meant(self) -> list[dict[str, Any]]:
        return [event for event in self.stripe.all("events") if event["type"] in TYPES]

    def hear(self) -> None:
        """Take in every event by its delivery, as on any other day."""
        for event in self.meant():
            assert deliver(self.seat, event).status_code == 200
        self.drain()

    def stored(self) -> list[WebhookEvent]:
        return self.site.rows(WebhookEvent, WebhookEvent.owner == self.seat.project_id)

    def ours(self, model: Any) -> list[Any]:
        return self.site.rows(model, model.project_id == self.seat.project_id)

    def check(self) -> None:
        """Everything that Stripe knows stands in our rows the same way."""
        theirs = {found["id"]: found for found in self.stripe.all("subscriptions", status="all")}
        rows = {row.subscription_id: row for row in self.ours(Subscription)}
        assert rows.keys() == theirs.keys()
        for name, row in rows.items():
            end = theirs[name]["items"]["data"][0]["current_period_end"]
            assert row.status == theirs[name]["status"]
            assert int(row.current_period_end.timestamp()) == end
        assert {(row.payment_intent_id, row.amount_cents) for row in self._paid()} == {
            (found["id"], found["amount_received"])
            for found in self.stripe.all("payment_intents")
            if found["status"] == "succeeded"
        }
        back = sum(found["amount"] for found in self.stripe.all("refunds"))
        assert sum(row.refunded_amount_cents for row in self.ours(Payment)) == back

    def _paid(self) -> list[Payment]:
        statuses = {"succeeded", "refunded", "partially_refunded"}
        return [row for row in self.ours(Payment) if row.status in statuses]


@pytest.fixture
def ledger(site: Site) -> Iterator[Ledger]:
    noise = Ledger(site, developer_with_project(site.client, site.settings, name="Noise"))
    noise.stripe.subscribe(noise.stripe.customer(), noise.stripe.price(500), None)
    made = Ledger(site, developer_with_project(site.client, site.settings))
    yield made
    assert noise.stored() == []
    made.runs.close()


def busy_days(ledger: Ledger, subscription: str, customer: str) -> None:
    """A renewal, a refund, a new subscriber, and one who leaves."""
    stripe = ledger.stripe
    stripe.advance(2 * DAY)
    stripe.refund(stripe.payments()[0], 300)
    stripe.subscribe(stripe.customer(), stripe.price(700), None)
    stripe.call("DELETE", f"subscriptions/{subscription}")
    stripe.advance(2 * DAY)


class TestFourDays:
    def test_the_next_look_brings_all_level(self, ledger: Ledger) -> None:
        stripe = ledger.stripe
        price, customer = stripe.price(1000), stripe.customer()
        kept, leaves = (stripe.subscribe(customer, price, None) for _ in range(2))
        stripe.advance(29 * DAY)
        ledger.hear()
        ledger.check()
        first = ledger.runs.done()
        assert (first.state, first.missing, first.stripe_calls) == ("succeeded", 0, 1)

        heard = {event["id"] for event in ledger.meant()}
        busy_days(ledger, leaves, customer)
        lost = [event["id"] for event in ledger.meant() if event["id"] not in heard]
        assert len(lost) > 10
        with clock.frozen(clock.now() + timedelta(days=33)):
            run = ledger.runs.done()
            assert (run.state, run.missing, run.fixed) == ("succeeded", len(lost), len(lost))
            assert [drift.object_id for drift in ledger.runs.drifts(run.id)] == lost[::-1]
            ledger.drain()
            ledger.check()
        assert {row.subscription_id: row.status for row in ledger.ours(Subscription)}[kept]
        found = [row for row in ledger.stored() if row.source == FOUND]
        assert sorted(row.event_id for row in found) == sorted(lost)
        assert {row.state for row in ledger.stored()} == {PROCESSED}
        again = ledger.runs.done()
        assert (again.missing, again.state) == (0, "succeeded")

    def test_what_was_found_is_as_stripe_wrote_it(self, ledger: Ledger) -> None:
        ledger.stripe.subscribe(ledger.stripe.customer(), ledger.stripe.price(999), None)
        ledger.runs.done()
        theirs = {event["id"]: event for event in ledger.meant()}
        rows = ledger.stored()
        assert rows
        for row in rows:
            assert json.loads(row.payload) == theirs[row.event_id]
            event = theirs[row.event_id]
            assert (row.type, row.created) == (event["type"], event["created"])
            assert (row.mode, row.api_version) == ("test", event["api_version"])
            exact = simplejson.loads(row.payload, use_decimal=True)
            assert simplejson.dumps(exact, use_decimal=True) == row.payload

    def test_an_event_that_shows_late(self, ledger: Ledger) -> None:
        """Stripe lists it only after the cursor has passed its moment."""
        stripe = ledger.stripe
        stripe.subscribe(stripe.customer(), stripe.price(900), None)
        ledger.runs.done()
        late = ledger.stored()[0]
        ledger.runs.write(sa.delete(WebhookEvent).where(WebhookEvent.id == late.id))
        run = ledger.runs.done()
        assert [drift.object_id for drift in ledger.runs.drifts(run.id)] == [late.event_id]
        assert run.missing == 1

    def test_a_dry_run_changes_nothing(self, ledger: Ledger) -> None:
        ledger.stripe.subscribe(ledger.stripe.customer(), ledger.stripe.price(900), None)
        run = ledger.runs.done(dry_run=True)
        assert (run.state, run.missing, run.fixed) == ("succeeded", len(ledger.meant()), 0)
        assert not any(drift.fixed for drift in ledger.runs.drifts(run.id))
        assert ledger.stored() == []
        assert cursors(ledger) == []

    def test_a_key_of_the_other_mode(self, ledger: Ledger) -> None:
        """Live events never get among the test ones."""
        key = live_key()
        Account(ledger.stripe.url, key).call("POST", "customers", email="a@example.com")
        path = f"{ledger.seat.path}/config"
        assert ledger.seat.developer.put(path, {"live_secret_key": key}).status_code == 200
        with ledger.site.app.app_context():
            configs.save(queries.find_project(ledger.seat.project_id), test_secret_key=key)
        run = ledger.runs.done()
        assert (run.state, run.error) == (
            "failed", "BadCredentials: the key is not one of test mode",
        )  # fmt: skip


class TestThirtyDays:
    def test_what_stripe_has_forgotten_is_compared_by_its_objects(self, ledger: Ledger) -> None:
        ledger.runs.done()
        with clock.frozen(clock.now() + timedelta(days=29)):
            assert ledger.runs.done().state == "succeeded"
        assert ledger.runs.all("objects") == []
        with clock.frozen(clock.now() + timedelta(days=60)):
            assert ledger.runs.done().state == "succeeded"
        (objects,) = ledger.runs.all("objects")
        assert (objects.state, objects.actor, objects.dry_run) == ("pending", "sweep", False)

    def test_a_quiet_account_has_missed_nothing(self, ledger: Ledger) -> None:
        """Its last event is long past, but somebody has looked all the time."""
        ledger.stripe.subscribe(ledger.stripe.customer(), ledger.stripe.price(900), None)
        for days in (0, 20, 40, 60):
            with clock.frozen(clock.now() + timedelta(days=days)):
                ledger.runs.done()
        assert ledger.runs.all("objects") == []

    def test_an_account_that_was_never_looked_at(self, ledger: Ledger) -> None:
        with clock.frozen(clock.now() + timedelta(days=31)):
            ledger.runs.done()
        assert len(ledger.runs.all("objects")) == 1


class TestManyPages:
    @pytest.fixture
    def crowd(self, ledger: Ledger, pages: int) -> Ledger:
        """More than so many pages of events that mean work."""
        stripe = ledger.stripe
        subscription = stripe.subscribe(stripe.customer(), stripe.price(900), None)
        for number in range(100 * pages + 20):
            stripe.call("POST", f"subscriptions/{subscription}", **{"metadata[n]": str(number)})
        return ledger

    def fault(self, ledger: Ledger, after: int, **fault: Any) -> None:
        """Let a page fail after so many that did not."""
        match = {"method": "GET", "path": "/v1/events"}
        control = ledger.stripe.control
        control("faults", match=match, action="delay", ms=1, times=after)
        control("faults", match=match, **fault)

    @pytest.mark.parametrize("pages", [3])
    def test_a_page_that_fails_in_the_middle(self, crowd: Ledger) -> None:
        wanted = {event["id"] for event in crowd.meant()}
        self.fault(crowd, 2, action="status", status=500)
        run_id = crowd.runs.begin()
        assert crowd.runs.turn(run_id) is False
        run = crowd.runs.run(run_id)
        assert (run.state, run.seen, run.stripe_calls) == ("running", 200, 3)
        assert run.error.startswith("OutcomeUnknown")
        assert cursors(crowd) == []
        crowd.runs.due(run_id)
        assert crowd.runs.turn(run_id) is False
        run = crowd.runs.run(run_id)
        assert (run.state, run.missing, run.stripe_calls) == ("succeeded", len(wanted), 5)
        assert {row.event_id for row in crowd.stored()} == wanted
        (cursor,) = cursors(crowd)
        assert cursor.event_id == crowd.stripe.all("events")[-1]["id"]

    @pytest.mark.parametrize("pages", [1])
    def test_too_many_requests(self, crowd: Ledger) -> None:
        self.fault(crowd, 1, action="status", status=429)
        run_id = crowd.runs.begin()
        crowd.runs.turn(run_id)
        run = crowd.runs.run(run_id)
        assert (run.state, run.seen, run.tries, run.throttled) == ("running", 100, 0, 1)
        crowd.runs.due(run_id)
        crowd.runs.turn(run_id)
        run = crowd.runs.run(run_id)
        assert (run.state, run.throttled, run.missing) == ("succeeded", 0, len(crowd.meant()))

    @pytest.mark.parametrize("pages", [2])
    def test_the_event_to_go_on_from_is_gone(self, crowd: Ledger) -> None:
        """Stripe forgot it meanwhile: the range is read once more, and nothing is doubled."""
        self.fault(crowd, 2, action="status", status=500)
        run_id = crowd.runs.begin()
        crowd.runs.turn(run_id)
        kept = len(crowd.stored())
        crowd.stripe.control("reset")
        crowd.stripe.subscribe(crowd.stripe.customer(), crowd.stripe.price(900), None)
        crowd.runs.due(run_id)
        crowd.runs.turn(run_id)
        assert crowd.runs.run(run_id).state == "succeeded"
        assert len(crowd.stored()) == kept + len(crowd.meant())


class TestPlatform:
    def test_a_payment_and_a_refund_that_nobody_told_us(self, site: Site) -> None:
        """A customer passes 3D Secure, the dashboard gives money back: both webhooks are lost."""
        with site.worker():
            person, place = site.customer(card=None)
            save_guarded_card(site, person, place)
            declined = site.shop.upgrade(person, place.slug)
            assert declined.status_code == 402
            other, paid = site.customer()
            assert site.shop.upgrade(other, paid.slug).status_code == 200
        asked = site.row(Charge, Charge.workspace_id == place.id)
        details = declined.json["details"]
        browser_authenticates(site.shop, details["clientSecret"], details["paymentMethodId"])
        invoice = site.row(Invoice, Invoice.workspace_id == paid.id)
        charge = site.row(Charge, Charge.workspace_id == paid.id)
        site.shop.stripe("POST", "/v1/refunds", payment_intent=charge.stripe_payment_intent_id)

        runs = Runs(site.app, "platform")
        run = runs.done()
        assert run.missing >= 2
        with site.app.app_context():
            while drain.drain():
                pass
        assert site.row(Charge, Charge.id == asked.id).status == "succeeded"
        assert site.row(Invoice, Invoice.id == invoice.id).status == "refunded"
        assert runs.done().missing == 0


def save_guarded_card(site: Site, person: Person, place: Place) -> None:
    """Save a card whose bank asks its holder every time."""
    setup = site.shop.set_up(person, place.slug)
    done = browser_authenticates(site.shop, setup["clientSecret"], "pm_card_authenticationRequired")
    body = {"setupIntentId": setup["setupIntentId"], "paymentMethodId": done["payment_method"]}
    path = f"/api/payments/{place.slug}/payment-method/confirm"
    assert site.shop.call("POST", path, person, json=body).status_code == 200


def cursors(ledger: Ledger) -> list[EventCursor]:
    def found(session: Any) -> list[EventCursor]:
        query = sa.select(EventCursor).where(EventCursor.owner == ledger.seat.project_id)
        rows = list(session.scalars(query))
        session.expunge_all()
        return rows

    return ledger.site.read(found)
