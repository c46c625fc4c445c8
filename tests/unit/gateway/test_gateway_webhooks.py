"""Which signed bytes are an event of Stripe's."""

from __future__ import annotations

import hashlib
import hmac
import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payments.gateway.webhooks import BadEvent, BadSignature, verified

SECRET = "whsec_unit"
EVENT = {"id": "evt_1", "type": "x.y", "created": 1, "data": {"object": {}}}


def header(payload: bytes, *, secret: str = SECRET, at: int | None = None) -> str:
    stamp = int(time.time()) if at is None else at
    signed = hmac.new(secret.encode(), f"{stamp}.".encode() + payload, hashlib.sha256).hexdigest()
    return f"t={stamp},v1={signed}"


def check(payload: bytes, head: str | None, *secrets: str) -> dict:
    return verified(payload, head, secrets or (SECRET,), now=int(time.time()))


def test_a_signed_event() -> None:
    payload = json.dumps(EVENT).encode()
    assert check(payload, header(payload)) == EVENT


def test_any_of_the_active_secrets() -> None:
    payload = json.dumps(EVENT).encode()
    assert check(payload, header(payload), "whsec_old", SECRET) == EVENT
    with pytest.raises(BadSignature):
        check(payload, header(payload), "whsec_old", "whsec_older")


def test_a_changed_byte_breaks_it() -> None:
    payload = json.dumps(EVENT).encode()
    with pytest.raises(BadSignature):
        check(payload + b" ", header(payload))


def test_bytes_that_are_no_text() -> None:
    with pytest.raises(BadSignature):
        check(b"\xff", header(b"\xff"))


@given(head=st.none() | st.text(max_size=300) | st.from_regex(r"t=\d{1,12},v1=[0-9a-f]{1,70}"))
def test_no_header_ever_breaks_the_check(head: str | None) -> None:
    with pytest.raises(BadSignature):
        check(b"{}", head)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=4)
    ),
    max_leaves=9,
)


@given(body=JSON, patch=st.dictionaries(st.sampled_from(["id", "type", "created", "data"]), JSON))
def test_no_signed_body_ever_breaks_the_parser(body, patch: dict) -> None:
    """Either it has the shape that the inbox stores, or it is no event."""
    for candidate in (body, {**EVENT, **patch}):
        payload = json.dumps(candidate).encode()
        try:
            event = check(payload, header(payload))
        except BadEvent:
            continue
        assert event["id"].isascii()
        assert len(event["id"]) <= 255
        assert event["type"].isascii()
        assert len(event["type"]) <= 100
