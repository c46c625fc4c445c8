"""Developers see how their ledger compares with Stripe, and have it compared when they wish."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from payments.runs.slices import Difference, Slice
from tests.support.developers import ProjectSeat, new_project
from tests.support.runs import Runs, scripted
from tests.support.shop import eventually

SOME = Difference("subscription", "sub_1", "status", "active", "canceled", fixed=True)
NOBODY = "/api/v1/payments/stripe/projects/00000000-0000-0000-0000-000000000000"


@pytest.fixture
def runs(app: Flask, seat: ProjectSeat, neighbours: ProjectSeat) -> Iterator[Runs]:
    noise = Runs(app, neighbours.project_id)
    noise.done()
    held = Runs(app, seat.project_id)
    yield held
    held.close()
    noise.close()


def path(seat: ProjectSeat, *more: object) -> str:
    return "/".join([seat.path, "reconciliations", *map(str, more)])


def begin(seat: ProjectSeat, **body: Any) -> dict[str, Any]:
    answer = seat.developer.post(path(seat), body)
    assert answer.status_code == 202, answer.text
    return dict(answer.json)


def ended(seat: ProjectSeat, run_id: str) -> dict[str, Any]:
    def look() -> Any:
        run = seat.developer.get(path(seat, run_id)).json
        return run if run["state"] in {"succeeded", "failed"} else None

    return dict(eventually(look))


class TestBegin:
    def test_a_run_is_begun_and_done(self, seat: ProjectSeat, runs: Runs) -> None:
        begun = begin(seat, kind="events")
        assert (begun["kind"], begun["is_test_mode"], begun["dry_run"]) == ("events", True, False)
        assert begun["actor"].startswith("user:")
        run = ended(seat, begun["id"])
        assert (run["state"], run["error"], run["stripe_calls"]) == ("succeeded", None, 1)
        assert run["created_at"] <= run["started_at"] <= run["finished_at"]

    def test_by_default_objects_of_test_mode_are_mended(
        self, seat: ProjectSeat, runs: Runs, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        script = scripted(monkeypatch, Slice({}, True, seen=3))
        begun = begin(seat)
        assert (begun["kind"], begun["is_test_mode"], begun["dry_run"]) == ("objects", True, False)
        assert ended(seat, begun["id"])["seen"] == 3
        assert (script.asked[0]["mode"], script.asked[0]["dry_run"]) == ("test", False)

    def test_an_open_one_is_returned_as_it_is(self, seat: ProjectSeat, runs: Runs) -> None:
        run_id = runs.begin(actor="sweep")
        answer = seat.developer.post(path(seat), {"kind": "events"})
        assert (answer.status_code, answer.json["id"]) == (200, str(run_id))
        assert answer.json["actor"] == "sweep"
        other = seat.developer.post(path(seat), {"kind": "events", "dry_run": True})
        assert other.status_code == 202

    def test_a_refused_key_is_told(self, client: FlaskClient, seat: ProjectSeat) -> None:
        keys = {"test_secret_key": "sk_test_short"}
        assert seat.developer.put(f"{seat.path}/config", keys).status_code == 200
        run = ended(seat, begin(seat, kind="events")["id"])
        assert run["state"] == "failed"
        assert run["error"].startswith("BadCredentials: Invalid API Key provided")

    def test_without_a_key_there_is_nothing_to_compare(self, seat: ProjectSeat) -> None:
        told = {"detail": "Stripe is not configured for this project and mode"}
        answer = seat.developer.post(path(seat), {"kind": "events", "test_mode": False})
        assert (answer.status_code, answer.json) == (404, told)
        bare = new_project(seat.developer)
        answer = seat.developer.post(f"/api/v1/payments/stripe/projects/{bare}/reconciliations", {})
        assert (answer.status_code, answer.json) == (404, told)

    @pytest.mark.parametrize(
        "body", [{"kind": "all"}, {"test_mode": "true"}, {"dry_run": 1}, {"kind": None}, []]
    )
    def test_nonsense(self, seat: ProjectSeat, body: Any) -> None:
        assert seat.developer.post(path(seat), body).status_code == 422


class TestList:
    def test_the_newest_first(self, seat: ProjectSeat, runs: Runs) -> None:
        ids = [str(runs.done().id) for _ in range(3)]
        answer = seat.developer.get(path(seat))
        assert [run["id"] for run in answer.json["reconciliations"]] == ids[::-1]
        assert (answer.json["total"], answer.json["page"], answer.json["page_size"]) == (3, 1, 50)
        second = seat.developer.get(path(seat), query_string={"page": 2, "page_size": 2})
        assert [run["id"] for run in second.json["reconciliations"]] == ids[:1]

    def test_filters(
        self, app: Flask, seat: ProjectSeat, runs: Runs, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        events = runs.done().id
        scripted(monkeypatch, Slice({}, True))
        objects = runs.done("objects").id
        live = Runs(app, seat.project_id, "live").done().id

        def listed(**query: str) -> list[int]:
            found = seat.developer.get(path(seat), query_string=query).json["reconciliations"]
            return [int(run["id"]) for run in found]

        assert listed(kind="objects") == [objects]
        assert listed(test_mode="false") == [live]
        assert listed(test_mode="true") == [objects, events]
        assert listed(state="failed") == [live]
        assert listed(kind="events", state="succeeded") == [events]

    @pytest.mark.parametrize("query", [{"kind": "x"}, {"state": "x"}, {"page": 0}])
    def test_out_of_range(self, seat: ProjectSeat, query: dict[str, Any]) -> None:
        assert seat.developer.get(path(seat), query_string=query).status_code == 422


class TestShow:
    def test_with_what_it_found(
        self, seat: ProjectSeat, runs: Runs, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        missing = Difference("payment", "pi_1", "row", None, "succeeded")
        both = Slice({}, True, drifted=1, missing=1, differences=(SOME, missing))
        scripted(monkeypatch, Slice({}, True, drifted=1, differences=(SOME,)), both)
        runs.done("objects")
        run = runs.done("objects")
        shown = seat.developer.get(path(seat, run.id)).json
        assert (shown["total"], shown["drifted"], shown["missing"]) == (2, 1, 1)
        assert shown["drifts"][0] == {
            "object": "subscription",
            "object_id": "sub_1",
            "field": "status",
            "ours": "active",
            "theirs": "canceled",
            "fixed": True,
        }
        second = seat.developer.get(path(seat, run.id), query_string={"page": 2, "page_size": 1})
        assert [drift["object_id"] for drift in second.json["drifts"]] == ["pi_1"]

    @pytest.mark.parametrize("run_id", ["0", "nothing", "9" * 40, "-1", "%00"])
    def test_none_of_that_id(self, seat: ProjectSeat, run_id: str) -> None:
        answer = seat.developer.get(path(seat, run_id))
        assert (answer.status_code, answer.json) == (404, {"detail": "Reconciliation not found"})

    def test_another_projects(self, seat: ProjectSeat, neighbours: ProjectSeat, runs: Runs) -> None:
        run = runs.done()
        assert seat.developer.get(path(seat, run.id)).status_code == 200
        assert neighbours.developer.get(path(neighbours, run.id)).status_code == 404


@pytest.mark.parametrize("way", [("GET",), ("GET", "1"), ("POST",)])
class TestOthers:
    def test_a_foreign_developer(
        self, seat: ProjectSeat, neighbours: ProjectSeat, way: tuple[str, ...]
    ) -> None:
        method, *rest = way
        assert neighbours.developer.call(method, path(seat, *rest)).status_code == 403

    def test_an_end_user(self, seat: ProjectSeat, way: tuple[str, ...]) -> None:
        method, *rest = way
        assert seat.end_user.call(method, path(seat, *rest)).status_code == 403

    def test_nobody(self, seat: ProjectSeat, way: tuple[str, ...]) -> None:
        method, *rest = way
        assert seat.developer.client.open(path(seat, *rest), method=method).status_code == 401

    def test_no_such_project(self, seat: ProjectSeat, way: tuple[str, ...]) -> None:
        method, *rest = way
        nowhere = "/".join([NOBODY, "reconciliations", *rest])
        assert seat.developer.call(method, nowhere).status_code == 404
