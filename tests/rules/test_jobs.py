"""Every task has a name that a worker knows and a queue that a worker listens to."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from payments import jobs
from tests.rules.source import ROOT

PROBE = """
import json, worker
worker.app.loader.import_default_modules()
conf = worker.app.conf
print(json.dumps({
    "tasks": sorted(worker.app.tasks),
    "queues": [queue.name for queue in conf.task_queues],
    "beat": [entry["task"] for entry in conf.beat_schedule.values()],
    "routes": {name: route["queue"] for name, route in conf.task_routes.items()},
}))
"""


def listened(command: str, declared: list[str]) -> set[str]:
    """Return the queues that a worker command listens to: all of them without -Q."""
    words = shlex.split(command)
    for index, word in enumerate(words):
        if word in {"-Q", "--queues"}:
            return set(words[index + 1].split(","))
        if word.startswith("--queues="):
            return set(word.partition("=")[2].split(","))
    return set(declared)


def processes(text: str) -> dict[str, str]:
    return dict(line.split(": ", 1) for line in text.splitlines() if line)


@pytest.fixture(scope="module")
def celery(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a worker process of its own knows."""
    environ = {**os.environ, "DATA_DIR": str(tmp_path_factory.mktemp("celery"))}
    done = subprocess.run(
        [sys.executable, "-c", PROBE], cwd=ROOT, env=environ, check=True, capture_output=True
    )
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def test_every_task_name_is_registered(celery: dict[str, Any]) -> None:
    assert set(jobs.QUEUE_OF) - set(celery["tasks"]) == set()


def test_every_task_of_ours_has_a_name_and_a_queue(celery: dict[str, Any]) -> None:
    ours = {name for name in celery["tasks"] if not name.startswith("celery.")}
    assert ours == set(jobs.QUEUE_OF) == set(celery["routes"])


def test_every_queue_has_a_listener(celery: dict[str, Any]) -> None:
    commands = processes((ROOT / "Procfile").read_text())
    heard: set[str] = set()
    for command in commands.values():
        if " worker " in f" {command} " and "celery" in command:
            heard |= listened(command, celery["queues"])
    assert set(jobs.QUEUE_OF.values()) - heard == set()


def test_beat_starts_tasks_that_exist(celery: dict[str, Any]) -> None:
    assert set(celery["beat"]) - set(jobs.QUEUE_OF) == set()


def test_a_forgotten_queue_is_found() -> None:
    assert listened("celery -A worker worker -Q charges,webhooks", ["documents"]) == {
        "charges",
        "webhooks",
    }
    assert listened("celery -A worker worker --queues=charges", []) == {"charges"}
    assert listened("celery -A worker worker", ["documents"]) == {"documents"}


def test_the_procfile_has_the_four_processes() -> None:
    text = (ROOT / "Procfile").read_text()
    assert list(processes(text)) == ["release", "web", "worker", "beat"]
    assert Path(ROOT / "app.json").exists()
