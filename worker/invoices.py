"""Tasks of invoices: their PDFs, and the proof that a day's numbers are whole."""

# Here, so that the pool's processes share one copy of the PDF engine.
import payments.invoices.render  # noqa: F401
from payments import jobs
from payments.invoices import proof
from payments.workspaces import documents
from worker.tasks import job


@job(jobs.RENDER_INVOICE)
def render(*, invoice_id: int) -> None:
    """Render and store the PDF of an invoice."""
    documents.render(invoice_id)


@job(jobs.CLOSE_DAYS)
def close_days() -> None:
    """Close the days that are over: at midnight, and after an outage all that were missed."""
    proof.close_due()
