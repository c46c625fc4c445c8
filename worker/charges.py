"""Tasks that move money: a message names a row, the row decides."""

from payments import jobs
from payments.workspaces.charges import call as charge_call
from payments.workspaces.refunds import call as refund_call
from worker.tasks import job


@job(jobs.RUN_CHARGE)
def run_charge(*, charge_id: int) -> None:
    """Drive a charge to an outcome."""
    charge_call.run(charge_id)


@job(jobs.RUN_REFUND)
def run_refund(*, refund_id: int) -> None:
    """Drive a refund to an outcome."""
    refund_call.run(refund_id)
