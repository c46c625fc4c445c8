"""What the timeline is told of charges, invoices and cards: the same facts wherever they change.

Each is written in the transaction that makes the change, so the entries alone tell how a
workspace came to its plan.
"""

from __future__ import annotations

from typing import Any

from payments.invoices.models import Invoice
from payments.kit import clock
from payments.timeline.append import append
from payments.workspaces.models import Charge, Dispute, PaymentMethod, Refund


def note_charge(kind: str, charge: Charge, invoice: Invoice, *, actor: str, **data: Any) -> None:
    """Tell of a charge: how much, for which plan, on which invoice."""
    append(
        f"charge.{kind}",
        actor=actor,
        subject=f"charge:{charge.id}",
        workspace_id=charge.workspace_id,
        stripe_id=charge.stripe_payment_intent_id,
        plan=invoice.plan_slug,
        plan_name=invoice.plan_name,
        invoice=invoice.invoice_number,
        amount_minor=charge.amount_minor,
        currency=charge.currency,
        **data,
    )


def note_refund(kind: str, refund: Refund, invoice: Invoice, *, actor: str, **data: Any) -> None:
    """Tell of a refund: how much, on which invoice and of which charge."""
    append(
        f"refund.{kind}",
        actor=actor,
        subject=f"refund:{refund.id}",
        workspace_id=refund.workspace_id,
        stripe_id=refund.stripe_refund_id,
        invoice=invoice.invoice_number,
        charge=refund.charge_id,
        amount_minor=refund.amount_minor,
        currency=refund.currency,
        payment_intent=invoice.stripe_payment_intent_id,
        **data,
    )


def note_invoice(kind: str, invoice: Invoice, *, actor: str, **data: Any) -> None:
    """Tell of an invoice: its number, its amount and what it is about."""
    append(
        f"invoice.{kind}",
        actor=actor,
        subject=f"invoice:{invoice.id}",
        workspace_id=invoice.workspace_id,
        stripe_id=invoice.stripe_payment_intent_id,
        invoice=invoice.invoice_number,
        plan=invoice.plan_slug,
        plan_name=invoice.plan_name,
        amount_minor=invoice.amount_minor,
        currency=invoice.currency,
        **data,
    )


def note_attention(work: Charge | Refund, reason: str, *, actor: str) -> None:
    """Tell that a charge or refund needs a person, and why."""
    append(
        f"{work.key_prefix}.needs_attention",
        actor=actor,
        subject=f"{work.key_prefix}:{work.id}",
        workspace_id=work.workspace_id,
        reason=reason,
    )


def note_cleared(work: Charge | Refund, *, actor: str) -> None:
    """Tell that a person has looked at a charge or refund."""
    append(
        f"{work.key_prefix}.attention_cleared",
        actor=actor,
        subject=f"{work.key_prefix}:{work.id}",
        workspace_id=work.workspace_id,
    )


def note_method(kind: str, method: PaymentMethod, *, actor: str, **data: Any) -> None:
    """Tell of a saved card, by what may be shown of it."""
    append(
        f"payment_method.{kind}",
        actor=actor,
        subject=f"payment_method:{method.id}",
        workspace_id=method.workspace_id,
        stripe_id=method.stripe_payment_method_id,
        brand=method.card_brand,
        last4=method.card_last4,
        **data,
    )


def note_dispute(kind: str, dispute: Dispute, *, actor: str, **data: Any) -> None:
    """Tell of a dispute: how much, of which charge, and until when the bank takes an answer."""
    due = dispute.response_due_at
    append(
        f"dispute.{kind}",
        actor=actor,
        subject=f"dispute:{dispute.id}",
        workspace_id=dispute.workspace_id,
        stripe_id=dispute.stripe_dispute_id,
        charge=dispute.charge_id,
        invoice=dispute.invoice.invoice_number,
        amount_minor=dispute.amount_minor,
        currency=dispute.currency,
        reason=dispute.reason,
        stripe_status=dispute.status,
        response_due_at=None if due is None else clock.iso_millis(due),
        payment_intent=dispute.charge.stripe_payment_intent_id,
        **data,
    )
