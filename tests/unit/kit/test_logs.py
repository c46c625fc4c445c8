"""The log: one JSON object a line, and no secret in it wherever it came from."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payments.kit import logs
from payments.kit.redaction import redact

CANARIES = [
    "sk_test_canaryCANARY12345678",
    "sk_live_canaryCANARY12345678",
    "rk_live_canaryCANARY12345678",
    "whsec_canaryCANARY1234567890",
    "ak_canaryCANARY1234567890",
    "op_canaryCANARY1234567890",
    "pi_3Mtwa_secret_canaryCANARY123",
    "seti_1Mm8s_secret_canaryCANARY123",
    "cs_test_a1b2_secret_canaryCANARY123",
    "eyJhbGciOiJIUzI1NiJ9.canaryCANARY123.canary-CANARY_123",
    "redis://:canaryCANARY123@cache.example:6379/0",
    "rediss://default:canaryCANARY123@cache.example:6380",
    "redis://:canary@CANARY123@cache.example:6379/0",
    "postgres://user:canaryCANARY123@db.example/payments",
    "postgresql+psycopg://user:canaryCANARY123@db.example/payments",
    "Bearer canaryCANARY123",
    "Basic Y2FuYXJ5OkNBTkFSWQcanary==",
]
CARDS = ["4242424242424242", "4000 0025 0000 3155", "3782-822463-10005", "6011000990139424"]


@pytest.fixture(autouse=True)
def unbound() -> Iterator[None]:
    yield
    logs.unbind()


def written(message: str, *args: object, error: BaseException | None = None) -> dict[str, Any]:
    trace = (type(error), error, error.__traceback__) if error else None
    record = logging.LogRecord("test", logging.INFO, "", 0, message, args, trace)
    line = logs.JsonFormatter().format(record)
    assert "\n" not in line
    held: dict[str, Any] = json.loads(line)
    return held


def leaks(line: dict[str, Any]) -> bool:
    return "canary" in json.dumps(line).lower()


@pytest.mark.parametrize("secret", CANARIES)
class TestSecrets:
    def test_in_the_message(self, secret: str) -> None:
        assert not leaks(written(f"before {secret} after"))

    def test_in_the_arguments(self, secret: str) -> None:
        assert not leaks(written("%s", {"key": secret}))

    def test_in_bound_fields(self, secret: str) -> None:
        logs.bind(field=secret, held=[{"deep": secret}])
        assert not leaks(written("x"))

    def test_in_a_trace(self, secret: str) -> None:
        try:
            raise ValueError(secret)
        except ValueError as error:
            line = written("failed", error=error)
        assert not leaks(line)
        assert "ValueError" in line["trace"]


@pytest.mark.parametrize("card", CARDS)
def test_card_numbers_are_blotted_out(card: str) -> None:
    logs.bind(number=int("".join(c for c in card if c.isdigit())), text=card)
    line = written("the card %s was typed", card)
    assert line["message"] == "the card [card] was typed"
    assert (line["number"], line["text"]) == ("[card]", "[card]")


def test_what_is_public_stays() -> None:
    text = "pk_test_abcdefgh pi_3Mtwa evt_1abc INV-20261121-0001 break_even weak_password1"
    assert redact(text) == text


def test_the_address_stays_readable() -> None:
    assert redact("redis://:pw@cache.example:6379") == "redis://:***@cache.example:6379"
    assert redact("redis://127.0.0.1:6399/0") == "redis://127.0.0.1:6399/0"


@given(st.text(), st.integers(), st.floats(allow_nan=False, allow_infinity=False))
def test_every_line_is_json(text: str, whole: int, fraction: float) -> None:
    logs.bind(text=text, whole=whole, fraction=fraction, inner={"n": whole, "t": text})
    assert written("%s", text)["level"] == "info"


def test_fields_are_bound_until_they_are_unbound() -> None:
    logs.bind(user=7)
    logs.bind(workspace=8, id=UUID(int=2**127 - 1), nothing=None, flag=True)
    line = written("x")
    assert (line["user"], line["workspace"], line["nothing"], line["flag"]) == (7, 8, None, True)
    assert line["id"] == "7fffffff-ffff-ffff-ffff-ffffffffffff"
    logs.unbind()
    assert "user" not in written("x")


def test_configure_takes_over_the_root(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", [logging.NullHandler()])
    monkeypatch.setattr(root, "level", logging.ERROR)
    logs.configure("WARNING")
    logging.getLogger("somewhere").info("not shown")
    logging.getLogger("somewhere").warning("sk_test_canaryCANARY1")
    lines = capsys.readouterr().err.splitlines()
    assert [json.loads(line)["message"] for line in lines] == ["sk_test_***"]
    assert sys.stderr is not None
