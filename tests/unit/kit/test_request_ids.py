"""Which ids of a caller's are taken, and how strictly a trace is read."""

from __future__ import annotations

import pytest

from payments.kit.request_ids import choose_request_id, is_request_id, read_trace_id

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


@pytest.mark.parametrize("given", ["a", "req_1:2.3-4", "x" * 128, TRACE])
def test_a_fit_id_is_taken(given: str) -> None:
    assert choose_request_id(given) == given


@pytest.mark.parametrize("given", [None, "", "x" * 129, "a b", "a\n", "é", "a/b", '"', "a,b"])
def test_any_other_is_replaced(given: str | None) -> None:
    made = choose_request_id(given)
    assert made != given
    assert is_request_id(made)
    assert len(made) == 32
    assert made != choose_request_id(given)


@pytest.mark.parametrize("header", [f"00-{TRACE}-{PARENT}-01", f"01-{TRACE}-{PARENT}-00-more"])
def test_a_trace_is_read(header: str) -> None:
    assert read_trace_id(header) == TRACE


@pytest.mark.parametrize(
    "header",
    [
        None, "", "00", f"00-{TRACE}-{PARENT}", f"00-{TRACE}-{PARENT}-01-more",
        f"ff-{TRACE}-{PARENT}-01", f"00-{'0' * 32}-{PARENT}-01", f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE.upper()}-{PARENT}-01", f"0-{TRACE}-{PARENT}-01", f"01-{TRACE}-{PARENT}-01x",
        f"00-{TRACE}-{PARENT}-01\n", f"00-{TRACE}-{PARENT}-01,00-{TRACE}-{PARENT}-01",
    ],
)  # fmt: skip
def test_what_the_standard_calls_invalid_is_none(header: str | None) -> None:
    assert read_trace_id(header) is None
