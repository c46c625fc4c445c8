"""`POST /api/v1/payments/stripe/customer-portal`: facts 6.3."""

from __future__ import annotations

import pytest
from flask import Flask
from flask.testing import FlaskClient

from payments.config import Settings
from tests.support.apps import another_app
from tests.support.developers import STRIPE, EndUser, ProjectSeat
from tests.support.ledger_rows import customers_of, new_price, requests_to
from tests.support.processes import free_port

PATH = f"{STRIPE}/customer-portal"
SESSIONS = "/v1/billing_portal/sessions"
BODY = {"return_url": "https://shop.example/account"}


@pytest.fixture
def customer(app: Flask, seat: ProjectSeat) -> EndUser:
    """The end user, once he has been to a checkout; another one has been there too."""
    price = new_price(seat.shop)
    body = {"price_id": price, "success_url": BODY["return_url"], "cancel_url": BODY["return_url"]}
    for user in (seat.another_end_user(), seat.end_user):
        assert user.post(f"{STRIPE}/checkout-session", body).status_code == 200
    return seat.end_user


class TestPortal:
    def test_it_answers_with_the_portals_address(
        self, seat: ProjectSeat, customer: EndUser
    ) -> None:
        answer = customer.post(PATH, BODY)
        assert answer.status_code == 200, answer.text
        assert answer.json.keys() == {"portal_url"}
        assert answer.json["portal_url"].startswith(seat.shop.stripe_url)

    def test_it_is_his_own(self, app: Flask, seat: ProjectSeat, customer: EndUser) -> None:
        customer.post(PATH, BODY)
        (asked,) = requests_to(seat.shop, SESSIONS)
        ((_, held),) = customers_of(app, customer)
        assert (asked["customer"], asked["return_url"]) == (held, BODY["return_url"])

    def test_whoever_never_checked_out_is_404(self, seat: ProjectSeat, customer: EndUser) -> None:
        answer = seat.another_end_user().post(PATH, BODY)
        assert answer.status_code == 404
        assert answer.json == {"detail": "No Stripe customer found: nothing was checked out yet"}

    def test_a_customer_deleted_at_stripe_is_404(
        self, app: Flask, seat: ProjectSeat, customer: EndUser
    ) -> None:
        ((_, held),) = customers_of(app, customer)
        seat.shop.stripe("DELETE", f"/v1/customers/{held}")
        assert customer.post(PATH, BODY).status_code == 404

    def test_what_stripe_refuses_is_400(self, seat: ProjectSeat, customer: EndUser) -> None:
        error = {"type": "invalid_request_error", "message": "You can't create a portal session"}
        fault = {"match": {"path": SESSIONS}, "action": "error", "status": 400, "error": error}
        seat.shop.control("POST", "faults", fault)
        answer = customer.post(PATH, BODY)
        assert answer.status_code == 400
        assert answer.json == {"detail": "Stripe refused the request"}

    def test_stripe_unreachable_is_502(self, settings: Settings, customer: EndUser) -> None:
        nowhere = f"http://127.0.0.1:{free_port()}"
        with another_app(settings, stripe_api_base=nowhere) as other:
            answer = other.test_client().post(PATH, json=BODY, headers=customer.headers)
        assert answer.status_code == 502


class TestTestMode:
    @pytest.mark.parametrize("word", ["true", "1"])
    def test_true_is_the_default(self, customer: EndUser, word: str) -> None:
        assert customer.post(PATH, BODY, query_string={"test_mode": word}).status_code == 200

    @pytest.mark.parametrize("word", ["false", "0"])
    def test_false_is_not_configured_here(self, customer: EndUser, word: str) -> None:
        answer = customer.post(PATH, BODY, query_string={"test_mode": word})
        assert answer.status_code == 404
        assert answer.json == {"detail": "Stripe is not configured for this project and mode"}

    def test_a_customer_of_the_other_mode_does_not_count(self, neighbours: ProjectSeat) -> None:
        user = neighbours.another_end_user("Liv")
        body = {"price_id": new_price(neighbours.shop), "success_url": "https://a.example/"}
        user.post(f"{STRIPE}/checkout-session", {**body, "cancel_url": "https://a.example/"})
        assert user.post(PATH, BODY).status_code == 200
        answer = user.post(PATH, BODY, query_string={"test_mode": "false"})
        assert answer.status_code == 404
        assert answer.json["detail"].startswith("No Stripe customer")

    def test_no_boolean_is_422(self, customer: EndUser) -> None:
        assert customer.post(PATH, BODY, query_string={"test_mode": "x"}).status_code == 422


class TestWho:
    def test_nobody_is_401(self, client: FlaskClient, seat: ProjectSeat) -> None:
        assert client.post(PATH, json=BODY).status_code == 401

    def test_a_developer_is_403(self, seat: ProjectSeat) -> None:
        assert seat.developer.post(PATH, BODY).status_code == 403
