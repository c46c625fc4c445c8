"""`/api/payments/{slug}/invoices`: list, get, download."""

from __future__ import annotations

from typing import Any

from flask import Response

from payments.invoices.document import RenderFailed, file_name
from payments.invoices.models import Invoice
from payments.invoices.queries import find_invoice, list_invoices
from payments.kit.blueprints import Blueprint
from payments.kit.errors import AppError
from payments.kit.http import enveloped, listing, page_and_limit, pagination, parse_id, query_flag
from payments.workspaces import documents, errors
from payments.workspaces.disputes.read import load_disputes
from payments.workspaces.guards import Access, workspace_access
from payments.workspaces.schemas.errors import documented_errors
from payments.workspaces.schemas.invoices import InvoiceSchema

blueprint = Blueprint("invoices", __name__, url_prefix="/api/payments")

PDF = "application/pdf"


class DocumentFailed(AppError):
    code, sentence = "document_failed", "The PDF could not be made"


@blueprint.get("/<string:slug>/invoices")
@workspace_access()
@documented_errors(blueprint, 400, 401, 403, 404)
@blueprint.response(200, enveloped("InvoiceList", InvoiceSchema, many=True, paged=True))
def list_all(access: Access) -> dict[str, Any]:
    """List invoices, the oldest first; `include_all=true` adds fully refunded ones."""
    page, limit = page_and_limit()
    rows, total = list_invoices(
        access.workspace.id, refunded=query_flag("include_all"), page=page, limit=limit
    )
    load_disputes(rows)
    return listing(
        "Invoices retrieved successfully", rows, pagination=pagination(page, limit, total)
    )


@blueprint.get("/<string:slug>/invoices/<string:invoice_id>")
@workspace_access()
@documented_errors(blueprint, 400, 401, 403, 404)
@blueprint.response(200, enveloped("InvoiceAnswer", InvoiceSchema))
def get_one(invoice_id: str, access: Access) -> dict[str, Any]:
    """Return one invoice, refunded or not."""
    return {"message": "Invoice retrieved successfully", "data": _get(access, invoice_id)}


@blueprint.get("/<string:slug>/invoices/<string:invoice_id>/download")
@workspace_access()
@documented_errors(blueprint, 400, 401, 403, 404, 500)
@blueprint.response(200, content_type=PDF, description="The PDF's bytes")
def download(invoice_id: str, access: Access) -> Response:
    """Stream the invoice's PDF; never a link to where it is stored."""
    invoice = _get(access, invoice_id)
    name = file_name(invoice.invoice_number)
    try:
        pdf = documents.fetch(invoice.id)
    except RenderFailed as error:
        raise DocumentFailed from error
    answer = Response(pdf, content_type=PDF)
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    answer.headers["Cache-Control"] = "private, no-store"
    return answer


def _get(access: Access, raw_id: str) -> Invoice:
    invoice_id = parse_id(raw_id)
    if invoice_id is None:
        raise errors.InvalidInvoiceId
    invoice = find_invoice(access.workspace.id, invoice_id)
    if invoice is None:
        raise errors.InvoiceNotFound
    return invoice
