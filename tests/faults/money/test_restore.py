"""docs/restore.md, performed: an older database comes back while Stripe keeps its memory.

Sequences count from the dump again, so rows get the numbers of rows that are lost. Nobody may meet
the customer, card, payment or invoice of whoever had the number before.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from payments.invoices.models import Invoice
from payments.kit.db import db
from payments.workspaces import anomalies
from payments.workspaces.charges import call
from payments.workspaces.models import Charge, PaymentMethod, StripeAnomaly, Workspace
from tests.support import stack
from tests.support.money_site import MASTERCARD, reconcile, sign_up_with_card, upgrade
from tests.support.people import Person
from tests.support.site import Site, open_site


@pytest.fixture
def site(tmp_path: Path, sandbox: stack.Sandbox) -> Iterator[Site]:
    """An installation of its own: its database is dropped under it."""
    with open_site(tmp_path, sandbox) as made:
        yield made


class Backup:
    """A dump of the site's database, on either engine."""

    def __init__(self, site: Site, folder: Path) -> None:
        self._site, self._file = site, folder / "dump.sqlite3"
        with site.app.app_context():
            self._url = db.engine.url
            db.session.remove()
            db.engine.dispose()
        if self._is_sqlite:
            with sqlite3.connect(self._path) as source, sqlite3.connect(self._file) as target:
                source.backup(target)
        else:
            self._on_server(f'CREATE DATABASE "{self._copy}" TEMPLATE "{self._url.database}"')

    def restore(self) -> None:
        """Put the dump in the place of the database."""
        with self._site.app.app_context():
            db.session.remove()
            db.engine.dispose()
        if self._is_sqlite:
            for suffix in ("-wal", "-shm"):
                Path(f"{self._path}{suffix}").unlink(missing_ok=True)
            shutil.copy(self._file, self._path)
        else:
            self._on_server(f'DROP DATABASE "{self._url.database}" WITH (FORCE)')
            self._on_server(f'CREATE DATABASE "{self._url.database}" TEMPLATE "{self._copy}"')
            self._on_server(f'DROP DATABASE "{self._copy}"')

    @property
    def _is_sqlite(self) -> bool:
        return self._url.get_backend_name() == "sqlite"

    @property
    def _path(self) -> str:
        return str(self._url.database)

    @property
    def _copy(self) -> str:
        return f"{self._url.database}_dump"

    def _on_server(self, statement: str) -> None:
        server = sa.create_engine(self._url.set(database="postgres"), isolation_level="AUTOCOMMIT")
        with server.connect() as connection:
            connection.execute(sa.text(statement))
        server.dispose()


def customer_of(site: Site, person: Person) -> Any:
    return site.row(Workspace, Workspace.id == person.home.id).stripe_customer_id


def test_nobody_meets_the_customer_card_payment_or_invoice_of_a_lost_row(
    site: Site, tmp_path: Path
) -> None:
    kept = sign_up_with_card(site, "Kept")
    assert upgrade(site, kept).status == "succeeded"
    backup = Backup(site, tmp_path)

    lost = sign_up_with_card(site, "Lost")
    lost_customer, lost_charge = customer_of(site, lost), upgrade(site, lost)
    kept_again = upgrade(site, kept, "pro")
    assert (lost_charge.status, kept_again.status) == ("succeeded", "succeeded")

    backup.restore()
    site.redis.flushdb()
    new = sign_up_with_card(site, "New", MASTERCARD)
    assert new.home.id == lost.home.id, "the number of the lost workspace is given again"
    charge = upgrade(site, new)
    assert charge.id == lost_charge.id
    reconcile(site)

    assert customer_of(site, new) != lost_customer
    cards = site.rows(PaymentMethod, PaymentMethod.workspace_id == new.home.id)
    assert [card.card_brand for card in cards] == ["mastercard"]
    assert charge.status == "succeeded"
    assert charge.stripe_payment_intent_id != lost_charge.stripe_payment_intent_id
    invoice = site.row(Invoice, Invoice.id == charge.invoice_id)
    assert (invoice.status, invoice.card_brand) == ("paid", "mastercard")
    assert invoice.stripe_payment_intent_id == charge.stripe_payment_intent_id
    shown = site.shop.invoices(new, new.home.slug)
    assert [each["cardBrand"] for each in shown] == ["mastercard"]


def test_payments_of_lost_rows_are_told_and_can_be_refunded(site: Site, tmp_path: Path) -> None:
    kept = sign_up_with_card(site, "Kept")
    backup = Backup(site, tmp_path)
    lost = upgrade(site, kept)
    backup.restore()
    site.redis.flushdb()
    reconcile(site)

    (told,) = site.rows(StripeAnomaly, StripeAnomaly.kind == "unknown_row")
    assert (told.stripe_id, told.amount_minor) == (lost.stripe_payment_intent_id, 999)
    assert "INV-" in told.reason
    assert kept.get(kept.home.path).json["data"]["plan"]["slug"] == "free"

    number = told.reason.rpartition(" ")[2].rstrip(")")
    skipped = site.app.test_cli_runner().invoke(args=["invoices", "skip", number])
    assert skipped.exit_code == 0, skipped.output
    again = upgrade(site, kept)
    invoice = site.row(Invoice, Invoice.id == again.invoice_id)
    assert invoice.invoice_number > number, "a number in somebody's hands is not given out again"

    with site.app.app_context():
        anomalies.refund_anomaly(told.stripe_id, actor="operator")
    assert [r["amount"] for r in site.refunds(told.stripe_id)] == [999]
    assert site.row(StripeAnomaly, StripeAnomaly.id == told.id).resolution == "refunded"


def test_a_charge_that_was_open_in_the_dump_and_paid_since_is_paid_once(
    site: Site, tmp_path: Path
) -> None:
    """Its random names are in the dump: the same key and PaymentIntent are met again."""
    person = sign_up_with_card(site, "Open")
    answer = site.shop.upgrade(
        person, person.home.slug, "starter", headers={"Prefer": "respond-async"}
    )
    charge_id = answer.json["data"]["charge"]["id"]
    backup = Backup(site, tmp_path)
    with site.app.app_context():
        call.run(charge_id)
    paid = site.row(Charge, Charge.id == charge_id)
    assert paid.status == "succeeded"
    backup.restore()
    assert site.row(Charge, Charge.id == charge_id).status == "pending"
    with site.app.app_context():
        call.run(charge_id)
    again = site.row(Charge, Charge.id == charge_id)
    assert (again.status, again.stripe_payment_intent_id) == (
        "succeeded",
        paid.stripe_payment_intent_id,
    )
    assert len(site.payments(person.home.id)) == 1
