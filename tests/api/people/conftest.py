"""The service with a mail server, where addresses are verified."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.support.mailbox import Mailbox, mailbox
from tests.support.till import settings_of


@pytest.fixture(scope="session")
def server() -> Iterator[Mailbox]:
    with mailbox() as held:
        yield held


@pytest.fixture
def box(app: Flask, server: Mailbox) -> Iterator[Mailbox]:
    """Mails are sent and addresses are verified for as long as a test lasts."""
    held = {
        "smtp_host": "127.0.0.1",
        "smtp_port": server.port,
        "smtp_security": "none",
        "mail_from": "Payments <noreply@payments.example>",
        "email_verification": True,
        "frontend_url": "https://app.example",
    }
    server.refuse = None
    with settings_of(app, **held):
        yield server


@pytest.fixture
def verifying(client: FlaskClient, box: Mailbox) -> FlaskClient:
    """HTTP to a service that verifies addresses."""
    return client
