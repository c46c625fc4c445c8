"""Every variable that the settings read is explained in .env.example and app.json, and no other."""

from __future__ import annotations

import json
import re
from collections import UserDict
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from payments import config
from payments.config import ConfigError
from tests.rules.source import ROOT

# Read by others than the settings: gunicorn, the Procfile's worker, boto3.
OUTSIDE = {"WEB_CONCURRENCY", "WORKER_CONCURRENCY", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}
# Chosen by Heroku, or of no use where the disk passes and nothing is embedded.
NOT_ON_HEROKU = {
    *("DATABASE_URL", "REDIS_URL", "PORT", "DATA_DIR", "SANDBOX_PORT", "VALKEY_PORT"),
    # Another name, or a value of development.
    *("AWS_DEFAULT_REGION", "PROFILE_STORAGE_BUCKET"),
}
# A list and its single form are one secret; a form asks for one of them.
LISTS = {"SECRET_KEYS", "JWT_SECRET_KEYS"}


class Recorded(UserDict[str, str]):
    """A mapping that remembers what was asked for."""

    def __init__(self, values: dict[str, str]) -> None:
        super().__init__(values)
        self.asked: set[str] = set()

    def get(self, key: str, default: Any = None) -> Any:
        self.asked.add(key)
        return super().get(key, default)


def asked_variables(folder: Path, **values: str) -> set[str]:
    """Return the names of all variables that the settings ask for."""
    variables = Recorded({"DATA_DIR": str(folder), **values})
    with suppress(ConfigError):
        config.load(variables)
    return variables.asked


@pytest.fixture
def known(tmp_path: Path) -> set[str]:
    production = {"PAYMENTS_ENV": "production", "REDIS_URL": "redis://redis.example"}
    return asked_variables(tmp_path) | asked_variables(tmp_path, **production) | OUTSIDE


def explained(text: str) -> dict[str, str]:
    """Return each variable with the comment above it."""
    found, above = {}, ""
    for line in text.splitlines():
        match = re.match(r"([A-Z][A-Z0-9_]*)=", line)
        if match:
            found[match[1]] = above
        else:
            above = line.removeprefix("#").strip() if line.startswith("#") else ""
    return found


def test_the_example_explains_every_variable(known: set[str]) -> None:
    held = explained((ROOT / ".env.example").read_text())
    assert known ^ held.keys() == set()
    assert [name for name, why in held.items() if len(why) < 10] == []


def test_heroku_asks_for_every_variable(known: set[str]) -> None:
    asked = json.loads((ROOT / "app.json").read_text())["env"]
    assert (known - NOT_ON_HEROKU - LISTS) ^ asked.keys() == set()
    assert [name for name, field in asked.items() if len(field["description"]) < 10] == []


def test_a_planted_variable_is_found(tmp_path: Path) -> None:
    assert {"PORT", "SECRET_KEYS", "STRIPE_ALLOW_OTHER_API_BASE"} <= asked_variables(tmp_path)
    assert explained("# why it is there\nA=1\nB=\n\nC=") == {
        "A": "why it is there",
        "B": "why it is there",
        "C": "",
    }
