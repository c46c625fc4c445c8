"""`/api/admin`: what only the platform's own people may do."""

from __future__ import annotations

from typing import Any

from flask import url_for

from payments.auth.guards import platform_admin
from payments.auth.models import User
from payments.idempotency.replay import idempotent, request_key
from payments.invoices.queries import find_any_invoice
from payments.kit.blueprints import Blueprint
from payments.kit.db import db
from payments.kit.http import enveloped, parse_id
from payments.workspaces import answers, errors, waiting
from payments.workspaces.charges.give_up import give_up_charge
from payments.workspaces.models import Charge, Refund
from payments.workspaces.refunds.refund import get_any_invoice, refund_invoice
from payments.workspaces.routes.plan_changes import accepted, prefers_async
from payments.workspaces.schemas.changes import ChargeSchema
from payments.workspaces.schemas.errors import documented_errors
from payments.workspaces.schemas.invoices import (
    InvoiceSchema,
    RefundDataSchema,
    RefundRequestSchema,
    RefundSchema,
)

blueprint = Blueprint("admin", __name__, url_prefix="/api/admin")


@blueprint.post("/invoices/<string:invoice_id>/refund")
@platform_admin
@idempotent
@documented_errors(blueprint, 400, 401, 403, 404, 409, 500)
@blueprint.alt_response(202, schema=enveloped("RefundPending", RefundDataSchema))
@blueprint.arguments(RefundRequestSchema)
@blueprint.response(200, enveloped("RefundedInvoice", InvoiceSchema))
def refund(body: dict[str, Any], invoice_id: str, user: User) -> Any:
    """Refund a paid invoice, in whole or in part (`amount` in major units)."""
    made = refund_invoice(
        user,
        invoice_id,
        body["amount"],
        reason=body["reason"],
        wait=not prefers_async(),
        request_key=request_key(),
    )
    if not answers.refunded(made):
        where = url_for("admin.get_refund", refund_id=made.id)
        return accepted({"refund": made}, RefundDataSchema(), where)
    return {"message": "Invoice refunded successfully", "data": find_any_invoice(made.invoice_id)}


@blueprint.post("/charges/<string:charge_id>/cancel")
@platform_admin
@idempotent
@documented_errors(blueprint, 400, 401, 403, 404, 409, 500)
@blueprint.response(200, enveloped("GivenUpCharge", ChargeSchema))
def cancel_charge(charge_id: str, user: User) -> dict[str, Any]:
    """Give up a charge of whichever workspace that is not settled.

    Its PaymentIntent is canceled at Stripe first; 409 when it was paid meanwhile.
    """
    row_id = parse_id(charge_id)
    if row_id is None or db.session.get(Charge, row_id) is None:
        raise errors.ChargeNotFound
    give_up_charge(row_id, actor=f"user:{user.id}")
    return {"message": "Charge canceled successfully", "data": waiting.current(Charge, row_id)}


@blueprint.get("/refunds/<string:refund_id>")
@platform_admin
@documented_errors(blueprint, 401, 403, 404)
@blueprint.response(200, enveloped("RefundAnswer", RefundSchema))
def get_refund(refund_id: str, user: User) -> dict[str, Any]:  # noqa: ARG001 - from the guard
    """Return a refund, to see how far it has come."""
    return {"message": "Refund retrieved successfully", "data": _get_refund(refund_id)}


@blueprint.get("/invoices/<string:invoice_id>")
@platform_admin
@documented_errors(blueprint, 400, 401, 403, 404)
@blueprint.response(200, enveloped("AdminInvoiceAnswer", InvoiceSchema))
def get_invoice(invoice_id: str, user: User) -> dict[str, Any]:  # noqa: ARG001 - from the guard
    """Return an invoice of whichever workspace."""
    return {"message": "Invoice retrieved successfully", "data": get_any_invoice(invoice_id)}


def _get_refund(raw_id: str) -> Refund:
    refund_id = parse_id(raw_id)
    found = None if refund_id is None else db.session.get(Refund, refund_id)
    if found is None:
        raise errors.RefundNotFound
    return found
