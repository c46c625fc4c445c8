"""PaymentIntents that claim to be a charge's: settled by the facts, never by a name alone."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from flask import Flask

from payments.workspaces.models import Charge
from tests.support.drift import change
from tests.support.people import Cast
from tests.support.shop import Shop
from tests.support.strangers import (
    anomalies_of,
    create_customer,
    names_of_charge,
    pay_at_stripe,
    tell,
)
from tests.support.till import (
    charge_of,
    column,
    fault,
    first_try_over,
    installation_of,
    open_async,
    payments_at_stripe,
    plan_of,
    try_again,
    until,
)

SUCCEEDED, CANCELED = "payment_intent.succeeded", "payment_intent.canceled"


@pytest.fixture
def declined(shop: Shop, cast: Cast) -> int:
    """Return a charge that has failed: nothing was paid for it."""
    shop.save_card(cast.owner, cast.workspace.slug, "pm_card_chargeCustomerFail")
    charge_id = open_async(shop, cast)
    until(cast, charge_id, "failed")
    return charge_id


@pytest.fixture
def pending(app: Flask, shop: Shop, payer: Cast) -> int:
    """Return a charge that has no PaymentIntent yet."""
    fault(shop, "drop_before")
    charge_id = open_async(shop, payer)
    first_try_over(app, charge_id)
    return charge_id


def numbers_of(cast: Cast, charge_id: int) -> dict[str, str]:
    """Return the metadata by which a former release, or another database, names a charge."""
    return {"charge_id": str(charge_id), "workspace_id": str(cast.workspace.id)}


def assert_untouched(app: Flask, shop: Shop, cast: Cast, charge_id: int, status: str) -> None:
    assert charge_of(cast, charge_id)["status"] == status
    (invoice,) = shop.invoices(cast.owner, cast.workspace.slug)
    assert invoice["status"] == ("pending" if status == "pending" else "failed")
    assert plan_of(cast.owner, cast.workspace) == "free"


class TestNumbers:
    """Row numbers are the same in every database that uses the account."""

    def test_a_payment_with_our_numbers_settles_nothing(
        self, app: Flask, shop: Shop, cast: Cast, declined: int
    ) -> None:
        customer, names = create_customer(shop), numbers_of(cast, declined)
        intent = pay_at_stripe(shop, customer, names, amount=50)
        tell(app, shop, SUCCEEDED, intent)
        assert_untouched(app, shop, cast, declined, "failed")
        assert not column(app, Charge, declined, "needs_attention")
        assert anomalies_of(app, intent) == []

    def test_nor_does_one_whose_other_facts_are_ours(
        self, app: Flask, shop: Shop, cast: Cast, declined: int
    ) -> None:
        customer = column(app, Charge, declined, "stripe_customer_id")
        intent = pay_at_stripe(shop, customer, numbers_of(cast, declined))
        tell(app, shop, SUCCEEDED, intent)
        assert_untouched(app, shop, cast, declined, "failed")

    def test_a_cancellation_with_our_numbers_cancels_nothing(
        self, app: Flask, shop: Shop, payer: Cast, pending: int
    ) -> None:
        intent = shop.stripe(
            "POST", "/v1/payment_intents", amount=50, currency="usd",
            **{f"metadata[{key}]": value for key, value in numbers_of(payer, pending).items()},
        )["id"]  # fmt: skip
        shop.stripe("POST", f"/v1/payment_intents/{intent}/cancel")
        tell(app, shop, CANCELED, intent)
        assert_untouched(app, shop, payer, pending, "pending")
        try_again(app, pending)
        assert charge_of(payer, pending)["status"] == "succeeded"

    def test_another_installations_payment_is_no_business_of_ours(
        self, app: Flask, shop: Shop, cast: Cast, declined: int
    ) -> None:
        """A copy of this database has the same references, and a name of its own."""
        names = names_of_charge(app, declined) | {"installation": uuid4().hex}
        customer = column(app, Charge, declined, "stripe_customer_id")
        intent = pay_at_stripe(shop, customer, names)
        tell(app, shop, SUCCEEDED, intent)
        assert_untouched(app, shop, cast, declined, "failed")
        assert anomalies_of(app, intent) == []


class TestFormerReleases:
    """Charges that were open while the names changed: only their numbers are at Stripe."""

    @pytest.fixture
    def legacy(self, app: Flask, pending: int) -> int:
        change(app, Charge, Charge.id == pending, legacy_metadata=True)
        return pending

    def test_a_payment_with_its_numbers_and_facts_settles_it(
        self, app: Flask, shop: Shop, payer: Cast, legacy: int
    ) -> None:
        customer = column(app, Charge, legacy, "stripe_customer_id")
        intent = pay_at_stripe(shop, customer, numbers_of(payer, legacy))
        tell(app, shop, SUCCEEDED, intent)
        charge = charge_of(payer, legacy)
        assert (charge["status"], charge["paymentIntentId"]) == ("succeeded", intent)

    def test_a_strangers_payment_with_its_numbers_is_flagged_and_not_applied(
        self, app: Flask, shop: Shop, payer: Cast, legacy: int
    ) -> None:
        intent = pay_at_stripe(shop, create_customer(shop), numbers_of(payer, legacy), amount=50)
        tell(app, shop, SUCCEEDED, intent)
        assert_untouched(app, shop, payer, legacy, "pending")
        (anomaly,) = anomalies_of(app, intent)
        assert anomaly["kind"] == "mismatch"

    def test_it_is_looked_up_and_never_created_anew(
        self, app: Flask, shop: Shop, payer: Cast, legacy: int
    ) -> None:
        """The call that created it may have confirmed it too."""
        try_again(app, legacy)
        assert charge_of(payer, legacy)["status"] == "pending"
        assert payments_at_stripe(shop, legacy) == []
        customer = column(app, Charge, legacy, "stripe_customer_id")
        intent = pay_at_stripe(shop, customer, numbers_of(payer, legacy))
        try_again(app, legacy)
        charge = charge_of(payer, legacy)
        assert (charge["status"], charge["paymentIntentId"]) == ("succeeded", intent)


# One fact each in which a PaymentIntent with our names is not our charge's.
WRONG: list[tuple[str, dict[str, Any]]] = [
    ("amount", {"amount": 50}),
    ("currency", {"currency": "eur"}),
    ("customer", {}),
]


class TestMismatch:
    @pytest.mark.parametrize(("fact", "facts"), WRONG)
    @pytest.mark.parametrize("before", ["failed", "pending"])
    def test_our_names_with_another_fact_are_stored_flagged_and_not_applied(
        self, app: Flask, shop: Shop, request: pytest.FixtureRequest, fact: str,
        facts: dict[str, Any], before: str,
    ) -> None:  # fmt: skip
        made = {"failed": ("cast", "declined"), "pending": ("payer", "pending")}[before]
        cast, charge_id = map(request.getfixturevalue, made)
        customer = column(app, Charge, charge_id, "stripe_customer_id")
        if fact == "customer":
            customer = create_customer(shop)
        intent = pay_at_stripe(shop, customer, names_of_charge(app, charge_id), **facts)
        for _ in range(2):
            tell(app, shop, SUCCEEDED, intent)
        assert_untouched(app, shop, cast, charge_id, before)
        assert column(app, Charge, charge_id, "needs_attention", "attention_code") == (
            True, "facts_disagree",
        )  # fmt: skip
        assert anomalies_of(app, intent) == [
            {
                "kind": "mismatch", "status": "succeeded", "charge_id": charge_id,
                "amount_minor": facts.get("amount", 999),
                "currency": facts.get("currency", "usd"), "workspace_id": cast.workspace.id,
                "resolution": None, "reason": _reason(intent, fact),
            }
        ]  # fmt: skip

    def test_less_received_than_asked_for_settles_nothing(
        self, app: Flask, shop: Shop, cast: Cast, declined: int
    ) -> None:
        """https://docs.stripe.com/api/payment_intents/object: `amount_received` is what counts."""
        customer = column(app, Charge, declined, "stripe_customer_id")
        intent = pay_at_stripe(shop, customer, names_of_charge(app, declined))
        tell(app, shop, SUCCEEDED, intent, amount_received=500)
        assert_untouched(app, shop, cast, declined, "failed")
        (anomaly,) = anomalies_of(app, intent)
        assert (anomaly["kind"], anomaly["amount_minor"]) == ("mismatch", 500)

    def test_our_own_payment_still_settles_the_charge(
        self, app: Flask, shop: Shop, payer: Cast, pending: int
    ) -> None:
        """The flag stays: what was taken elsewhere waits for a person."""
        customer, names = create_customer(shop), names_of_charge(app, pending)
        intent = pay_at_stripe(shop, customer, names, amount=50)
        tell(app, shop, SUCCEEDED, intent)
        try_again(app, pending)
        charge = charge_of(payer, pending)
        assert charge["status"] == "succeeded"
        assert charge["paymentIntentId"] not in {None, intent}
        assert charge["needsAttention"] is True

    def test_a_cancellation_of_what_is_not_ours_cancels_nothing(
        self, app: Flask, shop: Shop, payer: Cast, pending: int
    ) -> None:
        names = names_of_charge(app, pending)
        intent = shop.stripe(
            "POST", "/v1/payment_intents", amount=50, currency="usd",
            **{f"metadata[{key}]": value for key, value in names.items()},
        )["id"]  # fmt: skip
        shop.stripe("POST", f"/v1/payment_intents/{intent}/cancel")
        tell(app, shop, CANCELED, intent)
        assert_untouched(app, shop, payer, pending, "pending")


class TestUnknownRow:
    def test_a_payment_of_ours_for_a_charge_that_is_not_here_is_stored(
        self, app: Flask, shop: Shop
    ) -> None:
        """So it is after a database was restored."""
        names = {"installation": installation_of(app), "charge": uuid4().hex}
        intent = pay_at_stripe(shop, create_customer(shop), names)
        tell(app, shop, SUCCEEDED, intent)
        (anomaly,) = anomalies_of(app, intent)
        assert (anomaly["kind"], anomaly["amount_minor"], anomaly["charge_id"]) == (
            "unknown_row", 999, None,
        )  # fmt: skip

    def test_one_that_took_no_money_is_not(self, app: Flask, shop: Shop) -> None:
        names = {"installation": installation_of(app), "charge": uuid4().hex}
        intent = shop.stripe(
            "POST", "/v1/payment_intents", amount=50, currency="usd",
            **{f"metadata[{key}]": value for key, value in names.items()},
        )["id"]  # fmt: skip
        shop.stripe("POST", f"/v1/payment_intents/{intent}/cancel")
        tell(app, shop, CANCELED, intent)
        assert anomalies_of(app, intent) == []


def _reason(intent: str, fact: str) -> str:
    wrong = ["amount", "amount_received"] if fact == "amount" else [fact]
    return f"{intent} does not agree about {', '.join(wrong)}"
