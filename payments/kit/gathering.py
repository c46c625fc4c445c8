"""When the bytes of a request are all there: told from its first lines, before anybody parses it.

This only decides when to stop waiting. What is malformed counts as whole: the parser refuses it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from payments.kit import clock

# What a request may take to arrive, and how much of it is put aside. A longer body is not waited
# for: the app says 413. A head beyond MOST_HEAD, or chunks beyond MOST_BODY, are hopeless: read
# on, the app would take their first part for the whole.
SECONDS = 30
MOST_HEAD, MOST_BODY = 64 * 1024, 1024 * 1024
_MOST_HELD = 4 * MOST_BODY
# Longer than the parser lets a chunk's first line be.
_MOST_LINE = 9000

_END_OF_HEAD = b"\r\n\r\n"
_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d{1,4000})[ \t]*\r\n", re.IGNORECASE)
_CHUNKED = re.compile(rb"\r\ntransfer-encoding:[^\r\n]*chunked", re.IGNORECASE)
_ASKS_FIRST = re.compile(rb"\r\nexpect:[ \t]*100-continue", re.IGNORECASE)


@dataclass
class Gathered:
    """The bytes of one request so far."""

    held: bytearray = field(default_factory=bytearray)
    until: float = field(default_factory=lambda: clock.monotonic() + SECONDS)
    is_whole: bool = False
    is_oversized: bool = False
    is_hopeless: bool = False
    asks_first: bool = False
    _body: _Sized | _Chunked | None = None
    _searched: int = 0

    def add(self, data: bytes) -> None:
        """Take what has come next; nothing means that the sender has closed."""
        self.held += data
        if self._body is None:
            self._look_for_body()
        if self._body is not None:
            self._body.look(self.held)
            self.is_oversized = self._body.is_oversized
        self.is_whole = not data or (self._body is not None and self._body.is_there)
        self.is_hopeless = not self.is_whole and self._is_too_much()

    @property
    def is_late(self) -> bool:
        return clock.monotonic() > self.until

    def _is_too_much(self) -> bool:
        if self._body is None:
            return len(self.held) > MOST_HEAD
        return self._body.is_too_much or len(self.held) > _MOST_HELD

    def _look_for_body(self) -> None:
        end = self.held.find(_END_OF_HEAD, max(self._searched - 3, 0))
        self._searched = len(self.held)
        if end < 0:
            return
        head, start = bytes(self.held[: end + 2]), end + len(_END_OF_HEAD)
        self.asks_first = bool(_ASKS_FIRST.search(head))
        if _CHUNKED.search(head):
            self._body = _Chunked(start)
        else:
            length = _LENGTH.search(head)
            self._body = _Sized(start, int(length[1]) if length else 0)


class _Sized:
    """A body that says how long it is. One that is too long is not waited for."""

    is_too_much = False

    def __init__(self, start: int, length: int) -> None:
        self._end = start + length
        self.is_oversized = length > MOST_BODY
        self.is_there = self.is_oversized

    def look(self, held: bytearray) -> None:
        self.is_there = self.is_oversized or len(held) >= self._end


class _Chunked:
    """A body in chunks: whole after the empty one and the trailers that follow it."""

    is_oversized = False

    def __init__(self, start: int) -> None:
        self._at, self._length, self._in_trailers = start, 0, False
        self.is_there = self.is_too_much = False

    def look(self, held: bytearray) -> None:
        while not (self.is_there or self.is_too_much) and self._step(held):
            pass

    def _step(self, held: bytearray) -> bool:
        """Go past the next whole chunk; False when more has to come first."""
        if self._in_trailers:
            ends = held.startswith(b"\r\n", self._at) or held.find(_END_OF_HEAD, self._at) >= 0
            self.is_there = ends
            return ends
        end = held.find(b"\r\n", self._at)
        if end < 0:
            self.is_there = len(held) - self._at > _MOST_LINE
            return False
        size = _size(bytes(held[self._at : end]))
        self.is_there = size is None
        return size is not None and self._past(size, end + 2, held)

    def _past(self, size: int, start: int, held: bytearray) -> bool:
        come = min(len(held) - start, size)
        self.is_too_much = self._length + come > MOST_BODY
        self._in_trailers = size == 0
        whole = size == 0 or len(held) >= start + size + 2
        if whole:
            self._at, self._length = start + size + (2 if size else 0), self._length + size
        return whole


def _size(line: bytes) -> int | None:
    """Read a chunk's first line; None when it is none."""
    try:
        return int(line.partition(b";")[0], 16)
    except ValueError:
        return None
