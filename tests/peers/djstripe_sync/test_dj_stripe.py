"""dj-stripe, unchanged but for the address, copies the models of an account."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from payments.sandbox.server import Sandbox
from tests.peers.filled import fill_account
from tests.peers.packages import install_from_pypi

pytestmark = pytest.mark.timeout(400)  # a registry may be slow

PACKAGE = "dj-stripe==2.11.0"
KEY = "sk_test_DjStripeCopiesThisAccount"
# What fails at Stripe as well: the first asks another address, the others send what is refused.
ITS_OWN = {"AccountV2", "ActiveEntitlement", "TaxId"}
COPIED = {
    "Account", "BalanceTransaction", "Charge", "Coupon", "Customer", "Dispute",
    "EarlyFraudWarning", "Event", "Feature", "Invoice", "InvoiceItem", "LineItem",
    "PaymentIntent", "PaymentMethod", "Payout", "Price", "Product", "PromotionCode", "Refund",
    "Session", "SetupIntent", "Subscription", "SubscriptionItem", "SubscriptionSchedule",
    "TaxRate",
}  # fmt: skip


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("djstripe")
    packages = install_from_pypi(folder / "packages", PACKAGE)
    with Sandbox(port=0) as sandbox:
        fill_account(sandbox, KEY)
        driver = str(Path(__file__).parent / "drive.py")
        done = subprocess.run(
            [sys.executable, driver, str(folder / "db.sqlite3"), sandbox.url, KEY],
            env={**os.environ, "PYTHONPATH": str(packages)},
            capture_output=True,
            text=True,
            timeout=110,
            check=False,
        )
    assert done.returncode == 0, done.stderr[-3000:]
    return dict(json.loads(done.stdout.splitlines()[-1]))


def test_copies_every_model(report: dict[str, Any]) -> None:
    assert set(report["failed"]) <= ITS_OWN, report["said"]
    assert {name for name in COPIED if not report["counts"][name]} == set()
