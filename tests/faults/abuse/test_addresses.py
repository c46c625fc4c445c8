"""Addresses that lead a browser elsewhere: tried at the endpoints, and none reaches Stripe."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from payments.config import Settings
from tests.api.projects.test_urls import OUTSIDE, UNFIT, WITHIN
from tests.support.developers import PROJECTS, STRIPE, ProjectSeat, developer_with_project
from tests.support.ledger_rows import new_price

GOOD = "https://shop.example/back"
PLACES = [
    ("checkout-session", "success_url"),
    ("checkout-session", "cancel_url"),
    ("customer-portal", "return_url"),
]
CALLS = ("/v1/checkout/sessions", "/v1/billing_portal/sessions")
# Names that look like the allowed one and are registered by somebody else.
LOOK_ALIKES = {
    "cyrillic o": "https://sh\u043ep.example/",
    "greek omicron": "https://sh\u03bfp.example/",
    "latin small alpha": "https://sh\u0251p.example/",
    "dotless i": "https://sh\u0131p.example/",
    "combining dot": "https://shop\u0307.example/",
    "armenian": "https://\u057fhop.example/",
    "its punycode": "https://xn--shp-tlc.example/",
    "ideographic stop as a dot": "https://shop.example\u3002evil.example/",
    "full width slash": "https://shop.example\uff0f.evil.example/",
    "soft hyphen and more": "https://sho\u00adp.example.evil.example/",
}
HOSTILE = {**UNFIT, **OUTSIDE, **LOOK_ALIKES}


@pytest.fixture(scope="module")
def guarded(client_of_module: FlaskClient, settings: Settings) -> ProjectSeat:
    """A project with one allowed origin, and a price."""
    return developer_with_project(
        client_of_module,
        settings,
        allowed_origins=["https://shop.example", "https://bücher.example:8443"],
    )


@pytest.fixture(scope="module")
def client_of_module(app: Any, worker: None) -> FlaskClient:
    made: FlaskClient = app.test_client()
    return made


def body(seat: ProjectSeat, **changes: str) -> dict[str, str]:
    good = {"price_id": "price_1", "success_url": GOOD, "cancel_url": GOOD, "return_url": GOOD}
    return {**good, **changes}


def calls(seat: ProjectSeat) -> list[Any]:
    """Return what of all this reached Stripe."""
    return [c for path in CALLS for c in seat.shop.control("GET", f"requests?path={path}")["data"]]


class TestRefused:
    @pytest.mark.parametrize("name", HOSTILE)
    def test_wherever_it_stands(self, guarded: ProjectSeat, name: str) -> None:
        for path, field in PLACES:
            sent = body(guarded, **{field: HOSTILE[name]})
            answer = guarded.end_user.post(f"{STRIPE}/{path}", sent)
            assert answer.status_code == 422, (path, field, answer.text)
            assert [fault["loc"] for fault in answer.json["detail"]] == [["body", field]]
        assert calls(guarded) == []

    @pytest.mark.parametrize("name", WITHIN)
    def test_the_projects_own_places_pass(self, guarded: ProjectSeat, name: str) -> None:
        """The control: the same requests to where the project lives."""
        sent = body(guarded, success_url=WITHIN[name], price_id=new_price(guarded.shop))
        answer = guarded.end_user.post(f"{STRIPE}/checkout-session", sent)
        assert answer.status_code == 200, answer.text
        guarded.shop.control("DELETE", "requests")


class TestAllowance:
    @pytest.mark.parametrize(
        "origin",
        [
            "*", "https://*", "https://*.example", "null", "javascript:alert(1)", "//shop.example",
            "https://a@shop.example", "https://shop.example/path", "https://shop.example?x",
            "file:///", "https://", "shop.example", "", "https://shop.example\\@evil.example",
        ],
    )  # fmt: skip
    def test_no_trick_gets_into_the_list(self, guarded: ProjectSeat, origin: str) -> None:
        path = f"{PROJECTS}/{guarded.project_id}"
        answer = guarded.developer.put(path, {"allowed_origins": [origin]})
        assert answer.status_code == 422
        held = guarded.developer.get(path).json["allowed_origins"]
        assert held == ["https://shop.example", "https://xn--bcher-kva.example:8443"]
