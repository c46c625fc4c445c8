"""Giving a charge up that is not settled: by its workspace's managers, or by the platform."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from payments.workspaces.models import Charge
from tests.support.hostile import HUGE_IDS, NO_IDS
from tests.support.people import Cast, Person
from tests.support.shop import Shop, eventually
from tests.support.till import (
    CONFIRMATIONS,
    PAYMENT_INTENTS,
    browser_authenticates,
    charge_of,
    column,
    confirmations,
    fault,
    first_try_over,
    open_async,
    payments_at_stripe,
    plan_of,
    save_authenticated_card,
    sent,
    settings_of,
    try_again,
    until,
)

CancelCharge = Callable[[Cast, int], TestResponse]


@pytest.fixture(params=["owner", "admin of the workspace", "platform administrator"])
def cancel_charge(request: pytest.FixtureRequest, admin: Person) -> CancelCharge:
    """Return a function that cancels a charge as one of those who may."""

    def cancel(cast: Cast, charge_id: int) -> TestResponse:
        if request.param == "platform administrator":
            return admin.post(f"/api/admin/charges/{charge_id}/cancel")
        person = cast.owner if request.param == "owner" else cast.admin
        return person.post(f"{cast.workspace.payments}/charges/{charge_id}/cancel")

    return cancel


@pytest.fixture(scope="module")
def settled(open_shop: Shop, new_payer: Callable[[], Cast]) -> tuple[Cast, int]:
    """A workspace, and its charge that has succeeded."""
    cast = new_payer()
    charge_id = open_async(open_shop, cast)
    until(cast, charge_id, "succeeded")
    return cast, charge_id


def stall(app: Flask, shop: Shop, cast: Cast, action: str, path: str, **options: Any) -> int:
    """Return a charge whose creation or confirmation went wrong once."""
    fault(shop, action, path, **options)
    charge_id = open_async(shop, cast)
    first_try_over(app, charge_id)
    return charge_id


def assert_given_up(shop: Shop, cast: Cast, charge_id: int, answer: TestResponse) -> None:
    assert answer.status_code == 200, answer.text
    assert answer.json["message"] == "Charge canceled successfully"
    charge = charge_of(cast, charge_id)
    assert {**charge, "clientSecret": None} == {**answer.json["data"], "clientSecret": None}
    assert charge["status"] in {"canceled", "abandoned"}
    (invoice,) = shop.invoices(cast.owner, cast.workspace.slug)
    assert invoice["status"] == "failed"
    assert plan_of(cast.owner, cast.workspace) == "free"


class TestPending:
    def test_one_that_never_reached_stripe_is_abandoned(
        self, app: Flask, shop: Shop, payer: Cast, cancel_charge: CancelCharge
    ) -> None:
        charge_id = stall(app, shop, payer, "drop_before", PAYMENT_INTENTS)
        assert_given_up(shop, payer, charge_id, cancel_charge(payer, charge_id))
        assert charge_of(payer, charge_id)["status"] == "abandoned"
        try_again(app, charge_id)
        assert payments_at_stripe(shop, charge_id) == []

    def test_one_whose_creation_was_not_answered_is_canceled_at_stripe(
        self, app: Flask, shop: Shop, payer: Cast, cancel_charge: CancelCharge
    ) -> None:
        charge_id = stall(app, shop, payer, "drop_after", PAYMENT_INTENTS)
        assert_given_up(shop, payer, charge_id, cancel_charge(payer, charge_id))
        (payment,) = payments_at_stripe(shop, charge_id)
        assert payment["status"] == "canceled"

    def test_one_that_was_created_and_not_confirmed_is_canceled_at_stripe(
        self, app: Flask, shop: Shop, payer: Cast, cancel_charge: CancelCharge
    ) -> None:
        """Its workspace would be locked out of every other upgrade."""
        charge_id = stall(app, shop, payer, "drop_before", CONFIRMATIONS)
        assert_given_up(shop, payer, charge_id, cancel_charge(payer, charge_id))
        (payment,) = payments_at_stripe(shop, charge_id)
        assert payment["status"] == "canceled"
        assert shop.upgrade(payer.owner, payer.workspace.slug).status_code == 200

    def test_one_that_was_paid_without_an_answer_is_recorded_and_cannot_be(
        self, app: Flask, shop: Shop, payer: Cast, cancel_charge: CancelCharge
    ) -> None:
        charge_id = stall(app, shop, payer, "drop_after", CONFIRMATIONS)
        answer = cancel_charge(payer, charge_id)
        assert (answer.status_code, answer.json["code"]) == (409, "charge_not_cancelable")
        assert charge_of(payer, charge_id)["status"] == "succeeded"
        assert plan_of(payer.owner, payer.workspace) == "starter"

    def test_while_stripe_cannot_be_asked_nothing_changes(
        self, app: Flask, shop: Shop, payer: Cast, cancel_charge: CancelCharge
    ) -> None:
        charge_id = stall(app, shop, payer, "drop_before", CONFIRMATIONS)
        fault(shop, "status", f"{PAYMENT_INTENTS}/*/cancel", status=503)
        answer = cancel_charge(payer, charge_id)
        assert answer.status_code in {500, 502, 503}, answer.text
        assert charge_of(payer, charge_id)["status"] == "pending"
        assert_given_up(shop, payer, charge_id, cancel_charge(payer, charge_id))

    def test_without_a_key_nothing_changes(self, app: Flask, shop: Shop, payer: Cast) -> None:
        charge_id = stall(app, shop, payer, "drop_before", CONFIRMATIONS)
        with settings_of(app, stripe_secret_key=None):
            path = f"{payer.workspace.payments}/charges/{charge_id}/cancel"
            answer = payer.owner.post(path)
        assert (answer.status_code, answer.json["code"]) == (500, "stripe_not_configured")
        assert charge_of(payer, charge_id)["status"] == "pending"

    def test_one_that_stripe_does_not_know_is_abandoned(
        self, app: Flask, shop: Shop, payer: Cast, cancel_charge: CancelCharge
    ) -> None:
        """Test data was wiped, or the key is another account's now."""
        from tests.support.drift import change

        charge_id = stall(app, shop, payer, "drop_before", CONFIRMATIONS)
        change(app, Charge, Charge.id == charge_id, stripe_payment_intent_id=f"pi_{charge_id}gone")
        assert_given_up(shop, payer, charge_id, cancel_charge(payer, charge_id))
        assert charge_of(payer, charge_id)["status"] == "abandoned"


class TestInFlight:
    def test_what_a_worker_is_creating_is_never_confirmed(
        self, app: Flask, shop: Shop, payer: Cast
    ) -> None:
        fault(shop, "delay", ms=1500, when="after")
        charge_id = open_async(shop, payer)
        eventually(lambda: column(app, Charge, charge_id, "leased_until"))
        eventually(lambda: payments_at_stripe(shop, charge_id))
        answer = payer.owner.post(f"{payer.workspace.payments}/charges/{charge_id}/cancel")
        assert_given_up(shop, payer, charge_id, answer)
        assert shop.upgrade(payer.owner, payer.workspace.slug).status_code == 200
        (payment,) = payments_at_stripe(shop, charge_id)
        assert payment["status"] == "canceled"
        assert confirmations(shop, payment["id"]) == []

    def test_what_a_worker_is_confirming_is_canceled_first(
        self, app: Flask, shop: Shop, payer: Cast
    ) -> None:
        fault(shop, "delay", CONFIRMATIONS, ms=1500)
        charge_id = open_async(shop, payer)
        intent = eventually(lambda: column(app, Charge, charge_id, "stripe_payment_intent_id"))
        answer = payer.owner.post(f"{payer.workspace.payments}/charges/{charge_id}/cancel")
        assert_given_up(shop, payer, charge_id, answer)
        eventually(lambda: confirmations(shop, intent))
        (payment,) = payments_at_stripe(shop, charge_id)
        assert (payment["status"], payment["amount_received"]) == ("canceled", 0)
        assert charge_of(payer, charge_id)["status"] == "canceled"


class TestWaiting:
    def test_one_that_waits_for_its_holder_is_canceled_at_stripe(
        self, shop: Shop, cast: Cast, cancel_charge: CancelCharge
    ) -> None:
        save_authenticated_card(shop, cast, "pm_card_authenticationRequired")
        charge_id = shop.upgrade(cast.owner, cast.workspace.slug).json["details"]["chargeId"]
        assert_given_up(shop, cast, charge_id, cancel_charge(cast, charge_id))
        (payment,) = payments_at_stripe(shop, charge_id)
        assert payment["status"] == "canceled"

    def test_one_that_was_authenticated_meanwhile_cannot_be(
        self, shop: Shop, cast: Cast, cancel_charge: CancelCharge
    ) -> None:
        save_authenticated_card(shop, cast, "pm_card_authenticationRequired")
        details = shop.upgrade(cast.owner, cast.workspace.slug).json["details"]
        browser_authenticates(shop, details["clientSecret"], details["paymentMethodId"])
        answer = cancel_charge(cast, details["chargeId"])
        assert (answer.status_code, answer.json["code"]) == (409, "charge_not_cancelable")
        assert plan_of(cast.owner, cast.workspace) == "starter"


class TestWhoAndWhat:
    def test_a_succeeded_charge_cannot_be_canceled(
        self, settled: tuple[Cast, int], cancel_charge: CancelCharge
    ) -> None:
        answer = cancel_charge(*settled)
        assert (answer.status_code, answer.json["code"]) == (409, "charge_not_cancelable")

    def test_one_that_was_canceled_cannot_be_again(
        self, app: Flask, shop: Shop, payer: Cast, admin: Person
    ) -> None:
        charge_id = stall(app, shop, payer, "drop_before", PAYMENT_INTENTS)
        path = f"/api/admin/charges/{charge_id}/cancel"
        assert admin.post(path).status_code == 200
        assert (admin.post(path).status_code, admin.post(path).json["code"]) == (
            409, "charge_not_cancelable",
        )  # fmt: skip

    def test_the_platforms_route_is_for_its_administrators_only(
        self, shop: Shop, settled: tuple[Cast, int]
    ) -> None:
        cast, charge_id = settled
        path = f"/api/admin/charges/{charge_id}/cancel"
        for role in ("owner", "admin", "member", "outsider"):
            answer = cast[role].post(path)
            assert (answer.status_code, answer.json["code"]) == (403, "forbidden")
        assert shop.call("POST", path).status_code == 401

    def test_a_member_and_an_outsider_cannot_cancel(self, settled: tuple[Cast, int]) -> None:
        cast, charge_id = settled
        for role in ("member", "outsider"):
            answer = cast[role].post(f"{cast.workspace.payments}/charges/{charge_id}/cancel")
            assert answer.status_code == 403

    def test_the_platforms_route_needs_no_membership_and_tells_who_it_was(
        self, app: Flask, shop: Shop, payer: Cast, admin: Person
    ) -> None:
        charge_id = stall(app, shop, payer, "drop_before", PAYMENT_INTENTS)
        assert admin.post(f"/api/admin/charges/{charge_id}/cancel").status_code == 200
        query = {"kind": "charge.abandoned"}
        (entry,) = payer.owner.get(f"{payer.workspace.payments}/timeline", query_string=query).json[
            "data"
        ]
        assert entry["actor"] == f"user:{admin.id}"

    @pytest.mark.parametrize("raw", ["0", "999999999", *HUGE_IDS, *NO_IDS])
    def test_no_such_charge(self, still: Cast, admin: Person, raw: str) -> None:
        for answer in (
            admin.post(f"/api/admin/charges/{raw}/cancel"),
            still.owner.post(f"{still.workspace.payments}/charges/{raw}/cancel"),
        ):
            assert (answer.status_code, answer.json["code"]) == (404, "charge_not_found")

    def test_a_foreign_one_is_not_found_by_a_workspace(
        self, settled: tuple[Cast, int], neighbours: Cast
    ) -> None:
        path = f"{neighbours.workspace.payments}/charges/{settled[1]}/cancel"
        answer = neighbours.owner.post(path)
        assert (answer.status_code, answer.json["code"]) == (404, "charge_not_found")

    def test_the_same_idempotency_key_is_answered_again(
        self, app: Flask, shop: Shop, payer: Cast, admin: Person
    ) -> None:
        charge_id = stall(app, shop, payer, "drop_before", CONFIRMATIONS)
        headers = {"Idempotency-Key": f"cancel-{charge_id}"}
        path = f"/api/admin/charges/{charge_id}/cancel"
        first, again = (admin.post(path, headers=headers) for _ in range(2))
        assert first.status_code == again.status_code == 200
        assert first.json == again.json
        (payment,) = payments_at_stripe(shop, charge_id)
        assert len(sent(shop, f"{PAYMENT_INTENTS}/{payment['id']}/cancel")) == 1
