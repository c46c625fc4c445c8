"""Hands a message to the SMTP server of the settings, or prints it where there is none."""

from __future__ import annotations

import logging
import smtplib
import ssl
import sys
from email.message import EmailMessage

from payments.config import Settings
from payments.extensions import settings

# For connecting and for each of the server's answers.
TIMEOUT_SECONDS = 10


def deliver_message(message: EmailMessage, *, recipient: str) -> None:
    """Send the message, or print it in development; SMTPException or OSError when that failed."""
    held = settings()
    if held.smtp_host is None:
        _print_message(message)
        return
    with _connect(held, held.smtp_host) as server:
        if held.smtp_username:
            server.login(held.smtp_username, held.smtp_password or "")
        server.send_message(message, to_addrs=[recipient])


def is_final(error: Exception) -> bool:
    """Return whether no later try can help: what is no message, or was refused for good (5xx).

    https://www.rfc-editor.org/rfc/rfc5321#section-4.2.1
    """
    if isinstance(error, ValueError):
        return True
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return all(code >= 500 for code, _ in error.recipients.values())
    return isinstance(error, smtplib.SMTPDataError) and error.smtp_code >= 500


def _connect(held: Settings, host: str) -> smtplib.SMTP:
    # The default context checks certificate and host name.
    # https://docs.python.org/3/library/ssl.html#ssl.create_default_context
    if held.smtp_security == "tls":
        context = ssl.create_default_context()
        return smtplib.SMTP_SSL(host, held.smtp_port, timeout=TIMEOUT_SECONDS, context=context)
    server = smtplib.SMTP(host, held.smtp_port, timeout=TIMEOUT_SECONDS)
    if held.smtp_security == "starttls":
        try:
            server.starttls(context=ssl.create_default_context())
        except (smtplib.SMTPException, OSError):
            server.close()
            raise
    return server


def _print_message(message: EmailMessage) -> None:
    """Write the mail for whoever tries the service out: with its link, which a log would blot."""
    printer = logging.getLogger("payments.mail.printed")
    if not printer.handlers:
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(logging.Formatter("%(message)s"))
        printer.addHandler(handler)
        printer.setLevel(logging.INFO)
        printer.propagate = False
    text = f"To: {message['To']}\nSubject: {message['Subject']}\n\n{message.get_content()}"
    printer.info("---- mail (no SMTP_HOST) ----\n%s---- end of mail ----", text)
