"""`flask people`: what is stored about a person is shown to them, and taken away."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from payments.auth.models import User
from payments.config import Settings
from payments.invoices.models import Invoice
from payments.kit import clock
from payments.kit.db import Base, db
from payments.kit.transactions import transaction
from payments.people import tables
from payments.projects.models import CheckoutSession, Payment, StripeCustomer, Subscription
from payments.timeline.models import TimelineEntry
from payments.webhooks import storage
from payments.webhooks.models import WebhookEvent
from payments.workspaces.models import Charge, Membership, PaymentMethod, Workspace
from tests.support.deliveries import deliver_all, made_up
from tests.support.developers import PROJECTS, EndUser, ProjectSeat, developer_with_project
from tests.support.ledger_rows import user_id
from tests.support.people import PASSWORD, Person, join, new_workspace, sign_up
from tests.support.shop import Shop

# What erasing changes, and the worker leaves alone meanwhile.
TOUCHED = (User, Membership, Workspace, PaymentMethod, CheckoutSession, WebhookEvent)


@pytest.fixture
def seat(client: FlaskClient, settings: Settings) -> ProjectSeat:
    return developer_with_project(client, settings)


@pytest.fixture
def payer(shop: Shop) -> Person:
    """Somebody with a card, a paid plan and an invoice in a workspace of their own."""
    person = sign_up(shop.client, "Paula Payer")
    shop.save_card(person, person.home.slug, "pm_card_visa")
    answer = person.post(f"{person.home.plan_changes}/upgrade-plan", {"planSlug": "starter"})
    assert answer.status_code == 200, answer.text
    return person


def run(app: Flask, *args: str) -> Any:
    return app.test_cli_runner().invoke(args=["people", *args])


def export(app: Flask, *args: str) -> dict[str, Any]:
    done = run(app, "export", *args)
    assert done.exit_code == 0, done.output
    return dict(json.loads(done.stdout))


def erase(app: Flask, *args: str) -> str:
    done = run(app, "erase", *args, "--yes")
    assert done.exit_code == 0, done.output
    return str(done.output)


def names(event: dict[str, Any], **fields: Any) -> dict[str, Any]:
    event["data"]["object"] |= fields
    return event


def buy(app: Flask, user: EndUser) -> str:
    """Give an end user a customer, a page, a subscription and a payment; return the customer."""
    customer = f"cus_{user.user_id[:8]}"
    shared = {"project_id": user.project_id, "is_test_mode": True}
    with app.app_context():
        number = user_id(user)
        bought = {**shared, "owner_id": 1, "user_id": number, "customer_id": customer}
        with transaction() as session:
            session.add_all(
                [
                    StripeCustomer(**shared, user_id=number, customer_id=customer),
                    CheckoutSession(
                        **shared, user_id=number, session_id=f"cs_{customer}", mode="payment"
                    ),
                    Subscription(**bought, subscription_id=f"sub_{customer}", status="canceled"),
                    Payment(
                        **bought, payment_intent_id=f"pi_{customer}", status="succeeded",
                        amount_cents=500, currency="usd",
                    ),
                ]
            )  # fmt: skip
    return customer


def everything(app: Flask, *models: Any) -> str:
    """Return the whole database as text, or some of its tables."""
    named = [model.__table__ for model in models] or Base.metadata.tables.values()
    with app.app_context(), db.engine.connect() as connection:
        return str([connection.execute(sa.select(table)).all() for table in named])


class TestExport:
    def test_an_end_user(self, app: Flask, seat: ProjectSeat) -> None:
        user = seat.end_user
        customer = buy(app, user)
        by_mail = names(made_up(), email=user.email.upper())
        by_customer = names(made_up(), customer=customer)
        deliver_all(app, seat, [by_mail, by_customer, made_up()])
        found = export(app, f" {user.email.upper()} ")
        (account,) = found["accounts"]
        assert (account["email"], account["name"]) == (user.email, "Emil")
        assert account["project_id"] == seat.project_id
        for table in ("stripe_customers", "checkout_sessions", "subscriptions", "payments"):
            assert len(account[table]) == 1, table
        assert [entry["kind"] for entry in account["timeline"]] == ["user.registered"]
        events = {event["event_id"] for event in found["webhook_payloads"]}
        assert events == {by_mail["id"], by_customer["id"]}

    def test_a_member(self, app: Flask, payer: Person) -> None:
        found = export(app, payer.email)
        (workspace,) = found["workspaces_owned"]
        assert workspace["slug"] == payer.home.slug
        assert len(workspace["payment_methods"]) == len(workspace["invoices"]) == 1
        (account,) = found["accounts"]
        assert [seat["role"] for seat in account["memberships"]] == ["owner"]

    def test_no_secret_is_in_it(self, app: Flask, payer: Person) -> None:
        payer.post(
            f"{payer.home.payments}/payment-method", headers={"Idempotency-Key": "only-once"}
        )
        with app.app_context():
            kept = db.session.get_one(User, payer.id).password_hash
        text = run(app, "export", payer.email).stdout
        assert kept not in text
        assert not re.search(r'"\w*(hash|secret|token)\w*"', text)
        assert '"answer"' not in text

    def test_one_project_only(
        self, app: Flask, seat: ProjectSeat, client: FlaskClient, settings: Settings
    ) -> None:
        other = developer_with_project(client, settings)
        event = names(made_up(), email=seat.end_user.email)
        deliver_all(app, other, [event])
        found = export(app, seat.end_user.email, "--project", seat.project_id)
        assert len(found["accounts"]) == 1
        assert found["webhook_payloads"] == []

    def test_nobody(self, app: Flask) -> None:
        done = run(app, "export", "nobody@nowhere.example")
        assert (done.exit_code, done.stdout) == (1, "")
        assert "nothing is stored" in done.output


class TestErase:
    def test_an_end_user(self, app: Flask, seat: ProjectSeat) -> None:
        user = seat.end_user
        customer = buy(app, user)
        event = names(made_up(), email=user.email)
        also = names(made_up(), customer=customer)
        other = made_up()
        deliver_all(app, seat, [event, also, other])
        told = erase(app, user.email)
        assert "accounts: 1 erased" in told
        assert "webhook payloads: 2 erased" in told
        assert f"to be deleted at Stripe: {customer}" in told
        assert user.email not in everything(app)
        with app.app_context():
            rows = {
                row.event_id: row.payload
                for row in db.session.scalars(
                    sa.select(WebhookEvent).where(WebhookEvent.owner == seat.project_id)
                )
            }
            assert [rows[e["id"]] is None for e in (event, also, other)] == [True, True, False]
            held = sum(len(text) for text in rows.values() if text)
            assert storage.count_stored_bytes(seat.project_id) == held
            for model, left in ((CheckoutSession, 0), (Subscription, 1), (Payment, 1)):
                count = sa.select(sa.func.count()).select_from(model)
                assert db.session.scalar(count.where(model.project_id == seat.project_id)) == left

    def test_they_can_neither_log_in_nor_go_on(
        self, app: Flask, seat: ProjectSeat, client: FlaskClient
    ) -> None:
        user = seat.end_user
        erase(app, user.email)
        assert user.get("/api/v1/auth/me").status_code == 401
        body = {"email": user.email, "password": user.password}
        headers = {"X-Project-ID": seat.project_id}
        assert client.post("/api/v1/auth/login", json=body, headers=headers).status_code == 401
        listed = seat.developer.get(f"{PROJECTS}/{seat.project_id}/users").json["users"]
        assert user.email not in str(listed)

    def test_the_timeline_tells_without_the_address(self, app: Flask, seat: ProjectSeat) -> None:
        user = seat.end_user
        with app.app_context():
            number = user_id(user)
        erase(app, user.email)
        entry = seat.developer.get(f"{seat.path}/timeline").json["entries"][0]
        assert (entry["kind"], entry["actor"]) == ("user.erased", "operator")
        assert entry["subject"] == f"user:{number}"
        assert re.fullmatch(r"[0-9a-f]{16}", entry["data"]["address_digest"])
        assert user.email.partition("@")[0] not in json.dumps(entry)

    def test_a_member_whose_invoices_stay(self, app: Flask, payer: Person) -> None:
        with app.app_context():
            slug = db.session.get_one(Workspace, payer.home.id).slug
        erase(app, payer.email)
        assert payer.email not in everything(app)
        with app.app_context():
            workspace = db.session.get_one(Workspace, payer.home.id)
            assert workspace.is_active is False
            # An invoice names its recipient, and has to be kept as it is.
            assert workspace.name == payer.home.name
            assert workspace.slug != slug
            (card,) = db.session.scalars(
                sa.select(PaymentMethod).where(PaymentMethod.workspace_id == payer.home.id)
            )
            assert (card.is_active, card.billing_name) == (False, None)
            (invoice,) = db.session.scalars(
                sa.select(Invoice).where(Invoice.workspace_id == payer.home.id)
            )
            assert invoice.status == "paid"
            user = db.session.get_one(User, payer.id)
            assert (user.name, user.is_active, user.is_admin) == ("", False, False)

    def test_a_workspace_without_invoices_names_nobody(
        self, app: Flask, client: FlaskClient
    ) -> None:
        ann = sign_up(client, "Annabella Unusual")
        erase(app, ann.email)
        assert "Annabella" not in everything(app)
        with app.app_context():
            seats = sa.select(Membership).where(Membership.user_id == ann.id)
            assert list(db.session.scalars(seats)) == []

    def test_a_workspace_that_others_use_goes_on(self, app: Flask, client: FlaskClient) -> None:
        ann, ben = sign_up(client, "Ann"), sign_up(client, "Ben")
        shared = new_workspace(ben)
        join(shared, ben, ann, "admin")
        erase(app, ann.email)
        members = ben.get(f"{shared.path}/members").json["data"]
        assert ann.email not in str(members)
        assert ben.email in str(members)

    def test_twice_and_nobody(self, app: Flask, seat: ProjectSeat) -> None:
        email = seat.end_user.email
        erase(app, email)
        assert erase(app, email) == "accounts: 0 erased\n"
        assert erase(app, "nobody@nowhere.example") == "accounts: 0 erased\n"

    def test_a_dry_run_changes_nothing(self, app: Flask, seat: ProjectSeat) -> None:
        deliver_all(app, seat, [names(made_up(), email=seat.end_user.email)])
        before = everything(app, *TOUCHED)
        done = run(app, "erase", seat.end_user.email, "--dry-run")
        assert done.exit_code == 0
        assert "accounts: 1 would be erased" in done.output
        assert "webhook payloads: 1 would be erased" in done.output
        assert everything(app, *TOUCHED) == before

    def test_it_asks_first(self, app: Flask, seat: ProjectSeat) -> None:
        done = app.test_cli_runner().invoke(
            args=["people", "erase", seat.end_user.email], input="n\n"
        )
        assert done.exit_code == 1
        assert seat.end_user.get("/api/v1/auth/me").status_code == 200

    def test_one_project_only(
        self, app: Flask, seat: ProjectSeat, client: FlaskClient, settings: Settings
    ) -> None:
        other = developer_with_project(client, settings)
        body = {"email": seat.end_user.email, "password": PASSWORD + "X9"}
        headers = {"X-Developer-Key": other.api_key, "X-Project-ID": other.project_id}
        made = client.post("/api/v1/auth/register", json=body, headers=headers)
        assert made.status_code == 201, made.text
        event = names(made_up(), email=seat.end_user.email)
        deliver_all(app, other, [event])
        erase(app, seat.end_user.email, "--project", seat.project_id)
        left = export(app, seat.end_user.email)
        assert [account["project_id"] for account in left["accounts"]] == [other.project_id]
        assert len(left["webhook_payloads"]) == 1

    def test_an_event_that_waits_is_told(self, app: Flask, seat: ProjectSeat) -> None:
        event = names(made_up(), email=seat.end_user.email)
        deliver_all(app, seat, [event])
        with app.app_context(), transaction() as session:
            change = sa.update(WebhookEvent).where(WebhookEvent.event_id == event["id"])
            session.execute(
                change.values(state="failed", due_at=clock.now() + timedelta(days=1), tries=1)
            )
        told = erase(app, seat.end_user.email)
        assert "1 events that name the person wait" in told
        with app.app_context(), transaction() as session:
            session.execute(change.values(state="processed"))
        assert "webhook payloads: 1 erased" in erase(app, seat.end_user.email)

    def test_an_event_that_is_dead_is_kept(self, app: Flask, seat: ProjectSeat) -> None:
        """It may be replayed, and may tell of money."""
        event = names(made_up(), email=seat.end_user.email)
        deliver_all(app, seat, [event])
        with app.app_context(), transaction() as session:
            change = sa.update(WebhookEvent).where(WebhookEvent.event_id == event["id"])
            session.execute(change.values(state="dead"))
        assert "1 events that name the person wait" in erase(app, seat.end_user.email)

    def test_an_address_inside_another_one_is_another_persons(
        self, app: Flask, seat: ProjectSeat
    ) -> None:
        email = seat.end_user.email
        others = [names(made_up(), email=other) for other in (f"jo.{email}", f"{email}.example")]
        deliver_all(app, seat, others)
        assert export(app, email)["webhook_payloads"] == []
        erase(app, email)
        stored = everything(app, WebhookEvent)
        assert f"jo.{email}" in stored
        assert f"{email}.example" in stored


class TestRefusals:
    def refuse(self, app: Flask, email: str, reason: str) -> None:
        before = everything(app, *TOUCHED)
        done = run(app, "erase", email, "--yes")
        assert done.exit_code == 1
        assert reason in done.output
        assert everything(app, *TOUCHED) == before

    def test_the_last_owner_among_members(self, app: Flask, client: FlaskClient) -> None:
        ann, ben = sign_up(client, "Ann"), sign_up(client, "Ben")
        join(ann.home, ann, ben)
        self.refuse(app, ann.email, f"workspace {ann.home.slug} has members and no other owner")

    def test_a_developer_with_projects(self, app: Flask, seat: ProjectSeat) -> None:
        email = seat.developer.email
        self.refuse(app, email, f"project {seat.project_id} is in use")
        assert seat.developer.delete(f"{PROJECTS}/{seat.project_id}").status_code == 204
        assert "accounts: 1 erased" in erase(app, email)

    def test_an_open_charge(self, app: Flask, payer: Person) -> None:
        with app.app_context(), transaction() as session:
            mine = sa.update(Charge).where(Charge.workspace_id == payer.home.id)
            session.execute(mine.values(status="requires_action"))
        self.refuse(app, payer.email, "is open: wait, or")
        with app.app_context(), transaction() as session:
            session.execute(mine.values(status="succeeded"))


class TestTables:
    def test_what_is_kept_is_there(self) -> None:
        assert tables.KEPT.keys() <= {table.name for table in tables.list_tables_of_users()}

    def test_no_entry_of_the_timeline_is_touched(self, app: Flask, seat: ProjectSeat) -> None:
        with app.app_context():
            query = sa.select(TimelineEntry.id, TimelineEntry.kind).order_by(TimelineEntry.id)
            before = db.session.execute(query).all()
        erase(app, seat.end_user.email)
        with app.app_context():
            assert db.session.execute(query).all()[: len(before)] == before
