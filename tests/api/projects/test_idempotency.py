"""The client's own Idempotency-Key in the projects room: a repeated POST takes effect once."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from payments.extensions import sealer
from payments.idempotency import replay
from payments.idempotency.models import IdempotentRequest
from payments.kit import clock
from payments.kit.crypto import Unsealable
from payments.kit.db import db
from payments.kit.sealed_columns import open_column
from payments.kit.transactions import transaction
from tests.support.developers import AUTH, PASSWORD, PROJECTS, STRIPE, ProjectSeat
from tests.support.ledger_rows import new_price, requests_to, subscribed
from tests.support.people import fresh_email

SESSION, PORTAL = f"{STRIPE}/checkout-session", f"{STRIPE}/customer-portal"
CANCEL, UPDATE = f"{STRIPE}/cancel-subscription", f"{STRIPE}/update-subscription"
PAGES = {"success_url": "https://shop.example/ok", "cancel_url": "https://shop.example/no"}

# No caller is known yet, Stripe is the caller, or nothing is made and no door opened.
KEYLESS = {
    "/api/auth/signup", "/api/auth/login", "/api/auth/refresh", "/api/auth/change-password",
    "/api/auth/logout", "/api/auth/logout-all",
    f"{AUTH}/login", f"{AUTH}/refresh", f"{AUTH}/change-password",
    f"{AUTH}/logout", f"{AUTH}/logout-all",
    # Good once by themselves: a link or a code is used up.
    "/api/auth/verify-email", "/api/auth/resend-verification", "/api/auth/accept-invitation",
    "/api/auth/forgot-password", "/api/auth/reset-password", "/api/auth/login/verify-2fa",
    "/api/auth/2fa/setup", "/api/auth/2fa/enable", "/api/auth/2fa/disable",
    f"{AUTH}/verify-email", f"{AUTH}/forgot-password", f"{AUTH}/reset-password",
    f"{AUTH}/login/verify-2fa",
    "/api/payments/webhook", f"{STRIPE}/webhooks/{{project_id}}/{{mode}}",
    f"{STRIPE}/projects/{{project_id}}/validate-credentials",
}  # fmt: skip


@pytest.fixture
def key() -> dict[str, str]:
    return fresh_key()


def fresh_key() -> dict[str, str]:
    return {"Idempotency-Key": uuid4().hex}


def replayed(answer: Any) -> bool:
    return answer.headers.get("Idempotent-Replayed") == "true"


def sessions(seat: ProjectSeat) -> list[str]:
    found = seat.shop.stripe("GET", "/v1/checkout/sessions", limit=100)["data"]
    return [session["id"] for session in found]


class dying:
    """While it lasts, the process dies with every request's work done and no answer kept."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.patch = patch

    def __call__(self, send: Any) -> None:
        def die(*_: object) -> None:
            raise SystemExit

        with self.patch.context() as patch, pytest.raises(SystemExit):
            patch.setattr(replay, "_keep", die)
            send()


@pytest.fixture
def dies(monkeypatch: pytest.MonkeyPatch) -> dying:
    return dying(monkeypatch)


class TestReplay:
    def test_a_developers_posts(self, seat: ProjectSeat) -> None:
        paths = {f"{PROJECTS}/": {"name": "Once"}, f"{PROJECTS}/{seat.project_id}/api-keys": {}}
        for path, body in paths.items():
            headers = fresh_key()
            first = seat.developer.post(path, body, headers=headers)
            again = seat.developer.post(path, body, headers=headers)
            assert (first.status_code, again.status_code) == (201, 201)
            assert (replayed(first), replayed(again)) == (False, True)
            # A key is shown once.
            assert {**first.json, "key": None} == {**again.json, "key": None}
        names = [project["name"] for project in seat.developer.get(f"{PROJECTS}/").json]
        assert names.count("Once") == 1
        keys = seat.developer.get(f"{PROJECTS}/{seat.project_id}/api-keys").json
        assert len(keys) == 2, "the seat's own, and the one that was made once"

    def test_an_end_users_posts(self, app: Flask, seat: ProjectSeat) -> None:
        price, dearer = new_price(seat.shop), new_price(seat.shop, amount=9000)
        subscribed(app, seat, seat.end_user, price)
        order = {**PAGES, "price_id": price, "allow_existing_subscription": True}
        calls = [
            (SESSION, order),
            (PORTAL, {"return_url": "https://shop.example/"}),
            (UPDATE, {"new_price_id": dearer}),
            (CANCEL, {"cancel_immediately": True}),
        ]
        for path, body in calls:
            headers = fresh_key()
            first = seat.end_user.post(path, body, headers=headers)
            again = seat.end_user.post(path, body, headers=headers)
            assert first.status_code == 200, (path, first.text)
            assert (replayed(again), again.json) == (True, first.json), path
        assert len(sessions(seat)) == 1

    def test_a_replayed_event(self, seat: ProjectSeat, key: dict[str, str]) -> None:
        path = f"{seat.path}/events/evt_unknown/replay"
        first = seat.developer.post(path, headers=key)
        again = seat.developer.post(path, headers=key)
        assert (first.status_code, again.status_code) == (404, 404)
        assert replayed(again)

    def test_a_servers_registration(self, seat: ProjectSeat, key: dict[str, str]) -> None:
        """A server that got no answer learns the id of the user it made."""
        scope = {"X-Developer-Key": seat.api_key, "X-Project-ID": seat.project_id}
        body = {"email": fresh_email(), "password": PASSWORD}
        client = seat.developer.client
        first = client.post(f"{AUTH}/register", json=body, headers={**scope, **key})
        again = client.post(f"{AUTH}/register", json=body, headers={**scope, **key})
        assert (first.status_code, again.status_code) == (201, 201)
        assert (replayed(again), again.json) == (True, first.json)
        without = client.post(f"{AUTH}/register", json=body, headers=scope)
        assert without.status_code == 400

    def test_the_operator_has_no_account_whose_keys_they_were(
        self, seat: ProjectSeat, key: dict[str, str]
    ) -> None:
        headers = {"X-Operator-Key": seat.settings.operator_key or "", **key}
        body = {"email": fresh_email(), "password": PASSWORD}
        client = seat.developer.client
        assert client.post(f"{AUTH}/register", json=body, headers=headers).status_code == 201
        assert client.post(f"{AUTH}/register", json=body, headers=headers).status_code == 400

    def test_a_refusal_is_replayed_too(self, seat: ProjectSeat) -> None:
        for body, status in (({}, 422), ({**PAGES, "price_id": "price_none"}, 400)):
            headers = fresh_key()
            first = seat.end_user.post(SESSION, body, headers=headers)
            again = seat.end_user.post(SESSION, body, headers=headers)
            assert (first.status_code, again.json) == (status, first.json)
            assert replayed(again)


class TestConflicts:
    def test_another_body_is_refused(self, seat: ProjectSeat, key: dict[str, str]) -> None:
        seat.developer.post(f"{PROJECTS}/", {"name": "One"}, headers=key)
        answer = seat.developer.post(f"{PROJECTS}/", {"name": "Two"}, headers=key)
        assert answer.status_code == 409
        sentence = "This Idempotency-Key was used with another request before"
        assert answer.json == {"detail": sentence}

    def test_another_mode_is_another_request(self, seat: ProjectSeat, key: dict[str, str]) -> None:
        body = {"return_url": "https://shop.example/"}
        assert seat.end_user.post(PORTAL, body, headers=key).status_code == 404
        live = seat.end_user.post(f"{PORTAL}?test_mode=false", body, headers=key)
        assert live.status_code == 409

    def test_a_malformed_key(self, seat: ProjectSeat) -> None:
        answer = seat.developer.post(
            f"{PROJECTS}/", {"name": "x"}, headers={"Idempotency-Key": "a b"}
        )
        assert answer.status_code == 400
        assert "Idempotency-Key" in answer.json["detail"]

    def test_others_same_key_is_another_key(self, seat: ProjectSeat, key: dict[str, str]) -> None:
        """Of another end user, of the developer, and of his projects' servers."""
        other = seat.another_end_user()
        order = {**PAGES, "price_id": new_price(seat.shop)}
        made = [user.post(SESSION, order, headers=key) for user in (seat.end_user, other)]
        assert len({answer.json["session_id"] for answer in made}) == 2
        assert not any(map(replayed, made))
        assert seat.developer.post(f"{PROJECTS}/", {"name": "x"}, headers=key).status_code == 201
        scope = {"X-Developer-Key": seat.api_key, "X-Project-ID": seat.project_id}
        body = {"email": fresh_email(), "password": PASSWORD}
        client = seat.developer.client
        answer = client.post(f"{AUTH}/register", json=body, headers={**scope, **key})
        assert answer.status_code == 201


class TestAfterACrash:
    """The work was done and the answer never given: the repetition makes nothing twice."""

    def again(self, person: Any, path: str, body: Any, key: dict[str, str]) -> Any:
        with clock.frozen(clock.now() + timedelta(minutes=2)):
            return person.post(path, body, headers=key)

    def test_the_same_checkout_session(
        self, seat: ProjectSeat, key: dict[str, str], dies: dying
    ) -> None:
        order = {**PAGES, "price_id": new_price(seat.shop)}
        dies(lambda: seat.end_user.post(SESSION, order, headers=key))
        (made,) = sessions(seat)
        answer = self.again(seat.end_user, SESSION, order, key)
        assert (answer.status_code, answer.json["session_id"]) == (200, made)
        assert sessions(seat) == [made]
        held = seat.shop.stripe("GET", f"/v1/checkout/sessions/{made}")
        assert (held["status"], held["url"]) == ("open", answer.json["checkout_url"])

    def test_the_same_project(self, seat: ProjectSeat, key: dict[str, str], dies: dying) -> None:
        dies(lambda: seat.developer.post(f"{PROJECTS}/", {"name": "Only"}, headers=key))
        answer = self.again(seat.developer, f"{PROJECTS}/", {"name": "Only"}, key)
        found = [p for p in seat.developer.get(f"{PROJECTS}/").json if p["name"] == "Only"]
        assert [project["id"] for project in found] == [answer.json["id"]]

    def test_one_change_of_plan(
        self, app: Flask, seat: ProjectSeat, key: dict[str, str], dies: dying
    ) -> None:
        dearer = new_price(seat.shop, amount=9000)
        held = subscribed(app, seat, seat.end_user, new_price(seat.shop))
        dies(lambda: seat.end_user.post(UPDATE, {"new_price_id": dearer}, headers=key))
        answer = self.again(seat.end_user, UPDATE, {"new_price_id": dearer}, key)
        assert (answer.status_code, answer.json["price_id"]) == (200, dearer)
        assert len(requests_to(seat.shop, f"/v1/subscriptions/{held}")) == 1


def test_after_a_failure_at_stripe_it_may_be_tried_again(
    seat: ProjectSeat, key: dict[str, str]
) -> None:
    """Stripe's answer was lost: 502 is not kept, and its own replay is the same session."""
    order = {**PAGES, "price_id": new_price(seat.shop)}
    match = {"method": "POST", "path": "/v1/checkout/sessions"}
    seat.shop.control("POST", "faults", {"match": match, "action": "drop_after"})
    assert seat.end_user.post(SESSION, order, headers=key).status_code == 502
    answer = seat.end_user.post(SESSION, order, headers=key)
    assert (answer.status_code, replayed(answer)) == (200, False)
    assert sessions(seat) == [answer.json["session_id"]]


def test_a_secret_shown_once_is_sealed(app: Flask, seat: ProjectSeat, key: dict[str, str]) -> None:
    path = f"{PROJECTS}/{seat.project_id}/api-keys"
    shown = seat.developer.post(path, {}, headers=key).json["key"]
    with app.app_context():
        query = sa.select(IdempotentRequest.__table__).where(
            IdempotentRequest.key == key["Idempotency-Key"]
        )
        row = db.session.execute(query).one()
    assert row.status == 201
    assert shown not in str(row)
    assert shown[3:] not in str(row)


def test_a_secret_shown_once_is_not_shown_again(seat: ProjectSeat, key: dict[str, str]) -> None:
    path = f"{PROJECTS}/{seat.project_id}/api-keys"
    first = seat.developer.post(path, {"name": "server"}, headers=key)
    again = seat.developer.post(path, {"name": "server"}, headers=key)
    assert (again.status_code, replayed(again)) == (201, True)
    assert again.json == {**first.json, "key": None}
    assert first.json["key"].startswith(again.json["key_prefix"])


def test_a_stored_answer_given_to_another_user_does_not_open(
    app: Flask, seat: ProjectSeat, second: ProjectSeat, key: dict[str, str]
) -> None:
    seat.developer.post(f"{PROJECTS}/{seat.project_id}/api-keys", {}, headers=key)
    with app.app_context(), transaction() as session:
        row = session.scalars(
            sa.select(IdempotentRequest).where(IdempotentRequest.key == key["Idempotency-Key"])
        ).one()
        assert open_column(sealer(), row, "answer")
        row.user_id += 1
        with pytest.raises(Unsealable):
            open_column(sealer(), row, "answer")
        session.expunge(row)


def test_a_password_cannot_be_guessed_from_a_fingerprint(app: Flask) -> None:
    """It is keyed: whoever reads the table alone cannot try bodies out."""

    def fingerprint(secret: str) -> str:
        with app.test_request_context(f"{AUTH}/register", method="POST", data=b"body"):
            return replay._fingerprint(secret)

    assert fingerprint("one") != fingerprint("another")
    assert fingerprint("one") == fingerprint("one")


def test_every_post_takes_a_key_and_says_so(client: FlaskClient) -> None:
    """A new POST belongs into this contract, or into the list of those that need none."""
    missing = set()
    for path, methods in client.get("/openapi.json").json["paths"].items():
        operation = methods.get("post")
        if operation is None or path in KEYLESS:
            continue
        names = {parameter.get("name") for parameter in operation.get("parameters", [])}
        if "Idempotency-Key" not in names or not {"400", "409"} <= operation["responses"].keys():
            missing.add(path)
    assert missing == set()
