"""A project's Stripe keys: stored in part, shown masked, switched off, tried at Stripe."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from payments.config import Settings
from payments.gateway.billing import Billing
from payments.kit import clock
from payments.kit.db import db
from payments.projects.masks import mask
from payments.projects.models import StripeCredentials
from payments.timeline.models import TimelineEntry
from tests.support.apps import another_app
from tests.support.developers import (
    STRIPE,
    Developer,
    ProjectSeat,
    live_key,
    new_project,
    sandbox_key,
    signing_secret,
    store_keys,
)
from tests.support.till import fault

FIELDS = {
    "id", "project_id", "is_active", "has_test_credentials", "has_live_credentials",
    "test_secret_key_masked", "test_publishable_key_masked", "test_webhook_secret_masked",
    "live_secret_key_masked", "live_publishable_key_masked", "live_webhook_secret_masked",
    "test_configured_at", "live_configured_at", "created_at", "updated_at",
    "allow_repeat_trials", "keys_destroyed_at",
}  # fmt: skip


@pytest.fixture
def empty(developer: Developer) -> str:
    """A project of the same developer without any keys."""
    return new_project(developer, "Empty")


def config(developer: Developer, project_id: str) -> Any:
    return developer.get(f"{STRIPE}/projects/{project_id}/config")


def told(app: Flask, project_id: str) -> list[tuple[str, dict[str, Any]]]:
    with app.app_context():
        query = sa.select(TimelineEntry).where(
            TimelineEntry.project_id == project_id, TimelineEntry.kind.like("stripe_config.%")
        )
        return [(e.kind, e.data) for e in db.session.scalars(query.order_by(TimelineEntry.id))]


class TestMask:
    @pytest.mark.parametrize(
        ("secret", "shown"),
        [
            ("sk_test_51HabcdefaBcD", "sk_test_...aBcD"),
            ("pk_live_51Habcdefxxxx", "pk_live_...xxxx"),
            ("rk_test_51Habcdefxxxx", "rk_test_...xxxx"),
            ("whsec_0123456789iJkL", "whsec_...iJkL"),
            ("sk_test_short", "sk_test_..."),
            ("something-else", "...else"),
        ],
    )
    def test_kind_and_end(self, secret: str, shown: str) -> None:
        assert mask(secret) == shown


class TestGet:
    @pytest.mark.usefixtures("second")
    def test_the_keys_are_masked(self, seat: ProjectSeat) -> None:
        answer = config(seat.developer, seat.project_id)
        assert answer.status_code == 200
        shown = answer.json
        assert set(shown) == FIELDS
        assert shown["project_id"] == seat.project_id
        assert shown["is_active"] is True
        assert (shown["has_test_credentials"], shown["has_live_credentials"]) == (True, False)
        assert shown["test_secret_key_masked"] == f"sk_test_...{seat.secret_key[-4:]}"
        assert shown["test_webhook_secret_masked"] == f"whsec_...{seat.webhook_secret[-4:]}"
        assert shown["test_publishable_key_masked"] is None
        assert shown["live_secret_key_masked"] is None
        assert shown["live_configured_at"] is None
        for name in ("test_configured_at", "created_at", "updated_at"):
            assert shown[name].endswith("Z")

    def test_without_a_configuration_it_is_null(self, developer: Developer, empty: str) -> None:
        answer = config(developer, empty)
        assert answer.status_code == 200
        assert answer.json is None

    def test_foreign_and_lesser_callers(self, seat: ProjectSeat, neighbours: ProjectSeat) -> None:
        path = f"{neighbours.path}/config"
        assert seat.developer.get(path).status_code == 403
        assert seat.end_user.get(f"{seat.path}/config").status_code == 403
        assert seat.developer.client.get(path).status_code == 401


class TestPut:
    def test_all_six(self, developer: Developer, empty: str) -> None:
        keys = {
            "test_secret_key": sandbox_key(),
            "test_publishable_key": "pk_test_0123456789aBcD",
            "test_webhook_secret": signing_secret(),
            "live_secret_key": live_key(),
            "live_publishable_key": "pk_live_0123456789xyzZ",
            "live_webhook_secret": "whsec_AbCdEf+/0123456789==",
        }
        shown = store_keys(developer, empty, **keys)
        assert set(shown) == FIELDS
        assert (shown["has_test_credentials"], shown["has_live_credentials"]) == (True, True)
        assert {shown[f"{name}_masked"] for name in keys} == {mask(key) for key in keys.values()}
        assert shown == config(developer, empty).json

    def test_only_what_is_given_changes(self, seat: ProjectSeat) -> None:
        before = config(seat.developer, seat.project_id).json
        key = live_key()
        after = store_keys(seat.developer, seat.project_id, live_secret_key=key)
        assert after["live_secret_key_masked"] == mask(key)
        kept = {name for name in FIELDS if name.startswith("test_")} | {"id", "created_at"}
        assert {name: after[name] for name in kept} == {name: before[name] for name in kept}
        assert after["updated_at"] > before["updated_at"]

    @pytest.mark.parametrize("body", [{}, {"test_secret_key": None, "live_secret_key": None}])
    def test_null_and_nothing_change_nothing(
        self, app: Flask, seat: ProjectSeat, body: dict[str, Any]
    ) -> None:
        before = config(seat.developer, seat.project_id).json
        assert store_keys(seat.developer, seat.project_id, **body) == before
        assert len(told(app, seat.project_id)) == 1

    def test_a_webhook_secret_alone_is_no_credential(
        self, developer: Developer, empty: str
    ) -> None:
        shown = store_keys(developer, empty, test_webhook_secret=signing_secret())
        assert shown["has_test_credentials"] is False
        assert shown["test_configured_at"] is not None

    def test_what_is_stored_is_sealed(self, app: Flask, seat: ProjectSeat) -> None:
        with app.app_context():
            query = sa.select(StripeCredentials.__table__).where(
                StripeCredentials.project_id == seat.project_id
            )
            dump = str(db.session.execute(query).mappings().all())
        assert seat.secret_key not in dump
        assert seat.webhook_secret not in dump

    def test_stripe_is_not_asked(self, settings: Settings, seat: ProjectSeat) -> None:
        shop = seat.shop
        shop.stripe("GET", "/v1/customers")
        before = len(shop.control("GET", "requests")["data"])
        store_keys(seat.developer, seat.project_id, test_secret_key=seat.secret_key)
        assert len(shop.control("GET", "requests")["data"]) == before

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("test_secret_key", "sk_live_0123456789"),
            ("test_secret_key", "rk_live_0123456789"),
            ("live_secret_key", "rk_test_0123456789"),
            ("test_secret_key", "rk_test_"),
            ("test_publishable_key", "rk_test_0123456789"),
            ("test_secret_key", "pk_test_0123456789"),
            ("test_secret_key", "sk_test_"),
            ("test_secret_key", " "),
            ("test_secret_key", ""),
            ("test_secret_key", "sk_test_white space"),
            ("test_secret_key", "sk_test_line\nbreak"),
            ("test_secret_key", "sk_test_\x00nul"),
            ("test_secret_key", "sk_test_é0123456789"),
            ("test_secret_key", "sk_test_" + "x" * 250),
            ("test_secret_key", 7),
            ("test_secret_key", ["sk_test_0123456789"]),
            ("test_publishable_key", "sk_test_0123456789"),
            ("test_webhook_secret", "sk_test_0123456789"),
            ("live_secret_key", "sk_test_0123456789"),
            ("live_publishable_key", "pk_test_0123456789"),
            ("live_webhook_secret", "WHSEC_0123456789"),
            ("test_webhook_secret", "whsec_a"),
            ("live_webhook_secret", "whsec_0123456789abcdefg"),
        ],
    )
    def test_a_wrong_prefix_is_422_and_stores_nothing(
        self, seat: ProjectSeat, field: str, value: Any
    ) -> None:
        before = config(seat.developer, seat.project_id).json
        body = {"test_publishable_key": "pk_test_0123456789", field: value}
        answer = seat.developer.put(f"{seat.path}/config", body)
        assert answer.status_code == 422
        assert answer.json["detail"][0]["loc"] == ["body", field]
        assert set(answer.json["detail"][0]) == {"loc", "msg", "type"}
        assert "0123456789" not in answer.text
        assert config(seat.developer, seat.project_id).json == before

    @pytest.mark.parametrize("raw", [b"", b"[]", b"null", b'"sk_test_0123456789"', b"7"])
    def test_a_body_that_is_no_object_is_422(self, seat: ProjectSeat, raw: bytes) -> None:
        answer = seat.developer.call(
            "PUT", f"{seat.path}/config", data=raw, content_type="application/json"
        )
        assert answer.status_code == 422
        assert isinstance(answer.json["detail"], list)
        assert "0123456789" not in answer.text

    def test_another_content_type_is_415(self, seat: ProjectSeat) -> None:
        answer = seat.developer.call("PUT", f"{seat.path}/config", data="{}")
        assert answer.status_code == 415
        assert answer.json == {"detail": "The body must be JSON: Content-Type: application/json"}

    def test_foreign_and_lesser_callers(self, seat: ProjectSeat, neighbours: ProjectSeat) -> None:
        before = config(neighbours.developer, neighbours.project_id).json
        body = {"test_secret_key": sandbox_key()}
        assert seat.developer.put(f"{neighbours.path}/config", body).status_code == 403
        assert seat.end_user.put(f"{seat.path}/config", body).status_code == 403
        assert config(neighbours.developer, neighbours.project_id).json == before

    def test_the_timeline_names_the_fields_and_no_key(self, app: Flask, seat: ProjectSeat) -> None:
        kind, data = told(app, seat.project_id)[0]
        assert kind == "stripe_config.saved"
        assert data == {"fields": ["test_secret_key", "test_webhook_secret"]}


class TestDelete:
    def test_it_is_only_switched_off(self, app: Flask, seat: ProjectSeat) -> None:
        answer = seat.developer.delete(f"{seat.path}/config")
        assert (answer.status_code, answer.data) == (204, b"")
        shown = config(seat.developer, seat.project_id).json
        assert shown["is_active"] is False
        assert shown["test_secret_key_masked"] == mask(seat.secret_key)
        assert told(app, seat.project_id)[-1] == (
            "stripe_config.deactivated",
            {"keys_destroyed_in_days": 7},
        )

    def test_a_second_time_is_404(self, seat: ProjectSeat) -> None:
        seat.developer.delete(f"{seat.path}/config")
        answer = seat.developer.delete(f"{seat.path}/config")
        assert answer.status_code == 404
        assert answer.json == {"detail": "Stripe configuration not found"}

    def test_without_a_configuration_it_is_404(self, developer: Developer, empty: str) -> None:
        assert developer.delete(f"{STRIPE}/projects/{empty}/config").status_code == 404

    @pytest.mark.parametrize("body", [{}, {"test_publishable_key": "pk_test_0123456789"}])
    def test_a_put_switches_it_on_again(self, seat: ProjectSeat, body: dict[str, str]) -> None:
        seat.developer.delete(f"{seat.path}/config")
        shown = store_keys(seat.developer, seat.project_id, **body)
        assert shown["is_active"] is True
        assert shown["test_secret_key_masked"] == mask(seat.secret_key)

    def test_a_foreign_one_is_403(self, seat: ProjectSeat, neighbours: ProjectSeat) -> None:
        assert seat.developer.delete(f"{neighbours.path}/config").status_code == 403


class TestWebhookUrls:
    def test_one_address_a_mode(self, developer: Developer, empty: str, settings: Settings) -> None:
        answer = developer.get(f"{STRIPE}/projects/{empty}/webhook-urls")
        assert answer.status_code == 200
        base = f"{settings.public_url}/api/v1/payments/stripe/webhooks/{empty}"
        assert answer.json == {
            "test_webhook_url": f"{base}/test",
            "live_webhook_url": f"{base}/live",
        }

    def test_a_foreign_one_is_403(self, seat: ProjectSeat, neighbours: ProjectSeat) -> None:
        assert seat.developer.get(f"{neighbours.path}/webhook-urls").status_code == 403


class TestValidate:
    def check(self, seat: ProjectSeat, key: Any, **more: Any) -> Any:
        body = {"secret_key": key, **more}
        return seat.developer.post(f"{seat.path}/validate-credentials", body)

    def test_a_good_key(self, seat: ProjectSeat) -> None:
        answer = self.check(seat, sandbox_key())
        assert answer.status_code == 200
        assert answer.json == {"valid": True, "message": "Stripe credentials are valid"}

    def test_a_good_live_key(self, seat: ProjectSeat) -> None:
        assert self.check(seat, live_key(), is_test_mode=False).json["valid"] is True

    def test_an_unknown_key_gets_stripes_text(self, seat: ProjectSeat) -> None:
        answer = self.check(seat, "sk_test_x")
        assert answer.status_code == 200
        assert answer.json["valid"] is False
        assert answer.json["message"].startswith("Invalid API Key provided")

    @pytest.mark.parametrize("key", ["nonsense", "pk_test_0123456789", "sk_test_a b", "sk_test_é"])
    def test_what_is_no_secret_key_is_invalid(self, seat: ProjectSeat, key: str) -> None:
        answer = self.check(seat, key)
        assert answer.status_code == 200
        assert answer.json["valid"] is False
        assert answer.json["message"].startswith("Invalid API Key provided")
        assert key not in answer.text

    @pytest.mark.parametrize(
        ("key", "is_test_mode"), [(live_key(), True), (sandbox_key(), False)], ids=["live", "test"]
    )
    def test_a_key_of_the_other_mode_is_invalid(
        self, seat: ProjectSeat, key: str, is_test_mode: bool
    ) -> None:
        answer = self.check(seat, key, is_test_mode=is_test_mode)
        assert answer.status_code == 200
        assert answer.json["valid"] is False
        assert "mode" in answer.json["message"]
        assert key not in answer.text

    def test_a_key_of_the_other_mode_is_not_even_sent(
        self, settings: Settings, seat: ProjectSeat
    ) -> None:
        with another_app(settings, stripe_api_base="http://127.0.0.1:9") as app:
            answer = app.test_client().post(
                f"{seat.path}/validate-credentials",
                json={"secret_key": live_key()},
                headers=seat.developer.headers,
            )
        assert (answer.status_code, answer.json["valid"]) == (200, False)

    def test_stripe_has_the_last_word_on_the_mode(
        self, seat: ProjectSeat, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(Billing, "check_key", lambda self: True)
        assert self.check(seat, sandbox_key()).json["valid"] is False

    def restricted(self, seat: ProjectSeat, allowed: list[str]) -> str:
        key = seat.secret_key.replace("sk_", "rk_", 1)
        seat.shop.control("POST", "keys/restrict", {"key": key, "allow": allowed})
        return key

    def test_a_restricted_key_with_all_permissions(self, seat: ProjectSeat) -> None:
        answer = self.check(seat, self.restricted(seat, ["*_read", "*_write"]))
        assert answer.json == {"valid": True, "message": "Stripe credentials are valid"}

    def test_what_a_restricted_key_lacks_is_named(self, seat: ProjectSeat) -> None:
        answer = self.check(seat, self.restricted(seat, ["[!cd]*_read"]))
        assert answer.json == {
            "valid": False,
            "message": "The restricted key lacks permissions: rak_customer_read,"
            " rak_checkout_session_read, rak_customer_portal_read, rak_charge_read,"
            " rak_dispute_read",
        }

    def test_a_restricted_key_that_may_do_nothing(self, seat: ProjectSeat) -> None:
        key = self.restricted(seat, [])
        answer = self.check(seat, key)
        assert answer.json["valid"] is False
        assert "rak_subscription_read" in answer.json["message"]
        assert key not in answer.text

    @pytest.mark.parametrize(("mode", "form"), [("test", sandbox_key), ("live", live_key)])
    def test_a_restricted_key_can_be_stored(
        self, seat: ProjectSeat, mode: str, form: Callable[[], str]
    ) -> None:
        key = form().replace("sk_", "rk_", 1)
        shown = store_keys(seat.developer, seat.project_id, **{f"{mode}_secret_key": key})
        assert shown[f"{mode}_secret_key_masked"] == f"rk_{mode}_...{key[-4:]}"

    def test_a_refused_request_is_told(self, seat: ProjectSeat) -> None:
        error = {"type": "invalid_request_error", "message": "The account is closed."}
        fault(seat.shop, "error", "/v1/balance", method="GET", status=400, error=error)
        answer = self.check(seat, seat.secret_key)
        assert answer.json == {"valid": False, "message": "The account is closed."}

    @pytest.mark.parametrize("status", [429, 500])
    def test_while_stripe_is_in_trouble_it_is_502(self, seat: ProjectSeat, status: int) -> None:
        fault(seat.shop, "status", "/v1/balance", method="GET", status=status)
        answer = self.check(seat, seat.secret_key)
        assert answer.status_code == 502
        assert answer.json == {"detail": "Stripe could not be reached, try again"}

    def test_nothing_is_stored(self, seat: ProjectSeat) -> None:
        before = config(seat.developer, seat.project_id).json
        self.check(seat, sandbox_key())
        assert config(seat.developer, seat.project_id).json == before

    @pytest.mark.parametrize(
        "body", [{}, {"secret_key": ""}, {"secret_key": None}, {"secret_key": 7}, []]
    )
    def test_a_missing_key_is_422(self, seat: ProjectSeat, body: Any) -> None:
        answer = seat.developer.post(f"{seat.path}/validate-credentials", body)
        assert answer.status_code == 422

    def test_without_stripe_it_is_502(self, settings: Settings, seat: ProjectSeat) -> None:
        with another_app(settings, stripe_api_base="http://127.0.0.1:9") as app:
            answer = app.test_client().post(
                f"{seat.path}/validate-credentials",
                json={"secret_key": sandbox_key()},
                headers=seat.developer.headers,
            )
        assert answer.status_code == 502
        assert answer.json == {"detail": "Stripe could not be reached, try again"}

    def test_a_foreign_project_is_403(self, seat: ProjectSeat, neighbours: ProjectSeat) -> None:
        answer = seat.developer.post(
            f"{neighbours.path}/validate-credentials", {"secret_key": sandbox_key()}
        )
        assert answer.status_code == 403


def test_the_grace_of_a_secret_is_a_day(app: Flask, seat: ProjectSeat) -> None:
    store_keys(seat.developer, seat.project_id, test_webhook_secret=signing_secret())
    with app.app_context():
        query = sa.select(StripeCredentials.former_until).where(
            StripeCredentials.project_id == seat.project_id
        )
        until = db.session.scalars(query).one()
    assert until is not None
    assert timedelta(hours=23, minutes=59) < until - clock.now() <= timedelta(hours=24)
