"""Changing a workspace."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from payments.kit import clock
from payments.kit.db import db
from payments.kit.transactions import transaction
from payments.timeline.models import TimelineEntry
from payments.workspaces.models import Workspace
from tests.support.hostile import BROKEN_BODIES, LITERAL, UNSTORABLE
from tests.support.people import Cast, workspace_with_roles

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


@pytest.fixture(scope="module")
def scratch(app: Flask, worker: None) -> Cast:
    """A workspace for tests that look only at what they wrote over."""
    return workspace_with_roles(app.test_client(), "Scratch")


@pytest.fixture
def cast(client: FlaskClient) -> Cast:
    return workspace_with_roles(client)


def close(app: Flask, workspace_id: int) -> None:
    with app.app_context(), transaction() as session:
        session.execute(
            sa.update(Workspace).where(Workspace.id == workspace_id).values(is_active=False)
        )


class TestUpdate:
    def test_changes_what_is_named(self, cast: Cast) -> None:
        body = {
            "name": "New Name", "description": "New words",
            "profileImage": "https://img.example.com/a.png?size=2#x", "billingAddress": ADDRESS,
        }  # fmt: skip
        before = cast.owner.get(cast.workspace.path).json["data"]
        answer = cast.owner.patch(cast.workspace.path, body)
        assert answer.status_code == 200
        data = answer.json["data"]
        assert set(data) == FIELDS
        assert {key: data[key] for key in body} == body
        assert data["slug"] == cast.workspace.slug
        assert data["updatedAt"] > before["updatedAt"]
        plain = ("id", "planId", "isActive", "createdAt", "userRole", "joinedAt")
        assert [data[k] for k in plain] == [before[k] for k in plain]

    def test_what_is_not_named_stays(self, cast: Cast) -> None:
        cast.owner.patch(cast.workspace.path, {"description": "Kept", "billingAddress": ADDRESS})
        data = cast.owner.patch(cast.workspace.path, {"name": "Other"}).json["data"]
        assert (data["name"], data["description"]) == ("Other", "Kept")
        assert data["billingAddress"] == ADDRESS

    def test_nothing_named_changes_nothing(self, plain: Cast) -> None:
        before = plain.owner.get(plain.workspace.path).json["data"]
        data = plain.owner.patch(plain.workspace.path, {}).json["data"]
        assert {k: before[k] for k in data} == data

    def test_other_workspaces_stay(self, cast: Cast) -> None:
        before = cast.owner.get(cast.owner.home.path).json["data"]
        cast.owner.patch(cast.workspace.path, {"name": "Other", "billingAddress": ADDRESS})
        assert cast.owner.get(cast.owner.home.path).json["data"] == before

    def test_a_part_of_the_address_is_merged(self, cast: Cast) -> None:
        cast.owner.patch(cast.workspace.path, {"billingAddress": ADDRESS})
        part = {"billingAddress": {"line2": None, "city": "Chicago", "state": ""}}
        data = cast.owner.patch(cast.workspace.path, part).json["data"]
        assert data["billingAddress"] == {
            **ADDRESS,
            "line2": None,
            "city": "Chicago",
            "state": None,
        }

    def test_null_clears_the_address(self, cast: Cast) -> None:
        cast.owner.patch(cast.workspace.path, {"billingAddress": ADDRESS})
        data = cast.owner.patch(cast.workspace.path, {"billingAddress": None}).json["data"]
        assert data["billingAddress"] is None
        assert cast.owner.get(cast.workspace.path).json["data"]["billingAddress"] is None

    def test_clearing_every_part_clears_the_address(self, cast: Cast) -> None:
        cast.owner.patch(cast.workspace.path, {"billingAddress": {"city": "Rome"}})
        data = cast.owner.patch(cast.workspace.path, {"billingAddress": {"city": None}}).json[
            "data"
        ]
        assert data["billingAddress"] is None

    @pytest.mark.parametrize(("given", "kept"), [("us", "US"), (" de ", "DE"), ("GB", "GB")])
    def test_a_country_is_kept_in_capitals(self, scratch: Cast, given: str, kept: str) -> None:
        body = {"billingAddress": {"country": given}}
        data = scratch.owner.patch(scratch.workspace.path, body).json["data"]
        assert data["billingAddress"]["country"] == kept

    @pytest.mark.parametrize("country", ["UK", "XX", "USA", "U", "1A", "ẞ", "ｕｓ", 49, ["US"]])
    def test_a_country_exists(self, plain: Cast, country: object) -> None:
        body = {"billingAddress": {"country": country}}
        answer = plain.owner.patch(plain.workspace.path, body)
        assert (answer.status_code, answer.json["code"]) == (400, "invalid_field")

    def test_description_and_picture_can_be_cleared(self, cast: Cast) -> None:
        url = "https://img.example.com/a.png"
        cast.owner.patch(cast.workspace.path, {"description": "x", "profileImage": url})
        body = {"description": None, "profileImage": None}
        data = cast.owner.patch(cast.workspace.path, body).json["data"]
        assert (data["description"], data["profileImage"]) == ("", None)

    @pytest.mark.parametrize(
        "url",
        [
            "javascript:alert(1)", "JavaScript:alert(1)", "data:image/png;base64,AAAA",
            "ftp://example.com/a.png", "file:///etc/passwd", "//example.com/a.png", "/a.png",
            "a.png", "https://", "https:// example.com", 'https://example.com/"onload="x',
            "https://example.com/<script>", "https://good.example@evil.example/a.png",
            "https://example.com/" + "x" * 500, "x" * 10_000, 7, [],
            "https://exa\x00mple.com", "https://example.com/\ud800",
        ],
    )  # fmt: skip
    def test_a_bad_picture(self, plain: Cast, url: object) -> None:
        answer = plain.owner.patch(plain.workspace.path, {"profileImage": url})
        assert (answer.status_code, answer.json["code"]) == (400, "invalid_field")

    @pytest.mark.parametrize("name", [None, "", " ", "x" * 101, 7, [], *UNSTORABLE.values()])
    def test_a_bad_name(self, plain: Cast, name: object) -> None:
        assert plain.owner.patch(plain.workspace.path, {"name": name}).status_code == 400

    @pytest.mark.parametrize(
        "part",
        [
            {"line1": "x" * 201}, {"postalCode": "x" * 21}, {"city": "a\x00"}, {"state": "\ud800"},
            {"line2": 7}, {"line1": ["a"]}, "text", 7, ["a"], {"city": "x" * 10_000},
        ],
    )  # fmt: skip
    def test_a_bad_address(self, plain: Cast, part: object) -> None:
        answer = plain.owner.patch(plain.workspace.path, {"billingAddress": part})
        assert (answer.status_code, answer.json["code"]) == (400, "invalid_field")
        assert plain.owner.get(plain.workspace.path).json["data"]["billingAddress"] is None

    @pytest.mark.parametrize("text", LITERAL.values(), ids=LITERAL)
    def test_texts_are_kept_literally(self, scratch: Cast, text: str) -> None:
        body = {"name": text, "billingAddress": {"line1": text}}
        data = scratch.owner.patch(scratch.workspace.path, body).json["data"]
        assert (data["name"], data["billingAddress"]["line1"]) == (text, text)

    def test_what_only_the_service_decides_stays(self, app: Flask, plain: Cast) -> None:
        body = {
            "slug": "stolen", "planId": 4, "plan_id": 4, "isActive": False, "is_active": False,
            "stripeCustomerId": "cus_1", "stripe_customer_id": "cus_1", "id": 1,
            "billing_line1": "x", "userRole": "member",
        }  # fmt: skip
        before = plain.owner.get(plain.workspace.path).json["data"]
        assert plain.owner.patch(plain.workspace.path, body).status_code == 200
        assert plain.owner.get(plain.workspace.path).json["data"] == before
        with app.app_context():
            assert db.session.get_one(Workspace, plain.workspace.id).stripe_customer_id is None

    def test_an_admin_may(self, cast: Cast) -> None:
        answer = cast.admin.patch(cast.workspace.path, {"name": "By Admin"})
        assert answer.json["data"]["userRole"] == "admin"

    @pytest.mark.parametrize("role", ["member", "outsider"])
    def test_others_may_not(self, plain: Cast, role: str) -> None:
        for body in ({"name": "Stolen"}, {"name": 7}):
            assert plain[role].patch(plain.workspace.path, body).status_code == 403
        assert plain.owner.get(plain.workspace.path).json["data"]["name"] == "Acme"

    def test_nobody(self, client: FlaskClient, plain: Cast) -> None:
        assert client.patch(plain.workspace.path, json={}).status_code == 401

    def test_no_such_workspace(self, plain: Cast) -> None:
        assert plain.owner.patch(f"{WORKSPACES}/no-such", {}).status_code == 404

    @pytest.mark.parametrize("body", BROKEN_BODIES.values(), ids=BROKEN_BODIES)
    def test_a_broken_body(self, plain: Cast, body: bytes) -> None:
        answer = plain.owner.patch(plain.workspace.path, data=body, content_type="application/json")
        # Every field may be left out, so that no body at all changes nothing.
        assert answer.status_code == (200 if body == b"" else 400)

    def test_the_timeline_remembers_fields_but_no_values(self, app: Flask, cast: Cast) -> None:
        cast.admin.patch(cast.workspace.path, {"name": "Secret Plan", "billingAddress": ADDRESS})
        with app.app_context():
            entry = db.session.scalars(
                sa.select(TimelineEntry)
                .where(TimelineEntry.workspace_id == cast.workspace.id)
                .order_by(TimelineEntry.id.desc())
                .limit(1)
            ).one()
            assert (entry.kind, entry.actor) == ("workspace.updated", f"user:{cast.admin.id}")
            assert entry.data == {"fields": ["billing_address", "name"]}
            assert clock.now() - entry.at < timedelta(minutes=1)
