"""An object at Stripe is a row's by its installation, its reference and all of its facts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask

from payments.gateway.results import Payment, RefundResult
from payments.installation.names import (
    get_installation_id,
    is_own_metadata,
    make_idempotency_key,
    make_metadata,
)
from payments.workspaces.identity import (
    find_payment_disagreements,
    find_refund_disagreements,
    is_named,
)
from payments.workspaces.models import Charge, Refund, Workspace

REFERENCE = "a" * 32


@pytest.fixture(autouse=True)
def installed(context: Flask) -> Iterator[None]:
    """Names are this installation's, which the database knows."""
    return


def charge(**values: Any) -> Charge:
    facts = {
        "id": 7, "reference": REFERENCE, "legacy_metadata": False, "amount_minor": 999,
        "currency": "usd", "stripe_customer_id": "cus_1", "stripe_payment_intent_id": "pi_1",
    }  # fmt: skip
    return Charge(**{**facts, **values})


def payment(**values: Any) -> Payment:
    agreed = Payment(
        id="pi_1",
        status="succeeded",
        amount=999,
        currency="usd",
        client_secret=None,
        payment_method="pm_1",
        metadata=make_metadata(charge=REFERENCE),
        error_code=None,
        decline_code=None,
        error_message=None,
        customer="cus_1",
        amount_received=999,
    )
    return replace(agreed, **values)


class TestIsNamed:
    @pytest.mark.parametrize(("row", "noun"), [(Charge, "charge"), (Refund, "refund"),
                                               (Workspace, "workspace")])  # fmt: skip
    def test_by_installation_and_reference(self, row: Any, noun: str) -> None:
        held = row(id=7, reference=REFERENCE, legacy_metadata=False)
        assert is_named(held, noun, make_metadata(**{noun: REFERENCE}))

    def test_other_metadata_beside_it_does_no_harm(self) -> None:
        names = make_metadata(charge=REFERENCE, plan="pro") | {"charge_id": "8"}
        assert is_named(charge(), "charge", names)

    @pytest.mark.parametrize(
        "names",
        [
            {},
            {"charge": REFERENCE},
            {"charge": REFERENCE, "installation": ""},
            {"charge": REFERENCE, "installation": "b" * 32},
            {"charge_id": "7", "workspace_id": "1"},
        ],
    )
    def test_not_without_this_installations_name(self, names: dict[str, str]) -> None:
        assert not is_named(charge(), "charge", names)

    @pytest.mark.parametrize(
        "names", [{}, {"charge": "b" * 32}, {"charge": "7"}, {"refund": REFERENCE}]
    )
    def test_not_by_the_installations_name_alone(self, names: dict[str, str]) -> None:
        assert not is_named(charge(), "charge", make_metadata(**names))


class TestFormerReleases:
    def test_a_row_of_theirs_is_named_by_its_number(self) -> None:
        assert is_named(charge(legacy_metadata=True), "charge", {"charge_id": "7"})

    @pytest.mark.parametrize("names", [{}, {"charge_id": "8"}, {"charge_id": ""}])
    def test_by_its_own_number_only(self, names: dict[str, str]) -> None:
        assert not is_named(charge(legacy_metadata=True), "charge", names)

    def test_never_by_a_number_of_another_installation(self) -> None:
        names = {"charge_id": "7", "installation": "b" * 32}
        assert not is_named(charge(legacy_metadata=True), "charge", names)

    def test_and_by_the_names_of_today(self) -> None:
        assert is_named(charge(legacy_metadata=True), "charge", make_metadata(charge=REFERENCE))


class TestPayment:
    def test_one_that_agrees(self) -> None:
        assert find_payment_disagreements(charge(), payment()) == []

    @pytest.mark.parametrize(
        ("values", "wrong"),
        [
            ({"metadata": {}}, ["metadata"]),
            ({"customer": "cus_2"}, ["customer"]),
            ({"customer": None}, ["customer"]),
            ({"amount": 998}, ["amount"]),
            ({"currency": "eur"}, ["currency"]),
            ({"amount_received": 998}, ["amount_received"]),
            ({"amount_received": 0}, ["amount_received"]),
            ({"amount": 50, "amount_received": 50}, ["amount", "amount_received"]),
        ],
    )
    def test_each_fact_counts(self, values: dict[str, Any], wrong: list[str]) -> None:
        assert find_payment_disagreements(charge(), payment(**values)) == wrong

    @pytest.mark.parametrize("status", ["requires_confirmation", "processing", "canceled"])
    def test_nothing_is_received_before_it_succeeds(self, status: str) -> None:
        unpaid = payment(status=status, amount_received=0)
        assert find_payment_disagreements(charge(), unpaid) == []

    def test_a_charge_without_a_customer_is_paid_by_nobody(self) -> None:
        """Rows of former releases that never asked Stripe for one."""
        wrong = find_payment_disagreements(charge(stripe_customer_id=None), payment())
        assert wrong == ["customer"]


class TestRefund:
    MADE = RefundResult(
        id="re_1",
        status="succeeded",
        amount=300,
        currency="usd",
        reason=None,
        failure_reason=None,
        created=1,
        metadata={},
        payment_intent="pi_1",
    )

    @pytest.mark.parametrize(
        ("values", "wrong"),
        [
            ({}, []),
            ({"payment_intent": "pi_2"}, ["payment_intent"]),
            ({"payment_intent": None}, ["payment_intent"]),
            ({"amount": 299}, ["amount"]),
            ({"currency": "eur"}, ["currency"]),
        ],
    )
    def test_each_fact_counts(self, values: dict[str, Any], wrong: list[str]) -> None:
        row = Refund(amount_minor=300, currency="usd", reference=REFERENCE)
        made = replace(self.MADE, **values)
        assert find_refund_disagreements(row, charge(), made) == wrong


class TestNames:
    def test_a_key_says_whose_and_what_for(self) -> None:
        key = make_idempotency_key("charge", REFERENCE, "confirm", 2)
        assert key == f"{get_installation_id()}:charge:{REFERENCE}:confirm:2"

    def test_the_longest_key_is_short_enough_for_stripe(self) -> None:
        """https://docs.stripe.com/api/idempotent_requests: at most 255 characters."""
        former = "cus_" + "x" * 60
        key = make_idempotency_key("workspace", REFERENCE, "customer", "after", former)
        assert len(key) <= 255

    def test_metadata_is_own_by_the_installations_name(self) -> None:
        assert is_own_metadata(make_metadata())
        assert not is_own_metadata({})
        assert not is_own_metadata({"installation": "b" * 32})
