"""Keys of a project's servers: shown once, hashed, ten at most, revoked for good."""

from __future__ import annotations

import hashlib
import re
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa
from flask import Flask

from payments.kit import clock
from payments.kit.db import db
from payments.projects import api_keys
from payments.projects.models import ProjectKey
from tests.support.developers import PROJECTS, Developer, ProjectSeat, new_project


@pytest.fixture
def path(developer: Developer) -> str:
    return f"{PROJECTS}/{new_project(developer)}/api-keys"


def row(app: Flask, key: str) -> dict[str, Any]:
    """Return a key's row as the database has it."""
    hashed = hashlib.sha256(key.encode()).hexdigest()
    with app.app_context():
        query = sa.select(ProjectKey.__table__).where(ProjectKey.key_hash == hashed)
        return dict(db.session.execute(query).mappings().one())


class TestCreate:
    def test_a_key_is_shown_once(self, app: Flask, developer: Developer, path: str) -> None:
        answer = developer.post(path, {"name": "server"})
        assert answer.status_code == 201
        shown = answer.json
        assert set(shown) == {"id", "name", "key", "key_prefix", "is_active", "created_at"}
        assert re.fullmatch(r"ak_[A-Za-z0-9_-]{32}", shown["key"])
        assert shown["key_prefix"] == shown["key"][:8]
        assert (shown["name"], shown["is_active"]) == ("server", True)
        assert shown["key"] not in developer.get(path).text

    def test_only_its_hash_is_kept(self, app: Flask, developer: Developer, path: str) -> None:
        key = developer.post(path, {}).json["key"]
        assert key not in str(row(app, key))

    def test_a_name_is_not_needed(self, developer: Developer, path: str) -> None:
        assert developer.post(path).json["name"] is None
        assert developer.post(path, {"name": None}).status_code == 201

    @pytest.mark.parametrize("name", ["x" * 256, 7, "a\x00b"])
    def test_a_bad_name_is_422(self, developer: Developer, path: str, name: Any) -> None:
        assert developer.post(path, {"name": name}).status_code == 422

    def test_ten_are_enough(self, developer: Developer, path: str, neighbours: ProjectSeat) -> None:
        made = [developer.post(path, {}).json["id"] for _ in range(10)]
        answer = developer.post(path, {})
        assert answer.status_code == 409
        assert answer.json == {"detail": "A project has at most 10 active API keys"}
        assert developer.delete(f"{path}/{made[0]}").status_code == 204
        assert developer.post(path, {}).status_code == 201

    def test_a_foreign_project_is_403(self, developer: Developer, neighbours: ProjectSeat) -> None:
        foreign = f"{PROJECTS}/{neighbours.project_id}/api-keys"
        assert developer.post(foreign, {}).status_code == 403
        assert developer.get(foreign).status_code == 403

    def test_end_users_are_refused(self, seat: ProjectSeat) -> None:
        keys = f"{PROJECTS}/{seat.project_id}/api-keys"
        assert seat.end_user.post(keys, {}).status_code == 403


class TestList:
    def test_newest_first_and_never_in_full(self, developer: Developer, path: str) -> None:
        for name in ("first", "second"):
            developer.post(path, {"name": name})
        listed = developer.get(path).json
        assert [key["name"] for key in listed] == ["second", "first"]
        assert set(listed[0]) == {
            "id", "name", "key_prefix", "is_active", "created_at", "last_used_at",
        }  # fmt: skip
        assert listed[0]["last_used_at"] is None

    def test_revoked_ones_are_listed_as_such(self, developer: Developer, path: str) -> None:
        key_id = developer.post(path, {}).json["id"]
        developer.delete(f"{path}/{key_id}")
        assert [key["is_active"] for key in developer.get(path).json] == [False]


class TestRevoke:
    def test_a_second_time_is_404(self, developer: Developer, path: str) -> None:
        key_id = developer.post(path, {}).json["id"]
        answer = developer.delete(f"{path}/{key_id}")
        assert (answer.status_code, answer.data) == (204, b"")
        again = developer.delete(f"{path}/{key_id}")
        assert again.status_code == 404
        assert again.json == {"detail": "API key not found"}

    def test_a_key_of_another_project_is_404(
        self, seat: ProjectSeat, neighbours: ProjectSeat, path: str
    ) -> None:
        foreign = f"{PROJECTS}/{neighbours.project_id}/api-keys"
        key_id = neighbours.developer.get(foreign).json[0]["id"]
        assert seat.developer.delete(f"{path}/{key_id}").status_code == 404
        assert seat.developer.delete(f"{foreign}/{key_id}").status_code == 403
        assert neighbours.developer.get(foreign).json[0]["is_active"] is True

    def test_an_unknown_one_is_404_and_nonsense_422(self, developer: Developer, path: str) -> None:
        assert developer.delete(f"{path}/{uuid4()}").status_code == 404
        answer = developer.delete(f"{path}/nonsense")
        assert answer.status_code == 422
        assert answer.json["detail"][0]["loc"] == ["path", "api_key_id"]


class TestUse:
    def test_use_is_noted_once_a_minute(self, app: Flask, developer: Developer, path: str) -> None:
        key = developer.post(path, {}).json["key"]
        start = clock.now()
        with app.app_context(), clock.frozen(start) as advance:
            assert api_keys.recognize_key(key) is not None
            assert row(app, key)["last_used_at"] == start
            advance(timedelta(seconds=59))
            api_keys.recognize_key(key)
            assert row(app, key)["last_used_at"] == start
            advance(timedelta(seconds=1))
            api_keys.recognize_key(key)
            assert row(app, key)["last_used_at"] == start + timedelta(seconds=60)

    def test_of_a_wrong_key_nothing_is_known(self, app: Flask, seat: ProjectSeat) -> None:
        with app.app_context():
            assert api_keys.recognize_key("ak_" + "x" * 32) is None
            assert api_keys.recognize_key(seat.api_key).project_id == seat.project_id

    def test_a_new_key_tells_nothing_in_its_repr(self) -> None:
        made = api_keys.NewKey("1", None, "ak_secret", "ak_secre", True, clock.now())
        assert "ak_secret" not in repr(made)
