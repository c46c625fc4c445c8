"""Two schedulers at once, a flushed Redis, a holder of the lock who woke up too late: no account
is looked at twice, and none is forgotten."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta

import pytest
from flask import Flask

from payments import jobs
from payments.extensions import redis
from payments.gateway.errors import OutcomeUnknown
from payments.kit import clock
from payments.kit.locks import alone
from payments.reconciliation import accounts, comparers, due, schedule
from payments.reconciliation.accounts import Account
from payments.runs.models import EVENTS, OBJECTS, OPEN, ReconciliationRun
from tests.support import stack
from tests.support.developers import ProjectSeat, developer_with_project
from tests.support.processes import Group
from tests.support.runs import Runs
from tests.support.shop import eventually
from tests.support.site import Site, at_once, open_site

MINUTE = timedelta(minutes=1)
SEATS = 5


@pytest.fixture
def quiet(tmp_path_factory: pytest.TempPathFactory, sandbox: stack.Sandbox) -> Iterator[Site]:
    """An installation without workers, so that what a tick has begun stays as it is."""
    with open_site(tmp_path_factory.mktemp("beats"), sandbox, own_redis=True) as made:
        yield made


@pytest.fixture
def seats(quiet: Site) -> list[ProjectSeat]:
    first = developer_with_project(quiet.client, quiet.settings, live=True)
    more = [
        developer_with_project(quiet.client, quiet.settings, developer=first.developer)
        for _ in range(SEATS - 1)
    ]
    return [first, *more]


def tick(app: Flask, name: str = "tests:tick") -> bool:
    with app.app_context(), alone(redis(), name, seconds=30) as lock:
        return lock is not None and schedule.tick(lock)


def begun(site: Site) -> Counter[tuple[str, str, str]]:
    return Counter((run.owner, run.mode, run.kind) for run in site.rows(ReconciliationRun))


def everybody(site: Site) -> set[Account]:
    with site.app.app_context():
        return set(accounts.every())


class TestTick:
    def test_every_account_gets_its_runs_once(self, quiet: Site, seats: list[ProjectSeat]) -> None:
        known = everybody(quiet)
        assert known == {
            Account("platform", "test"),
            Account(seats[0].project_id, "live"),
            *(Account(seat.project_id, "test") for seat in seats),
        }
        for _ in range(3):
            tick(quiet.app)
        assert begun(quiet) == {(*one, kind): 1 for one in known for kind in (EVENTS, OBJECTS)}

    def test_two_at_once_on_a_redis_that_forgets(
        self, quiet: Site, seats: list[ProjectSeat]
    ) -> None:
        """Each believes to be alone, as after a flush: the unique index decides."""
        at_once([lambda name=f"tests:{n}": tick(quiet.app, name) for n in range(6)])
        assert set(begun(quiet).values()) == {1}
        assert len(begun(quiet)) == 2 * (SEATS + 2)

    def test_a_holder_who_has_lost_the_lock_begins_nothing(
        self, quiet: Site, seats: list[ProjectSeat]
    ) -> None:
        with quiet.app.app_context(), alone(redis(), "tests:lost", seconds=30) as stale:
            redis().delete("tests:lost")
            with alone(redis(), "tests:lost", seconds=30) as present:
                assert stale is not None
                assert present is not None
                assert stale.fence < present.fence
                schedule.tick(stale)
                assert begun(quiet) == {}
                schedule.tick(present)
        assert len(begun(quiet)) == 2 * (SEATS + 2)

    def test_a_page_at_a_time(
        self, quiet: Site, seats: list[ProjectSeat], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(schedule, "EVENTS_A_TICK", 3)
        monkeypatch.setattr(schedule, "OBJECTS_A_TICK", 1)
        assert [tick(quiet.app) for _ in range(3)] == [True, True, False]
        kinds = Counter(run.kind for run in quiet.rows(ReconciliationRun))
        assert kinds == {EVENTS: SEATS + 2, OBJECTS: 3}

    def test_switched_off_accounts_are_left_alone(
        self, quiet: Site, seats: list[ProjectSeat]
    ) -> None:
        first, second, *_ = seats
        assert first.developer.delete(f"{first.path}/config").status_code in {200, 204}
        gone = second.developer.delete(f"/api/v1/projects/{second.project_id}")
        assert gone.status_code == 204
        tick(quiet.app)
        owners = {run.owner for run in quiet.rows(ReconciliationRun)}
        assert owners == {"platform", *(seat.project_id for seat in seats[2:])}


class TestDue:
    def test_events_again_after_five_minutes_objects_after_a_day(
        self, quiet: Site, seats: list[ProjectSeat], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        runs = Runs(quiet.app, seats[1].project_id)
        account = Account(seats[1].project_id, "test")
        runs.done()
        ended = runs.begin(OBJECTS)
        now = clock.now()
        runs.change(ReconciliationRun.id == ended, state="succeeded", finished_at=now)
        for minutes, kinds in ((4, []), (6, [EVENTS]), (24 * 60 + 1, [EVENTS, OBJECTS])):
            with quiet.app.app_context(), clock.frozen(now + minutes * MINUTE):
                found = {EVENTS: due.for_events(100), OBJECTS: due.for_objects(100)}
                assert [kind for kind in found if account in found[kind]] == kinds

    def test_a_refused_key_is_tried_again_once_an_hour_or_once_it_is_replaced(
        self, quiet: Site, seats: list[ProjectSeat]
    ) -> None:
        seat, account = seats[1], Account(seats[1].project_id, "test")

        def waits(after: timedelta = timedelta()) -> bool:
            with quiet.app.app_context(), clock.frozen(clock.now() + after):
                return account not in due.for_events(100)

        keys = {"test_secret_key": "sk_test_short"}
        assert seat.developer.put(f"{seat.path}/config", keys).status_code == 200
        runs = Runs(quiet.app, seat.project_id)
        assert runs.done().state == "failed"
        assert (waits(), waits(59 * MINUTE), waits(61 * MINUTE)) == (True, True, False)
        keys = {"test_secret_key": seat.secret_key}
        assert seat.developer.put(f"{seat.path}/config", keys).status_code == 200
        assert not waits()
        assert runs.done().state == "succeeded"

    def test_one_that_fails_stops_nobody_else(
        self, quiet: Site, seats: list[ProjectSeat], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        bad = seats[2].project_id
        compare = comparers.COMPARERS[EVENTS, False]

        def sometimes(owner: str, *more: object, **options: object) -> object:
            if owner == bad:
                raise OutcomeUnknown("down", code="api")
            return compare(owner, *more, **options)

        monkeypatch.setitem(comparers.COMPARERS, (EVENTS, False), sometimes)
        tick(quiet.app)
        for run in quiet.rows(ReconciliationRun, ReconciliationRun.kind == EVENTS):
            Runs(quiet.app, run.owner, run.mode).turn(run.id)
        left = quiet.rows(
            ReconciliationRun,
            ReconciliationRun.kind == EVENTS,
            ReconciliationRun.state != "succeeded",
        )
        assert [run.owner for run in left] == [bad]


class TestWake:
    def test_runs_that_no_message_woke(self, quiet: Site, seats: list[ProjectSeat]) -> None:
        Runs(quiet.app, seats[0].project_id).begin()
        with quiet.app.app_context():
            assert [schedule.wake_due(), schedule.wake_due()] == [1, 0]
        assert quiet.redis.llen(jobs.RUNS) == 1

    def test_no_more_than_there_is_room_for(
        self, quiet: Site, seats: list[ProjectSeat], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(jobs, "SWEPT", 3)
        for seat in seats:
            Runs(quiet.app, seat.project_id).begin()
        with quiet.app.app_context():
            assert [schedule.wake_due() for _ in range(3)] == [3, 0, 0]
        assert quiet.redis.llen(jobs.RUNS) == 3


class TestRealWorker:
    def test_ticks_by_the_dozen_and_a_flushed_redis(self, site: Site, crew: Group) -> None:
        """What two beats send, and more: every account is looked at once."""
        seats = [developer_with_project(site.client, site.settings) for _ in range(4)]
        for number in range(12):
            site.enqueue(jobs.BEGIN_RUNS)
            if number == 6:
                site.redis.flushdb()
        owners = {seat.project_id for seat in seats}

        def level() -> bool:
            site.enqueue(jobs.BEGIN_RUNS)
            site.sweep()
            runs = site.rows(ReconciliationRun, ReconciliationRun.kind == EVENTS)
            done = Counter(run.owner for run in runs if run.state == "succeeded")
            return owners <= done.keys()

        eventually(level, seconds=30, every=0.3)
        runs = site.rows(
            ReconciliationRun,
            ReconciliationRun.kind == EVENTS,
            ReconciliationRun.owner.in_(owners),
        )
        assert Counter(run.owner for run in runs) == dict.fromkeys(owners, 1)
        assert all(run.state not in OPEN for run in runs)
