"""An installation of the numbers' own: its days are moved, closed and tampered with."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from payments.invoices import proof
from payments.invoices.issue import PlanChange, issue
from payments.invoices.models import DOWNGRADE, Invoice, InvoiceCounter, InvoiceDayProof
from payments.kit import clock
from payments.kit.transactions import transaction
from tests.support import stack
from tests.support.people import sign_up
from tests.support.site import Site, open_site, opened, spare_redis

NOTHING_OWED = PlanChange(DOWNGRADE, 1, "Free", "free", "month", 2, "Starter", "starter", "x")


@dataclass(frozen=True)
class Books:
    """The platform's invoices, without anything that makes them slow."""

    site: Site
    workspace_id: int

    @contextmanager
    def issuing(self) -> Iterator[Invoice]:
        """Hold a transaction in which an invoice has just got its number."""
        with self.site.app.app_context(), transaction():
            yield issue(self.workspace_id, NOTHING_OWED, amount_minor=0, currency="usd")

    def issue(self, at: datetime | None = None) -> Invoice:
        """Issue an invoice and return its row, free of any session."""
        if at is not None:
            with clock.frozen(at):
                return self.issue()
        with self.issuing() as made:
            row_id = made.id
        return self.site.row(Invoice, Invoice.id == row_id)

    def number(self, at: datetime | None = None) -> str:
        return self.issue(at).invoice_number

    def plant(self, *numbers: str) -> None:
        """Write invoices with these numbers past the counter, as nobody should."""
        common = {**vars(NOTHING_OWED), "workspace_id": self.workspace_id, "currency": "usd"}
        rows = [{**common, "invoice_number": n, "amount_minor": 0} for n in numbers]
        self.site.run(lambda session: session.execute(sa.insert(Invoice), rows))

    def remove(self, number: str) -> None:
        gone = sa.delete(Invoice).where(Invoice.invoice_number == number)
        self.site.run(lambda session: session.execute(gone))

    def clear(self) -> None:
        """Begin anew: no invoice, no counter, no proof."""
        for model in (Invoice, InvoiceCounter, InvoiceDayProof):
            self.site.run(lambda session, model=model: session.execute(sa.delete(model)))

    def set_counter(self, day: date, last: int) -> None:
        change = sa.update(InvoiceCounter).where(InvoiceCounter.day == day).values(last=last)
        self.site.run(lambda session: session.execute(change))

    def close(self, day: date, at: datetime | None = None) -> str:
        """Close a day, a while after it has ended unless told when."""
        with clock.frozen(at or after(day)), self.site.app.app_context():
            return proof.close(day)

    def close_due(self, at: datetime) -> list[date]:
        with clock.frozen(at), self.site.app.app_context():
            return proof.close_due()

    def proof(self, day: date) -> dict[str, Any] | None:
        """Return a day's proof as plain values."""

        def found(session: Any) -> dict[str, Any] | None:
            row = session.get(InvoiceDayProof, day)
            return row and {c.name: getattr(row, c.name) for c in InvoiceDayProof.__table__.c}

        return self.site.read(found)

    def command(self, *words: str, at: datetime | None = None) -> tuple[int, str]:
        """Run `flask invoices ...`; return its exit code and what it printed."""
        with clock.frozen(at or clock.now()):
            done = self.site.app.test_cli_runner().invoke(args=["invoices", *words])
        return done.exit_code, done.output


def noon(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 12, tzinfo=UTC)


def after(day: date) -> datetime:
    """Return a moment at which the day is over everywhere on earth."""
    return noon(day) + timedelta(days=2)


@contextmanager
def opened_books(folder: Any, sandbox: stack.Sandbox, **variables: str) -> Iterator[Books]:
    with open_site(folder, sandbox, redis_url=spare_redis(), **variables) as site:
        yield Books(site, sign_up(site.client).home.id)


@contextmanager
def elsewhere(books: Books, zone: str) -> Iterator[Books]:
    """The same books in the hands of somebody who counts his days in another zone."""
    with opened({**books.site.environment, "INVOICE_TIMEZONE": zone}) as site:
        yield Books(site, books.workspace_id)


@pytest.fixture(scope="module")
def books(tmp_path_factory: pytest.TempPathFactory, sandbox: stack.Sandbox) -> Iterator[Books]:
    """Books of the module's own; every test has its own year."""
    with opened_books(tmp_path_factory.mktemp("books"), sandbox) as made:
        yield made
