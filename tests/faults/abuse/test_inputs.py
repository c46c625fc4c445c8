"""Bodies that claim more than they may, numbers without measure, and pages without end."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from payments.auth.models import User
from payments.invoices.models import Invoice
from payments.kit.db import db
from payments.projects.models import Project, StripeCredentials
from payments.workspaces.models import Membership, Workspace
from tests.support.developers import (
    AUTH,
    PROJECTS,
    STRIPE,
    ProjectSeat,
    developer_with_project,
    new_api_key,
    register_developer,
)
from tests.support.hostile import NOBODY
from tests.support.ledger_rows import new_price
from tests.support.operations import Operation
from tests.support.people import PASSWORD, Cast, Person, as_json, fresh_email, sign_up
from tests.support.shop import Shop

# What a row has that no body may set, as either dialect would call it.
CLAIMS: dict[str, Any] = {
    "id": 1, "uuid": NOBODY, "is_admin": True, "isAdmin": True, "is_active": False,
    "isActive": False, "kind": "developer", "role": "owner", "userRole": "owner",
    "project_id": NOBODY, "projectId": NOBODY, "owner_id": 1, "ownerId": 1, "workspace_id": 1,
    "workspaceId": 1, "plan_id": 3, "planId": 3, "plan": {"id": 3}, "stripe_customer_id": "cus_x",
    "stripeCustomerId": "cus_x", "created_at": "1999-01-01T00:00:00Z", "status": "paid",
    "amount_minor": 0, "refundedAmount": 0, "former_webhook_secret": "whsec_chosen",
    "former_until": "2099-01-01T00:00:00Z", "has_live_credentials": True, "password_hash": "x",
    "needs_attention": True, "slug": "taken-over", "__class__": {"x": 1}, "constructor": {},
}  # fmt: skip


def row(app: Flask, model: Any, *where: Any) -> dict[str, Any]:
    """Return a row's columns, but for the moment of its last change."""
    with app.app_context():
        found = db.session.execute(sa.select(model.__table__).where(*where)).mappings().one()
        return {name: value for name, value in found.items() if name != "updated_at"}


class TestMoreThanAsked:
    """A body may hold anything: only what the operation is for is taken out of it."""

    def test_signing_up(self, app: Flask, client: FlaskClient) -> None:
        body = {**CLAIMS, "email": fresh_email(), "password": PASSWORD, "name": "Mo"}
        answer = client.post("/api/auth/signup", **as_json(body))
        assert answer.status_code == 200, answer.text
        user = row(app, User, User.email == body["email"])
        assert (user["kind"], user["is_admin"], user["is_active"]) == ("member", False, True)
        assert user["project_id"] is None
        own = row(app, Workspace, Workspace.id == answer.json["data"]["workspace"]["id"])
        assert (own["stripe_customer_id"], own["is_active"]) == (None, True)
        assert own["slug"] != "taken-over"

    @pytest.mark.parametrize("who", ["developer", "end user"])
    def test_registering(
        self, app: Flask, client: FlaskClient, project: ProjectSeat, settings: Any, who: str
    ) -> None:
        headers = {"X-Operator-Key": settings.operator_key or ""}
        if who == "end user":
            key = new_api_key(project.developer, project.project_id)
            headers = {"X-Developer-Key": key, "X-Project-ID": project.project_id}
        body = {**CLAIMS, "kind": "member", "email": fresh_email(), "password": "Correct-horse-9"}
        answer = client.post(f"{AUTH}/register", headers=headers, **as_json(body))
        assert answer.status_code == 201, answer.text
        user = row(app, User, User.email == body["email"])
        assert user["kind"] == who.replace(" ", "_")
        assert (user["is_admin"], user["is_active"]) == (False, True)
        assert user["project_id"] == (project.project_id if who == "end user" else None)

    def test_a_workspace(self, app: Flask, client: FlaskClient) -> None:
        person = sign_up(client, "Wanda")
        made = person.post("/api/workspaces", {**CLAIMS, "name": "Mine"})
        assert made.status_code == 200, made.text
        where = Workspace.id == made.json["data"]["id"]
        before = row(app, Workspace, where)
        assert (before["is_active"], before["stripe_customer_id"]) == (True, None)
        path = f"/api/workspaces/{before['slug']}"
        assert person.patch(path, {**CLAIMS, "description": "changed"}).status_code == 200
        assert row(app, Workspace, where) == {**before, "description": "changed"}
        assert person.get(path).json["data"]["plan"]["slug"] == "free"

    def test_a_member(self, app: Flask, victim: Cast, client: FlaskClient) -> None:
        friend = sign_up(client, "Fred")
        body = {**CLAIMS, "email": friend.email, "role": "member", "userId": victim.member.id}
        assert victim.owner.post(f"{victim.workspace.path}/members", body).status_code == 200
        mine = (Membership.user_id == friend.id, Membership.workspace_id == victim.workspace.id)
        assert row(app, Membership, *mine)["role"] == "member"

    def test_a_project(self, app: Flask, client: FlaskClient, settings: Any) -> None:
        developer = register_developer(client, settings, "Mia")
        made = developer.post(f"{PROJECTS}/", {**CLAIMS, "name": "Mine"})
        assert made.status_code == 201, made.text
        where = Project.id == made.json["id"]
        before = row(app, Project, where)
        with app.app_context():
            owner = db.session.get_one(User, before["owner_id"])
            assert owner.uuid == developer.user_id
        assert before["is_active"] is True
        changed = developer.put(f"{PROJECTS}/{before['id']}", {**CLAIMS, "name": "Renamed"})
        assert changed.status_code == 200
        assert row(app, Project, where) == {**before, "name": "Renamed"}

    def test_a_configuration(
        self, app: Flask, client: FlaskClient, settings: Any, foreign: ProjectSeat
    ) -> None:
        seat = developer_with_project(client, settings)
        mine = StripeCredentials.project_id == seat.project_id
        theirs = StripeCredentials.project_id == foreign.project_id
        before, others = row(app, StripeCredentials, mine), row(app, StripeCredentials, theirs)
        body = {**CLAIMS, "project_id": foreign.project_id, "test_publishable_key": "pk_test_abcd"}
        answer = seat.developer.put(f"{seat.path}/config", body)
        assert answer.status_code == 200, answer.text
        shown = answer.json
        assert (shown["is_active"], shown["has_live_credentials"]) == (True, False)
        assert shown["project_id"] == seat.project_id
        after = row(app, StripeCredentials, mine)
        changed = {name for name in after if after[name] != before[name]}
        assert changed == {"configured_at", "publishable_key", "publishable_key_masked"}
        assert row(app, StripeCredentials, theirs) == others

    def test_an_upgrade_and_a_refund(self, app: Flask, shop: Shop, admin: Person) -> None:
        person = sign_up(shop.client, "Ulla")
        shop.save_card(person, person.home.slug)
        path = f"{person.home.plan_changes}/upgrade-plan"
        body = {**CLAIMS, "planSlug": "starter", "amount": 1, "currency": "jpy", "price": 0}
        assert person.post(path, body).status_code == 200
        (invoice,) = shop.invoices(person, person.home.slug)
        assert (invoice["amount"], invoice["status"]) == (9.99, "paid")
        where = Invoice.workspace_id == person.home.id
        number = row(app, Invoice, where)["invoice_number"]
        refund = {**CLAIMS, "amount": 1, "invoiceNumber": "INV-1", "currency": "jpy"}
        path = f"/api/admin/invoices/{invoice['id']}/refund"
        assert admin.post(path, refund).status_code == 200
        after = row(app, Invoice, where)
        assert (after["invoice_number"], after["refunded_minor"]) == (number, 100)


class TestNumbers:
    @pytest.mark.parametrize(
        "amount",
        ["-1", "0", "-0.01", "0.001", "1e30", "9" * 40, "1e400", "NaN", "Infinity", "-Infinity",
         "9223372036854775808", "92233720368547758.08", "true", '"x"', "[1]", "{}", "1e-400"],
    )  # fmt: skip
    def test_of_a_refund(self, shop: Shop, victim: Cast, admin: Person, amount: str) -> None:
        before = shop.invoices(victim.owner, victim.workspace.slug)
        path = f"/api/admin/invoices/{before[-1]['id']}/refund"
        raw = f'{{"amount": {amount}}}'
        answer = admin.post(path, data=raw, content_type="application/json")
        assert answer.status_code == 400, answer.text
        assert shop.invoices(victim.owner, victim.workspace.slug) == before

    @pytest.mark.parametrize(
        "quantity", [-1, 0, 1_000_000, 2**31, 2**63, 10**30, 1.5, "1", True, None, [1]], ids=str
    )
    def test_of_a_checkout(self, project: ProjectSeat, quantity: Any) -> None:
        price = new_price(project.shop)
        body = {"price_id": price, "success_url": "https://a.example", "quantity": quantity}
        body["cancel_url"] = body["success_url"]
        answer = project.end_user.post(f"{STRIPE}/checkout-session", body)
        assert answer.status_code == 422, answer.text


PAGES = ("page", "limit", "page_size")
# Under which name the rows of a list stand.
MOST_ROWS = 100


class TestPages:
    @pytest.mark.parametrize(
        "size",
        ["0", "-1", "1000000000", "1e9", "9" * 30, "9" * 5000, "٣", "NaN", "", "1;2", "0x10"],
    )
    def test_no_size_and_no_place_makes_a_list_endless(
        self, operations: list[Operation], victim: Cast, project: ProjectSeat, size: str
    ) -> None:
        """Clamped or refused, as the dialect has it: never an error of ours, never all rows."""
        subjects = {"slug": victim.workspace.slug, "project_id": project.project_id}
        lists, told = 0, []
        for operation in operations:
            if operation.method != "GET" or "_id}" in operation.path.replace("{project_id}", ""):
                continue
            for caller in (victim.owner, project.developer, project.end_user):
                for name in PAGES:
                    path = f"{operation.path}?{name}={size}"
                    answer = Operation("GET", path, None).send(
                        caller.client, subjects, caller.headers, full=True
                    )
                    lists += answer.status_code == 200
                    if answer.status_code >= 500 or _longest(answer.json) > MOST_ROWS:
                        told.append(f"{path[:80]}: {answer.status_code}")
        assert told == []
        assert lists > 30

    def test_a_page_beyond_all_rows_is_empty(self, victim: Cast, project: ProjectSeat) -> None:
        slug = victim.workspace.slug
        answer = victim.owner.get(f"/api/payments/{slug}/invoices?page={'9' * 18}&limit=100")
        assert (answer.status_code, answer.json["data"]) == (200, [])
        answer = project.developer.get(f"{project.path}/events?page={2**31}")
        assert answer.status_code == 422 or answer.json["events"] == []


def _longest(found: Any) -> int:
    """Return the length of the longest list in an answer."""
    if isinstance(found, dict):
        return max(map(_longest, found.values()), default=0)
    if isinstance(found, list):
        return max([len(found), *map(_longest, found)])
    return 0


class TestPaths:
    @pytest.mark.parametrize(
        "name",
        ["..", "../../etc/passwd", "..%2f..%2fetc%2fpasswd", "%2e%2e", "....//", "a%00", "%ff",
         "..\\..\\", NOBODY + "%2f..", NOBODY + "/../x", "%252e%252e"],
    )  # fmt: skip
    def test_a_project_that_is_a_way_up(self, project: ProjectSeat, name: str) -> None:
        for path in (
            f"{STRIPE}/projects/{name}/config", f"{PROJECTS}/{name}",
            f"{STRIPE}/webhooks/{name}/test",
        ):  # fmt: skip
            method = "POST" if path.endswith("/test") else "GET"
            answer = project.developer.call(method, path)
            assert answer.status_code in {308, 400, 404, 405, 422}, (path, answer.text)
            assert "root:" not in answer.text

    @pytest.mark.parametrize("slug", ["..", "%2e%2e%2f", "..%2f..", "a%00b", "a/../victim", "%ff"])
    def test_a_workspace_that_is_one(self, victim: Cast, slug: str) -> None:
        answer = victim.owner.get(f"/api/payments/{slug}/invoices")
        # 308: the same address without its doubled slash, which is no way up either.
        assert answer.status_code in {308, 400, 403, 404}, answer.text
