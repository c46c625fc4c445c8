"""Wrong settings are one line and the end, whatever is started, and never a traceback."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from tests.support import processes
from tests.support.production import production_environment

FLASK = [sys.executable, "-m", "flask", "--app", "wsgi"]
MAKE_RUN = [sys.executable, "-m", "payments.local"]


def command(name: str) -> list[str]:
    if name == "make run":
        return MAKE_RUN
    if name.startswith("flask "):
        return [*FLASK, *name.split()[1:]]
    return processes.procfile(name, {"PORT": str(processes.free_port())})


def run(name: str, environment: dict[str, str]) -> tuple[int, list[str]]:
    """Return how a program ends, and its lines; gunicorn's own first one is left out."""
    environment = {**environment, "FLASK_SKIP_DOTENV": "1"}
    group = processes.Group(name, command(name), environment)
    with processes.running(group):
        code = group.ended(seconds=60)
    return code, group.output.splitlines()


@pytest.mark.parametrize("name", ["release", "web", "worker", "beat", "flask keys check"])
def test_in_production_the_line_is_json(name: str, tmp_path: Path) -> None:
    wrong = {"OPERATOR_KEY": "", "STRIPE_SECRET_KEY": "pk_live_canary", "PORT": "canary"}
    code, lines = run(name, production_environment(DATA_DIR=str(tmp_path), **wrong))
    assert (code, len(lines)) == (1, 1), lines
    line = json.loads(lines[0])
    assert (line["level"], line["logger"]) == ("critical", "payments.config")
    assert line["message"].startswith("the settings are wrong: ")
    for variable in wrong:
        assert f"{variable} " in line["message"]
    assert "canary" not in lines[0]


@pytest.mark.parametrize("name", ["release", "web", "worker", "beat", "make run"])
def test_in_development_it_is_for_a_person(name: str, tmp_path: Path) -> None:
    code, lines = run(name, {"DATA_DIR": str(tmp_path), "LOG_LEVEL": "canary"})
    assert (code, lines) == (
        1,
        ["payments: the settings are wrong: LOG_LEVEL must be a log level"],
    )
