"""A request is whole with its last byte, however it is cut on its way, and never before."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payments.kit.gathering import MOST_BODY, MOST_HEAD, Gathered

HEAD = b"POST /x HTTP/1.1\r\nHost: a\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"

WHOLE = {
    "no body": b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n",
    "nothing said of a body": HEAD + b"\r\n",
    "empty body": HEAD + b"Content-Length: 0\r\n\r\n",
    "body": HEAD + b"Content-Length: 5\r\n\r\nhello",
    "odd spelling": HEAD + b"cOnTent-lEngth:\t5 \r\n\r\nhello",
    "length last": HEAD + b"Content-Length:5\r\n\r\n\r\n\r\n\n",
    "a length in the body": HEAD + b"Content-Length: 26\r\n\r\n\r\nContent-Length: 9000\r\n\r\n",
    "chunks": CHUNKED + b"5\r\nhello\r\n0a;a=b\r\n0123456789\r\n0\r\n\r\n",
    "chunk that looks like the end": CHUNKED + b"5\r\n0\r\n\r\n\r\n0\r\n\r\n",
    "trailers": CHUNKED + b"1\r\na\r\n0\r\nA: b\r\nC: d\r\n\r\n",
    "stacked codings": HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
}


def gathered(*pieces: bytes) -> Gathered:
    made = Gathered()
    for piece in pieces:
        made.add(piece)
    return made


class TestWhole:
    @pytest.mark.parametrize("request_", WHOLE.values(), ids=WHOLE)
    def test_with_the_last_byte_and_not_before(self, request_: bytes) -> None:
        made = Gathered()
        for index in range(len(request_)):
            assert not made.is_whole
            made.add(request_[index : index + 1])
        assert made.is_whole
        assert (bytes(made.held), made.is_oversized) == (request_, False)

    @given(name=st.sampled_from(sorted(WHOLE)), cuts=st.lists(st.integers(0, 90), max_size=6))
    def test_however_it_is_cut(self, name: str, cuts: list[int]) -> None:
        request_, made = WHOLE[name], Gathered()
        ends = sorted({*(cut for cut in cuts if 0 < cut < len(request_)), len(request_)})
        for start, end in zip([0, *ends], ends, strict=False):
            assert not made.is_whole
            made.add(request_[start:end])
        assert made.is_whole

    def test_when_the_sender_has_closed(self) -> None:
        assert gathered(HEAD, b"").is_whole

    @pytest.mark.parametrize("name", ["body", "chunks"])
    def test_what_follows_is_held_too(self, name: str) -> None:
        """A client that sends its next request at once: the parser finds it behind the first."""
        made = gathered(WHOLE[name] + HEAD)
        assert made.is_whole
        assert made.held.endswith(HEAD)

    @pytest.mark.parametrize("body", [b"x\r\n", b"\r\n", b"1" * 9001, b";a\r\n", b"hello\r\n"])
    def test_chunks_of_odd_shape_are_the_parsers(self, body: bytes) -> None:
        assert gathered(CHUNKED, body).is_whole


class TestTooMuch:
    def test_a_length_that_is_too_long_is_not_waited_for(self) -> None:
        made = gathered(HEAD + b"Content-Length: %d\r\n\r\n" % (MOST_BODY + 1))
        assert (made.is_whole, made.is_oversized) == (True, True)

    def test_the_longest_is(self) -> None:
        made = gathered(HEAD + b"Content-Length: %d\r\n\r\n" % MOST_BODY)
        assert not made.is_whole
        made.add(b"a" * MOST_BODY)
        assert (made.is_whole, made.is_oversized) == (True, False)

    @pytest.mark.parametrize(
        "body", [b"5\rhello", b"1" * 300, b"0" * 20 + b"5\r\nhell", b"f" * 20 + b"\r\nhello"]
    )
    def test_chunks_that_go_on_are_waited_for(self, body: bytes) -> None:
        assert not gathered(CHUNKED, body).is_whole

    @pytest.mark.parametrize("size", [1, 1000, MOST_BODY, 2**50])
    def test_chunks_are_counted(self, size: int) -> None:
        """Whether of one letter each or as large as anything: what is held has a bound."""
        made = gathered(CHUNKED)
        piece = b"%x\r\n" % size + b"a" * min(size, MOST_BODY) + b"\r\n"
        pieces = [piece * (65536 // len(piece) or 1)]
        while not (made.is_whole or made.is_hopeless):
            made.add(pieces[0])
        assert made.is_hopeless
        assert len(made.held) < 4 * MOST_BODY + 2 * len(pieces[0])

    def test_a_head_without_end(self) -> None:
        made = gathered(b"GET /" + b"a" * (MOST_HEAD - 5))
        assert not made.is_hopeless
        made.add(b"a")
        assert (made.is_whole, made.is_hopeless) == (False, True)


def test_the_app_refuses_what_is_not_waited_for() -> None:
    from payments.app import MAX_BODY_BYTES

    assert MAX_BODY_BYTES == MOST_BODY


@pytest.mark.parametrize(("header", "asks"), [(b"Expect: 100-continue\r\n", True), (b"", False)])
def test_a_sender_who_waits_for_a_word(header: bytes, asks: bool) -> None:
    assert gathered(HEAD + header + b"Content-Length: 5\r\n\r\n").asks_first is asks
