"""An SMTP server of a test's own, and the links of the mails that it got."""

from __future__ import annotations

import email
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from email.policy import default
from typing import Any
from urllib.parse import unquote

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP

from tests.support.processes import free_port
from tests.support.shop import eventually

_TOKEN = re.compile(r"/([a-z-]+)\?token=(\S+)")


class Mailbox:
    """Every mail that was sent, whoever it was sent to; `refuse` answers instead of taking it."""

    def __init__(self) -> None:
        self.mails: list[tuple[str, EmailMessage]] = []
        self.refuse: str | None = None
        self.port = free_port()
        self._lock = threading.Lock()

    async def handle_DATA(self, server: SMTP, session: Any, envelope: Any) -> str:
        if self.refuse:
            return self.refuse
        message = email.message_from_bytes(envelope.content, policy=default)
        with self._lock:
            self.mails += [(to, message) for to in envelope.rcpt_tos]
        return "250 taken"

    def to(self, recipient: str) -> list[EmailMessage]:
        with self._lock:
            return [message for to, message in self.mails if to == recipient]

    def wait(self, recipient: str, *, number: int = 1) -> EmailMessage:
        """Return the last of so many mails to an address, once they are there."""
        return eventually(
            lambda: self.to(recipient)[number - 1] if len(self.to(recipient)) >= number else None
        )

    def token(self, recipient: str, purpose: str, *, number: int = 1) -> str:
        """Return the token of the link in a mail to an address."""
        text = self.wait(recipient, number=number).get_content()
        found = dict(_TOKEN.findall(text))
        assert purpose in found, text
        return unquote(found[purpose])


@contextmanager
def mailbox() -> Iterator[Mailbox]:
    """Serve a mailbox on the loopback."""
    held = Mailbox()
    server = Controller(held, hostname="127.0.0.1", port=held.port)
    server.start()
    try:
        yield held
    finally:
        server.stop()
