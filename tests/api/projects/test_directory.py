"""Projects: made, listed, changed, switched off, each by its own developer only."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from tests.support.developers import PROJECTS, Developer, ProjectSeat, new_project


def names(developer: Developer) -> list[str]:
    return [project["name"] for project in developer.get(f"{PROJECTS}/").json]


class TestCreate:
    def test_a_project_is_made(self, developer: Developer) -> None:
        answer = developer.post(f"{PROJECTS}/", {"name": "Shoes"})
        assert answer.status_code == 201
        assert list(answer.json) == ["id"]
        shown = developer.get(f"{PROJECTS}/{answer.json['id']}").json
        assert shown["name"] == "Shoes"
        assert shown["description"] is None
        assert shown["is_active"] is True
        assert shown["allowed_origins"] == []
        assert shown["created_at"].endswith("Z")
        assert shown["updated_at"].endswith("Z")

    def test_the_path_without_its_last_slash_works_too(self, developer: Developer) -> None:
        assert developer.post(PROJECTS, {"name": "Hats"}).status_code == 201
        assert "Hats" in [project["name"] for project in developer.get(PROJECTS).json]

    @pytest.mark.parametrize(
        "body",
        [
            {},
            {"name": ""},
            {"name": "  "},
            {"name": "x" * 256},
            {"name": 7},
            {"name": None},
            {"name": "a\x00b"},
            {"name": "ok", "description": "x" * 1001},
            {"name": "ok", "allowed_origins": "https://a.example"},
        ],
    )
    def test_what_does_not_fit_is_422(self, developer: Developer, body: dict[str, Any]) -> None:
        answer = developer.post(f"{PROJECTS}/", body)
        assert answer.status_code == 422
        assert set(answer.json["detail"][0]) == {"loc", "msg", "type"}

    def test_the_longest_texts_fit(self, developer: Developer) -> None:
        body = {"name": "x" * 255, "description": "y" * 1000}
        project_id = developer.post(f"{PROJECTS}/", body).json["id"]
        assert developer.get(f"{PROJECTS}/{project_id}").json["description"] == "y" * 1000


class TestAllowedOrigins:
    @pytest.mark.parametrize(
        ("sent", "kept"),
        [
            ("https://shop.example", "https://shop.example"),
            ("HTTPS://Shop.Example/", "https://shop.example"),
            ("https://shop.example:443", "https://shop.example"),
            ("http://localhost:80", "http://localhost"),
            ("http://localhost:3000", "http://localhost:3000"),
            ("https://[::1]:8443", "https://[::1]:8443"),
        ],
    )
    def test_an_origin_is_kept_in_one_form(
        self, developer: Developer, sent: str, kept: str
    ) -> None:
        project_id = new_project(developer, allowed_origins=[sent])
        assert developer.get(f"{PROJECTS}/{project_id}").json["allowed_origins"] == [kept]

    @pytest.mark.parametrize(
        "origin",
        [
            "shop.example",
            "ftp://shop.example",
            "javascript:alert(1)",
            "https://",
            "https://shop.example/path",
            "https://shop.example?x=1",
            "https://shop.example#x",
            "https://user:pw@shop.example",
            "https://shop.example:99999",
            "https://shop.example\\@evil.example",
            "https://*.shop.example",
            "https://shop example",
            "",
            7,
        ],
    )
    def test_what_is_no_origin_is_422(self, developer: Developer, origin: Any) -> None:
        body = {"name": "x", "allowed_origins": [origin]}
        assert developer.post(f"{PROJECTS}/", body).status_code == 422

    def test_too_many_are_422(self, developer: Developer) -> None:
        body = {"name": "x", "allowed_origins": [f"https://{n}.example" for n in range(51)]}
        assert developer.post(f"{PROJECTS}/", body).status_code == 422


@pytest.mark.usefixtures("second")
class TestList:
    def test_own_projects_newest_first(self, developer: Developer, neighbours: ProjectSeat) -> None:
        new_project(developer, "Third")
        assert names(developer) == ["Third", "Second", "Shop"]

    def test_end_users_are_refused(self, seat: ProjectSeat) -> None:
        answer = seat.end_user.get(f"{PROJECTS}/")
        assert answer.status_code == 403
        assert answer.json == {"detail": "Insufficient permissions. Developer role required."}

    def test_nobody_is_refused(self, seat: ProjectSeat) -> None:
        answer = seat.developer.client.get(f"{PROJECTS}/")
        assert answer.status_code == 401
        assert answer.json == {"detail": "Could not validate credentials"}
        assert answer.headers["WWW-Authenticate"] == "Bearer"


class TestGet:
    def test_a_foreign_project_is_403(self, developer: Developer, neighbours: ProjectSeat) -> None:
        answer = developer.get(f"{PROJECTS}/{neighbours.project_id}")
        assert answer.status_code == 403
        assert answer.json == {"detail": "You do not have permission to access this resource"}

    def test_an_unknown_project_is_404(self, developer: Developer) -> None:
        answer = developer.get(f"{PROJECTS}/{uuid4()}")
        assert answer.status_code == 404
        assert answer.json == {"detail": "Project not found"}

    @pytest.mark.parametrize(
        "project_id", ["7", "not-a-uuid", "%00", "{753e4a23-bbb6-4c0c-b91b-1d65bd2cf007}"]
    )
    def test_an_id_that_is_no_uuid_is_422(self, developer: Developer, project_id: str) -> None:
        answer = developer.get(f"{PROJECTS}/{project_id}")
        assert answer.status_code == 422
        assert answer.json["detail"][0]["loc"] == ["path", "project_id"]

    def test_capitals_make_no_difference(self, seat: ProjectSeat) -> None:
        answer = seat.developer.get(f"{PROJECTS}/{seat.project_id.upper()}")
        assert answer.json["id"] == seat.project_id


class TestUpdate:
    def test_only_what_is_given_changes(self, seat: ProjectSeat) -> None:
        path = f"{PROJECTS}/{seat.project_id}"
        before = seat.developer.get(path).json
        answer = seat.developer.put(path, {"description": "Shoes and hats"})
        assert answer.status_code == 200
        assert answer.json["name"] == before["name"]
        assert answer.json["description"] == "Shoes and hats"
        assert answer.json["updated_at"] > before["updated_at"]
        seat.developer.put(path, {"name": "New", "allowed_origins": ["https://a.example"]})
        assert seat.developer.get(path).json["description"] == "Shoes and hats"
        assert seat.developer.get(path).json["allowed_origins"] == ["https://a.example"]

    def test_a_description_of_null_is_taken_away(self, developer: Developer) -> None:
        path = f"{PROJECTS}/{new_project(developer, description='Shoes')}"
        assert developer.put(path, {"description": None}).json["description"] is None

    def test_nothing_given_changes_nothing(self, seat: ProjectSeat) -> None:
        path = f"{PROJECTS}/{seat.project_id}"
        before = seat.developer.get(path).json
        assert seat.developer.put(path, {}).json == before

    def test_owner_and_state_cannot_be_sent(
        self, seat: ProjectSeat, neighbours: ProjectSeat
    ) -> None:
        body = {"owner_id": 1, "id": str(uuid4()), "is_active": False, "name": "Kept"}
        answer = seat.developer.put(f"{PROJECTS}/{seat.project_id}", body)
        assert answer.json["is_active"] is True
        assert answer.json["id"] == seat.project_id

    def test_a_foreign_project_is_403(self, developer: Developer, neighbours: ProjectSeat) -> None:
        answer = developer.put(f"{PROJECTS}/{neighbours.project_id}", {"name": "Mine"})
        assert answer.status_code == 403
        assert names(neighbours.developer) == ["Neighbours"]

    def test_a_bad_name_is_422(self, seat: ProjectSeat) -> None:
        answer = seat.developer.put(f"{PROJECTS}/{seat.project_id}", {"name": ""})
        assert answer.status_code == 422


class TestDelete:
    @pytest.mark.usefixtures("second")
    def test_the_project_is_gone_for_everybody(self, seat: ProjectSeat) -> None:
        path = f"{PROJECTS}/{seat.project_id}"
        answer = seat.developer.delete(path)
        assert answer.status_code == 204
        assert answer.data == b""
        for call in ("get", "put", "delete"):
            assert getattr(seat.developer, call)(path).status_code == 404
        assert seat.developer.get(f"{seat.path}/config").status_code == 404
        assert names(seat.developer) == ["Second"]

    def test_a_foreign_project_is_403_and_stays(
        self, developer: Developer, neighbours: ProjectSeat
    ) -> None:
        assert developer.delete(f"{PROJECTS}/{neighbours.project_id}").status_code == 403
        assert names(neighbours.developer) == ["Neighbours"]


@pytest.mark.usefixtures("eve")
class TestUsers:
    def users(self, seat: ProjectSeat, **query: Any) -> Any:
        return seat.developer.get(f"{PROJECTS}/{seat.project_id}/users", query_string=query)

    def test_the_projects_end_users_newest_first(self, seat: ProjectSeat) -> None:
        page = self.users(seat).json
        assert {name: page[name] for name in ("total", "page", "page_size")} == {
            "total": 2,
            "page": 1,
            "page_size": 50,
        }
        assert [user["full_name"] for user in page["users"]] == ["Eve", "Emil"]
        shown = page["users"][1]
        assert shown["id"] == seat.end_user.uuid
        assert shown["email"] == seat.end_user.email
        assert shown["role"] == "end_user"
        assert shown["is_active"] is True
        assert shown["project_id"] == seat.project_id

    def test_pages(self, seat: ProjectSeat) -> None:
        page = self.users(seat, page=2, page_size=1).json
        assert [user["full_name"] for user in page["users"]] == ["Emil"]
        assert (page["total"], page["page"], page["page_size"]) == (2, 2, 1)
        assert self.users(seat, page=10**18).json["users"] == []

    def test_search_in_names_and_addresses(self, seat: ProjectSeat) -> None:
        assert self.users(seat, search="EVE").json["total"] == 1
        assert self.users(seat, search=seat.end_user.email.upper()).json["total"] == 1
        assert self.users(seat, search="%").json["total"] == 0

    def test_only_active_ones_or_others(self, seat: ProjectSeat) -> None:
        assert self.users(seat, is_active="true").json["total"] == 2
        assert self.users(seat, is_active="false").json["total"] == 0

    @pytest.mark.parametrize(
        "query",
        [{"page": 0}, {"page_size": 0}, {"page_size": 101}, {"page": "x"}, {"is_active": "maybe"}],
    )
    def test_out_of_range_is_422(self, seat: ProjectSeat, query: dict[str, Any]) -> None:
        answer = self.users(seat, **query)
        assert answer.status_code == 422
        assert answer.json["detail"][0]["loc"] == ["query", next(iter(query))]

    def test_a_foreign_projects_users_are_403(
        self, developer: Developer, neighbours: ProjectSeat
    ) -> None:
        answer = developer.get(f"{PROJECTS}/{neighbours.project_id}/users")
        assert answer.status_code == 403
