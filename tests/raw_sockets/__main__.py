"""`python -m tests.raw_sockets --minutes M --seed N`: exit code 1 when something must not be.

`--only K` holds conversation K of the seed alone and prints what was sent and answered. It runs
on the servers that DATABASE_URL and REDIS_URL name, else on SQLite and the bundled Valkey.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.raw_sockets.clients import Record, hold_conversation
from tests.raw_sockets.grammar import make_conversation
from tests.raw_sockets.run import run_crowd
from tests.support import processes, stack
from tests.support.processes import HttpClient
from tests.support.site import open_site

_MOST_WARM_UP_SECONDS = 60


def main(arguments: list[str] | None = None) -> int:
    """Start the web process, send what the seed says, and return 1 for a violation."""
    chosen = _options().parse_args(arguments)
    with _serve() as web:
        if chosen.only is not None:
            return _hold_one(web, chosen.seed, chosen.only)
        seconds = chosen.minutes * 60
        warm_up = min(_MOST_WARM_UP_SECONDS, seconds / 4)
        outcome = run_crowd(
            web, seed=chosen.seed, seconds=seconds - warm_up, warm_up=warm_up, tell=_say
        )
    violations = outcome.list_violations()
    for line in (*outcome.describe(), *violations[:50]):
        _say(line)
    _say(f"seed {chosen.seed}: {len(violations)} violations")
    return bool(violations)


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.raw_sockets", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", type=int, help="the number of one conversation")
    return parser


@contextmanager
def _serve() -> Iterator[HttpClient]:
    with (
        stack.Sandbox(port=0) as sandbox,
        tempfile.TemporaryDirectory() as folder,
        stack.redis_server(os.environ.get("REDIS_URL")) as redis_url,
        open_site(Path(folder), sandbox, redis_url=redis_url) as site,
        processes.web({**site.environment, "WEB_THREADS": "8"}) as web,
    ):
        yield web


def _hold_one(web: HttpClient, seed: int, number: int) -> int:
    conversation, record = make_conversation(seed, number), Record()
    host, port = web.base.rpartition("/")[2].split(":")
    received = hold_conversation((host, int(port)), conversation, record)
    for pause, piece in conversation.pieces:
        _say(f"> {pause} s {piece[:2000]!r}")
    _say(f"{conversation.end}\n< {received[:2000]!r}")
    return bool(record.faults)


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
