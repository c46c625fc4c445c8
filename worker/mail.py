"""Task of the outbox."""

from payments import jobs
from payments.mail import outbox
from payments.users.mails import COMPOSERS
from payments.workspaces.invitation_mails import COMPOSERS as OF_INVITATIONS
from worker.tasks import job


@job(jobs.SEND_MAIL)
def send_queued_mail(*, mail_id: int) -> None:
    """Send a mail of the outbox."""
    outbox.send_mail(mail_id, {**COMPOSERS, **OF_INVITATIONS})
