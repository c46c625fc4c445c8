"""Ids are no secrets: whoever counts through all of them sees, and does, nothing of others."""

from __future__ import annotations

import re
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from payments.auth.models import User
from payments.invoices.models import Invoice
from payments.invoices.storage import document_key
from payments.kit.db import db
from payments.workspaces.models import (
    Charge,
    Invitation,
    Membership,
    PaymentMethod,
    Refund,
    Workspace,
)
from tests.support.deliveries import deliver, made_up
from tests.support.developers import PROJECTS, ProjectSeat, new_api_key
from tests.support.operations import Operation
from tests.support.people import Cast, Person
from tests.support.shop import Shop
from tests.support.till import reference_of

# What a number in a path counts: a parameter that is not here makes its operation's test fail.
TABLES: dict[str, Any] = {
    "charge_id": Charge,
    "invitation_id": Invitation,
    "invoice_id": Invoice,
    "method_id": PaymentMethod,
    "refund_id": Refund,
    "user_id": User,
}
TENANTS = {"slug", "project_id"}
# The contract wants it told that a card is somebody else's; nothing else of it is.
TOLD_APART = {"method_id": (403, "Payment method does not belong to this workspace")}
NAMES = re.compile(r"\{(\w+)\}")
NOWHERE = 10**12


def numbered(operations: list[Operation]) -> list[tuple[Operation, str]]:
    """Return the workspaces' operations on something with a number, and how it is called."""
    return [
        (each, name)
        for each in operations
        if not each.is_projects
        for name in NAMES.findall(each.path)
        if name not in TENANTS
    ]


def newest(app: Flask, model: Any) -> int:
    with app.app_context():
        return int(db.session.scalar(sa.select(sa.func.max(model.id))) or 0)


def ids_of(app: Flask, model: Any, workspace_id: int) -> set[int]:
    """Return the ids that belong to a workspace."""
    column = Membership.user_id if model is User else model.id
    owner = Membership.workspace_id if model is User else model.workspace_id
    with app.app_context():
        return set(db.session.scalars(sa.select(column).where(owner == workspace_id)))


def everything(app: Flask) -> dict[str, list[Any]]:
    """Return all rows that somebody might have changed."""
    models = (Charge, Invitation, Invoice, PaymentMethod, Refund, Membership, Workspace)
    with app.app_context():
        return {
            model.__tablename__: [
                tuple(row) for row in db.session.execute(sa.select(model.__table__))
            ]
            for model in models
        }


class TestNumbers:
    def test_every_number_is_tried(self, operations: list[Operation]) -> None:
        found = {name for _, name in numbered(operations)}
        assert found == set(TABLES)
        assert len(numbered(operations)) >= 10

    def test_counting_through_one_s_own_workspace(
        self, app: Flask, operations: list[Operation], victim: Cast, intruder: Person
    ) -> None:
        """Foreign numbers below the own slug: 404 like a number that was never given out."""
        before, told = everything(app), []
        for operation, name in numbered(operations):
            if "{slug}" not in operation.path:
                continue
            model = TABLES[name]
            own = ids_of(app, model, intruder.home.id)
            assert ids_of(app, model, victim.workspace.id) - own
            unknown = self.ask(operation, name, NOWHERE, intruder, intruder.home.slug)
            assert unknown.status_code == 404, operation
            last = newest(app, model)
            some = {*range(max(last - 40, 0), last + 3), *range(20)}
            for number in (some | ids_of(app, model, victim.workspace.id)) - own:
                answer = self.ask(operation, name, number, intruder, intruder.home.slug)
                verdict = (answer.status_code, answer.json["message"])
                if verdict != TOLD_APART.get(name) and answer.json != unknown.json:
                    told.append(f"{operation} {number}: {answer.status_code} {answer.text}")
        assert told == []
        assert everything(app) == before

    @pytest.mark.parametrize("who", ["intruder", "outsider"])
    def test_counting_through_a_foreign_workspace(
        self, app: Flask, operations: list[Operation], victim: Cast, intruder: Person, who: str
    ) -> None:
        """Below a foreign slug every number, given out or not, gets the same 403."""
        before, told = everything(app), []
        person = intruder if who == "intruder" else victim.outsider
        for operation, name in numbered(operations):
            if "{slug}" not in operation.path:
                continue
            for number in [*ids_of(app, TABLES[name], victim.workspace.id), NOWHERE]:
                answer = self.ask(operation, name, number, person, victim.workspace.slug)
                if answer.status_code != 403 or victim.workspace.name in answer.text:
                    told.append(f"{operation} {number}: {answer.status_code} {answer.text}")
        assert told == []
        assert everything(app) == before

    def test_only_the_platforms_people_reach_its_own_operations(
        self, app: Flask, operations: list[Operation], victim: Cast, project: ProjectSeat
    ) -> None:
        before, told = everything(app), []
        wanted = [each for each in numbered(operations) if each[0].path.startswith("/api/admin")]
        assert len(wanted) >= 3
        people = (victim.owner, victim.admin, victim.member, victim.outsider)
        for operation, name in wanted:
            for number in [*ids_of(app, TABLES[name], victim.workspace.id), NOWHERE]:
                for caller in (*people, project.developer, project.end_user):
                    status = self.ask(operation, name, number, caller, "").status_code
                    if status != (401 if caller is project.end_user else 403):
                        told.append(f"{operation} {number}: {status}")
        assert told == []
        assert everything(app) == before

    @staticmethod
    def ask(operation: Operation, name: str, number: int, caller: Any, slug: str) -> Any:
        subjects = {"slug": slug, name: str(number)}
        return operation.send(caller.client, subjects, caller.headers, full=True)


class TestMembers:
    """A member may look; whatever changes something is for owners and admins."""

    def test_no_operation_lets_him_change_anything(
        self, app: Flask, operations: list[Operation], victim: Cast
    ) -> None:
        before, told = everything(app), []
        subjects = {"slug": victim.workspace.slug, "user_id": str(victim.admin.id)}
        for operation in operations:
            if operation.is_projects or "{slug}" not in operation.path or operation.method == "GET":
                continue
            for name in set(NAMES.findall(operation.path)) - subjects.keys():
                own = sorted(ids_of(app, TABLES[name], victim.workspace.id))
                subjects[name] = str(own[0])
            for full in (True, False):
                answer = operation.send(
                    victim.member.client, subjects, victim.member.headers, full=full
                )
                if answer.status_code != 403:
                    told.append(f"{operation}: {answer.status_code} {answer.text[:100]}")
        assert told == []
        assert everything(app) == before


class TestNames:
    """Ids that are no numbers: keys and events of one project below the path of another."""

    def test_an_api_key_of_another_project(
        self, project: ProjectSeat, foreign: ProjectSeat
    ) -> None:
        key = new_api_key(project.developer, project.project_id)
        (held, *_) = project.developer.get(f"{PROJECTS}/{project.project_id}/api-keys").json
        path = f"{PROJECTS}/{foreign.project_id}/api-keys/{held['id']}"
        assert foreign.developer.delete(path).status_code == 404
        kept = project.developer.get(f"{PROJECTS}/{project.project_id}/api-keys").json
        assert held["id"] in {each["id"] for each in kept}
        assert key

    @pytest.mark.parametrize("way", [("GET", ""), ("POST", "/replay")])
    def test_an_event_of_another_project(
        self, project: ProjectSeat, foreign: ProjectSeat, way: tuple[str, str]
    ) -> None:
        event = made_up()
        assert deliver(project, event).status_code == 200
        method, rest = way
        for name in (event["id"], "evt_never"):
            answer = foreign.developer.call(method, f"{foreign.path}/events/{name}{rest}")
            assert (answer.status_code, answer.json) == (404, {"detail": "Event not found"})

    @pytest.mark.parametrize("named", ["id", "stripe_payment_method_id"])
    def test_a_card_of_another_workspace_pays_nothing(
        self, app: Flask, shop: Shop, victim: Cast, intruder: Person, named: str
    ) -> None:
        """By its number or by Stripe's id: a foreign card is none."""
        with app.app_context():
            mine = PaymentMethod.workspace_id == victim.workspace.id
            held = db.session.scalars(sa.select(PaymentMethod).where(mine)).first()
            assert held is not None
            card, stripe_id = getattr(held, named), held.stripe_payment_method_id
        answer = shop.upgrade(intruder, intruder.home.slug, "pro", card=card)
        assert (answer.status_code, answer.json["code"]) == (400, "invalid_payment_method")
        paid = shop.stripe("GET", "/v1/payment_intents", limit=100)["data"]
        theirs = [p["metadata"].get("workspace") for p in paid if p["payment_method"] == stripe_id]
        assert set(theirs) <= {reference_of(shop, Workspace, victim.workspace.id)}
        own = reference_of(shop, Workspace, intruder.home.id)
        charged = [p for p in paid if p["metadata"].get("workspace") == own]
        assert {p["status"] for p in charged} == {"succeeded"}


class TestStorage:
    @pytest.mark.parametrize(
        "number", ["../2/INV-1", "..", ".", "", "a/b", "a\\b", "a\x00b", "/etc/passwd", "a" * 200]
    )
    def test_no_name_leads_out_of_a_workspaces_folder(self, number: str) -> None:
        with pytest.raises(ValueError, match="not the key"):
            document_key(1, number)

    def test_a_foreign_invoices_pdf_lies_below_its_own_workspace(
        self, app: Flask, victim: Cast, intruder: Person, shop: Shop
    ) -> None:
        """The key is made of the row's workspace, never of what the caller says."""
        (invoice, *_) = shop.invoices(victim.owner, victim.workspace.slug)
        for slug, status in ((victim.workspace.slug, 403), (intruder.home.slug, 404)):
            path = f"/api/payments/{slug}/invoices/{invoice['id']}/download"
            answer = intruder.get(path)
            assert answer.status_code == status
            assert not answer.data.startswith(b"%PDF")
