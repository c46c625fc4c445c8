"""Every operation that takes a body, by those who may, with bodies that nobody asked for.

Never an error of ours, and every refusal in its dialect. A new operation is walked by itself.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from flask import Response

from tests.api.walks.conftest import Stage
from tests.support.hostile import BROKEN_BODIES, LITERAL, NO_TEXTS, UNSTORABLE
from tests.support.operations import Operation

# What stands in one field while the others are as documented.
VALUES: dict[str, Any] = {
    **{f"no text: {name}": value for name, value in NO_TEXTS.items()},
    **{f"not storable: {name}": value for name, value in UNSTORABLE.items()},
    "literal: sql": LITERAL["sql"],
    "empty": "",
    "endless": "x" * 100_000,
    "a huge number": 10**40,
    "below nothing": -1,
    "a part": 0.1,
    "deep": [[[[[[{}]]]]]],
}
# Who may, between them, ask for everything.
WORKSPACES = ("owner", "platform administrator")
PROJECTS = ("developer", "end user", "operator", "server key")


@dataclass
class Walk:
    """A sentence for each fault, and how many bodies a view has seen, for all we know."""

    faults: list[str] = field(default_factory=list)
    reached: int = 0

    def note(self, operation: Operation, what: str, answer: Response) -> None:
        self.reached += answer.status_code < 400 or answer.status_code in {400, 422}
        if answer.status_code >= 500:
            self.faults.append(
                f"{operation}, {what}: {answer.status_code} {answer.get_data()[:200]!r}"
            )
        elif answer.status_code >= 400 and not is_in_dialect(operation, answer):
            self.faults.append(f"{operation}, {what}: {answer.status_code} in no dialect")


def is_in_dialect(operation: Operation, answer: Response) -> bool:
    """Return whether an error has the fields that its part of the API promises."""
    body = answer.get_json(silent=True)
    wanted = {"detail"} if operation.is_projects else {"message", "error", "code"}
    return isinstance(body, dict) and wanted <= body.keys()


def list_bodies(operation: Operation) -> Iterator[tuple[str, bytes]]:
    """Yield bodies with what is wrong with them."""
    yield from BROKEN_BODIES.items()
    for name in operation.body if isinstance(operation.body, dict) else ():
        for what, value in VALUES.items():
            yield f"{name} {what}", json.dumps({**operation.body, name: value}).encode()


@pytest.mark.slow
@pytest.mark.parametrize("caller", [*WORKSPACES, *PROJECTS])
def test_no_body_breaks_anything_and_every_refusal_is_in_its_dialect(
    stage: Stage, operations: list[Operation], caller: str
) -> None:
    walk = Walk()
    for operation in operations:
        if operation.method == "GET" or operation.is_projects == (caller in WORKSPACES):
            continue
        for what, body in list_bodies(operation):
            answer = stage.send(operation, caller, data=body, content_type="application/json")
            walk.note(operation, what, answer)
    assert walk.faults == []
    # It is no walk past closed ways.
    assert walk.reached > 50


def test_an_error_of_ours_and_a_foreign_dialect_are_noted(operations: list[Operation]) -> None:
    walk, operation = Walk(), next(each for each in operations if each.is_projects)
    walk.note(operation, "x", Response("{}", 500))
    walk.note(operation, "x", Response("<html>", 414))
    assert len(walk.faults) == 2
