"""The outbox: no mail is lost with a server that fails, and none says what it must not."""

from __future__ import annotations

import logging
import smtplib
from datetime import timedelta
from email.message import EmailMessage

import pytest
import sqlalchemy as sa
from flask import Flask

from payments.kit import clock
from payments.kit.db import db
from payments.kit.transactions import transaction
from payments.mail import delivery, outbox
from payments.mail.messages import MailText, make_message
from payments.mail.models import DEAD, OutgoingMail
from tests.support.mailbox import Mailbox
from tests.support.people import fresh_email
from tests.support.till import settings_of

TEXT = MailText("Hello", "One line\n")


@pytest.fixture
def kept(app: Flask, monkeypatch: pytest.MonkeyPatch) -> str:
    """The recipient of a mail that no worker is told of."""
    email = fresh_email()
    monkeypatch.setattr(outbox.jobs, "enqueue", lambda *_, **__: True)
    with app.app_context(), transaction():
        outbox.request_mail("greeting", email)
    return email


def find(email: str) -> OutgoingMail | None:
    db.session.rollback()
    query = sa.select(OutgoingMail).where(OutgoingMail.recipient == email)
    return db.session.scalars(query).one_or_none()


def send(email: str, text: MailText | None = TEXT) -> None:
    row = find(email)
    assert row is not None
    outbox.send_mail(row.id, {"greeting": lambda _mail: text})


def make_due(email: str, **values: object) -> None:
    with transaction() as session:
        due = clock.now() - timedelta(minutes=1)
        session.execute(
            sa.update(OutgoingMail)
            .where(OutgoingMail.recipient == email)
            .values(due_at=due, leased_until=None, **values)
        )


def test_it_is_sent_and_the_row_goes(app: Flask, box: Mailbox, kept: str) -> None:
    with app.app_context():
        send(kept)
        assert find(kept) is None
    mail = box.wait(kept)
    assert (mail["Subject"], mail.get_content().strip()) == ("Hello", "One line")
    assert mail["From"] == "Payments <noreply@payments.example>"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Message-ID"].endswith("@payments.example>")


def test_what_has_nothing_to_say_goes_unsent(app: Flask, box: Mailbox, kept: str) -> None:
    with app.app_context():
        send(kept, None)
        assert find(kept) is None
    assert box.to(kept) == []


def test_a_server_that_is_away_is_tried_again(app: Flask, box: Mailbox, kept: str) -> None:
    with app.app_context():
        with settings_of(app, smtp_port=1):
            send(kept)
        row = find(kept)
        assert row is not None
        assert (row.tries, row.last_error) == (1, "ConnectionRefusedError")
        assert row.due_at > clock.now()
        send(kept)  # not yet
        assert box.to(kept) == []
        make_due(kept)
        send(kept)
        assert find(kept) is None
    assert len(box.to(kept)) == 1


@pytest.mark.parametrize(("refusal", "is_dead"), [("451 later", False), ("554 never", True)])
def test_what_the_server_refuses(
    app: Flask, box: Mailbox, kept: str, refusal: str, is_dead: bool
) -> None:
    box.refuse = refusal
    with app.app_context():
        send(kept)
        row = find(kept)
        assert row is not None
        assert (row.state == DEAD) is is_dead
        assert "later" not in (row.last_error or "")


def test_what_is_no_address_is_dead_at_once(app: Flask, box: Mailbox, kept: str) -> None:
    with app.app_context():
        with transaction() as session:
            session.execute(
                sa.update(OutgoingMail)
                .where(OutgoingMail.recipient == kept)
                .values(recipient=f"<{kept}>")
            )
        send(f"<{kept}>")
        row = find(f"<{kept}>")
        assert row is not None
        assert row.state == DEAD


def test_after_many_tries_it_is_dead_and_logged(
    app: Flask, box: Mailbox, kept: str, caplog: pytest.LogCaptureFixture
) -> None:
    with app.app_context():
        make_due(kept, tries=outbox.MOST_TRIES - 1)
        with settings_of(app, smtp_port=1), caplog.at_level(logging.ERROR):
            send(kept)
        row = find(kept)
        assert row is not None
        assert row.state == DEAD
        assert "is dead" in caplog.text
        assert kept not in caplog.text


def test_a_worker_that_never_comes_back_does_not_send_for_ever(
    app: Flask, box: Mailbox, kept: str
) -> None:
    with app.app_context():
        make_due(kept, tries=outbox.MOST_TRIES)
        send(kept)
        row = find(kept)
        assert row is not None
        assert row.state == DEAD
    assert box.to(kept) == []


def test_the_sweep_finds_what_no_message_woke(
    app: Flask, box: Mailbox, kept: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    woken: list[object] = []
    monkeypatch.setattr(outbox.jobs, "enqueue", lambda _, **ids: woken.append(ids) or True)
    with app.app_context():
        row = find(kept)
        assert row is not None
        assert outbox.wake_due_mails() >= 1
        assert {"mail_id": row.id} in woken


def test_dead_mails_are_forgotten_after_a_month(app: Flask, box: Mailbox, kept: str) -> None:
    with app.app_context():
        make_due(kept, state=DEAD, created_at=clock.now() - timedelta(days=31))
        while outbox.prune_mails(500):
            pass
        assert find(kept) is None


class TestMessages:
    @pytest.mark.parametrize("subject", ["a\nBcc: x@example.com", "a\r\nBcc: x@example.com"])
    def test_no_header_is_smuggled_in(self, app: Flask, subject: str) -> None:
        with app.app_context(), pytest.raises(ValueError, match="linefeed"):
            make_message(MailText(subject, ""), recipient="a@example.com", name="1")

    @pytest.mark.parametrize("address", ["a@example.com\nBcc: b@example.com", "a@b, c@d", "<a@b>"])
    def test_no_second_recipient(self, app: Flask, address: str) -> None:
        with app.app_context(), pytest.raises(ValueError):
            make_message(TEXT, recipient=address, name="1")

    def test_the_name_is_the_same_at_every_try(self, app: Flask) -> None:
        with app.app_context():
            first, second = (
                make_message(TEXT, recipient="a@example.com", name="7") for _ in range(2)
            )
        assert first["Message-ID"] == second["Message-ID"]

    def test_a_text_keeps_its_link_to_itself(self) -> None:
        assert "secret" not in repr(MailText("Subject", "secret"))


class TestDelivery:
    def test_starttls_is_demanded(self, app: Flask, box: Mailbox) -> None:
        """The test's server offers none: nothing is sent in clear."""
        message = EmailMessage()
        with (
            settings_of(app, smtp_security="starttls"),
            app.app_context(),
            pytest.raises(smtplib.SMTPException),
        ):
            delivery.deliver_message(message, recipient="a@example.com")

    def test_in_development_it_is_printed_whole(
        self, app: Flask, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        printer = logging.getLogger("payments.mail.printed")
        monkeypatch.setattr(printer, "handlers", [])
        link = "http://127.0.0.1/verify-email?token=eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln"
        with settings_of(app, smtp_host=None), app.app_context():
            message = make_message(MailText("S", f"{link}\n"), recipient="a@b.example", name="1")
            delivery.deliver_message(message, recipient="a@b.example")
        assert link in capfd.readouterr().err

    def test_production_without_mail_asks_for_none(self, app: Flask) -> None:
        email = fresh_email()
        with settings_of(app, env="production", smtp_host=None), app.app_context():
            with transaction():
                outbox.request_mail("greeting", email)
            assert find(email) is None
