"""Workspaces: list, create, check a name, read."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from payments.auth.models import User
from payments.kit.db import db
from payments.kit.transactions import transaction
from payments.workspaces import directory, errors, rosters, slugs
from payments.workspaces.models import PricingPlan, Workspace
from tests.support.hostile import BROKEN_BODIES, LITERAL, NO_TEXTS, UNSTORABLE
from tests.support.people import Cast, Person, join, new_workspace, sign_up, workspace_with_roles

pytestmark = pytest.mark.usefixtures("noise")
WORKSPACES = "/api/workspaces"
FIELDS = {
    "id", "name", "slug", "description", "profileImage", "planId", "isActive", "billingAddress",
    "createdAt", "updatedAt", "userRole", "joinedAt",
}  # fmt: skip
ADDRESS = {
    "line1": "1 Main St", "line2": "Floor 2", "city": "Springfield",
    "state": "IL", "postalCode": "62701", "country": "US",
}  # fmt: skip


@pytest.fixture
def cast(client: FlaskClient) -> Cast:
    return workspace_with_roles(client)


@pytest.fixture(scope="module")
def ann(app: Flask, worker: None) -> Person:
    """Somebody whose workspaces nobody counts."""
    return sign_up(app.test_client())


def close(app: Flask, workspace_id: int) -> None:
    with app.app_context(), transaction() as session:
        session.execute(
            sa.update(Workspace).where(Workspace.id == workspace_id).values(is_active=False)
        )


class TestList:
    def test_lists_the_callers_workspaces(self, client: FlaskClient, ann: Person) -> None:
        adam, place = sign_up(client, "Adam"), new_workspace(ann)
        join(place, ann, adam, "admin")
        answer = adam.get(WORKSPACES)
        assert answer.status_code == 200
        assert answer.json["message"] == "Workspaces retrieved successfully"
        assert answer.json["count"] == 2
        home, acme = answer.json["data"]
        assert set(acme) == FIELDS
        assert (home["slug"], home["userRole"]) == (adam.home.slug, "owner")
        assert (acme["slug"], acme["userRole"]) == (place.slug, "admin")

    @pytest.mark.parametrize("role", ["owner", "admin", "member"])
    def test_tells_the_callers_role(self, plain: Cast, role: str) -> None:
        rows = plain[role].get(WORKSPACES).json["data"]
        assert [r["userRole"] for r in rows if r["id"] == plain.workspace.id] == [role]

    def test_an_outsider_does_not_see_it(self, plain: Cast) -> None:
        rows = plain.outsider.get(WORKSPACES).json["data"]
        assert [row["id"] for row in rows] == [plain.outsider.home.id]

    def test_inactive_workspaces_are_left_out(self, app: Flask, cast: Cast) -> None:
        close(app, cast.workspace.id)
        rows = cast.owner.get(WORKSPACES).json["data"]
        assert [row["id"] for row in rows] == [cast.owner.home.id]

    def test_nobody(self, client: FlaskClient) -> None:
        assert client.get(WORKSPACES).status_code == 401


class TestCreate:
    def test_creates_a_workspace_on_the_free_plan(self, ann: Person) -> None:
        body = {"name": "  Ann & Sons  ", "description": " We sell "}
        answer = ann.post(WORKSPACES, body)
        assert answer.status_code == 200
        data = answer.json["data"]
        assert set(data) == FIELDS
        assert data["name"] == "Ann & Sons"
        assert data["description"] == "We sell"
        assert data["slug"].startswith("ann-sons")
        assert (data["planId"], data["isActive"], data["userRole"]) == (1, True, "owner")
        assert data["profileImage"] is data["billingAddress"] is None
        assert data["joinedAt"].endswith("Z")

    def test_without_a_description(self, ann: Person) -> None:
        for body in ({"name": "Acme"}, {"name": "Acme", "description": None}):
            assert ann.post(WORKSPACES, body).json["data"]["description"] == ""

    def test_only_the_maker_belongs_to_it(self, client: FlaskClient) -> None:
        ann, bob = sign_up(client), sign_up(client, "Bob")
        place = new_workspace(ann)
        members = ann.get(f"{place.path}/members").json["data"]
        assert [(m["userId"], m["role"]) for m in members] == [(ann.id, "owner")]
        assert bob.get(place.path).status_code == 403

    def test_the_same_name_is_numbered(self, client: FlaskClient) -> None:
        ann, bob = sign_up(client), sign_up(client, "Bob")
        places = [new_workspace(p, "Numbered Twice") for p in (ann, bob, ann)]
        assert [p.slug for p in places] == [
            "numbered-twice", "numbered-twice-2", "numbered-twice-3",
        ]  # fmt: skip

    def test_a_number_that_somebody_chose_is_skipped(self, ann: Person) -> None:
        slugs_made = [new_workspace(ann, n).slug for n in ("Skip 2", "Skip", "Skip", "Skip")]
        assert slugs_made == ["skip-2", "skip", "skip-3", "skip-4"]

    def test_an_inactive_workspace_keeps_its_slug(self, app: Flask, ann: Person) -> None:
        first = new_workspace(ann, "Closed Shop")
        close(app, first.id)
        assert new_workspace(ann, "Closed Shop").slug == "closed-shop-2"

    @pytest.mark.parametrize(
        "name", ["Payment Method", "Webhook", "Check Name", "WORKSPACE", "東京"]
    )
    def test_words_of_our_paths_are_no_slugs(self, ann: Person, name: str) -> None:
        place = new_workspace(ann, name)
        assert place.slug not in slugs.RESERVED
        assert place.slug.startswith(slugs.slugify(name))
        assert ann.get(place.path).json["data"]["id"] == place.id

    def test_many_at_the_same_moment(self, app: Flask, ann: Person) -> None:

        def create(_: int) -> str:
            options = {"json": {"name": "Rush Hour"}, "headers": ann.headers}
            return app.test_client().post(WORKSPACES, **options).json["data"]["slug"]

        with ThreadPoolExecutor(8) as pool:
            made = list(pool.map(create, range(16)))
        assert sorted(made) == sorted({"rush-hour", *(f"rush-hour-{n}" for n in range(2, 17))})

    def test_a_slug_taken_between_the_look_and_the_insert(
        self, context: Flask, ann: Person, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        taken = new_workspace(ann, "Snatched").slug
        offers = iter([taken, taken, "snatched-9"])
        monkeypatch.setattr(slugs, "free_slug", lambda base: next(offers))
        assert new_workspace(ann, "Snatched").slug == "snatched-9"

    def test_a_slug_that_is_always_taken_gets_a_long_number(
        self, context: Flask, ann: Person, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        taken = new_workspace(ann, "Popular").slug
        monkeypatch.setattr(slugs, "free_slug", lambda base: taken)
        slug = new_workspace(ann, "Popular").slug
        assert slug.startswith("popular-")
        assert len(slug) == len("popular-") + 8

    def test_a_thousand_of_one_name(self, context: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(rosters, "taken_slugs", set)
        assert slugs.free_slug("acme").startswith("acme-")
        assert len(slugs.free_slug("acme")) == len("acme-") + 8

    @pytest.mark.parametrize("name", LITERAL.values(), ids=LITERAL)
    def test_a_name_is_kept_literally(self, ann: Person, name: str) -> None:
        body = {"name": name, "description": name}
        data = ann.post(WORKSPACES, body).json["data"]
        assert (data["name"], data["description"]) == (name, name)
        assert ann.get(f"{WORKSPACES}/{data['slug']}").json["data"]["name"] == name

    @pytest.mark.parametrize("name", ["x", "x" * 100, "ﷺ" * 100, "ﬃ" * 100])
    def test_the_shortest_and_the_longest_name(self, ann: Person, name: str) -> None:
        for _ in range(2):
            data = ann.post(WORKSPACES, {"name": name}).json["data"]
            assert data["name"] == name
            assert len(data["slug"]) <= 100
            assert ann.get(f"{WORKSPACES}/{data['slug']}").status_code == 200

    @pytest.mark.parametrize("name", ["", "   ", "x" * 101, "x" * 10_000, *UNSTORABLE.values()])
    def test_a_bad_name(self, ann: Person, name: str) -> None:
        answer = ann.post(WORKSPACES, {"name": name})
        assert (answer.status_code, answer.json["code"]) == (400, "invalid_field")

    @pytest.mark.parametrize("value", NO_TEXTS.values(), ids=NO_TEXTS)
    def test_a_name_is_a_text(self, ann: Person, value: object) -> None:
        assert ann.post(WORKSPACES, {"name": value}).status_code == 400

    @pytest.mark.parametrize("text", ["x" * 351, "x" * 10_000, *UNSTORABLE.values(), 7, [], {}])
    def test_a_bad_description(self, ann: Person, text: object) -> None:
        answer = ann.post(WORKSPACES, {"name": "Acme", "description": text})
        assert answer.status_code == 400
        assert list(answer.json["details"]["fields"]) == ["description"]

    def test_the_name_is_required(self, ann: Person) -> None:
        answer = ann.post(WORKSPACES, {})
        assert (answer.status_code, answer.json["message"]) == (400, "name is required")

    @pytest.mark.parametrize("body", BROKEN_BODIES.values(), ids=BROKEN_BODIES)
    def test_a_broken_body(self, ann: Person, body: bytes) -> None:
        answer = ann.post(WORKSPACES, data=body, content_type="application/json")
        assert answer.status_code == 400

    def test_what_only_the_service_decides_is_ignored(self, ann: Person) -> None:
        body = {
            "name": "Mine", "slug": "yours", "planId": 4, "plan_id": 4, "isActive": False, "id": 1,
            "stripeCustomerId": "cus_1", "stripe_customer_id": "cus_1", "userRole": "member",
        }  # fmt: skip
        data = ann.post(WORKSPACES, body).json["data"]
        assert data["slug"].startswith("mine")
        assert (data["planId"], data["isActive"], data["userRole"]) == (1, True, "owner")
        assert data["id"] != 1

    def test_nobody(self, client: FlaskClient) -> None:
        assert client.post(WORKSPACES, json={}).status_code == 401

    def test_without_a_free_plan_nothing_is_given_away(
        self, context: Flask, ann: Person, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(rosters, "find_free_plan", lambda: None)
        answer = ann.post(WORKSPACES, {"name": "Acme"})
        assert (answer.status_code, answer.json["code"]) == (503, "no_free_plan")
        user = db.session.get_one(User, ann.id)
        with pytest.raises(errors.NoFreePlan):
            directory.create_workspace(user, name="Acme")

    def test_the_free_plan_is_one_that_costs_nothing(self, context: Flask) -> None:
        assert rosters.find_free_plan() is not None
        costless = sa.select(PricingPlan.id).where(PricingPlan.price_minor == 0)
        with transaction() as session:
            ids = list(session.scalars(costless.where(PricingPlan.is_active)))
            _set_active(ids, active=False)
        try:
            assert rosters.find_free_plan() is None
        finally:
            with transaction():
                _set_active(ids, active=True)


def _set_active(plan_ids: list[int], *, active: bool) -> None:
    change = sa.update(PricingPlan).where(PricingPlan.id.in_(plan_ids)).values(is_active=active)
    db.session.execute(change)


class TestCheckName:
    def check(self, ann: Person, name: str):
        return ann.get(f"{WORKSPACES}/check-name", query_string={"name": name})

    def test_a_free_name(self, ann: Person) -> None:
        answer = self.check(ann, "  Nobody's Name ")
        assert answer.status_code == 200
        assert answer.json["data"] == {
            "name": "Nobody's Name", "slug": "nobodys-name", "available": True,
        }  # fmt: skip

    def test_a_taken_name(self, client: FlaskClient, ann: Person) -> None:
        new_workspace(sign_up(client), "Somebody's Name")
        data = self.check(ann, "SOMEBODYS – name!").json["data"]
        assert (data["slug"], data["available"]) == ("somebodys-name", False)

    def test_it_says_what_creating_then_does(self, ann: Person) -> None:
        for name in ("Foretold", "Foretold", "Webhook"):
            told = ann.get(f"{WORKSPACES}/check-name", query_string={"name": name}).json["data"]
            assert (new_workspace(ann, name).slug == told["slug"]) is told["available"]

    @pytest.mark.parametrize("name", ["", "  ", "x" * 101, "x" * 10_000, "a\x00b"])
    def test_a_bad_name(self, ann: Person, name: str) -> None:
        assert self.check(ann, name).status_code == 400

    def test_the_name_is_required(self, ann: Person) -> None:
        answer = ann.get(f"{WORKSPACES}/check-name")
        assert (answer.status_code, answer.json["code"]) == (400, "missing_field")

    def test_bytes_that_are_no_text(self, ann: Person) -> None:
        answer = ann.get(f"{WORKSPACES}/check-name?name=%ED%A0%80%FF")
        assert answer.status_code in {200, 400}

    def test_nobody(self, client: FlaskClient) -> None:
        assert client.get(f"{WORKSPACES}/check-name?name=a").status_code == 401


class TestGet:
    @pytest.mark.parametrize("role", ["owner", "admin", "member"])
    def test_shows_the_workspace_its_plan_and_the_role(self, plain: Cast, role: str) -> None:
        answer = plain[role].get(plain.workspace.path)
        assert answer.status_code == 200
        data = answer.json["data"]
        assert set(data) == FIELDS | {"plan"}
        assert (data["id"], data["userRole"]) == (plain.workspace.id, role)
        assert data["plan"]["id"] == data["planId"]
        assert data["plan"]["slug"] == "free"
        assert "stripe" not in answer.text.lower()

    def test_an_outsider(self, plain: Cast) -> None:
        answer = plain.outsider.get(plain.workspace.path)
        assert (answer.status_code, answer.json["code"]) == (403, "forbidden")

    def test_nobody(self, client: FlaskClient, plain: Cast) -> None:
        assert client.get(plain.workspace.path).status_code == 401

    def test_no_such_workspace(self, plain: Cast) -> None:
        answer = plain.owner.get(f"{WORKSPACES}/no-such-workspace")
        assert (answer.status_code, answer.json["code"]) == (404, "workspace_not_found")

    def test_an_inactive_workspace(self, app: Flask, cast: Cast) -> None:
        close(app, cast.workspace.id)
        assert cast.owner.get(cast.workspace.path).status_code == 404

    @pytest.mark.parametrize(
        "slug",
        ["Acme", "a_b", "-a", "a-", "a--b", "a b", "%00", "a%00", "%ED%A0%80", "%FF", "é",
         "x" * 101,
         "'%20OR%201=1--", "..%5c", "a.b", "x" * 10_000, "a%0A"],
    )  # fmt: skip
    def test_a_bad_slug(self, plain: Cast, slug: str) -> None:
        answer = plain.owner.get(f"{WORKSPACES}/{slug}")
        assert (answer.status_code, answer.json["code"]) == (400, "invalid_slug")
