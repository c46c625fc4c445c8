"""Members: who may see, add, change and remove whom, and that one owner always remains."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from payments.auth.models import END_USER, User
from payments.kit.db import db
from payments.kit.transactions import transaction
from payments.timeline.models import TimelineEntry
from payments.workspaces import errors, members
from payments.workspaces.guards import Access
from payments.workspaces.models import Membership, Workspace
from tests.support.hostile import BROKEN_BODIES, HUGE_IDS, NO_IDS, NO_TEXTS, UNSTORABLE
from tests.support.people import (
    Cast,
    Person,
    as_json,
    fresh_email,
    join,
    sign_up,
    workspace_with_roles,
)


@pytest.fixture
def cast(client: FlaskClient) -> Cast:
    workspace_with_roles(client, "Noise")
    return workspace_with_roles(client)


@pytest.fixture
def newcomer(client: FlaskClient) -> Person:
    return sign_up(client, "Nora")


def path(cast: Cast, person: Person | None = None) -> str:
    base = f"{cast.workspace.path}/members"
    return f"{base}/{person.id}" if person else base


def roles(cast: Cast) -> dict[int, str]:
    """Return every member's role, asked as the member who sees all and changes nothing."""
    rows = cast.member.get(path(cast)).json["data"]
    return {row["userId"]: row["role"] for row in rows}


def code(answer) -> tuple[int, str]:
    return answer.status_code, answer.json["code"]


class TestList:
    @pytest.mark.parametrize("role", ["owner", "admin", "member"])
    def test_every_member_sees_all(self, cast: Cast, role: str) -> None:
        answer = cast[role].get(path(cast))
        assert answer.status_code == 200
        assert answer.json["message"] == "Members retrieved successfully"
        assert answer.json["count"] == 3
        first = answer.json["data"][0]
        joined = first.pop("joinedAt")
        assert joined.endswith("Z")
        assert first == {
            "userId": cast.owner.id, "email": cast.owner.email, "name": "Olivia", "role": "owner",
        }  # fmt: skip
        assert [m["role"] for m in answer.json["data"]] == ["owner", "admin", "member"]

    def test_no_more_than_that_is_told(self, cast: Cast) -> None:
        fields = {"userId", "email", "name", "role", "joinedAt"}
        assert all(set(m) == fields for m in cast.owner.get(path(cast)).json["data"])

    def test_an_outsider(self, cast: Cast) -> None:
        assert code(cast.outsider.get(path(cast))) == (403, "forbidden")

    def test_nobody(self, client: FlaskClient, cast: Cast) -> None:
        assert client.get(path(cast)).status_code == 401

    def test_no_such_workspace(self, cast: Cast) -> None:
        assert cast.owner.get("/api/workspaces/no-such/members").status_code == 404
        assert code(cast.owner.get("/api/workspaces/A B/members")) == (400, "invalid_slug")


class TestAdd:
    def test_adds_a_member(self, cast: Cast, newcomer: Person) -> None:
        answer = cast.owner.post(path(cast), {"email": newcomer.email})
        assert answer.status_code == 200
        assert answer.json["data"]["userId"] == newcomer.id
        assert answer.json["data"]["role"] == "member"
        assert newcomer.get(cast.workspace.path).json["data"]["userRole"] == "member"
        assert roles(cast)[newcomer.id] == "member"

    def test_in_that_workspace_only(self, cast: Cast, newcomer: Person) -> None:
        cast.owner.post(path(cast), {"email": newcomer.email})
        assert newcomer.get(cast.owner.home.path).status_code == 403

    @pytest.mark.parametrize(
        ("by", "role", "status"),
        [
            ("owner", "owner", 200), ("owner", "admin", 200), ("owner", "member", 200),
            ("admin", "owner", 403), ("admin", "admin", 200), ("admin", "member", 200),
            ("member", "member", 403), ("outsider", "member", 403),
        ],
    )  # fmt: skip
    def test_who_may_add_whom(
        self, cast: Cast, newcomer: Person, by: str, role: str, status: int
    ) -> None:
        answer = cast[by].post(path(cast), {"email": newcomer.email, "role": role})
        assert answer.status_code == status
        assert roles(cast).get(newcomer.id) == (role if status == 200 else None)

    def test_nobody(self, client: FlaskClient, cast: Cast, newcomer: Person) -> None:
        assert client.post(path(cast), json={"email": newcomer.email}).status_code == 401

    def test_the_address_in_capitals(self, cast: Cast, newcomer: Person) -> None:
        body = {"email": f" {newcomer.email.upper()} "}
        assert cast.owner.post(path(cast), body).json["data"]["userId"] == newcomer.id

    def test_an_unknown_address(self, cast: Cast) -> None:
        answer = cast.owner.post(path(cast), {"email": fresh_email()})
        assert code(answer) == (404, "user_not_found")
        assert answer.json["message"] == "User not found"

    @pytest.mark.parametrize("values", [{"is_active": False}, {"kind": END_USER}])
    def test_somebody_who_cannot_log_in(
        self, app: Flask, cast: Cast, newcomer: Person, values: dict[str, Any]
    ) -> None:
        with app.app_context(), transaction() as session:
            session.execute(sa.update(User).where(User.id == newcomer.id).values(**values))
        assert code(cast.owner.post(path(cast), {"email": newcomer.email}))[0] == 404

    def test_twice(self, cast: Cast) -> None:
        answer = cast.owner.post(path(cast), {"email": cast.member.email, "role": "admin"})
        assert code(answer) == (409, "already_a_member")
        assert roles(cast)[cast.member.id] == "member"

    def test_twice_at_the_same_moment(self, app: Flask, cast: Cast, newcomer: Person) -> None:
        def add(_: int) -> int:
            body = {"json": {"email": newcomer.email}, "headers": cast.owner.headers}
            return app.test_client().post(path(cast), **body).status_code

        with ThreadPoolExecutor(4) as pool:
            assert sorted(pool.map(add, range(4))) == [200, 409, 409, 409]

    @pytest.mark.parametrize(
        "email", [*NO_TEXTS.values(), "", "nobody", "x" * 10_000, *UNSTORABLE.values()]
    )
    def test_a_bad_address(self, cast: Cast, email: object) -> None:
        assert code(cast.owner.post(path(cast), {"email": email}))[0] == 400

    @pytest.mark.parametrize(
        "role", [*NO_TEXTS.values(), "", "Owner", "root", "x" * 10_000, "\x00"]
    )
    def test_a_bad_role(self, cast: Cast, newcomer: Person, role: object) -> None:
        answer = cast.owner.post(path(cast), {"email": newcomer.email, "role": role})
        assert code(answer) == (400, "invalid_field")
        assert newcomer.id not in roles(cast)

    def test_the_address_is_required(self, cast: Cast) -> None:
        assert code(cast.owner.post(path(cast), {})) == (400, "missing_field")

    @pytest.mark.parametrize("body", BROKEN_BODIES.values(), ids=BROKEN_BODIES)
    def test_a_broken_body(self, cast: Cast, body: bytes) -> None:
        answer = cast.owner.post(path(cast), data=body, content_type="application/json")
        assert answer.status_code == 400

    def test_the_role_is_checked_before_the_body(self, cast: Cast) -> None:
        assert cast.member.post(path(cast), {"email": 7}).status_code == 403


class TestChangeRole:
    def test_changes_the_role(self, cast: Cast) -> None:
        answer = cast.owner.patch(path(cast, cast.member), {"role": "admin"})
        assert answer.status_code == 200
        assert answer.json["data"]["role"] == "admin"
        assert answer.json["data"]["userId"] == cast.member.id
        assert roles(cast)[cast.member.id] == "admin"

    def test_in_that_workspace_only(self, cast: Cast) -> None:
        join(cast.owner.home, cast.owner, cast.member)
        cast.owner.patch(path(cast, cast.member), {"role": "admin"})
        at_home = cast.owner.get(f"{cast.owner.home.path}/members").json["data"]
        assert {m["userId"]: m["role"] for m in at_home}[cast.member.id] == "member"

    @pytest.mark.parametrize(
        ("by", "whom", "role", "status"),
        [
            ("owner", "member", "owner", 200), ("owner", "admin", "member", 200),
            ("admin", "member", "admin", 200), ("admin", "admin", "member", 200),
            ("admin", "member", "owner", 403), ("admin", "admin", "owner", 403),
            ("admin", "owner", "member", 403), ("member", "member", "admin", 403),
            ("member", "admin", "member", 403), ("outsider", "member", "admin", 403),
        ],
    )  # fmt: skip
    def test_who_may_change_whom(
        self, cast: Cast, by: str, whom: str, role: str, status: int
    ) -> None:
        before = roles(cast)
        answer = cast[by].patch(path(cast, cast[whom]), {"role": role})
        assert answer.status_code == status
        changed = {cast[whom].id: role} if status == 200 else {}
        assert roles(cast) == {**before, **changed}

    def test_nobody(self, client: FlaskClient, cast: Cast) -> None:
        assert client.patch(path(cast, cast.member), json={"role": "admin"}).status_code == 401

    def test_the_same_role_changes_nothing(self, app: Flask, cast: Cast) -> None:
        answer = cast.owner.patch(path(cast, cast.owner), {"role": "owner"})
        assert (answer.status_code, answer.json["data"]["role"]) == (200, "owner")
        with app.app_context():
            kinds = sa.select(TimelineEntry.kind).where(
                TimelineEntry.workspace_id == cast.workspace.id
            )
            assert "member.role_changed" not in set(db.session.scalars(kinds))

    def test_the_last_owner_stays_owner(self, cast: Cast) -> None:
        answer = cast.owner.patch(path(cast, cast.owner), {"role": "admin"})
        assert code(answer) == (400, "last_owner")
        assert roles(cast)[cast.owner.id] == "owner"

    def test_one_of_two_owners_may_step_down(self, cast: Cast) -> None:
        cast.owner.patch(path(cast, cast.admin), {"role": "owner"})
        assert cast.owner.patch(path(cast, cast.owner), {"role": "member"}).status_code == 200
        assert code(cast.admin.patch(path(cast, cast.admin), {"role": "admin"}))[1] == "last_owner"

    def test_two_owners_who_demote_each_other(self, app: Flask, client: FlaskClient) -> None:
        for _ in range(5):
            cast = workspace_with_roles(client)
            cast.owner.patch(path(cast, cast.admin), {"role": "owner"})

            def demote(pair: tuple[Person, Person], cast: Cast = cast) -> int:
                by, whom = pair
                options = {**as_json({"role": "member"}), "headers": by.headers}
                return app.test_client().patch(path(cast, whom), **options).status_code

            pairs = [(cast.owner, cast.admin), (cast.admin, cast.owner)]
            with ThreadPoolExecutor(2) as pool:
                statuses = sorted(pool.map(demote, pairs))
            assert statuses == [200, 403]
            assert list(roles(cast).values()).count("owner") == 1

    def test_two_owners_who_step_down_together(self, app: Flask, client: FlaskClient) -> None:
        for _ in range(5):
            cast = workspace_with_roles(client)
            cast.owner.patch(path(cast, cast.admin), {"role": "owner"})

            def step_down(who: Person, cast: Cast = cast) -> int:
                options = {**as_json({"role": "member"}), "headers": who.headers}
                return app.test_client().patch(path(cast, who), **options).status_code

            with ThreadPoolExecutor(2) as pool:
                statuses = sorted(pool.map(step_down, (cast.owner, cast.admin)))
            assert statuses == [200, 400]
            assert list(roles(cast).values()).count("owner") == 1

    def test_somebody_who_is_no_member(self, cast: Cast) -> None:
        answer = cast.owner.patch(path(cast, cast.outsider), {"role": "admin"})
        assert code(answer) == (404, "member_not_found")

    @pytest.mark.parametrize("user_id", NO_IDS)
    def test_a_bad_number(self, cast: Cast, user_id: str) -> None:
        answer = cast.owner.patch(f"{path(cast)}/{user_id}", {"role": "admin"})
        assert code(answer) == (400, "invalid_user_id")

    @pytest.mark.parametrize("user_id", [*HUGE_IDS, "0"])
    def test_a_number_that_nobody_has(self, cast: Cast, user_id: str) -> None:
        answer = cast.owner.patch(f"{path(cast)}/{user_id}", {"role": "admin"})
        assert code(answer) == (404, "member_not_found")

    @pytest.mark.parametrize(
        "body", [{}, {"role": None}, {"role": "king"}, {"role": 7}, {"role": []}]
    )
    def test_a_bad_role(self, cast: Cast, body: dict[str, Any]) -> None:
        assert cast.owner.patch(path(cast, cast.member), body).status_code == 400

    @pytest.mark.parametrize("body", BROKEN_BODIES.values(), ids=BROKEN_BODIES)
    def test_a_broken_body(self, cast: Cast, body: bytes) -> None:
        answer = cast.owner.patch(
            path(cast, cast.member), data=body, content_type="application/json"
        )
        assert answer.status_code == 400


class TestRemove:
    def test_removes_a_member(self, cast: Cast) -> None:
        answer = cast.owner.delete(path(cast, cast.admin))
        assert answer.status_code == 200
        assert answer.json["data"] == {"userId": cast.admin.id, "removed": True}
        assert cast.admin.get(cast.workspace.path).status_code == 403
        assert cast.admin.id not in roles(cast)

    def test_from_that_workspace_only(self, cast: Cast) -> None:
        join(cast.owner.home, cast.owner, cast.admin)
        cast.owner.delete(path(cast, cast.admin))
        assert cast.admin.get(cast.owner.home.path).status_code == 200

    @pytest.mark.parametrize(
        ("by", "whom", "status"),
        [
            ("owner", "admin", 200), ("admin", "owner", 403), ("member", "admin", 403),
            ("member", "owner", 403), ("outsider", "admin", 403), ("outsider", "outsider", 403),
        ],
    )  # fmt: skip
    def test_who_may_remove_whom(self, cast: Cast, by: str, whom: str, status: int) -> None:
        before = roles(cast)
        assert cast[by].delete(path(cast, cast[whom])).status_code == status
        gone = {cast[whom].id} if status == 200 else set()
        assert set(roles(cast)) == set(before) - gone

    def test_an_admin_removes_members_and_admins(self, client: FlaskClient, cast: Cast) -> None:
        for role in ("member", "admin"):
            other = sign_up(client)
            join(cast.workspace, cast.owner, other, role)
            assert cast.admin.delete(path(cast, other)).status_code == 200

    def test_an_owner_removes_another_owner(self, cast: Cast) -> None:
        cast.owner.patch(path(cast, cast.admin), {"role": "owner"})
        assert cast.admin.delete(path(cast, cast.owner)).status_code == 200
        assert roles(cast)[cast.admin.id] == "owner"

    @pytest.mark.parametrize("role", ["admin", "member"])
    def test_everybody_may_leave(self, cast: Cast, role: str) -> None:
        assert cast[role].delete(path(cast, cast[role])).status_code == 200
        assert cast[role].get(cast.workspace.path).status_code == 403

    def test_an_owner_may_leave_when_another_remains(self, cast: Cast) -> None:
        cast.owner.patch(path(cast, cast.admin), {"role": "owner"})
        assert cast.owner.delete(path(cast, cast.owner)).status_code == 200

    def test_the_last_owner_may_not_leave(self, cast: Cast) -> None:
        assert code(cast.owner.delete(path(cast, cast.owner))) == (400, "last_owner")
        assert roles(cast)[cast.owner.id] == "owner"

    def test_two_owners_who_leave_together(self, app: Flask, client: FlaskClient) -> None:
        for _ in range(5):
            cast = workspace_with_roles(client)
            cast.owner.patch(path(cast, cast.admin), {"role": "owner"})

            def leave(who: Person, cast: Cast = cast) -> int:
                return app.test_client().delete(path(cast, who), headers=who.headers).status_code

            with ThreadPoolExecutor(2) as pool:
                assert sorted(pool.map(leave, (cast.owner, cast.admin))) == [200, 400]
            assert list(roles(cast).values()).count("owner") == 1

    def test_twice(self, cast: Cast) -> None:
        cast.owner.delete(path(cast, cast.admin))
        assert code(cast.owner.delete(path(cast, cast.admin))) == (404, "member_not_found")

    def test_nobody(self, client: FlaskClient, cast: Cast) -> None:
        assert client.delete(path(cast, cast.member)).status_code == 401

    @pytest.mark.parametrize("user_id", NO_IDS)
    def test_a_bad_number(self, cast: Cast, user_id: str) -> None:
        assert code(cast.owner.delete(f"{path(cast)}/{user_id}")) == (400, "invalid_user_id")

    @pytest.mark.parametrize("user_id", HUGE_IDS)
    def test_a_number_that_nobody_has(self, cast: Cast, user_id: str) -> None:
        assert code(cast.owner.delete(f"{path(cast)}/{user_id}")) == (404, "member_not_found")

    def test_somebody_may_come_back(self, cast: Cast) -> None:
        cast.owner.delete(path(cast, cast.admin))
        join(cast.workspace, cast.owner, cast.admin, "member")
        assert roles(cast)[cast.admin.id] == "member"


class TestAtTheDoorAndInside:
    """The role is read again under the lock: between door and desk it may have changed."""

    def access(self, cast: Cast, who: Person, role: str) -> Access:
        user = db.session.get_one(User, who.id)
        return Access(user, db.session.get_one(Workspace, cast.workspace.id), role)

    def test_removed_meanwhile(self, context: Flask, cast: Cast) -> None:
        stale = self.access(cast, cast.outsider, "owner")
        with pytest.raises(errors.NotAMember):
            members.change_role(stale, str(cast.member.id), role="admin")

    def test_demoted_meanwhile(self, context: Flask, cast: Cast) -> None:
        stale = self.access(cast, cast.member, "owner")
        with pytest.raises(errors.NotAManager):
            members.add_member(stale, email=cast.outsider.email, role="member")
        with pytest.raises(errors.NotAManager):
            members.remove_member(stale, str(cast.admin.id))

    def test_no_longer_an_owner(self, context: Flask, cast: Cast) -> None:
        stale = self.access(cast, cast.admin, "owner")
        with pytest.raises(errors.NotTheOwner):
            members.change_role(stale, str(cast.member.id), role="owner")


class TestTimeline:
    def test_every_change_is_written_down(self, app: Flask, cast: Cast, newcomer: Person) -> None:
        cast.admin.post(path(cast), {"email": newcomer.email})
        cast.owner.patch(path(cast, newcomer), {"role": "admin"})
        newcomer.delete(path(cast, newcomer))
        cast.owner.delete(path(cast, cast.member))
        with app.app_context():
            query = (
                sa.select(TimelineEntry)
                .where(TimelineEntry.workspace_id == cast.workspace.id)
                .order_by(TimelineEntry.id)
            )
            entries = list(db.session.scalars(query))[-4:]
            assert [(e.kind, e.actor, e.subject) for e in entries] == [
                ("member.added", f"user:{cast.admin.id}", f"user:{newcomer.id}"),
                ("member.role_changed", f"user:{cast.owner.id}", f"user:{newcomer.id}"),
                ("member.left", f"user:{newcomer.id}", f"user:{newcomer.id}"),
                ("member.removed", f"user:{cast.owner.id}", f"user:{cast.member.id}"),
            ]
            assert entries[1].data == {"role": "admin", "previous": "member"}
            left = db.session.get(Membership, (cast.workspace.id, newcomer.id))
            assert left is None
