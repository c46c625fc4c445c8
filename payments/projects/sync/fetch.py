"""When a fetch took place: by the ledger's version and by Stripe's own clock."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from payments.gateway.answers import Answers, dated
from payments.kit import clock
from payments.projects.sync.account import Account
from payments.projects.sync.book import read_version


@dataclass(frozen=True)
class Fetch:
    """A fetch from Stripe; `since` is the ledger's version before it.

    `started` is our own second, for answers that bear no date.
    """

    since: int
    started: int
    answers: Answers

    @property
    def first(self) -> int:
        """Return Stripe's second of the first answer: what was seen is at least as new."""
        return self.answers.first or self.started

    @property
    def last(self) -> int:
        """Return Stripe's second of the last answer, which tells what our call has changed."""
        return self.answers.last or self.started


@contextmanager
def fetching(account: Account) -> Iterator[Fetch]:
    """Note when the block's calls take place; no transaction may be open."""
    since, started = read_version(account), clock.timestamp()
    with dated() as answers:
        yield Fetch(since, started, answers)
