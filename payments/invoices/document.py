"""What an invoice says, decided in one pure place, so that the PDF only has to draw it."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo

from payments.invoices import render_words as words
from payments.kit.money import formatted

# Raise it whenever the drawing changes, so that stored copies of the old look are replaced.
LAYOUT_VERSION = 1

# Refunds beyond this many are summed up in one row: a page can't grow without an end.
MAX_REFUNDS = 40

TYPES = frozenset({"plan_upgrade", "plan_downgrade"})
STATUSES = frozenset({"pending", "paid", "failed", "refunded"})


class RenderFailed(Exception):
    """The PDF engine could not draw the document."""


@dataclass(frozen=True)
class Party:
    """A name with its address lines, ready to print."""

    name: str
    lines: tuple[str, ...] = ()


@dataclass(frozen=True)
class Address:
    """A billing address as it is stored; every part may be missing."""

    line1: str | None = None
    line2: str | None = None
    city: str | None = None
    state: str | None = None
    postal_code: str | None = None
    country: str | None = None


@dataclass(frozen=True)
class RefundFacts:
    """One refund that reached the customer."""

    amount_minor: int
    created_at: datetime
    reason: str | None = None


@dataclass(frozen=True)
class InvoiceFacts:
    """Everything the document is decided from."""

    invoice_number: str
    type: str
    status: str
    amount_minor: int
    refunded_minor: int
    currency: str
    description: str
    plan_name: str
    previous_plan_name: str | None
    plan_period: str | None
    created_at: datetime
    paid_at: datetime | None
    card_brand: str | None
    card_last4: str | None
    payment_intent_id: str | None
    refunds: tuple[RefundFacts, ...]
    seller: Party
    workspace_name: str
    billing_address: Address | Mapping[str, str | None] | None
    timezone: str = "UTC"

    def __post_init__(self) -> None:
        if self.type not in TYPES or self.status not in STATUSES:
            raise ValueError(f"no document for an invoice of type {self.type}, {self.status}")
        if min(self.amount_minor, self.refunded_minor) < 0:
            raise ValueError("an invoice has no negative amounts")
        moments = (self.created_at, self.paid_at, *(each.created_at for each in self.refunds))
        if any(moment is not None and moment.tzinfo is None for moment in moments):
            raise ValueError("an invoice needs times with a time zone")

    @property
    def fully_refunded(self) -> bool:
        covered = self.status == "paid" and 0 < self.amount_minor <= self.refunded_minor
        return self.status == "refunded" or covered


@dataclass(frozen=True)
class Row:
    """A label with its value; a strong one is the sum that people look for."""

    label: str
    value: str
    strong: bool = False


@dataclass(frozen=True)
class LineItem:
    """One line of the table of what was sold."""

    description: str
    detail: str
    quantity: str
    unit_price: str
    amount: str


@dataclass(frozen=True)
class RefundLine:
    """One line of the refund history."""

    date: str
    reason: str
    amount: str


@dataclass(frozen=True)
class InvoiceDocument:
    """The whole invoice as ready text."""

    title: str
    number: str
    status_label: str
    status_tone: str
    issued_at: str
    details: tuple[Row, ...]
    seller: Party
    bill_to: Party
    lines: tuple[LineItem, ...]
    totals: tuple[Row, ...]
    payment: tuple[Row, ...]
    refunds: tuple[RefundLine, ...]
    notes: tuple[str, ...]


def compose(facts: InvoiceFacts) -> InvoiceDocument:
    """Decide every line and sum of the invoice."""
    zone = UTC if facts.timezone == "UTC" else ZoneInfo(facts.timezone)
    label, tone = _status(facts)
    return InvoiceDocument(
        title="Invoice",
        number=facts.invoice_number,
        status_label=label,
        status_tone=tone,
        issued_at=facts.created_at.astimezone(UTC).isoformat(timespec="seconds"),
        details=_details(facts, zone),
        seller=facts.seller,
        bill_to=Party(facts.workspace_name, _address(facts)),
        lines=(_line(facts),),
        totals=_totals(facts),
        payment=_payment(facts),
        refunds=_refunds(facts, zone),
        notes=_notes(facts),
    )


def fingerprint(document: InvoiceDocument) -> str:
    """Return a digest that changes whenever the document or the way it is drawn changes."""
    content = {"layout": LAYOUT_VERSION, "document": asdict(document)}
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode("ascii")).hexdigest()


def file_name(invoice_number: str) -> str:
    """Return a name that can't break out of a header or a folder."""
    safe = re.sub(r"[^A-Za-z0-9._-]+", "", invoice_number).strip(".-_")[:100]
    return f"{safe or 'invoice'}.pdf"


def _status(facts: InvoiceFacts) -> tuple[str, str]:
    if facts.fully_refunded:
        return "Refunded", "quiet"
    if facts.status == "paid" and facts.refunded_minor:
        return f"Paid (Refunded {_money(facts, facts.refunded_minor)})", "good"
    tone = {"paid": "good", "pending": "open", "failed": "bad"}[facts.status]
    return facts.status.capitalize(), tone


def _details(facts: InvoiceFacts, zone: tzinfo) -> tuple[Row, ...]:
    rows = [
        Row("Invoice number", facts.invoice_number),
        Row("Date of issue", words.written_date(facts.created_at, zone)),
    ]
    if facts.paid_at is not None:
        rows.append(Row("Date paid", words.written_date(facts.paid_at, zone)))
    if facts.refunded_minor:
        rows.append(Row("Refunded", _money(facts, facts.refunded_minor)))
    return tuple(rows)


def _address(facts: InvoiceFacts) -> tuple[str, ...]:
    address = facts.billing_address
    return words.address_lines(asdict(address) if isinstance(address, Address) else address or {})


def _line(facts: InvoiceFacts) -> LineItem:
    period = words.PERIODS.get(facts.plan_period or "")
    # A price of nothing has no rhythm: a free plan is not "billed monthly".
    parts = [f"{facts.plan_name} plan", period if facts.amount_minor else None]
    if facts.previous_plan_name:
        parts.append(f"previously {facts.previous_plan_name}")
    amount = _money(facts, facts.amount_minor)
    return LineItem(facts.description, ", ".join(filter(None, parts)), "1", amount, amount)


def _totals(facts: InvoiceFacts) -> tuple[Row, ...]:
    amount = _money(facts, facts.amount_minor)
    rows = [Row("Original amount" if facts.refunded_minor else "Total", amount)]
    if facts.refunded_minor:
        kept = max(facts.amount_minor - facts.refunded_minor, 0)
        rows.append(Row("Refunded amount", _money(facts, -facts.refunded_minor)))
        rows.append(Row("Net paid", _money(facts, kept)))
    elif facts.status == "failed":
        rows.append(Row("Amount charged", _money(facts, 0)))
    elif facts.status == "paid" and facts.amount_minor:
        rows.append(Row("Amount paid", amount))
    return (*rows, Row("Amount due", _money(facts, _amount_due(facts)), strong=True))


def _amount_due(facts: InvoiceFacts) -> int:
    # A failed invoice owes nothing: the plan did not change, nobody collects it again, and a
    # new attempt is a new invoice. Stripe too voids the invoice of an abandoned change, while
    # its open invoices, those still to be collected, are the ones that show an amount due.
    return facts.amount_minor if facts.status == "pending" else 0


def _payment(facts: InvoiceFacts) -> tuple[Row, ...]:
    rows = []
    if facts.card_last4:
        rows.append(Row("Payment method", words.card(facts.card_brand, facts.card_last4)))
    if facts.payment_intent_id:
        rows.append(Row("Payment reference", facts.payment_intent_id))
    return tuple(rows)


def _refunds(facts: InvoiceFacts, zone: tzinfo) -> tuple[RefundLine, ...]:
    known = sorted(facts.refunds, key=lambda refund: refund.created_at)
    early, shown = known[:-MAX_REFUNDS], known[-MAX_REFUNDS:]
    lines = [
        RefundLine(
            words.written_date(each.created_at, zone),
            words.refund_reason(each.reason),
            _money(facts, each.amount_minor),
        )
        for each in shown
    ]
    if early:
        total = _money(facts, sum(each.amount_minor for each in early))
        until = f"Until {words.written_date(early[-1].created_at, zone)}"
        lines.insert(0, RefundLine(until, f"{len(early)} earlier refunds", total))
    return tuple(lines)


def _notes(facts: InvoiceFacts) -> tuple[str, ...]:
    notes = []
    if facts.status == "failed":
        notes.append("The payment failed. Nothing was charged, and nothing is due.")
    elif facts.status == "pending":
        notes.append("The payment of this invoice has not been confirmed yet.")
    elif not facts.amount_minor:
        notes.append("No charge was made for this change.")
    if facts.refunded_minor:
        notes.append("Refunds go back to the card that paid and may take 5 to 10 business days.")
    notes.append(f"Dates are in the {facts.timezone} time zone.")
    return tuple(notes)


def _money(facts: InvoiceFacts, minor: int) -> str:
    return formatted(minor, facts.currency)
