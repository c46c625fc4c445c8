"""Exceptions in the log: all that led to them, and nothing of what a database quotes."""

from __future__ import annotations

import json
import logging
import sqlite3
import sys

import pytest
from psycopg import errors
from sqlalchemy.exc import IntegrityError

from payments.kit import logs
from payments.kit.traces import describe_error, format_trace

REFUSED = errors.CheckViolation(
    'new row for relation "users" violates check constraint "ck_users_x"\n'
    "DETAIL:  Failing row contains (1, canary@private.example, scrypt:canary).\n"
    "CONTEXT:  SQL statement canary"
)


def wrapped() -> IntegrityError:
    return IntegrityError("INSERT INTO users VALUES (%s)", {"email": "canary"}, REFUSED)


def line(message: str, *args: object, error: BaseException | None = None) -> str:
    trace = (type(error), error, error.__traceback__) if error else None
    record = logging.LogRecord("t", logging.ERROR, "", 0, message, args, trace)
    return logs.JsonFormatter().format(record)


@pytest.mark.parametrize(
    "error",
    [REFUSED, wrapped(), ExceptionGroup("several", [wrapped()])],
    ids=["driver", "wrapped", "group"],
)
def test_no_value_of_a_row_is_told(error: BaseException) -> None:
    try:
        try:
            raise error
        except BaseException as first:
            raise RuntimeError("while saving") from first
    except RuntimeError as last:
        found = line("failed", error=last)
    assert "canary" not in found
    assert "ck_users_x" in found
    assert "while saving" in found
    assert "direct cause" in found


def test_nor_where_the_message_takes_the_exception_in() -> None:
    for found in (line("%s", wrapped()), line("%(e)s", {"e": wrapped()})):
        assert "canary" not in found
        assert "ck_users_x" in found


def test_nor_where_celery_has_made_a_text_of_it() -> None:
    context = {"name": "charges.run", "exc": repr(wrapped()), "traceback": str(wrapped())}
    record = logging.LogRecord(
        "celery.app.trace", logging.ERROR, "", 0, "Task %(name)s: %(exc)s %(traceback)s",
        (context,), (IntegrityError, wrapped(), None),
    )  # fmt: skip
    found = json.loads(logs.JsonFormatter().format(record))
    assert "canary" not in str(found)
    assert found["message"].startswith("Task charges.run: ")
    assert "ck_users_x" in found["message"]


def test_a_value_of_the_wrong_kind_is_not_repeated() -> None:
    error = errors.InvalidTextRepresentation('invalid input syntax for type uuid: "canary"')
    assert describe_error(error) == "invalid input syntax for type uuid"


def test_what_sqlite_says_is_kept() -> None:
    error = sqlite3.IntegrityError("CHECK constraint failed: ck_users_x")
    assert describe_error(error) == "CHECK constraint failed: ck_users_x"


def test_other_exceptions_are_told_whole() -> None:
    try:
        raise ValueError("two\nlines")
    except ValueError as error:
        found = format_trace(error)
    assert found.startswith("Traceback (most recent call last):\n")
    assert found.endswith("ValueError: two\nlines")
    assert __file__ in found


def test_what_was_suppressed_stays_out() -> None:
    def fail() -> None:
        try:
            raise ValueError("first")
        except ValueError:
            raise KeyError("second") from None

    with pytest.raises(KeyError) as caught:
        fail()
    assert "first" not in format_trace(caught.value)


def test_exceptions_in_a_ring_come_to_an_end() -> None:
    one, two = ValueError("one"), ValueError("two")
    one.__cause__, two.__cause__ = two, one
    assert format_trace(one).count("ValueError") == 2


def test_what_nobody_caught_is_a_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    for module, name in ((sys, "excepthook"), (logs.threading, "excepthook")):
        monkeypatch.setattr(module, name, getattr(module, name))
    level = logging.getLogger().level
    logs.configure("INFO", production=True)
    try:
        sys.excepthook(IntegrityError, wrapped(), None)
    finally:
        logging.captureWarnings(False)
        logging.getLogger().setLevel(level)
    (found,) = map(json.loads, capsys.readouterr().err.splitlines())
    assert found["level"] == "critical"
    assert "ck_users_x" in found["trace"]
    assert "canary" not in str(found)
