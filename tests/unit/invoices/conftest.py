"""The facts of one plain invoice, from which each test changes what it is about."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pypdf
import pytest

from payments.invoices.document import Address, InvoiceFacts, Party, RefundFacts

ISSUED = datetime(2024, 1, 15, 10, 30, tzinfo=UTC)

PLAIN = InvoiceFacts(
    invoice_number="INV-20240115-0001",
    type="plan_upgrade",
    status="paid",
    amount_minor=999,
    refunded_minor=0,
    currency="usd",
    description='Upgrade workspace "John\'s Workspace" from Free to Starter plan',
    plan_name="Starter",
    previous_plan_name="Free",
    plan_period="month",
    created_at=ISSUED,
    paid_at=ISSUED,
    card_brand="visa",
    card_last4="4242",
    payment_intent_id="pi_3OYxYz2eZvKYlo2C1a2b3c4d",
    refunds=(),
    seller=Party("Gateways, Inc.", ("548 Market Street", "San Francisco, CA 94104", "US")),
    workspace_name="John's Workspace",
    billing_address=Address("1 Main Street", "Suite 400", "Springfield", "IL", "62701", "US"),
)


@pytest.fixture
def facts() -> Callable[..., InvoiceFacts]:
    """Build facts; what is not named is as in a paid upgrade to a monthly plan."""

    def build(**changes: Any) -> InvoiceFacts:
        return replace(PLAIN, **changes)

    return build


@pytest.fixture
def named(facts: Callable[..., InvoiceFacts]) -> Callable[..., InvoiceFacts]:
    """Build facts of a workspace with that name, in both places where a name is printed."""

    def build(name: str, **changes: Any) -> InvoiceFacts:
        description = f'Upgrade workspace "{name}" from Free to Starter plan'
        return facts(workspace_name=name, description=description, **changes)

    return build


@pytest.fixture
def refund() -> Callable[..., RefundFacts]:
    """Build a refund of some day of February."""

    def build(amount_minor: int, day: int = 1, reason: str | None = None) -> RefundFacts:
        return RefundFacts(amount_minor, datetime(2024, 2, day, 9, tzinfo=UTC), reason)

    return build


@pytest.fixture
def text_of() -> Callable[[bytes], str]:
    """Read the words of a PDF back, one space between any two."""

    def read(pdf: bytes) -> str:
        pages = pypdf.PdfReader(io.BytesIO(pdf)).pages
        return " ".join(" ".join(page.extract_text() for page in pages).split())

    return read
