"""The tenant of a ledger: one side of one project."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, order=True)
class Account:
    """A project's test or live rows, which never meet."""

    project_id: str
    is_test_mode: bool

    @property
    def mode(self) -> str:
        return "test" if self.is_test_mode else "live"

    def owns(self, model: Any) -> tuple[Any, ...]:
        """Say in SQL: the row is of this account."""
        return (
            model.project_id == self.project_id,
            model.is_test_mode == self.is_test_mode,
        )
