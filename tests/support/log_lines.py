"""Reads what the process logs, as it would be written."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from payments.kit import logs


class _Reader(logging.Handler):
    def __init__(self, lines: list[dict[str, Any]]) -> None:
        super().__init__(logging.DEBUG)
        self.lines = lines
        self.setFormatter(logs.JsonFormatter())

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(json.loads(self.format(record)))


@contextmanager
def read_log(level: int = logging.INFO) -> Iterator[list[dict[str, Any]]]:
    """Yield the lines of all loggers, of this level and above, as they come."""
    root, lines = logging.getLogger(), list[dict[str, Any]]()
    reader, former = _Reader(lines), root.level
    root.addHandler(reader)
    root.setLevel(level)
    try:
        yield lines
    finally:
        root.removeHandler(reader)
        root.setLevel(former)
