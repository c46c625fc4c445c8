"""The tasks: each one registered, on a queue that is listened to, run in the app's context."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest
from flask import current_app

import worker as celery_module
from payments import jobs
from payments.kit import logs
from payments.kit.db import db
from tests.support import processes
from worker import schedule, tasks

NAMES = sorted(jobs.QUEUE_OF)


@pytest.fixture(scope="module")
def celery():
    celery_module.app.loader.import_default_modules()
    return celery_module.app


@pytest.fixture
def probe(celery, app, monkeypatch):
    """A task of the test's own, made by the same decorator as all others."""
    monkeypatch.setattr(tasks, "_flask", app)
    seen: dict[str, Any] = {}

    @tasks.job("tests.probe")
    def run(*, charge_id: int, fails: bool = False) -> None:
        seen["app"] = current_app._get_current_object()
        seen["bound"] = dict(logs._bound.get() or {})
        seen["session"] = db.session()
        if fails:
            raise ValueError("as the test wishes")

    yield celery.tasks["tests.probe"], seen
    celery.tasks.pop("tests.probe")


class TestRegistration:
    def test_every_name_is_a_task_and_every_task_has_a_name(self, celery):
        """What the service may send, the worker knows; nothing else of ours is registered."""
        ours = {name for name in celery.tasks if not name.startswith("celery.")}
        assert ours == set(jobs.QUEUE_OF)

    @pytest.mark.parametrize("name", NAMES)
    def test_a_message_goes_to_its_queue(self, celery, name):
        """Routed by name, whoever sends it."""
        assert celery.amqp.router.route({}, name)["queue"].name == jobs.QUEUE_OF[name]

    def test_the_procfiles_worker_listens_to_every_queue(self, celery):
        """Without -Q a worker consumes all that are declared, and those are all that are used."""
        assert "-Q" not in processes.procfile("worker", {})
        assert "--queues" not in processes.procfile("worker", {})
        assert {queue.name for queue in celery.conf.task_queues} == set(jobs.QUEUE_OF.values())

    @pytest.mark.parametrize("name", NAMES)
    def test_a_message_is_only_a_hint(self, celery, name):
        """Acknowledged when it is done, without a result: what has to be done stands in the row."""
        task = celery.tasks[name]
        assert (task.acks_late, task.ignore_result) == (True, True)

    def test_nobody_holds_a_message_for_longer_than_redis_does(self, celery):
        """A message is handed out again only once its task can no longer run."""
        patience = celery.conf.broker_transport_options["visibility_timeout"]
        assert patience > celery.conf.task_time_limit > celery.conf.task_soft_time_limit
        assert celery.conf.worker_prefetch_multiplier == 1


class TestSchedule:
    def test_the_entries_are_tasks(self, celery):
        """Beat sends what the worker knows."""
        assert celery.conf.beat_schedule == schedule.ENTRIES
        assert {entry["task"] for entry in schedule.ENTRIES.values()} <= set(jobs.QUEUE_OF)

    @pytest.mark.parametrize("name", sorted(schedule.ENTRIES))
    def test_nothing_piles_up_while_no_worker_lives(self, name):
        """A tick that nobody took is void once the next one is due."""
        entry = schedule.ENTRIES[name]
        assert entry["options"]["expires"] <= entry["schedule"]

    def test_a_lost_message_costs_seconds(self):
        """The sweep of due rows comes at least every ten seconds."""
        assert schedule.ENTRIES["due"]["task"] == jobs.SWEEP_DUE
        assert schedule.ENTRIES["due"]["schedule"] <= 10


class TestContext:
    def test_a_job_runs_in_the_app_with_its_ids_bound(self, probe, app):
        """Every log line of the job names the task and the row."""
        task, seen = probe
        task(charge_id=7)
        assert seen["app"] is app
        assert seen["bound"] == {"task": "tests.probe", "task_id": None, "charge_id": 7}

    def test_what_was_bound_is_forgotten_afterwards(self, probe):
        """The next task of this process starts clean, also after a failure."""
        task, _ = probe
        with pytest.raises(ValueError, match="wishes"):
            task(charge_id=7, fails=True)
        assert logs._bound.get() is None

    def test_the_session_is_given_back(self, probe, app):
        """Each run has a session of its own: no row is read from an earlier one."""
        task, seen = probe
        task(charge_id=1)
        first = seen["session"]
        task(charge_id=2)
        assert seen["session"] is not first

    def test_the_lines_of_a_job_carry_its_ids(self, probe):
        """As they are written: JSON with `task` and the id."""
        formatter = logs.JsonFormatter()
        logs.bind(task=jobs.RUN_CHARGE, charge_id=7)
        try:
            record = logging.makeLogRecord({"msg": "charged", "levelname": "INFO"})
            line = json.loads(formatter.format(record))
        finally:
            logs.unbind()
        assert (line["task"], line["charge_id"]) == (jobs.RUN_CHARGE, 7)
