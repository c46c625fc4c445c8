"""Remembers when Stripe gave its answers by Stripe's own clock, so that states have an order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from email.utils import parsedate_to_datetime


@dataclass
class Answers:
    """The seconds since 1970 of the first and last answer; None while there was none."""

    first: int | None = None
    last: int | None = None


_heard: ContextVar[tuple[Answers, ...]] = ContextVar("answers", default=())


@contextmanager
def dated() -> Iterator[Answers]:
    """Note when the answers of the block's calls were given; an inner block is part of both."""
    answers = Answers()
    former = _heard.set((*_heard.get(), answers))
    try:
        yield answers
    finally:
        _heard.reset(former)


def note_answer(headers: Mapping[str, str]) -> None:
    """Note an answer by its `Date` header; one without it says nothing about order."""
    second = _read_second(headers.get("Date"))
    if second is None:
        return
    for answers in _heard.get():
        answers.first = second if answers.first is None else answers.first
        answers.last = second


def _read_second(header: str | None) -> int | None:
    try:
        return int(parsedate_to_datetime(header).timestamp()) if header else None
    except (ValueError, TypeError):
        return None
