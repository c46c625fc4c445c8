"""Lists and figures for developers: facts sections 2, 3.6 and 3.7."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient

from payments.config import Settings
from tests.support.developers import (
    PROJECTS,
    Developer,
    ProjectSeat,
    developer_with_project,
    live_key,
    new_project,
    register_developer,
    store_keys,
)
from tests.support.ledger_rows import add_payment, add_subscription

ROOT = "/api/v1/payments"
NOBODY = str(uuid4())

SUBSCRIPTION = {
    "id", "project_id", "user_id", "is_test_mode", "subscription_id", "customer_id", "status",
    "plan_name", "quantity", "current_period_start", "current_period_end", "cancel_at",
    "cancelled_at", "created_at", "add_ons", "ended_reason",
}  # fmt: skip
PAYMENT = {
    "id", "project_id", "subscription_id", "user_id", "is_test_mode", "payment_intent_id",
    "status", "amount_cents", "currency", "description", "refunded_amount_cents", "created_at",
}  # fmt: skip
ACROSS = {"project_name", "provider"}

# What is asked, the name of its items, and how a row of it is made.
LISTS = [
    ("subscriptions", "subscriptions", add_subscription),
    ("transactions", "payments", add_payment),
]
OF_A_PROJECT = [("subscriptions", add_subscription), ("payments", add_payment)]


def get(developer: Developer, path: str, **query: Any) -> dict[str, Any]:
    answer = developer.get(path, query_string=query)
    assert answer.status_code == 200, answer.text
    return dict(answer.json)


def ids(told: dict[str, Any]) -> list[str]:
    return [row["id"] for row in told.get("subscriptions", told.get("payments", []))]


@pytest.fixture
def second(client: FlaskClient, settings: Settings, seat: ProjectSeat) -> ProjectSeat:
    """Another project of the same developer, with keys of both modes."""
    more = {"developer": seat.developer, "live": True}
    return developer_with_project(client, settings, **more, name="Also mine")


@pytest.fixture(autouse=True)
def noise(app: Flask, neighbours: ProjectSeat) -> None:
    """Rows of another developer, in both modes."""
    for test_mode in (True, False):
        add_subscription(app, neighbours, neighbours.end_user, test_mode=test_mode)
        add_payment(app, neighbours, neighbours.end_user, test_mode=test_mode)


class TestFields:
    def test_a_subscription_across_projects(self, app: Flask, seat: ProjectSeat) -> None:
        row = add_subscription(
            app, seat, seat.end_user, customer_id="cus_1", plan_name="Pro", quantity=2,
            current_period_end=datetime(2026, 5, 6, 7, 8, 9, tzinfo=UTC),
        )  # fmt: skip
        (told,) = get(seat.developer, f"{ROOT}/subscriptions")["subscriptions"]
        assert told.keys() == SUBSCRIPTION | ACROSS
        assert (told["project_name"], told["provider"]) == ("Shop", "stripe")
        assert (told["id"], told["subscription_id"]) == (row["id"], row["subscription_id"])
        assert (told["project_id"], told["user_id"]) == (seat.project_id, seat.end_user.user_id)
        assert (told["customer_id"], told["plan_name"], told["quantity"]) == ("cus_1", "Pro", 2)
        assert told["current_period_end"] == "2026-05-06T07:08:09.000Z"
        assert told["is_test_mode"] is True

    def test_a_transaction_across_projects(self, app: Flask, seat: ProjectSeat) -> None:
        held = add_subscription(app, seat, seat.end_user)
        row = add_payment(app, seat, seat.end_user, subscription_row_id=held["id"])
        (told,) = get(seat.developer, f"{ROOT}/transactions")["payments"]
        assert told.keys() == PAYMENT | ACROSS
        assert (told["project_name"], told["provider"]) == ("Shop", "stripe")
        assert told["subscription_id"] == held["id"]  # our id, not Stripe's
        assert told["payment_intent_id"] == row["payment_intent_id"]
        assert (told["amount_cents"], told["currency"]) == (2000, "usd")
        assert told["refunded_amount_cents"] == 0

    def test_a_projects_subscription(self, app: Flask, seat: ProjectSeat) -> None:
        add_subscription(app, seat, seat.end_user)
        (told,) = get(seat.developer, f"{seat.path}/subscriptions")["subscriptions"]
        assert told.keys() == SUBSCRIPTION

    def test_a_projects_payment(self, app: Flask, seat: ProjectSeat) -> None:
        add_payment(app, seat, seat.end_user)
        (told,) = get(seat.developer, f"{seat.path}/payments")["payments"]
        assert told.keys() == PAYMENT

    @pytest.mark.usefixtures("eve")
    @pytest.mark.parametrize(("path", "name", "add"), LISTS)
    def test_a_row_of_nobody_known(
        self, app: Flask, seat: ProjectSeat, path: str, name: str, add: Any
    ) -> None:
        add(app, seat)
        (told,) = get(seat.developer, f"{ROOT}/{path}")[name]
        assert told["user_id"] is None


@pytest.mark.parametrize(("path", "name", "add"), LISTS)
class TestAcross:
    def test_all_projects_and_modes_the_newest_first(
        self, app: Flask, seat: ProjectSeat, second: ProjectSeat, path: str, name: str, add: Any
    ) -> None:
        rows = [
            add(app, place, place.end_user, test_mode=mode)["id"]
            for place in (seat, second)
            for mode in (True, False)
        ]
        told = get(seat.developer, f"{ROOT}/{path}")
        assert told.keys() == {name, "total", "page", "page_size"}
        assert (told["total"], told["page"], told["page_size"]) == (4, 1, 50)
        assert ids(told) == rows[::-1]

    def test_of_one_moment_the_greater_id_first(
        self, app: Flask, seat: ProjectSeat, path: str, name: str, add: Any
    ) -> None:
        at = datetime(2026, 1, 1, tzinfo=UTC)
        rows = [add(app, seat, test_mode=n % 2 == 0, created_at=at)["id"] for n in range(6)]
        pages = [get(seat.developer, f"{ROOT}/{path}", page=n, page_size=2) for n in (1, 2, 3)]
        assert [row for page in pages for row in ids(page)] == sorted(rows, reverse=True)

    @pytest.mark.parametrize(("word", "expected"), [("true", 1), ("1", 1), ("false", 0), ("0", 0)])
    def test_test_mode_filters(
        self, app: Flask, seat: ProjectSeat, path: str, name: str, add: Any,
        word: str, expected: int,
    ) -> None:  # fmt: skip
        rows = [add(app, seat, test_mode=mode)["id"] for mode in (False, True)]
        told = get(seat.developer, f"{ROOT}/{path}", test_mode=word)
        assert (ids(told), told["total"]) == ([rows[expected]], 1)

    @pytest.mark.parametrize("word", ["", "both", "null", "2"])
    def test_no_boolean_is_422(
        self, seat: ProjectSeat, path: str, name: str, add: Any, word: str
    ) -> None:
        answer = seat.developer.get(f"{ROOT}/{path}", query_string={"test_mode": word})
        assert answer.status_code == 422

    def test_project_id_filters(
        self, app: Flask, seat: ProjectSeat, second: ProjectSeat, path: str, name: str, add: Any
    ) -> None:
        add(app, seat)
        mine = add(app, second)
        told = get(seat.developer, f"{ROOT}/{path}", project_id=second.project_id.upper())
        assert (ids(told), told["total"]) == ([mine["id"]], 1)

    def test_a_foreign_or_unknown_project_has_no_rows(
        self, seat: ProjectSeat, neighbours: ProjectSeat, path: str, name: str, add: Any
    ) -> None:
        for project_id in (neighbours.project_id, NOBODY):
            told = get(seat.developer, f"{ROOT}/{path}", project_id=project_id)
            assert (told[name], told["total"]) == ([], 0)
            told = get(seat.developer, f"{ROOT}/{path}", project_id=project_id, status="active")
            assert (told[name], told["total"]) == ([], 0)

    @pytest.mark.parametrize("bad", ["", "7", "abc", "null"])
    def test_no_uuid_is_422(
        self, seat: ProjectSeat, path: str, name: str, add: Any, bad: str
    ) -> None:
        answer = seat.developer.get(f"{ROOT}/{path}", query_string={"project_id": bad})
        assert answer.status_code == 422
        assert answer.json["detail"][0]["loc"] == ["query", "project_id"]

    def test_status_filters(
        self, app: Flask, seat: ProjectSeat, second: ProjectSeat, path: str, name: str, add: Any
    ) -> None:
        rows = [
            add(app, place, test_mode=mode, status=status)["id"]
            for place in (seat, second)
            for mode in (True, False)
            for status in ("canceled", "failed")
        ]
        told = get(seat.developer, f"{ROOT}/{path}", status="canceled")
        assert (ids(told), told["total"]) == (rows[::2][::-1], 4)
        told = get(
            seat.developer, f"{ROOT}/{path}", status="failed", test_mode="false",
            project_id=second.project_id,
        )  # fmt: skip
        assert (ids(told), told["total"]) == ([rows[-1]], 1)

    @pytest.mark.parametrize("status", ["nonsense", "Active", "active' OR 1=1", "%"])
    def test_an_unknown_status_has_no_rows(
        self, app: Flask, seat: ProjectSeat, path: str, name: str, add: Any, status: str
    ) -> None:
        add(app, seat)
        told = get(seat.developer, f"{ROOT}/{path}", status=status)
        assert (told[name], told["total"]) == ([], 0)

    @pytest.mark.parametrize(
        ("field", "bad"),
        [("page", "0"), ("page", "x"), ("page_size", "0"), ("page_size", "101"), ("status", "\0")],
    )
    def test_out_of_range_is_422(
        self, seat: ProjectSeat, path: str, name: str, add: Any, field: str, bad: str
    ) -> None:
        answer = seat.developer.get(f"{ROOT}/{path}", query_string={field: bad})
        assert answer.status_code == 422

    @pytest.mark.parametrize("page", ["3", "9" * 25])
    def test_a_page_beyond_the_last_is_empty(
        self, app: Flask, seat: ProjectSeat, path: str, name: str, add: Any, page: str
    ) -> None:
        add(app, seat)
        told = get(seat.developer, f"{ROOT}/{path}", page=page, page_size=1)
        assert (told[name], told["total"], told["page"]) == ([], 1, int(page))

    def test_a_developer_without_projects(
        self, client: FlaskClient, settings: Settings, path: str, name: str, add: Any
    ) -> None:
        told = get(register_developer(client, settings), f"{ROOT}/{path}")
        assert told == {name: [], "total": 0, "page": 1, "page_size": 50}

    def test_who(
        self, client: FlaskClient, seat: ProjectSeat, path: str, name: str, add: Any
    ) -> None:
        assert client.get(f"{ROOT}/{path}").status_code == 401
        answer = seat.end_user.get(f"{ROOT}/{path}")
        assert answer.status_code == 403
        assert answer.json == {"detail": "Insufficient permissions. Developer role required."}


@pytest.mark.parametrize(("name", "add"), OF_A_PROJECT)
class TestOfAProject:
    def test_test_rows_are_the_default(
        self, app: Flask, seat: ProjectSeat, second: ProjectSeat, name: str, add: Any
    ) -> None:
        test, live = (add(app, seat, test_mode=mode)["id"] for mode in (True, False))
        add(app, second)
        told = get(seat.developer, f"{seat.path}/{name}")
        assert told.keys() == {name, "total", "page", "page_size"}
        assert (ids(told), told["total"]) == ([test], 1)
        for word in ("false", "0"):
            told = get(seat.developer, f"{seat.path}/{name}", test_mode=word)
            assert (ids(told), told["total"]) == ([live], 1)

    def test_pages(self, app: Flask, seat: ProjectSeat, name: str, add: Any) -> None:
        rows = [add(app, seat)["id"] for _ in range(5)]
        pages = [
            get(seat.developer, f"{seat.path}/{name}", page=n, page_size=2) for n in (1, 2, 3, 4)
        ]
        assert [row for page in pages for row in ids(page)] == rows[::-1]
        assert {page["total"] for page in pages} == {5}

    def test_a_status_is_no_filter_here(
        self, app: Flask, seat: ProjectSeat, name: str, add: Any
    ) -> None:
        add(app, seat)
        assert get(seat.developer, f"{seat.path}/{name}", status="nonsense")["total"] == 1

    def test_it_works_without_a_configuration(
        self, app: Flask, seat: ProjectSeat, name: str, add: Any
    ) -> None:
        row = add(app, seat)
        seat.developer.delete(f"{seat.path}/config")
        assert ids(get(seat.developer, f"{seat.path}/{name}")) == [row["id"]]

    @pytest.mark.parametrize("query", ["page=0", "page_size=101", "test_mode=x", "test_mode="])
    def test_bad_queries_are_422(self, seat: ProjectSeat, name: str, add: Any, query: str) -> None:
        assert seat.developer.get(f"{seat.path}/{name}?{query}").status_code == 422

    def test_whose_it_is(
        self, client: FlaskClient, seat: ProjectSeat, neighbours: ProjectSeat, name: str, add: Any
    ) -> None:
        assert client.get(f"{seat.path}/{name}").status_code == 401
        assert seat.end_user.get(f"{seat.path}/{name}").status_code == 403
        assert neighbours.developer.get(f"{seat.path}/{name}").status_code == 403
        unknown = f"{ROOT}/stripe/projects/{NOBODY}/{name}"
        assert seat.developer.get(unknown).status_code == 404


class TestProjects:
    def find(self, developer: Developer, project_id: str) -> dict[str, Any]:
        told = get(developer, f"{ROOT}/projects")["projects"]
        return dict(next(project for project in told if project["id"] == project_id))

    def test_every_field(self, seat: ProjectSeat) -> None:
        project_id = new_project(seat.developer, "Third", description="Sells things")
        told = self.find(seat.developer, project_id)
        created = seat.developer.get(f"{PROJECTS}/{project_id}").json["created_at"]
        assert told == {
            "id": project_id,
            "name": "Third",
            "description": "Sells things",
            "has_payment_config": False,
            "has_test_credentials": False,
            "has_live_credentials": False,
            "test_configured_at": None,
            "live_configured_at": None,
            "is_active": True,
            "created_at": created,
        }

    def test_all_of_his_and_only_those(
        self, seat: ProjectSeat, second: ProjectSeat, neighbours: ProjectSeat
    ) -> None:
        new_project(seat.developer, "Third")
        told = get(seat.developer, f"{ROOT}/projects")
        assert told.keys() == {"projects", "total"}
        names = [project["name"] for project in told["projects"]]
        assert names == ["Third", "Also mine", "Shop"]
        assert told["total"] == 3

    def test_keys_of_one_mode(self, seat: ProjectSeat) -> None:
        told = self.find(seat.developer, seat.project_id)
        assert (told["has_payment_config"], told["has_test_credentials"]) == (True, True)
        assert (told["has_live_credentials"], told["live_configured_at"]) == (False, None)
        config = seat.developer.get(f"{seat.path}/config").json
        assert told["test_configured_at"] == config["test_configured_at"]

    def test_keys_of_both(self, seat: ProjectSeat, second: ProjectSeat) -> None:
        told = self.find(seat.developer, second.project_id)
        assert (told["has_test_credentials"], told["has_live_credentials"]) == (True, True)
        assert told["live_configured_at"].endswith("Z")

    def test_a_webhook_secret_alone_is_no_credential(self, seat: ProjectSeat) -> None:
        project_id = new_project(seat.developer, "Third")
        store_keys(seat.developer, project_id, test_webhook_secret="whsec_abcdefgh1234567890abcdef")
        told = self.find(seat.developer, project_id)
        assert (told["has_payment_config"], told["has_test_credentials"]) == (True, False)

    def test_a_deleted_configuration(self, seat: ProjectSeat) -> None:
        assert seat.developer.delete(f"{seat.path}/config").status_code == 204
        config = seat.developer.get(f"{seat.path}/config").json
        assert config["is_active"] is False
        told = self.find(seat.developer, seat.project_id)
        assert (told["has_payment_config"], told["has_test_credentials"]) == (False, False)
        assert (told["test_configured_at"], told["is_active"]) == (None, True)

    def test_one_that_is_stored_again(self, seat: ProjectSeat) -> None:
        seat.developer.delete(f"{seat.path}/config")
        store_keys(seat.developer, seat.project_id, live_secret_key=live_key())
        told = self.find(seat.developer, seat.project_id)
        assert told["has_payment_config"] is True
        assert told["has_live_credentials"] is True

    def test_a_deleted_project_is_told_as_inactive(self, seat: ProjectSeat) -> None:
        assert seat.developer.delete(f"{PROJECTS}/{seat.project_id}").status_code == 204
        assert self.find(seat.developer, seat.project_id)["is_active"] is False

    def test_who(self, client: FlaskClient, seat: ProjectSeat) -> None:
        assert client.get(f"{ROOT}/projects").status_code == 401
        assert seat.end_user.get(f"{ROOT}/projects").status_code == 403


class TestStats:
    def test_every_field_without_anything(self, client: FlaskClient, settings: Settings) -> None:
        assert get(register_developer(client, settings), f"{ROOT}/stats") == {
            "total_projects": 0,
            "projects_with_config": 0,
            "projects_with_test": 0,
            "projects_with_live": 0,
            "total_subscriptions": 0,
            "active_subscriptions": 0,
            "total_payments": 0,
            "successful_payments": 0,
            "total_revenue_cents": 0,
            "currency": "usd",
            "revenue_by_currency": {},
        }

    def test_test_is_test_and_live_and_the_default(
        self, app: Flask, seat: ProjectSeat, second: ProjectSeat
    ) -> None:
        self.fill(app, seat, second)
        for query in ({}, {"test_mode": "true"}, {"test_mode": "1"}):
            told = get(seat.developer, f"{ROOT}/stats", **query)
            assert self.figures(told) == (7, 4, 9, 3, 50_994)
            assert told["revenue_by_currency"] == {"eur": 110, "usd": 50_994}

    def test_live_is_live_only(self, app: Flask, seat: ProjectSeat, second: ProjectSeat) -> None:
        self.fill(app, seat, second)
        for word in ("false", "0"):
            told = get(seat.developer, f"{ROOT}/stats", test_mode=word)
            assert self.figures(told) == (1, 1, 1, 1, 1000)
            assert told["revenue_by_currency"] == {"usd": 1000}

    @pytest.mark.parametrize(
        ("sold", "main"),
        [
            (["jpy", "jpy", "usd"], "jpy"),  # the most payments, not the greatest sum
            (["usd", "eur"], "eur"),  # a tie goes by the code
            (["kwd"], "kwd"),
        ],
    )
    def test_unlike_currencies_are_never_added(
        self, app: Flask, seat: ProjectSeat, second: ProjectSeat, sold: list[str], main: str
    ) -> None:
        amounts = {"jpy": 500, "usd": 10_000, "eur": 70, "kwd": 5120}
        for number, currency in enumerate(sold):
            place = seat if number % 2 else second
            add_payment(app, place, currency=currency, amount_cents=amounts[currency])
        told = get(seat.developer, f"{ROOT}/stats")
        expected = {code: sold.count(code) * amounts[code] for code in sold}
        assert told["revenue_by_currency"] == expected
        assert (told["currency"], told["total_revenue_cents"]) == (main, expected[main])
        assert told["successful_payments"] == len(sold)

    def test_revenue_is_what_was_not_given_back(self, app: Flask, seat: ProjectSeat) -> None:
        part = {"status": "partially_refunded", "amount_cents": 999, "refunded_amount_cents": 100}
        add_payment(app, seat, **part)
        add_payment(app, seat, status="refunded", amount_cents=50, refunded_amount_cents=50)
        add_payment(app, seat, status="disputed", amount_cents=70)
        told = get(seat.developer, f"{ROOT}/stats")
        assert (told["total_revenue_cents"], told["successful_payments"]) == (899, 0)

    def test_projects_are_counted_in_either_mode(
        self, seat: ProjectSeat, second: ProjectSeat
    ) -> None:
        bare = new_project(seat.developer, "Bare")
        store_keys(seat.developer, bare, test_webhook_secret="whsec_abcdefgh1234567890abcdef")
        for word in ("true", "false"):
            told = get(seat.developer, f"{ROOT}/stats", test_mode=word)
            counted = [told[name] for name in ("total_projects", "projects_with_config")]
            assert counted == [3, 3]
            assert (told["projects_with_test"], told["projects_with_live"]) == (2, 1)

    def test_a_deleted_configuration_is_not_counted(
        self, seat: ProjectSeat, second: ProjectSeat
    ) -> None:
        second.developer.delete(f"{second.path}/config")
        told = get(seat.developer, f"{ROOT}/stats")
        assert (told["total_projects"], told["projects_with_config"]) == (2, 1)
        assert (told["projects_with_test"], told["projects_with_live"]) == (1, 0)

    def test_no_boolean_is_422(self, seat: ProjectSeat) -> None:
        assert seat.developer.get(f"{ROOT}/stats?test_mode=all").status_code == 422

    def test_who(self, client: FlaskClient, seat: ProjectSeat) -> None:
        assert client.get(f"{ROOT}/stats").status_code == 401
        assert seat.end_user.get(f"{ROOT}/stats").status_code == 403

    def figures(self, told: dict[str, Any]) -> tuple[int, ...]:
        return (
            told["total_subscriptions"],
            told["active_subscriptions"],
            told["total_payments"],
            told["successful_payments"],
            told["total_revenue_cents"],
        )

    def fill(self, app: Flask, seat: ProjectSeat, second: ProjectSeat) -> None:
        """Rows of every status; three are active in test mode and one live."""
        for status in ("active", "trialing", "past_due", "canceled", "unpaid"):
            add_subscription(app, seat, status=status)
        add_subscription(app, second, seat.end_user)
        add_subscription(app, second, test_mode=False)
        for status in ("pending", "failed", "refunded", "partially_refunded", "canceled"):
            add_payment(app, seat, status=status, amount_cents=50_000, refunded_amount_cents=7)
        add_payment(app, seat, status="disputed", amount_cents=50_000)
        add_payment(app, seat, amount_cents=1)
        add_payment(app, second, amount_cents=110, currency="eur")
        add_payment(app, second, test_mode=False, amount_cents=1000)
