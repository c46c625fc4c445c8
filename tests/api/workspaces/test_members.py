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
    new_workspace,
    sign_up,
    workspace_with_roles,
)

pytestmark = pytest.mark.usefixtures("noise")


@pytest.fixture(scope="module")
def club(app: Flask, worker: None) -> Cast:
    """A workspace that newcomers join: its first three stay what they are, nobody counts."""
    return workspace_with_roles(app.test_client()).complete()


@pytest.fixture
def cast(client: FlaskClient) -> Cast:
    return workspace_with_roles(client)


@pytest.fixture
def newcomer(client: FlaskClient) -> Person:
    return sign_up(client, "Nora")


def path(cast: Cast, person: Person | None = None) -> str:
    base = f"{cast.workspace.path}/members"
    return f"{base}/{person.id}" if person else base


def two_owners(people: Cast) -> Cast:
    """Make another workspace of the same people; its admin is an owner too."""
    place = new_workspace(people.owner)
    join(place, people.owner, people.admin, "owner")
    join(place, people.owner, people.member)
    return Cast(people.owner, place, admin=people.admin, member=people.member)


def roles(cast: Cast, asked_by: Person | None = None) -> dict[int, str]:
    """Return every member's role, asked as the member who sees all and changes nothing."""
    rows = (asked_by or cast.member).get(path(cast)).json["data"]
    return {row["userId"]: row["role"] for row in rows}


def code(answer) -> tuple[int, str]:
    return answer.status_code, answer.json["code"]


class TestList:
    @pytest.mark.parametrize("role", ["owner", "admin", "member"])
    def test_every_member_sees_all(self, plain: Cast, role: str) -> None:
        answer = plain[role].get(path(plain))
        assert answer.status_code == 200
        assert answer.json["message"] == "Members retrieved successfully"
        assert answer.json["count"] == 3
        first = answer.json["data"][0]
        joined = first.pop("joinedAt")
        assert joined.endswith("Z")
        assert first == {
            "userId": plain.owner.id, "email": plain.owner.email, "name": "Olivia", "role": "owner",
        }  # fmt: skip
        assert [m["role"] for m in answer.json["data"]] == ["owner", "admin", "member"]

    def test_no_more_than_that_is_told(self, plain: Cast) -> None:
        fields = {"userId", "email", "name", "role", "joinedAt"}
        assert all(set(m) == fields for m in plain.owner.get(path(plain)).json["data"])

    def test_an_outsider(self, plain: Cast) -> None:
        assert code(plain.outsider.get(path(plain))) == (403, "forbidden")

    def test_nobody(self, client: FlaskClient, plain: Cast) -> None:
        assert client.get(path(plain)).status_code == 401

    def test_no_such_workspace(self, plain: Cast) -> None:
        assert plain.owner.get("/api/workspaces/no-such/members").status_code == 404
        assert code(plain.owner.get("/api/workspaces/A B/members")) == (400, "invalid_slug")


class TestAdd:
    def test_adds_a_member(self, club: Cast, newcomer: Person) -> None:
        answer = club.owner.post(path(club), {"email": newcomer.email})
        assert answer.status_code == 200
        assert answer.json["data"]["userId"] == newcomer.id
        assert answer.json["data"]["role"] == "member"
        assert newcomer.get(club.workspace.path).json["data"]["userRole"] == "member"
        assert roles(club)[newcomer.id] == "member"

    def test_in_that_workspace_only(self, club: Cast, newcomer: Person) -> None:
        club.owner.post(path(club), {"email": newcomer.email})
        assert newcomer.get(club.owner.home.path).status_code == 403

    @pytest.mark.parametrize(
        ("by", "role", "status"),
        [
            ("owner", "owner", 200), ("owner", "admin", 200), ("owner", "member", 200),
            ("admin", "owner", 403), ("admin", "admin", 200), ("admin", "member", 200),
            ("member", "member", 403), ("outsider", "member", 403),
        ],
    )  # fmt: skip
    def test_who_may_add_whom(
        self, club: Cast, newcomer: Person, by: str, role: str, status: int
    ) -> None:
        answer = club[by].post(path(club), {"email": newcomer.email, "role": role})
        assert answer.status_code == status
        assert roles(club).get(newcomer.id) == (role if status == 200 else None)

    def test_nobody(self, client: FlaskClient, plain: Cast) -> None:
        assert client.post(path(plain), json={"email": plain.outsider.email}).status_code == 401

    def test_the_address_in_capitals(self, club: Cast, newcomer: Person) -> None:
        body = {"email": f" {newcomer.email.upper()} "}
        assert club.owner.post(path(club), body).json["data"]["userId"] == newcomer.id

    def test_an_unknown_address(self, plain: Cast) -> None:
        answer = plain.owner.post(path(plain), {"email": fresh_email()})
        assert code(answer) == (404, "user_not_found")
        assert answer.json["message"] == "User not found"

    @pytest.mark.parametrize("values", [{"is_active": False}, {"kind": END_USER}])
    def test_somebody_who_cannot_log_in(
        self, app: Flask, plain: Cast, newcomer: Person, values: dict[str, Any]
    ) -> None:
        with app.app_context(), transaction() as session:
            session.execute(sa.update(User).where(User.id == newcomer.id).values(**values))
        assert code(plain.owner.post(path(plain), {"email": newcomer.email}))[0] == 404

    def test_twice(self, plain: Cast) -> None:
        answer = plain.owner.post(path(plain), {"email": plain.member.email, "role": "admin"})
        assert code(answer) == (409, "already_a_member")
        assert roles(plain)[plain.member.id] == "member"

    def test_twice_at_the_same_moment(self, app: Flask, club: Cast, newcomer: Person) -> None:
        def add(_: int) -> int:
            body = {"json": {"email": newcomer.email}, "headers": club.owner.headers}
            return app.test_client().post(path(club), **body).status_code

        with ThreadPoolExecutor(4) as pool:
            assert sorted(pool.map(add, range(4))) == [200, 409, 409, 409]

    @pytest.mark.parametrize(
        "email", [*NO_TEXTS.values(), "", "nobody", "x" * 10_000, *UNSTORABLE.values()]
    )
    def test_a_bad_address(self, plain: Cast, email: object) -> None:
        assert code(plain.owner.post(path(plain), {"email": email}))[0] == 400

    @pytest.mark.parametrize(
        "role", [*NO_TEXTS.values(), "", "Owner", "root", "x" * 10_000, "\x00"]
    )
    def test_a_bad_role(self, plain: Cast, role: object) -> None:
        answer = plain.owner.post(path(plain), {"email": plain.outsider.email, "role": role})
        assert code(answer) == (400, "invalid_field")
        assert plain.outsider.id not in roles(plain)

    def test_the_address_is_required(self, plain: Cast) -> None:
        assert code(plain.owner.post(path(plain), {})) == (400, "missing_field")

    @pytest.mark.parametrize("body", BROKEN_BODIES.values(), ids=BROKEN_BODIES)
    def test_a_broken_body(self, plain: Cast, body: bytes) -> None:
        answer = plain.owner.post(path(plain), data=body, content_type="application/json")
        assert answer.status_code == 400

    def test_the_role_is_checked_before_the_body(self, plain: Cast) -> None:
        assert plain.member.post(path(plain), {"email": 7}).status_code == 403


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
        ("by", "whom", "role"),
        [
            ("owner", "member", "owner"), ("owner", "admin", "member"),
            ("admin", "member", "admin"), ("admin", "admin", "member"),
        ],
    )  # fmt: skip
    def test_who_may_change_whom(self, cast: Cast, by: str, whom: str, role: str) -> None:
        caller, other = cast[by], cast[whom]
        before = roles(cast)
        assert caller.patch(path(cast, other), {"role": role}).status_code == 200
        assert roles(cast) == {**before, other.id: role}

    @pytest.mark.parametrize(
        ("by", "whom", "role"),
        [
            ("admin", "member", "owner"), ("admin", "admin", "owner"),
            ("admin", "owner", "member"), ("member", "member", "admin"),
            ("member", "admin", "member"), ("outsider", "member", "admin"),
        ],
    )  # fmt: skip
    def test_who_may_not(self, plain: Cast, by: str, whom: str, role: str) -> None:
        before = roles(plain)
        answer = plain[by].patch(path(plain, plain[whom]), {"role": role})
        assert answer.status_code == 403
        assert roles(plain) == before

    def test_nobody(self, client: FlaskClient, plain: Cast) -> None:
        assert client.patch(path(plain, plain.member), json={"role": "admin"}).status_code == 401

    def test_the_same_role_changes_nothing(self, app: Flask, plain: Cast) -> None:
        answer = plain.owner.patch(path(plain, plain.owner), {"role": "owner"})
        assert (answer.status_code, answer.json["data"]["role"]) == (200, "owner")
        with app.app_context():
            kinds = sa.select(TimelineEntry.kind).where(
                TimelineEntry.workspace_id == plain.workspace.id
            )
            assert "member.role_changed" not in set(db.session.scalars(kinds))

    def test_the_last_owner_stays_owner(self, plain: Cast) -> None:
        answer = plain.owner.patch(path(plain, plain.owner), {"role": "admin"})
        assert code(answer) == (400, "last_owner")
        assert roles(plain)[plain.owner.id] == "owner"

    def test_one_of_two_owners_may_step_down(self, cast: Cast) -> None:
        cast.owner.patch(path(cast, cast.admin), {"role": "owner"})
        assert cast.owner.patch(path(cast, cast.owner), {"role": "member"}).status_code == 200
        assert code(cast.admin.patch(path(cast, cast.admin), {"role": "admin"}))[1] == "last_owner"

    def test_two_owners_who_demote_each_other(self, app: Flask, plain: Cast) -> None:
        for _ in range(5):
            cast = two_owners(plain)

            def demote(pair: tuple[Person, Person], cast: Cast = cast) -> int:
                by, whom = pair
                options = {**as_json({"role": "member"}), "headers": by.headers}
                return app.test_client().patch(path(cast, whom), **options).status_code

            pairs = [(cast.owner, cast.admin), (cast.admin, cast.owner)]
            with ThreadPoolExecutor(2) as pool:
                statuses = sorted(pool.map(demote, pairs))
            assert statuses == [200, 403]
            assert list(roles(cast).values()).count("owner") == 1

    def test_two_owners_who_step_down_together(self, app: Flask, plain: Cast) -> None:
        for _ in range(5):
            cast = two_owners(plain)

            def step_down(who: Person, cast: Cast = cast) -> int:
                options = {**as_json({"role": "member"}), "headers": who.headers}
                return app.test_client().patch(path(cast, who), **options).status_code

            with ThreadPoolExecutor(2) as pool:
                statuses = sorted(pool.map(step_down, (cast.owner, cast.admin)))
            assert statuses == [200, 400]
            assert list(roles(cast).values()).count("owner") == 1

    def test_somebody_who_is_no_member(self, plain: Cast) -> None:
        answer = plain.owner.patch(path(plain, plain.outsider), {"role": "admin"})
        assert code(answer) == (404, "member_not_found")

    @pytest.mark.parametrize("user_id", NO_IDS)
    def test_a_bad_number(self, plain: Cast, user_id: str) -> None:
        answer = plain.owner.patch(f"{path(plain)}/{user_id}", {"role": "admin"})
        assert code(answer) == (400, "invalid_user_id")

    @pytest.mark.parametrize("user_id", [*HUGE_IDS, "0"])
    def test_a_number_that_nobody_has(self, plain: Cast, user_id: str) -> None:
        answer = plain.owner.patch(f"{path(plain)}/{user_id}", {"role": "admin"})
        assert code(answer) == (404, "member_not_found")

    @pytest.mark.parametrize(
        "body", [{}, {"role": None}, {"role": "king"}, {"role": 7}, {"role": []}]
    )
    def test_a_bad_role(self, plain: Cast, body: dict[str, Any]) -> None:
        assert plain.owner.patch(path(plain, plain.member), body).status_code == 400

    @pytest.mark.parametrize("body", BROKEN_BODIES.values(), ids=BROKEN_BODIES)
    def test_a_broken_body(self, plain: Cast, body: bytes) -> None:
        answer = plain.owner.patch(
            path(plain, plain.member), data=body, content_type="application/json"
        )
        assert answer.status_code == 400


class TestRemove:
    def test_removes_a_member(self, cast: Cast) -> None:
        gone, before = {cast.admin.id}, roles(cast)
        answer = cast.owner.delete(path(cast, cast.admin))
        assert answer.status_code == 200
        assert answer.json["data"] == {"userId": cast.admin.id, "removed": True}
        assert cast.admin.get(cast.workspace.path).status_code == 403
        assert set(roles(cast)) == set(before) - gone
        assert set(before) > gone

    def test_from_that_workspace_only(self, cast: Cast) -> None:
        join(cast.owner.home, cast.owner, cast.admin)
        cast.owner.delete(path(cast, cast.admin))
        assert cast.admin.get(cast.owner.home.path).status_code == 200

    @pytest.mark.parametrize(
        ("by", "whom"),
        [
            ("admin", "owner"), ("member", "admin"), ("member", "owner"),
            ("outsider", "admin"), ("outsider", "outsider"),
        ],
    )  # fmt: skip
    def test_who_may_not_remove_whom(self, plain: Cast, by: str, whom: str) -> None:
        before = roles(plain)
        assert plain[by].delete(path(plain, plain[whom])).status_code == 403
        assert set(roles(plain)) == set(before)

    def test_an_admin_removes_members_and_admins(self, client: FlaskClient, club: Cast) -> None:
        for role in ("member", "admin"):
            other = sign_up(client)
            join(club.workspace, club.owner, other, role)
            assert club.admin.delete(path(club, other)).status_code == 200

    def test_an_owner_removes_another_owner(self, cast: Cast) -> None:
        cast.owner.patch(path(cast, cast.admin), {"role": "owner"})
        assert cast.admin.delete(path(cast, cast.owner)).status_code == 200
        assert roles(cast, cast.admin)[cast.admin.id] == "owner"

    @pytest.mark.parametrize("role", ["admin", "member"])
    def test_everybody_may_leave(self, cast: Cast, role: str) -> None:
        assert cast[role].delete(path(cast, cast[role])).status_code == 200
        assert cast[role].get(cast.workspace.path).status_code == 403

    def test_an_owner_may_leave_when_another_remains(self, cast: Cast) -> None:
        cast.owner.patch(path(cast, cast.admin), {"role": "owner"})
        assert cast.owner.delete(path(cast, cast.owner)).status_code == 200

    def test_the_last_owner_may_not_leave(self, plain: Cast) -> None:
        assert code(plain.owner.delete(path(plain, plain.owner))) == (400, "last_owner")
        assert roles(plain)[plain.owner.id] == "owner"

    def test_two_owners_who_leave_together(self, app: Flask, plain: Cast) -> None:
        for _ in range(5):
            cast = two_owners(plain)

            def leave(who: Person, cast: Cast = cast) -> int:
                return app.test_client().delete(path(cast, who), headers=who.headers).status_code

            with ThreadPoolExecutor(2) as pool:
                assert sorted(pool.map(leave, (cast.owner, cast.admin))) == [200, 400]
            assert list(roles(cast).values()).count("owner") == 1

    def test_twice(self, cast: Cast) -> None:
        cast.owner.delete(path(cast, cast.admin))
        assert code(cast.owner.delete(path(cast, cast.admin))) == (404, "member_not_found")

    def test_nobody(self, client: FlaskClient, plain: Cast) -> None:
        assert client.delete(path(plain, plain.member)).status_code == 401

    @pytest.mark.parametrize("user_id", NO_IDS)
    def test_a_bad_number(self, plain: Cast, user_id: str) -> None:
        assert code(plain.owner.delete(f"{path(plain)}/{user_id}")) == (
            400,
            "invalid_user_id",
        )

    @pytest.mark.parametrize("user_id", HUGE_IDS)
    def test_a_number_that_nobody_has(self, plain: Cast, user_id: str) -> None:
        assert code(plain.owner.delete(f"{path(plain)}/{user_id}")) == (
            404,
            "member_not_found",
        )

    def test_somebody_may_come_back(self, cast: Cast) -> None:
        cast.owner.delete(path(cast, cast.admin))
        join(cast.workspace, cast.owner, cast.admin, "member")
        assert roles(cast)[cast.admin.id] == "member"


class TestAtTheDoorAndInside:
    """The role is read again under the lock: between door and desk it may have changed."""

    def access(self, cast: Cast, who: Person, role: str) -> Access:
        user = db.session.get_one(User, who.id)
        return Access(user, db.session.get_one(Workspace, cast.workspace.id), role)

    def test_removed_meanwhile(self, context: Flask, plain: Cast) -> None:
        stale = self.access(plain, plain.outsider, "owner")
        with pytest.raises(errors.NotAMember):
            members.change_role(stale, str(plain.member.id), role="admin")

    def test_demoted_meanwhile(self, context: Flask, plain: Cast) -> None:
        stale = self.access(plain, plain.member, "owner")
        with pytest.raises(errors.NotAManager):
            members.add_member(stale, email=plain.outsider.email, role="member")
        with pytest.raises(errors.NotAManager):
            members.remove_member(stale, str(plain.admin.id))

    def test_no_longer_an_owner(self, context: Flask, plain: Cast) -> None:
        stale = self.access(plain, plain.admin, "owner")
        with pytest.raises(errors.NotTheOwner):
            members.change_role(stale, str(plain.member.id), role="owner")


class TestTimeline:
    def test_every_change_is_written_down(self, app: Flask, cast: Cast, newcomer: Person) -> None:
        cast.complete().admin.post(path(cast), {"email": newcomer.email})
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
