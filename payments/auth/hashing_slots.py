"""How many passwords a process hashes at once: each costs a processor and 19 MiB for a while.

Hashing runs in threads of its own. A thread that has hashed keeps the memory for its next time, so
the web's threads, of which there are more, would keep several times as much.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, TimeoutError
from dataclasses import dataclass, field
from typing import ParamSpec, TypeVar

from flask import Flask, current_app

from payments.auth.errors import HashingBusy

WAIT_SECONDS = 0.5

Params = ParamSpec("Params")
Result = TypeVar("Result")

_EXTENSION = "payments.hashing_slots"


@dataclass(frozen=True)
class HashingSlots:
    """The threads that hash, and the places of those who use them or wait for one."""

    places: threading.BoundedSemaphore
    threads: ThreadPoolExecutor = field(repr=False)


def limit_hashing(app: Flask, *, slots: int, web_threads: int) -> None:
    """Let `slots` hashes run at once, and a quarter of the web's threads wait for one of them."""
    waiting = max(web_threads // 4, 1)
    app.extensions[_EXTENSION] = HashingSlots(
        threading.BoundedSemaphore(slots + waiting),
        ThreadPoolExecutor(slots, thread_name_prefix="hashing"),
    )


def run_in_slot(
    work: Callable[Params, Result], *args: Params.args, **kwargs: Params.kwargs
) -> Result:
    """Run the work in a slot and return its result.

    HashingBusy when too many wait already, or none came free within WAIT_SECONDS.
    """
    held: HashingSlots = current_app.extensions[_EXTENSION]
    if not held.places.acquire(blocking=False):
        raise HashingBusy
    try:
        return _wait_for(held.threads, lambda: work(*args, **kwargs))
    finally:
        held.places.release()


def _wait_for(threads: ThreadPoolExecutor, work: Callable[[], Result]) -> Result:
    pending = threads.submit(work)
    try:
        return pending.result(timeout=WAIT_SECONDS)
    except TimeoutError as error:
        if pending.cancel():  # it had not begun
            raise HashingBusy from error
        return pending.result()
