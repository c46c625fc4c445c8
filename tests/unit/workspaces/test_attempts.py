"""When a charge is asked again under its key, when it is looked up first, when it is given up."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from payments.kit import leases
from payments.workspaces.attempts import KEY_LIVES, TRIES_PER_KEY, Attempt
from payments.workspaces.models import Charge, Refund

FRESH = Attempt(
    model=Charge,
    row_id=7,
    fence=1,
    key="charge-7-1",
    created=1,
    uncertain=False,
    too_old=False,
    worn_out=False,
)


@pytest.mark.parametrize(
    ("uncertain", "too_old", "worn_out", "look_first", "stale"),
    [
        (False, False, False, False, False),
        (False, False, True, False, False),
        (False, True, False, False, True),
        (False, True, True, False, True),
        (True, False, False, False, False),
        (True, False, True, True, False),
        (True, True, False, True, False),
        (True, True, True, True, False),
    ],
)
def test_what_to_do(
    uncertain: bool, too_old: bool, worn_out: bool, look_first: bool, stale: bool
) -> None:
    """Nothing is given up while money may have moved, nothing repeated without a look."""
    attempt = replace(FRESH, uncertain=uncertain, too_old=too_old, worn_out=worn_out)
    assert (attempt.look_first, attempt.stale) == (look_first, stale)
    assert not (attempt.look_first and attempt.stale)


def test_our_day_is_shorter_than_stripes() -> None:
    """A key that Stripe may have forgotten must not be used again."""
    assert timedelta(hours=24) > KEY_LIVES


def test_all_tries_under_a_key_fit_into_its_life() -> None:
    waits = [leases.BACKOFF_FIRST * 2**n for n in range(TRIES_PER_KEY)]
    assert sum(waits, timedelta()) * 2 < KEY_LIVES


@pytest.mark.parametrize(("model", "prefix"), [(Charge, "charge"), (Refund, "refund")])
def test_a_key_names_its_row_and_attempt(model, prefix: str) -> None:
    assert model(id=7, attempt=3).idempotency_key == f"{prefix}-7-3"
