"""The client's own Idempotency-Key: a repeated POST takes effect once."""

from __future__ import annotations

import re
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa
from flask import Flask

from payments.idempotency import replay, store
from payments.idempotency.models import IdempotentRequest
from payments.kit import clock
from payments.kit.db import db, is_sqlite
from payments.workspaces.models import Charge
from tests.support.drift import change
from tests.support.people import Cast, Person, as_json
from tests.support.shop import Shop, eventually
from tests.support.till import (
    fault,
    find_charge_id,
    payments_at_stripe,
    save_authenticated_card,
    settings_of,
)


@pytest.fixture
def key() -> dict[str, str]:
    """A fresh key, as headers."""
    return {"Idempotency-Key": uuid4().hex}


def row_of(app: Flask, headers: dict[str, str]) -> dict:
    with app.app_context():
        query = sa.select(IdempotentRequest).where(
            IdempotentRequest.key == headers["Idempotency-Key"]
        )
        row = db.session.scalars(query).one()
        names = [column.name for column in IdempotentRequest.__table__.columns]
        return {name: getattr(row, name) for name in names}


def replayed(answer) -> bool:
    return answer.headers.get("Idempotent-Replayed") == "true"


class TestReplay:
    def test_the_first_answer_comes_again(self, shop: Shop, payer: Cast, key) -> None:
        first = shop.upgrade(payer.owner, payer.workspace.slug, headers=key)
        again = shop.upgrade(payer.owner, payer.workspace.slug, headers=key)
        assert first.status_code == again.status_code == 200
        assert first.json == again.json
        assert (replayed(first), replayed(again)) == (False, True)
        assert again.content_type == "application/json"
        assert len(shop.invoices(payer.owner, payer.workspace.slug)) == 1

    def test_every_post_takes_a_key(self, shop: Shop, payer: Cast, admin: Person) -> None:
        """Setup, confirm, upgrade, downgrade, refund, cancel: with and without a slug."""
        setup = shop.set_up(payer.owner, payer.workspace.slug)
        method = shop.browser_confirms_setup(setup)["payment_method"]
        confirm = {"setupIntentId": setup["setupIntentId"], "paymentMethodId": method}
        slug = {"workspaceSlug": payer.workspace.slug}
        pay, change = payer.workspace.payments, payer.workspace.plan_changes
        calls = [
            (payer.owner, f"{pay}/payment-method", None),
            (payer.owner, "/api/payments/payment-method", slug),
            (payer.owner, f"{pay}/payment-method/confirm", confirm),
            (payer.owner, "/api/payments/payment-method/confirm", {**confirm, **slug}),
            (payer.owner, f"{change}/upgrade-plan", {"planSlug": "starter"}),
            (payer.owner, f"{change}/downgrade-plan", {"planSlug": "free"}),
        ]
        for person, path, body in calls:
            headers = {"Idempotency-Key": uuid4().hex}
            first = person.post(path, body, headers=headers)
            again = person.post(path, body, headers=headers)
            assert first.status_code == 200, (path, first.text)
            assert again.json == first.json
            assert replayed(again), path
        invoice = shop.invoices(payer.owner, payer.workspace.slug)[0]["id"]
        headers = {"Idempotency-Key": uuid4().hex}
        path = f"/api/admin/invoices/{invoice}/refund"
        first = admin.post(path, {"amount": 5}, headers=headers)
        again = admin.post(path, {"amount": 5}, headers=headers)
        assert replayed(again)
        assert again.json == first.json
        assert shop.invoices(payer.owner, payer.workspace.slug)[0]["refundedAmount"] == 5

    def test_a_decline_is_replayed_too(self, shop: Shop, cast: Cast, key) -> None:
        shop.save_card(cast.owner, cast.workspace.slug, "pm_card_chargeCustomerFail")
        first = shop.upgrade(cast.owner, cast.workspace.slug, headers=key)
        again = shop.upgrade(cast.owner, cast.workspace.slug, headers=key)
        assert (first.status_code, again.status_code) == (402, 402)
        assert first.json == again.json
        assert len(shop.invoices(cast.owner, cast.workspace.slug)) == 1

    def test_a_202_is_replayed_with_its_headers(self, shop: Shop, payer: Cast, key) -> None:
        headers = {**key, "Prefer": "respond-async"}
        first = shop.upgrade(payer.owner, payer.workspace.slug, headers=headers)
        again = shop.upgrade(payer.owner, payer.workspace.slug, headers=headers)
        assert replayed(again)
        for name in ("Location", "Retry-After", "Preference-Applied"):
            assert first.headers[name] == again.headers[name]

    def test_a_bad_request_is_replayed_too(self, payer: Cast, key) -> None:
        """Whether a rule or the body's shape refused it: the same answer comes again."""
        path = f"{payer.workspace.plan_changes}/upgrade-plan"
        for body in ({"planSlug": "free"}, {}, {"planSlug": 1}):
            headers = {"Idempotency-Key": uuid4().hex}
            first = payer.owner.post(path, body, headers=headers)
            again = payer.owner.post(path, body, headers=headers)
            assert (first.status_code, first.json) == (400, again.json)
            assert replayed(again), body

    def test_a_mistyped_body_can_be_mended_under_another_key(self, payer: Cast, key) -> None:
        path = f"{payer.workspace.plan_changes}/upgrade-plan"
        assert payer.owner.post(path, {}, headers=key).status_code == 400
        mended = payer.owner.post(path, {"planSlug": "starter"}, headers=key)
        assert (mended.status_code, mended.json["code"]) == (409, "idempotency_key_reused")
        other = {"Idempotency-Key": uuid4().hex}
        assert payer.owner.post(path, {"planSlug": "starter"}, headers=other).status_code == 200

    def test_the_setups_answer_stays_uncacheable(self, payer: Cast, key) -> None:
        path = f"{payer.workspace.payments}/payment-method"
        payer.owner.post(path, headers=key)
        again = payer.owner.post(path, headers=key)
        assert replayed(again)
        assert again.headers["Cache-Control"] == "no-store"

    def test_without_a_key_every_post_counts(self, shop: Shop, payer: Cast) -> None:
        path = f"{payer.workspace.payments}/payment-method"
        ids = {payer.owner.post(path).json["data"]["setupIntentId"] for _ in range(2)}
        assert len(ids) == 2


class TestConflicts:
    def test_another_body_is_refused(self, shop: Shop, payer: Cast, key) -> None:
        shop.upgrade(payer.owner, payer.workspace.slug, headers=key)
        answer = shop.upgrade(payer.owner, payer.workspace.slug, "pro", headers=key)
        assert (answer.status_code, answer.json["code"]) == (409, "idempotency_key_reused")
        assert len(shop.invoices(payer.owner, payer.workspace.slug)) == 1

    def test_another_path_is_refused(self, shop: Shop, payer: Cast, key) -> None:
        shop.upgrade(payer.owner, payer.workspace.slug, headers=key)
        down = f"{payer.workspace.plan_changes}/downgrade-plan"
        answer = payer.owner.post(down, {"planSlug": "starter"}, headers=key)
        assert answer.status_code == 409

    def test_while_the_first_still_runs(self, app: Flask, shop: Shop, payer: Cast, key) -> None:
        fault(shop, "delay", ms=600)
        path = f"{payer.workspace.plan_changes}/upgrade-plan"
        answers = []

        def first() -> None:
            options = as_json({"planSlug": "starter"})
            headers = {**payer.owner.headers, **key}
            answers.append(app.test_client().post(path, headers=headers, **options))

        runner = threading.Thread(target=first)
        runner.start()
        eventually(lambda: _claimed(app, key))
        answer = payer.owner.post(path, {"planSlug": "starter"}, headers=key)
        runner.join()
        assert (answer.status_code, answer.json["code"]) == (409, "idempotency_key_in_use")
        assert answer.headers["Retry-After"] == "1"
        assert answers[0].status_code == 200
        assert replayed(payer.owner.post(path, {"planSlug": "starter"}, headers=key))

    def test_many_at_once_take_effect_once(self, app: Flask, shop: Shop, payer: Cast, key) -> None:
        path = f"{payer.workspace.plan_changes}/upgrade-plan"

        def post(_: int) -> int:
            options = as_json({"planSlug": "starter"})
            headers = {**payer.owner.headers, **key}
            return app.test_client().post(path, headers=headers, **options).status_code

        with ThreadPoolExecutor(5) as pool:
            statuses = set(pool.map(post, range(5)))
        assert 200 in statuses
        assert statuses <= {200, 409}
        assert len(shop.invoices(payer.owner, payer.workspace.slug)) == 1

    def test_somebody_elses_same_key_is_another_key(
        self, shop: Shop, payer: Cast, neighbours: Cast, key
    ) -> None:
        mine = payer.owner.post(f"{payer.workspace.payments}/payment-method", headers=key)
        path = f"{payer.workspace.payments}/payment-method"
        admins = payer.admin.post(path, headers=key)
        assert (mine.status_code, admins.status_code) == (200, 200)
        assert not replayed(admins)
        assert mine.json["data"] != admins.json["data"]

    def test_a_key_opens_no_door(self, shop: Shop, payer: Cast, key) -> None:
        """The guard stands before the stored answer: who lost his role gets nothing replayed."""
        path = f"{payer.workspace.payments}/payment-method"
        assert payer.admin.post(path, headers=key).status_code == 200
        members = f"{payer.workspace.path}/members/{payer.admin.id}"
        assert payer.owner.patch(members, {"role": "member"}).status_code == 200
        assert payer.admin.post(path, headers=key).status_code == 403


def _claimed(app: Flask, key: dict[str, str]) -> bool:
    with app.app_context():
        query = sa.select(IdempotentRequest.id).where(
            IdempotentRequest.key == key["Idempotency-Key"]
        )
        return db.session.scalar(query) is not None


def lapse(app: Flask, key: dict[str, str]) -> None:
    """Let the minute pass after which a claimed key may be claimed anew."""
    is_it = IdempotentRequest.key == key["Idempotency-Key"]
    with app.app_context():
        past = clock.now() - timedelta(seconds=1)
    change(app, IdempotentRequest, is_it, locked_until=past)


class TestFence:
    """A request that outlives its lock: another one with the key has taken over meanwhile."""

    def test_a_slow_first_holder_does_not_overwrite_the_second_one_s_answer(
        self, app: Flask, shop: Shop, payer: Cast, key
    ) -> None:
        fault(shop, "delay", "/v1/setup_intents", ms=2000)
        path = f"{payer.workspace.payments}/payment-method"
        slow: list[Any] = []

        def first() -> None:
            headers = {**payer.owner.headers, **key}
            slow.append(app.test_client().post(path, headers=headers))

        runner = threading.Thread(target=first)
        runner.start()
        eventually(lambda: _claimed(app, key))
        eventually(lambda: not shop.control("GET", "faults")["data"])
        lapse(app, key)
        second = payer.owner.post(path, headers=key)
        assert not slow, "the first holder was to be slower"
        runner.join()
        assert (slow[0].status_code, second.status_code) == (200, 200)
        assert slow[0].json["data"] != second.json["data"]
        again = payer.owner.post(path, headers=key)
        assert replayed(again)
        assert again.json == second.json

    def test_a_slow_first_holder_does_not_unlock_the_second_one_s_run(
        self, app: Flask, still: Cast, key
    ) -> None:
        name = key["Idempotency-Key"]
        with app.app_context():
            first = store.claim(still.owner.id, name, "f")
            with clock.frozen(clock.now() + timedelta(seconds=61)):
                second = store.claim(still.owner.id, name, "f")
                assert second.fence == first.fence + 1
                assert not store.release(first)
                with pytest.raises(store.KeyInUse):
                    store.claim(still.owner.id, name, "f")
                assert store.keep(second, 200, "the second's", {})
                assert not store.keep(first, 202, "the first's", {})
                answered = store.claim(still.owner.id, name, "f")
        assert (answered.status, answered.answer) == (200, "the second's")
        assert first.request == second.request == answered.request

    def test_a_failed_first_holder_unlocks_its_own_run(self, app: Flask, still: Cast, key) -> None:
        name = key["Idempotency-Key"]
        with app.app_context():
            first = store.claim(still.owner.id, name, "f")
            with pytest.raises(store.KeyInUse):
                store.claim(still.owner.id, name, "f")
            assert store.release(first)
            assert store.claim(still.owner.id, name, "f").fence == first.fence + 1

    def test_a_host_whose_clock_is_ahead_does_not_take_a_key_in_use(
        self, app: Flask, still: Cast, key, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Locks go by the database's clock; SQLite serves one host, whose clock it is."""
        with app.app_context():
            if is_sqlite(db.engine):
                pytest.skip("one host has one clock")
            store.claim(still.owner.id, key["Idempotency-Key"], "f")
            read = clock._read
            monkeypatch.setattr(clock, "_read", lambda: read() + timedelta(minutes=2))
            with pytest.raises(store.KeyInUse):
                store.claim(still.owner.id, key["Idempotency-Key"], "f")


class TestReference:
    def test_a_request_is_named_at_random(self, app: Flask, shop: Shop, payer: Cast, key) -> None:
        assert shop.upgrade(payer.owner, payer.workspace.slug, headers=key).status_code == 200
        row = row_of(app, key)
        assert re.fullmatch("[0-9a-f]{32}", row["reference"])
        assert _request_keys(app, payer) == [row["reference"]]

    def test_a_request_of_the_former_release_finds_its_charge(
        self, app: Flask, shop: Shop, payer: Cast, key, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """It died after its charge; its row bears no reference, its charge the old name."""
        with monkeypatch.context() as patch:
            patch.setattr(replay, "_keep", _die)
            with pytest.raises(SystemExit):
                shop.upgrade(payer.owner, payer.workspace.slug, headers=key)
        row = row_of(app, key)
        name = f"request-{row['id']}-{int(row['created_at'].timestamp())}"
        of_workspace = Charge.workspace_id == payer.workspace.id
        change(app, Charge, of_workspace, request_key=name)
        change(app, IdempotentRequest, IdempotentRequest.id == row["id"], reference=None, fence=0)
        lapse(app, key)
        assert shop.upgrade(payer.owner, payer.workspace.slug, headers=key).status_code == 200
        assert _request_keys(app, payer) == [name]
        assert len(shop.invoices(payer.owner, payer.workspace.slug)) == 1


def _die(*_: object) -> None:
    raise SystemExit


def _request_keys(app: Flask, cast: Cast) -> list[str | None]:
    with app.app_context():
        query = sa.select(Charge.request_key).where(Charge.workspace_id == cast.workspace.id)
        return list(db.session.scalars(query))


class TestNotKept:
    def test_server_errors_may_be_tried_again(
        self, app: Flask, shop: Shop, payer: Cast, key
    ) -> None:
        path = f"{payer.workspace.payments}/payment-method"
        with settings_of(app, stripe_secret_key=None):
            assert payer.owner.post(path, headers=key).status_code == 500
        answer = payer.owner.post(path, headers=key)
        assert (answer.status_code, replayed(answer)) == (200, False)

    def test_a_failure_at_stripe_may_be_tried_again(self, shop: Shop, payer: Cast, key) -> None:
        fault(shop, "drop_before", "/v1/setup_intents")
        path = f"{payer.workspace.payments}/payment-method"
        assert payer.owner.post(path, headers=key).status_code == 500
        assert payer.owner.post(path, headers=key).status_code == 200

    def test_a_conflict_may_be_tried_again(self, shop: Shop, cast: Cast, key) -> None:
        save_authenticated_card(shop, cast, "pm_card_authenticationRequired")
        waiting = shop.upgrade(cast.owner, cast.workspace.slug).json["details"]["chargeId"]
        answer = shop.upgrade(cast.owner, cast.workspace.slug, card="pm_card_visa", headers=key)
        assert answer.status_code == 409
        cast.owner.post(f"{cast.workspace.payments}/charges/{waiting}/cancel")
        answer = shop.upgrade(cast.owner, cast.workspace.slug, card="pm_card_visa", headers=key)
        assert answer.status_code == 200

    def test_a_request_that_died_finds_its_charge_again(
        self, app: Flask, shop: Shop, payer: Cast, key, monkeypatch
    ) -> None:
        """The process died after the charge, before the answer: the same key does not pay twice."""
        with monkeypatch.context() as patch:
            patch.setattr(replay, "_keep", _die)
            with pytest.raises(SystemExit):
                shop.upgrade(payer.owner, payer.workspace.slug, headers=key)
        with app.app_context(), clock.frozen(clock.now() + timedelta(minutes=2)):
            answer = shop.upgrade(payer.owner, payer.workspace.slug, headers=key)
        assert answer.status_code == 200, answer.text
        (invoice,) = shop.invoices(payer.owner, payer.workspace.slug)
        intent = answer.json["data"]["paymentIntent"]["id"]
        assert invoice["stripePaymentIntentId"] == intent
        assert len(payments_at_stripe(shop, find_charge_id(app, intent))) == 1


# What Stripe may say without having looked at the card: its status and error, and our code.
REFUSALS = [
    (401, {"type": "invalid_request_error", "message": "Invalid API Key"}, "not_configured"),
    (400, {"type": "invalid_request_error", "message": "No such thing"}, "error"),
]


class TestBadMinute:
    """What failed here, and not at the card's bank, is done when the client asks again."""

    @pytest.mark.parametrize(("status", "error", "code"), REFUSALS)
    def test_an_upgrade_under_the_same_key_works_the_next_time(
        self, shop: Shop, payer: Cast, key, status: int, error: dict, code: str
    ) -> None:
        fault(shop, "error", status=status, error=error)
        answer = shop.upgrade(payer.owner, payer.workspace.slug, headers=key)
        assert (answer.status_code, answer.json["code"]) == (500, f"stripe_{code}")
        answer = shop.upgrade(payer.owner, payer.workspace.slug, headers=key)
        assert answer.status_code == 200, answer.text
        again = shop.upgrade(payer.owner, payer.workspace.slug, headers=key)
        assert (again.json, replayed(again)) == (answer.json, True)
        invoices = shop.invoices(payer.owner, payer.workspace.slug)
        assert [invoice["status"] for invoice in invoices] == ["failed", "paid"]

    def test_a_refund_under_the_same_key_works_the_next_time(
        self, shop: Shop, payer: Cast, admin: Person, key
    ) -> None:
        shop.upgrade(payer.owner, payer.workspace.slug)
        (invoice,) = shop.invoices(payer.owner, payer.workspace.slug)
        path = f"/api/admin/invoices/{invoice['id']}/refund"
        fault(shop, "error", "/v1/refunds", status=401, error=REFUSALS[0][1])
        answer = admin.post(path, {"amount": 3}, headers=key)
        assert (answer.status_code, answer.json["code"]) == (500, "stripe_not_configured")
        answer = admin.post(path, {"amount": 3}, headers=key)
        assert (answer.status_code, answer.json["data"]["refundedAmount"]) == (200, 3)
        again = admin.post(path, {"amount": 3}, headers=key)
        assert (again.json, replayed(again)) == (answer.json, True)
        held = shop.stripe("GET", "/v1/refunds", payment_intent=invoice["stripePaymentIntentId"])[
            "data"
        ]
        assert [made["amount"] for made in held] == [300]

    def test_a_decline_stays_the_answer(self, shop: Shop, cast: Cast, key) -> None:
        shop.save_card(cast.owner, cast.workspace.slug, "pm_card_chargeCustomerFail")
        first = shop.upgrade(cast.owner, cast.workspace.slug, headers=key)
        again = shop.upgrade(cast.owner, cast.workspace.slug, headers=key)
        assert first.status_code == again.status_code == 402
        assert replayed(again)
        assert len(shop.invoices(cast.owner, cast.workspace.slug)) == 1


class TestKeys:
    @pytest.mark.parametrize(
        "bad",
        ["", " ", "a b", "é", "a" * 256, "a\tb", "\x7f", "käse", "😀".encode().decode("latin-1")],
    )
    def test_only_printable_ascii_of_bounded_length(self, still: Cast, bad: str) -> None:
        path = f"{still.workspace.payments}/payment-method"
        answer = still.owner.post(path, headers={"Idempotency-Key": bad})
        assert (answer.status_code, answer.json["code"]) == (400, "invalid_idempotency_key")

    @pytest.mark.parametrize("good", ["x", "a" * 255, "!~{}:;,", "'; DROP TABLE users; --"[0:2]])
    def test_anything_else_will_do(self, still: Cast, good: str) -> None:
        path = f"{still.workspace.payments}/payment-method"
        assert still.owner.post(path, headers={"Idempotency-Key": good}).status_code == 200


class TestAtRest:
    def test_the_answer_is_sealed(self, app: Flask, payer: Cast, key) -> None:
        """A client secret must not be readable in the database."""
        path = f"{payer.workspace.payments}/payment-method"
        data = payer.owner.post(path, headers=key).json["data"]
        row = row_of(app, key)
        assert (row["status"], row["user_id"]) == (200, payer.owner.id)
        whole = " ".join(str(value) for value in row.values())
        for secret in (data["clientSecret"], data["setupIntentId"], "client", "message"):
            assert secret not in whole

    def test_a_sealed_answer_cannot_be_moved_to_another_row(
        self, app: Flask, payer: Cast, key
    ) -> None:
        from payments.extensions import sealer
        from payments.kit.crypto import Unsealable

        payer.owner.post(f"{payer.workspace.payments}/payment-method", headers=key)
        row = row_of(app, key)
        with app.app_context(), pytest.raises(Unsealable):
            sealer().open(row["answer"], place=f"idempotent_requests.answer.{row['id'] + 1}")

    def test_after_a_day_it_is_forgotten(self, app: Flask, payer: Cast, key) -> None:
        path = f"{payer.workspace.payments}/payment-method"
        first = payer.owner.post(path, headers=key).json
        with clock.frozen(clock.now() + timedelta(hours=25)):
            again = payer.owner.post(path, headers=key)
        assert not replayed(again)
        assert again.json != first

    def test_and_swept_away(self, app: Flask, payer: Cast, key) -> None:
        payer.owner.post(f"{payer.workspace.payments}/payment-method", headers=key)
        with app.app_context():
            store.prune()
        assert _claimed(app, key)
        with app.app_context(), clock.frozen(clock.now() + timedelta(hours=25)):
            assert store.prune() >= 1
        assert not _claimed(app, key)
