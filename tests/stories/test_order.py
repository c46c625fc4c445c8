"""Whatever order events come in, and how often: the ledger ends as if they had come in order."""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Iterator
from itertools import product
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from payments.auth.models import DEVELOPER, END_USER, User
from payments.kit import clock
from payments.kit.db import db
from payments.kit.transactions import transaction
from payments.projects.models import Payment, Project, StripeCustomer, Subscription
from payments.projects.reconcile.totals import read_counters
from payments.projects.sync import names
from payments.projects.sync.account import Account as LedgerAccount
from payments.projects.sync.contribution import NOTHING, contribution
from payments.projects.sync.topics import topic_of
from payments.webhooks import drain, inbox, looks
from payments.webhooks.models import PROCESSED, RECEIVED, WebhookEvent
from tests.support.histories import BEFORE_BASIL, TOLD, Account, History, Recorded, Snapshot

# Two thousand in all for a release; a hundred on every run.
EXAMPLES = int(os.environ.get("ORDER_EXAMPLES", "100")) // (2 * len(TOLD))
USER = str(uuid.uuid4())
GENERATIONS = {"basil": None, "before": BEFORE_BASIL}

IGNORED = {"id", "project_id", "owner_id", "user_id", "state_at", "version", "updated_at"}

Ledger = dict[str, Any]
Orders = tuple[list[int], list[int], int]


@pytest.fixture(scope="module")
def histories(sandbox: Any) -> dict[tuple[str, str], History]:
    """Every history, in the shapes of both generations."""
    found = {}
    for tell, (generation, version) in product(TOLD, GENERATIONS.items()):
        account = Account(sandbox.url, version=version)
        tell(account, USER)
        found[tell.__name__, generation] = account.played().only(topic_of)
    return found


@pytest.fixture
def stage(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    with app.app_context():
        yield Stage(monkeypatch)


class Stage:
    """Fresh projects to perform a history on, each with its end user."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._patch = monkeypatch
        self.looks = 0

    def perform(self, history: History, order: Orders) -> Ledger:
        """Deliver the events in this order and return the ledger that comes out."""
        names._held.clear()
        permutation, cuts, late = order
        project_id = _project()
        done, newest = 0, 0
        for end in [*sorted(cuts), len(permutation)]:
            batch = permutation[done:end]
            if not batch:
                continue
            done, newest = end, max(newest, *(index + 1 for index in batch))
            _deliver(project_id, [history.events[index] for index in batch])
            shown = history.after(newest)
            self._drain(shown[min(late, len(shown) - 1)])
        return _ledger(project_id)

    def _drain(self, snapshot: Snapshot) -> None:
        stripe = Recorded(snapshot)
        self._patch.setattr(looks, "billing_of", lambda _account: stripe)
        while drain.drain():
            pass
        self.looks += stripe.asked


def _project() -> str:
    with transaction() as session:
        owner = User(email=f"{uuid.uuid4()}@example.com", password_hash="x", kind=DEVELOPER)
        session.add(owner)
        session.flush()
        project = Project(owner_id=owner.id, name="Shop")
        session.add(project)
        session.flush()
        session.execute(sa.delete(StripeCustomer))
        session.execute(sa.update(User).where(User.uuid == USER).values(uuid=str(uuid.uuid4())))
        buyer = User(uuid=USER, email="b@example.com", password_hash="x", kind=END_USER)
        buyer.project_id = project.id
        session.add(buyer)
        return project.id


def _deliver(project_id: str, events: list[dict[str, Any]]) -> None:
    """Store the events; one that was there before is handled once more, as a replay would."""
    names_ = [event["id"] for event in events]
    again = sa.update(WebhookEvent).where(
        WebhookEvent.owner == project_id, WebhookEvent.event_id.in_(names_)
    )
    with transaction() as session:
        session.execute(again.values(state=RECEIVED, due_at=clock.now()))
        known = set(
            session.scalars(
                sa.select(WebhookEvent.event_id).where(WebhookEvent.owner == project_id)
            )
        )
        fresh = {event["id"]: event for event in events if event["id"] not in known}
        rows = [inbox.new_row(project_id, e, json.dumps(e)) for e in fresh.values()]
        if rows:
            session.execute(sa.insert(WebhookEvent), rows)


def _ledger(project_id: str) -> Ledger:
    left = sa.select(WebhookEvent.last_error).where(
        WebhookEvent.owner == project_id, WebhookEvent.state != PROCESSED
    )
    assert list(db.session.scalars(left)) == []
    rows = [*_rows(Subscription, project_id), *_rows(Payment, project_id)]
    summed = sum((contribution(row) for row in rows), NOTHING)
    counted = read_counters(LedgerAccount(project_id, is_test_mode=True))
    assert counted == summed
    buyers = set(db.session.scalars(sa.select(User.id).where(User.uuid == USER)))
    assert {row.user_id for row in rows} == buyers
    found = {
        getattr(row, "subscription_id", None) or row.payment_intent_id: _plain(row) for row in rows
    }
    db.session.rollback()
    return {"totals": counted, **found}


def _rows(model: Any, project_id: str) -> list[Any]:
    return list(db.session.scalars(sa.select(model).where(model.project_id == project_id)))


def _plain(row: Any) -> Ledger:
    kept = {c.key: getattr(row, c.key) for c in row.__table__.columns if c.key not in IGNORED}
    if held := kept.pop("subscription_row_id", None):
        kept["of"] = db.session.get_one(Subscription, held).subscription_id
    return kept


@st.composite
def orders(draw: st.DrawFn, count: int) -> Orders:
    """A permutation with repeats, where the worker drains in between, how late it looks."""
    permutation = draw(st.permutations(range(count)))
    again = draw(st.lists(st.integers(0, count - 1), max_size=6))
    mixed = list(permutation)
    for index in again:
        mixed.insert(draw(st.integers(0, len(mixed))), index)
    cuts = draw(st.lists(st.integers(0, len(mixed)), max_size=8, unique=True))
    return mixed, cuts, draw(st.integers(0, 30))


@pytest.mark.parametrize("generation", list(GENERATIONS))
@pytest.mark.parametrize("name", [tell.__name__ for tell in TOLD])
@pytest.mark.timeout(1800)
class TestOrder:
    def test_any_order_ends_like_the_true_one(
        self, histories: Any, stage: Stage, name: str, generation: str
    ) -> None:
        history = histories[name, generation]
        expected = stage.perform(history, in_order(history))

        @settings(
            max_examples=EXAMPLES,
            derandomize=True,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        )
        @given(order=orders(len(history.events)))
        def whatever(order: Orders) -> None:
            assert stage.perform(history, order) == expected

        whatever()

    def test_the_true_order_tells_what_stripe_holds(
        self, histories: Any, stage: Stage, name: str, generation: str
    ) -> None:
        history = histories[name, generation]
        ledger = stage.perform(history, in_order(history))
        final = history.snapshots[-1].objects
        for (method, stripe_id), held in final.items():
            if method == "get_subscription":
                assert ledger[stripe_id]["status"] == held["status"]
                assert ledger[stripe_id]["price_id"] == held["items"]["data"][0]["price"]["id"]
            elif method == "list_refunds" and held:
                back = sum(made["amount"] for made in held if made["status"] != "failed")
                assert ledger[stripe_id]["refunded_amount_cents"] == back


def in_order(history: History) -> Orders:
    """Every event by itself, handled at once."""
    count = len(history.events)
    return list(range(count)), list(range(count)), 0
