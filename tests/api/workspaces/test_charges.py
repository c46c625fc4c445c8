"""The charge behind an upgrade: slow, lost, refused or repeated, its money moves once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask

from payments.kit import clock
from payments.kit.transactions import transaction
from payments.workspaces import reconcile
from payments.workspaces.models import Charge, Workspace
from payments.workspaces.queries import find_plan
from tests.support.hostile import HUGE_IDS, NO_IDS
from tests.support.people import Cast
from tests.support.shop import Shop, eventually
from tests.support.till import (
    CONFIRMATIONS,
    PAYMENT_INTENTS,
    add_plan,
    charge_calls,
    charge_of,
    column,
    confirmations,
    fault,
    first_try_over,
    installation_of,
    open_async,
    payments_at_stripe,
    plan_of,
    settings_of,
    try_again,
    until,
)

FIELDS = {
    "id", "workspaceId", "status", "amount", "currency", "planId", "invoiceId", "paymentMethodId",
    "stripePaymentMethodId", "paymentIntentId", "outcomeUnknown", "needsAttention", "error",
    "expiresAt", "createdAt", "updatedAt", "dispute",
}  # fmt: skip


Settled = tuple[Cast, int]


@pytest.fixture(scope="module")
def settled(open_shop: Shop, new_payer: Callable[[], Cast]) -> Settled:
    """A workspace, and its charge that has succeeded."""
    cast = new_payer()
    charge_id = open_async(open_shop, cast)
    until(cast, charge_id, "succeeded")
    return cast, charge_id


class TestAsync:
    def test_is_accepted_and_can_be_polled(self, shop: Shop, payer: Cast) -> None:
        """RFC 7240: who prefers not to wait is answered at once."""
        headers = {"Prefer": "respond-async"}
        answer = shop.upgrade(payer.owner, payer.workspace.slug, headers=headers)
        assert answer.status_code == 202
        assert answer.headers["Preference-Applied"] == "respond-async"
        assert int(answer.headers["Retry-After"]) > 0
        charge = answer.json["data"]["charge"]
        assert charge["status"] == "pending"
        assert answer.json["message"] == "Payment is being processed"
        path = f"{payer.workspace.payments}/charges/{charge['id']}"
        assert answer.headers["Location"] == path
        done = until(payer, charge["id"], "succeeded")
        assert set(done) - {"clientSecret"} == FIELDS
        assert (done["amount"], done["currency"], done["error"]) == (999, "usd", None)
        assert plan_of(payer.owner, payer.workspace) == "starter"

    @pytest.mark.parametrize(
        "wish", ["respond-async", "Respond-Async; foo=1", "wait=10, respond-async"]
    )
    def test_the_wish_is_read_as_the_rfc_says(self, shop: Shop, payer: Cast, wish: str) -> None:
        answer = shop.upgrade(payer.owner, payer.workspace.slug, headers={"Prefer": wish})
        assert answer.status_code == 202

    def test_other_wishes_are_ignored(self, shop: Shop, payer: Cast) -> None:
        headers = {"Prefer": "return=minimal"}
        answer = shop.upgrade(payer.owner, payer.workspace.slug, headers=headers)
        assert answer.status_code == 200
        assert "Preference-Applied" not in answer.headers

    def test_a_decline_is_told_by_the_poll(self, shop: Shop, cast: Cast) -> None:
        shop.save_card(cast.owner, cast.workspace.slug, "pm_card_chargeCustomerFail")
        charge = until(cast, open_async(shop, cast), "failed")
        assert charge["error"] == {
            "code": "card_declined",
            "declineCode": "generic_decline",
            "message": "Your card was declined.",
        }

    def test_a_slow_stripe_is_a_202(self, app: Flask, shop: Shop, payer: Cast) -> None:
        fault(shop, "delay", ms=600)
        with settings_of(app, charge_wait_seconds=0.2):
            answer = shop.upgrade(payer.owner, payer.workspace.slug)
        assert answer.status_code == 202
        assert "Preference-Applied" not in answer.headers
        assert answer.json["data"]["charge"]["status"] == "pending"
        again = shop.upgrade(payer.owner, payer.workspace.slug)
        assert (again.status_code, again.json["code"]) == (409, "charge_in_progress")
        until(payer, answer.json["data"]["charge"]["id"], "succeeded")
        assert len(payments_at_stripe(shop, answer.json["data"]["charge"]["id"])) == 1


class TestGet:
    def test_everybody_of_the_workspace_may_look(self, settled: Settled) -> None:
        payer, charge_id = settled
        for role in ("owner", "admin", "member"):
            assert charge_of(payer, charge_id, payer[role])["status"] == "succeeded"

    def test_a_foreign_one_is_not_found(self, settled: Settled, neighbours: Cast) -> None:
        _, charge_id = settled
        answer = neighbours.owner.get(f"{neighbours.workspace.payments}/charges/{charge_id}")
        assert (answer.status_code, answer.json["code"]) == (404, "charge_not_found")

    @pytest.mark.parametrize("raw", ["0", "999999999", *HUGE_IDS, *NO_IDS])
    def test_no_such_charge(self, still: Cast, raw: str) -> None:
        answer = still.owner.get(f"{still.workspace.payments}/charges/{raw}")
        assert (answer.status_code, answer.json["code"]) == (404, "charge_not_found")


# What may happen to each of the two calls that move money.
TROUBLE = [
    ("status", {"status": 500}),
    ("status", {"status": 503}),
    ("status", {"status": 429}),
    ("drop_before", {}),
    ("drop_after", {}),
    ("stored_500", {"effect": True}),
]
CALLS = [PAYMENT_INTENTS, CONFIRMATIONS]


class TestTrouble:
    @pytest.mark.parametrize("path", CALLS)
    @pytest.mark.parametrize(("action", "more"), TROUBLE)
    def test_the_money_moves_once_in_the_end(
        self, app: Flask, shop: Shop, payer: Cast, action: str, more: dict, path: str
    ) -> None:
        fault(shop, action, path, **more)
        charge_id = open_async(shop, payer)
        first_try_over(app, charge_id)
        assert plan_of(payer.owner, payer.workspace) == "free"
        try_again(app, charge_id)
        assert charge_of(payer, charge_id)["status"] == "succeeded"
        assert len(payments_at_stripe(shop, charge_id)) == 1
        assert creation_keys(shop, charge_id) == {creation_key(app, charge_id)}
        assert plan_of(payer.owner, payer.workspace) == "starter"
        (invoice,) = shop.invoices(payer.owner, payer.workspace.slug)
        assert invoice["status"] == "paid"

    def test_while_stripe_is_down_it_is_a_202(self, app: Flask, shop: Shop, payer: Cast) -> None:
        fault(shop, "status", status=503)
        with settings_of(app, charge_wait_seconds=0.3):
            answer = shop.upgrade(payer.owner, payer.workspace.slug)
        assert answer.status_code == 202
        charge_id = answer.json["data"]["charge"]["id"]
        first_try_over(app, charge_id)
        try_again(app, charge_id)
        assert charge_of(payer, charge_id)["status"] == "succeeded"

    def test_the_sweep_brings_it_back(self, app: Flask, shop: Shop, payer: Cast) -> None:
        fault(shop, "status", status=500)
        charge_id = open_async(shop, payer)
        first_try_over(app, charge_id)
        with app.app_context():
            reconcile.wake_due()
        assert column(app, Charge, charge_id, "status") == "pending"
        with app.app_context(), clock.frozen(clock.now() + timedelta(minutes=1)):
            assert reconcile.wake_due() >= 1
            until(payer, charge_id, "succeeded")
        assert len(payments_at_stripe(shop, charge_id)) == 1

    def test_a_creation_whose_500_is_stored_never_gets_a_second_key(
        self, app: Flask, shop: Shop, payer: Cast
    ) -> None:
        """Stripe may still have done it, and tell of it later.

        https://docs.stripe.com/error-low-level#server-errors
        """
        fault(shop, "stored_500", effect=False)
        charge_id = open_async(shop, payer)
        first_try_over(app, charge_id)
        for _ in range(8):
            try_again(app, charge_id)
            assert column(app, Charge, charge_id, "status") == "pending"
        assert len(charge_calls(shop, charge_id)) == 9
        shown = charge_of(payer, charge_id)
        assert (shown["outcomeUnknown"], shown["needsAttention"]) == (True, True)
        assert creation_keys(shop, charge_id) == {creation_key(app, charge_id)}
        assert payments_at_stripe(shop, charge_id) == []

    def test_a_confirmation_whose_500_is_stored_is_sent_under_another_key(
        self, app: Flask, shop: Shop, payer: Cast
    ) -> None:
        """One PaymentIntent takes money once, under however many keys it is confirmed."""
        fault(shop, "stored_500", CONFIRMATIONS, effect=False)
        charge_id = open_async(shop, payer)
        first_try_over(app, charge_id)
        try_again(app, charge_id)
        assert charge_of(payer, charge_id)["status"] == "succeeded"
        (payment,) = payments_at_stripe(shop, charge_id)
        calls = confirmations(shop, payment["id"])
        assert len({call["idempotency_key"] for call in calls}) == len(calls) == 2

    @pytest.mark.parametrize("path", CALLS)
    def test_too_many_requests_and_a_key_in_use_count_as_no_try(
        self, app: Flask, shop: Shop, payer: Cast, path: str
    ) -> None:
        """The first request under a key may run as long as it likes: it is waited for."""
        in_use = {"type": "idempotency_error", "code": "idempotency_key_in_use", "message": "Wait."}
        fault(shop, "status", path, status=429)
        fault(shop, "error", path, status=409, error=in_use, times=12)
        charge_id = open_async(shop, payer)
        first_try_over(app, charge_id)
        for times in range(2, 14):
            try_again(app, charge_id)
            assert column(app, Charge, charge_id, "status", "tries") == ("pending", 0), times
        try_again(app, charge_id)
        assert charge_of(payer, charge_id)["status"] == "succeeded"
        assert len(payments_at_stripe(shop, charge_id)) == 1
        assert creation_keys(shop, charge_id) == {creation_key(app, charge_id)}

    def test_what_was_paid_is_found_after_a_day(self, app: Flask, shop: Shop, payer: Cast) -> None:
        """The confirmation took effect, and Stripe has forgotten its key."""
        fault(shop, "drop_after", CONFIRMATIONS)
        charge_id = open_async(shop, payer)
        first_try_over(app, charge_id)
        try_again(app, charge_id, after=timedelta(hours=30))
        assert charge_of(payer, charge_id)["status"] == "succeeded"
        (payment,) = payments_at_stripe(shop, charge_id)
        assert len(confirmations(shop, payment["id"])) == 1

    def test_what_was_created_and_not_paid_is_canceled_after_a_day(
        self, app: Flask, shop: Shop, payer: Cast
    ) -> None:
        """Nobody expects to be charged any more: it must not become payable again either."""
        fault(shop, "drop_after")
        charge_id = open_async(shop, payer)
        first_try_over(app, charge_id)
        try_again(app, charge_id, after=timedelta(hours=30))
        charge = charge_of(payer, charge_id)
        assert (charge["status"], charge["error"]["code"]) == ("abandoned", "expired")
        (payment,) = payments_at_stripe(shop, charge_id)
        assert payment["status"] == "canceled"
        assert confirmations(shop, payment["id"]) == []
        assert len(charge_calls(shop, charge_id)) == 1

    def test_nothing_found_after_a_day_is_given_up(
        self, app: Flask, shop: Shop, payer: Cast
    ) -> None:
        fault(shop, "drop_before")
        charge_id = open_async(shop, payer)
        first_try_over(app, charge_id)
        try_again(app, charge_id, after=timedelta(hours=30))
        charge = charge_of(payer, charge_id)
        assert (charge["status"], charge["error"]["code"]) == ("abandoned", "expired")
        assert payments_at_stripe(shop, charge_id) == []
        (invoice,) = shop.invoices(payer.owner, payer.workspace.slug)
        assert invoice["status"] == "failed"

    def test_what_waited_a_day_for_a_worker_is_not_charged(
        self, app: Flask, shop: Shop, payer: Cast
    ) -> None:
        fault(shop, "status", status=429)
        charge_id = open_async(shop, payer)
        first_try_over(app, charge_id)
        try_again(app, charge_id, after=timedelta(hours=30))
        assert charge_of(payer, charge_id)["error"]["code"] == "expired"
        assert payments_at_stripe(shop, charge_id) == []

    def test_a_key_that_was_used_for_something_else_raises_the_alarm(
        self, app: Flask, shop: Shop, payer: Cast
    ) -> None:
        error = {"type": "idempotency_error", "message": "Keys can only be used once."}
        fault(shop, "error", status=400, error=error)
        charge_id = open_async(shop, payer)
        first_try_over(app, charge_id)
        assert column(app, Charge, charge_id, "status", "needs_attention", "uncertain") == (
            "pending",
            True,
            True,
        )
        assert alarm_of(payer) == "its idempotency key was used with other parameters"

    @pytest.mark.parametrize("path", CALLS)
    def test_a_revoked_key_does_not_fail_what_may_have_been_paid(
        self, app: Flask, shop: Shop, payer: Cast, path: str
    ) -> None:
        fault(shop, "drop_after", path)
        charge_id = open_async(shop, payer)
        first_try_over(app, charge_id)
        with settings_of(app, stripe_secret_key=None):
            try_again(app, charge_id)
        assert column(app, Charge, charge_id, "status") == "pending"
        try_again(app, charge_id, after=timedelta(hours=1))
        assert charge_of(payer, charge_id)["status"] == "succeeded"


class TestLeases:
    def test_a_held_charge_is_left_alone(self, app: Flask, shop: Shop, payer: Cast) -> None:
        fault(shop, "delay", ms=500)
        charge_id = open_async(shop, payer)
        eventually(lambda: column(app, Charge, charge_id, "leased_until"))
        try_again(app, charge_id, after=timedelta(0))
        until(payer, charge_id, "succeeded")
        assert len(charge_calls(shop, charge_id)) == 1

    def test_a_settled_charge_is_never_called_again(
        self, app: Flask, shop: Shop, settled: Settled
    ) -> None:
        cast, charge_id = settled
        intent = charge_of(cast, charge_id)["paymentIntentId"]
        for _ in range(3):
            try_again(app, charge_id)
        assert len(charge_calls(shop, charge_id)) == len(confirmations(shop, intent)) == 1


class TestPaidLate:
    def test_a_success_that_is_no_upgrade_any_more_asks_for_a_person(
        self, app: Flask, shop: Shop, payer: Cast
    ) -> None:
        """Meanwhile an operator moved the workspace higher: its plan must not fall back."""
        fault(shop, "drop_after", CONFIRMATIONS)
        charge_id = open_async(shop, payer)
        first_try_over(app, charge_id)
        slug = add_plan(app)
        with app.app_context(), transaction() as session:
            plan = find_plan(slug)
            session.get_one(Workspace, payer.workspace.id).plan = plan
        try_again(app, charge_id)
        assert column(app, Charge, charge_id, "status", "needs_attention") == ("succeeded", True)
        assert plan_of(payer.owner, payer.workspace) == slug
        assert alarm_of(payer) == "paid for a plan that is no longer an upgrade"


def alarm_of(cast: Cast) -> str:
    """Return why the workspace's timeline says that a charge needs a person."""
    query = {"kind": "charge.needs_attention"}
    (entry,) = cast.owner.get(f"{cast.workspace.payments}/timeline", query_string=query).json[
        "data"
    ]
    assert entry["sentence"].endswith(f"needs a person to look at it: {entry['data']['reason']}")
    return str(entry["data"]["reason"])


def creation_key(app: Flask, charge_id: int) -> str:
    """Return the one key under which a charge's PaymentIntent may be created."""
    reference = column(app, Charge, charge_id, "reference")
    return f"{installation_of(app)}:charge:{reference}:create"


def creation_keys(shop: Shop, charge_id: int) -> set[str]:
    """Return the keys under which Stripe was asked to create a charge's PaymentIntent."""
    return {call["idempotency_key"] for call in charge_calls(shop, charge_id)}
