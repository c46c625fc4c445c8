"""What Stripe refuses an end user: the developer learns the reason, they get a plain sentence."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from flask import Flask

from tests.support.developers import STRIPE, ProjectSeat, store_keys
from tests.support.ledger_rows import new_price, subscribed

URLS = {"success_url": "https://shop.example/s", "cancel_url": "https://shop.example/c"}
RETURN = {"return_url": "https://shop.example"}
REFUSED = {"detail": "Stripe refused the request"}

NO_PORTAL = (
    "No configuration provided and your test mode default configuration has not been created. "
    "Provide a configuration or create your default by saving your customer portal settings"
)
NO_NAME = "In order to use Checkout, you must set an account or business name."
SECRETS = "someone@example.com may not use sk_test_abcdefghijk"


def refuse(
    seat: ProjectSeat, method: str, path: str, message: str, *, http_status: int = 400, **more: Any
) -> None:
    error = {"type": "invalid_request_error", "message": message, **more}
    match = {"method": method, "path": path}
    fault = {"match": match, "action": "error", "status": http_status, "error": error}
    seat.shop.control("POST", "faults", fault)


def told(seat: ProjectSeat) -> list[dict[str, Any]]:
    query = {"kind": "stripe.refused", "test_mode": "true"}
    return list(seat.developer.get(f"{seat.path}/timeline", query_string=query).json["entries"])


@pytest.fixture
def price(seat: ProjectSeat) -> str:
    return new_price(seat.shop)


@pytest.fixture
def held(app: Flask, seat: ProjectSeat, price: str) -> str:
    return subscribed(app, seat, seat.end_user, price)


def check_out(seat: ProjectSeat, price: str) -> Any:
    return seat.end_user.post(f"{STRIPE}/checkout-session", {"price_id": price, **URLS})


class TestFreshAccounts:
    def test_checkout_without_a_business_name(
        self, seat: ProjectSeat, price: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        refuse(seat, "POST", "/v1/checkout/sessions", NO_NAME)
        with caplog.at_level(logging.ERROR):
            answer = check_out(seat, price)
        assert (answer.status_code, answer.json) == (400, REFUSED)
        (entry,) = told(seat)
        assert entry["sentence"] == f"Stripe refused to open Checkout: {NO_NAME}"
        assert (entry["user"]["id"], entry["source"]) == (seat.end_user.user_id, "request")
        (line,) = [r.getMessage() for r in caplog.records if NO_NAME in r.getMessage()]
        assert seat.project_id in line

    def test_a_portal_that_was_never_saved(self, seat: ProjectSeat, held: str) -> None:
        refuse(seat, "POST", "/v1/billing_portal/sessions", NO_PORTAL)
        answer = seat.end_user.post(f"{STRIPE}/customer-portal", RETURN)
        assert (answer.status_code, answer.json) == (400, REFUSED)
        assert NO_PORTAL in told(seat)[0]["sentence"]


class TestEachCall:
    def test_an_email_address_is_400(self, seat: ProjectSeat, price: str) -> None:
        message = "Invalid email address: a@localhost"
        refuse(seat, "POST", "/v1/customers", message, code="email_invalid", param="email")
        answer = check_out(seat, price)
        assert (answer.status_code, answer.json) == (400, REFUSED)
        (entry,) = told(seat)
        assert entry["data"]["code"] == "email_invalid"
        assert entry["data"]["message"] == "Invalid email address: [email]"

    @pytest.mark.parametrize(("method", "immediately"), [("POST", False), ("DELETE", True)])
    def test_a_cancellation_is_400_and_changes_nothing(
        self, seat: ProjectSeat, held: str, method: str, immediately: bool
    ) -> None:
        refuse(seat, method, f"/v1/subscriptions/{held}", "Not now.", code="not_now")
        body = {"cancel_immediately": immediately}
        answer = seat.end_user.post(f"{STRIPE}/cancel-subscription", body)
        assert (answer.status_code, answer.json) == (400, REFUSED)
        (entry,) = told(seat)
        assert entry["sentence"] == "Stripe refused to cancel a subscription: Not now. (not_now)"
        assert seat.end_user.get(f"{STRIPE}/my-subscription").json["status"] == "active"

    def test_a_change_of_plan(self, seat: ProjectSeat, held: str) -> None:
        refuse(seat, "POST", f"/v1/subscriptions/{held}", "The currencies differ.")
        body = {"new_price_id": new_price(seat.shop)}
        assert seat.end_user.post(f"{STRIPE}/update-subscription", body).status_code == 400
        assert "The currencies differ." in told(seat)[0]["sentence"]

    def test_a_look_at_the_subscription(self, seat: ProjectSeat, held: str) -> None:
        refuse(seat, "GET", f"/v1/subscriptions/{held}", "Not readable.")
        body = {"new_price_id": new_price(seat.shop)}
        answer = seat.end_user.post(f"{STRIPE}/update-subscription", body)
        assert (answer.status_code, answer.json) == (400, REFUSED)

    def test_a_price(self, seat: ProjectSeat, price: str) -> None:
        refuse(seat, "GET", f"/v1/prices/{price}", "Not readable.")
        assert check_out(seat, price).status_code == 400
        assert "Not readable." in told(seat)[0]["sentence"]

    def test_an_unknown_price_is_nothing_to_tell(self, seat: ProjectSeat) -> None:
        assert check_out(seat, "price_unknown").status_code == 400
        assert told(seat) == []

    @pytest.mark.parametrize("status", [401, 403])
    @pytest.mark.parametrize("path", ["/v1/prices/*", "/v1/subscriptions/*"])
    def test_a_key_that_may_not_change_plans_is_told_once(
        self, seat: ProjectSeat, held: str, path: str, status: int
    ) -> None:
        body = {"new_price_id": new_price(seat.shop)}
        method = "GET" if "prices" in path else "POST"
        refuse(seat, method, path, "This key may not do that.", http_status=status)
        assert seat.end_user.post(f"{STRIPE}/update-subscription", body).status_code == 502
        (entry,) = told(seat)
        assert "This key may not do that." in entry["sentence"]

    def test_a_402_where_nothing_is_paid_is_no_reason_to_try_again(
        self, seat: ProjectSeat, price: str
    ) -> None:
        refuse(seat, "POST", "/v1/checkout/sessions", "Not on this plan.", http_status=402)
        answer = check_out(seat, price)
        assert (answer.status_code, answer.json) == (400, REFUSED)
        assert "Not on this plan." in told(seat)[0]["sentence"]

    def test_a_list_of_subscriptions_sells_no_second_one(
        self, seat: ProjectSeat, held: str
    ) -> None:
        refuse(seat, "GET", "/v1/subscriptions", "Not readable.")
        answer = check_out(seat, new_price(seat.shop))
        assert (answer.status_code, answer.json) == (400, REFUSED)

    def test_a_page_that_stays_open_is_followed_by_no_other(
        self, seat: ProjectSeat, price: str
    ) -> None:
        """Both could be paid."""
        assert check_out(seat, price).status_code == 200
        refuse(seat, "POST", "/v1/checkout/sessions/*/expire", "Not now.")
        answer = check_out(seat, price)
        assert (answer.status_code, answer.json) == (400, REFUSED)
        assert "Not now." in told(seat)[0]["sentence"]

    def test_a_key_without_a_permission_is_told_too(self, seat: ProjectSeat, price: str) -> None:
        store_keys(seat.developer, seat.project_id, test_secret_key="sk_test_tooshrt")
        assert check_out(seat, price).status_code == 502
        (entry,) = told(seat)
        assert entry["sentence"].startswith("Stripe refused to open Checkout: Invalid API Key")


class TestSecrets:
    def test_keys_and_addresses_are_blotted_out(
        self, seat: ProjectSeat, price: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        refuse(seat, "POST", "/v1/checkout/sessions", SECRETS)
        with caplog.at_level(logging.ERROR):
            answer = check_out(seat, price)
        for text in (answer.text, str(told(seat)), caplog.text):
            assert "sk_test_abc" not in text
            assert "someone@" not in text

    def test_only_the_developer_reads_them(
        self, seat: ProjectSeat, neighbours: ProjectSeat, price: str
    ) -> None:
        before = len(told(neighbours))
        refuse(seat, "POST", "/v1/checkout/sessions", NO_NAME)
        check_out(seat, price)
        assert len(told(seat)) == 1
        assert len(told(neighbours)) == before
        assert seat.end_user.get(f"{seat.path}/timeline").status_code == 403
