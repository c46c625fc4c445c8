"""Tasks of invoices' PDFs."""

from payments import jobs
from payments.workspaces import documents
from worker.tasks import job


@job(jobs.RENDER_INVOICE)
def render(*, invoice_id: int) -> None:
    """Render and store the PDF of an invoice."""
    documents.render(invoice_id)
