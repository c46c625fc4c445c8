"""Events that kill whoever handles them, or never end: a worker takes it with `--include`.

What stands for it in life takes all memory, or runs into the time limit, and dies as suddenly.
"""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from typing import Any

from payments.webhooks import drain, handlers

TYPE, ID, STUBBORN = "payment_method.updated", "pm_deadly", "pm_stubborn"


def handle(event: dict[str, Any]) -> None:
    if event["data"]["object"]["id"] == ID:
        os.kill(os.getpid(), signal.SIGKILL)
    while event["data"]["object"]["id"] == STUBBORN:
        with suppress(Exception):  # the soft time limit, too
            time.sleep(60)
    handlers.handle(event)


def arm() -> None:
    """Put the deadly handler in the place of the real one, in this process and its children."""
    drain.handle = handle


if os.environ.get("DEADLY"):
    arm()
