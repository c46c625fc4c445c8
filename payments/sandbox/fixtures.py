"""What every new account holds before anything is asked of it.

The file has the format of https://docs.stripe.com/cli/fixtures: requests that create the objects,
in order. `${name:id}` stands for a field of the answer to the request of that name.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

from .call import Call
from .errors import ApiError
from .execution import run_operation
from .messages import Json
from .params import validate
from .registry import get_route

CREATED = "fixtures"  # the preference of an account that has got them
REFERENCE = re.compile(r"\$\{([\w-]+):([\w.]+)\}")


def load_fixtures(path: str) -> tuple[Json, ...]:
    """Return the requests of the file; raise ValueError with one line when it has none."""
    try:
        fixtures = json.loads(Path(path).read_text())["fixtures"]
        return tuple({**each, "path": str(each["path"])} for each in fixtures)
    except (OSError, ValueError, KeyError, TypeError) as problem:
        raise ValueError(f"SANDBOX_FIXTURES cannot be read: {path}: {problem}") from None


def create_fixtures(call: Call) -> None:
    """Do what the file says, once in the life of an account; raise ValueError when refused."""
    scope = call.account.scope
    if not call.settings.fixtures or call.store.preference(scope, CREATED):
        return
    call.store.prefer(scope, CREATED, True)
    answers: dict[str, Json] = {}
    for fixture in call.settings.fixtures:
        answers[str(fixture.get("name"))] = _create(call, fixture, answers)


def _create(call: Call, fixture: Json, answers: dict[str, Json]) -> Json:
    path = _resolve(fixture["path"], answers)
    try:
        route, values = get_route(str(fixture.get("method", "post")).upper(), path)
        params = validate(route.schema, _form(fixture.get("params") or {}, answers), route.required)
    except ApiError as refusal:
        raise _refused(path, refusal.error) from None
    asked = replace(call, params=params, path=values, url_path=path)
    status, body = run_operation(route, asked)
    if status != 200:
        raise _refused(path, body["error"])
    return dict(body)


def _refused(path: str, error: Json) -> ValueError:
    return ValueError(f"SANDBOX_FIXTURES: {path} was refused: {error['message']}")


def _form(value: Any, answers: dict[str, Json]) -> Any:
    """Write a value of the file as the decoder of forms would have read it."""
    if isinstance(value, dict):
        return {name: _form(each, answers) for name, each in value.items()}
    if isinstance(value, list):
        return {str(index): _form(each, answers) for index, each in enumerate(value)}
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else _resolve(str(value), answers)


def _resolve(text: str, answers: dict[str, Json]) -> str:
    return REFERENCE.sub(lambda found: _field(answers, found[1], found[2]), text)


def _field(answers: dict[str, Json], name: str, path: str) -> str:
    value: Any = answers.get(name)
    for step in path.split("."):
        value = value.get(step) if isinstance(value, dict) else None
    if value is None:
        raise ValueError(f"SANDBOX_FIXTURES: ${{{name}:{path}}} stands for nothing")
    return str(value)
