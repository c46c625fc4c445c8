"""A run goes on slice by slice: counted, ended, put back, or another worker's."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from payments.gateway.errors import BadCredentials, OutcomeUnknown, Rejected, Unavailable
from payments.kit import clock
from payments.projects.errors import StripeNotSetUp
from payments.reconciliation import turn as turns
from payments.runs import progress
from payments.runs.models import ReconciliationRun
from payments.runs.slices import Difference, Slice
from payments.timeline.models import TimelineEntry
from tests.support.runs import Runs, scripted

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
DONE = Slice({}, done=True)


def told(runs: Runs) -> list[TimelineEntry]:
    return runs.rows(TimelineEntry, TimelineEntry.project_id == runs.owner)


class TestSlices:
    def test_they_are_counted_together(self, runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
        mended = Difference("subscription", "sub_1", "status", "active", "canceled", fixed=True)
        broken = Difference("payment", "pi_1", "row", None, "x" * 300)
        script = scripted(
            monkeypatch,
            Slice({"page": 1}, False, seen=100, drifted=1, fixed=1, differences=(mended,)),
            Slice({}, True, seen=7, missing=1, failed=1, differences=(broken,)),
        )
        run = runs.done("objects", actor="user:7")
        assert (run.state, run.seen, run.missing, run.drifted) == ("succeeded", 107, 1, 1)
        assert (run.fixed, run.failed, run.error, run.leased_until) == (1, 1, None, None)
        assert run.started_at <= run.finished_at
        first, second = runs.drifts(run.id)
        assert (first.object_id, first.ours, first.theirs) == ("sub_1", "active", "canceled")
        assert (first.fixed, second.ours, second.theirs) == (True, None, "x" * 255)
        assert [asked["position"] for asked in script.asked] == [{}, {"page": 1}]
        assert script.asked[0]["actor"] == "user:7"
        assert script.asked[0]["dry_run"] is False

    def test_what_was_found_is_told(self, runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
        scripted(monkeypatch, Slice({}, True, seen=2, drifted=1), DONE)
        run = runs.done("objects", actor="operator", dry_run=True)
        (entry,) = told(runs)
        assert (entry.kind, entry.actor) == ("reconciliation.finished", "operator")
        assert (entry.subject, entry.data["drifted"]) == (f"reconciliation:{run.id}", 1)
        assert (entry.data["what"], entry.data["dry_run"]) == ("objects", True)
        runs.done("objects")
        assert len(told(runs)) == 1

    def test_a_turn_ends_in_time(self, runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
        """What is left is due at once, for whichever worker comes next."""
        monkeypatch.setattr(turns, "TURN_SECONDS", 0.2)

        def slow(*_: object, position: int = 0, **options: object) -> Slice:
            clock.pause(0.25)
            return Slice({"page": 1}, False, seen=1)

        monkeypatch.setitem(turns.comparer.__globals__["COMPARERS"], ("objects", False), slow)
        run_id = runs.begin("objects")
        assert runs.turn(run_id) is True
        run = runs.run(run_id)
        assert (run.state, run.seen, run.leased_until) == ("running", 1, None)
        assert run.due_at <= clock.now()
        assert runs.turn(run_id) is True
        assert runs.run(run_id).seen == 2
        runs.close()


class TestTrouble:
    def test_it_comes_back_later(self, runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
        script = scripted(
            monkeypatch, Slice({"page": 1}, False, seen=1), OutcomeUnknown("down", code="api"), DONE
        )
        run_id = runs.begin("objects")
        assert runs.turn(run_id) is False
        run = runs.run(run_id)
        assert (run.state, run.tries, run.error) == ("running", 0, "OutcomeUnknown: down")
        assert run.due_at > clock.now()
        assert runs.turn(run_id) is False  # not due yet
        runs.due(run_id)
        runs.turn(run_id)
        assert script.asked[-1]["position"] == {"page": 1}
        run = runs.run(run_id)
        assert (run.state, run.seen, run.error) == ("succeeded", 1, None)

    def test_the_wait_grows_and_the_run_fails_in_the_end(
        self, runs: Runs, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        scripted(monkeypatch, *[Unavailable("down", code="connection")] * 50)
        with clock.frozen(NOON) as advance:
            run_id = runs.begin("objects")
            waits = []
            while runs.run(run_id).state != "failed":
                assert runs.turn(run_id) is False
                waits.append(runs.run(run_id).due_at - clock.now())
                advance(timedelta(minutes=7))
            run = runs.run(run_id)
        assert (run.tries, run.error) == (progress.MOST_TRIES, "Unavailable: down")
        assert waits[0] < timedelta(seconds=3) < waits[2]
        assert max(waits) <= progress.LONGEST_WAIT * 1.25

    def test_too_many_requests_use_up_no_try(
        self, runs: Runs, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        scripted(monkeypatch, *[Unavailable("slow down", code="rate_limit")] * 30, DONE)
        with clock.frozen(NOON) as advance:
            run_id = runs.begin("objects")
            for times in range(1, 31):
                runs.turn(run_id)
                run = runs.run(run_id)
                assert (run.state, run.tries, run.throttled) == ("running", 0, times)
                assert run.due_at > clock.now()
                advance(timedelta(minutes=7))
            runs.turn(run_id)
        assert runs.run(run_id).state == "succeeded"

    @pytest.mark.parametrize(
        "error",
        [
            BadCredentials("Invalid API Key provided: sk_test_abcdefgh1234", code=None),
            Rejected("No such thing", code="resource_missing"),
            StripeNotSetUp(),
        ],
    )
    def test_what_waiting_would_not_mend_fails_at_once(
        self, runs: Runs, monkeypatch: pytest.MonkeyPatch, error: Exception
    ) -> None:
        scripted(monkeypatch, error)
        run = runs.done("objects")
        assert run.state == "failed"
        assert run.finished_at is not None
        assert run.error.startswith(type(error).__name__)
        assert "abcdefgh" not in run.error

    def test_a_bug_is_logged_and_bounded(
        self, runs: Runs, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        scripted(monkeypatch, KeyError("items"))
        run = runs.done("objects")
        assert (run.state, run.error) == ("running", "KeyError: 'items'")
        assert "could not go on" in caplog.text
        runs.close()


class TestOthers:
    def test_a_run_that_is_held_is_left_alone(self, runs: Runs) -> None:
        run_id = runs.begin("objects")
        with runs.app.app_context():
            assert progress.claim(run_id) is not None
        assert runs.turn(run_id) is False
        assert runs.run(run_id).fence == 1
        runs.close()

    def test_a_stale_holder_counts_nothing(
        self, runs: Runs, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        """His lease lapsed in the middle of a slice, and another worker went on."""
        run_id = runs.begin("objects")

        def slow(*_: object, **options: object) -> Slice:
            lapsed = sa.update(ReconciliationRun).where(ReconciliationRun.id == run_id)
            runs.write(lapsed.values(leased_until=clock.now() - timedelta(seconds=1)))
            with runs.app.app_context():
                assert progress.claim(run_id) is not None
            return Slice({"page": 9}, True, seen=5)

        monkeypatch.setitem(turns.comparer.__globals__["COMPARERS"], ("objects", False), slow)
        assert runs.turn(run_id) is False
        run = runs.run(run_id)
        assert (run.state, run.seen, run.position, run.fence) == ("running", 0, {}, 2)
        assert "went on at another worker" in caplog.text
        runs.close()

    def test_one_that_kills_its_workers_is_given_up(self, runs: Runs) -> None:
        run_id = runs.begin("objects")
        runs.change(ReconciliationRun.id == run_id, tries=progress.MOST_TRIES)
        assert runs.turn(run_id) is False
        run = runs.run(run_id)
        assert (run.state, run.error) == ("failed", "its workers died")
