"""From a subject and a text to a message that no name of a person or workspace can break."""

from __future__ import annotations

from dataclasses import dataclass
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr

from payments.extensions import settings
from payments.kit import clock

PRINTED_FROM = "payments@localhost.invalid"


@dataclass(frozen=True)
class MailText:
    """What a mail says; the repr keeps the text, which may hold a link, to itself."""

    subject: str
    body: str

    def __repr__(self) -> str:
        return f"<MailText {self.subject!r}>"


def to_one_line(text: str) -> str:
    """Return a name without line breaks, so that it cannot pretend to be text of ours."""
    return " ".join(text.split())


def make_message(text: MailText, *, recipient: str, name: str) -> EmailMessage:
    """Return the message; ValueError for a line break in a header or what is no address.

    Its Message-ID, made of `name`, is the same at every try: who gets it twice can tell.
    https://docs.python.org/3/library/email.policy.html
    """
    sender = settings().mail_from or PRINTED_FROM
    message = EmailMessage(policy=SMTP)
    message["From"] = sender
    message["To"] = _parse_address(recipient)
    message["Subject"] = text.subject
    message["Date"] = format_datetime(clock.now())
    message["Message-ID"] = f"<{name}@{_get_domain(sender)}>"
    # Nobody's holiday reply should come back. https://www.rfc-editor.org/rfc/rfc3834
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(text.body)
    return message


def _parse_address(recipient: str) -> Address:
    try:
        return Address(addr_spec=recipient)
    except (MessageError, IndexError) as error:
        raise ValueError("not an address") from error


def _get_domain(sender: str) -> str:
    return parseaddr(sender)[1].rpartition("@")[2] or "localhost"
