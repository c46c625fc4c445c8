"""`flask reconcile`: what differs, line by line, and an exit code for scripts."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask

from payments.config import Settings
from payments.reconciliation import accounts, whole
from payments.runs.models import ReconciliationRun
from payments.runs.slices import Difference, Slice
from payments.webhooks.models import WebhookEvent
from tests.support.apps import another_app
from tests.support.deliveries import account_of
from tests.support.developers import ProjectSeat, developer_with_project, new_project
from tests.support.runs import Runs, scripted

DRIFT = Difference("subscription", "sub_1", "status", "active", "canceled", fixed=True)


@pytest.fixture
def runs(app: Flask, seat: ProjectSeat) -> Iterator[Runs]:
    held = Runs(app, seat.project_id)
    yield held
    held.close()


def reconcile(app: Flask, *words: str) -> tuple[int, str]:
    with app.app_context():
        answer = app.test_cli_runner().invoke(args=["reconcile", *words])
    assert answer.exception is None or isinstance(answer.exception, SystemExit), answer.exception
    return answer.exit_code, answer.output


class TestOneProject:
    def test_all_level(self, app: Flask, seat: ProjectSeat, runs: Runs) -> None:
        code, text = reconcile(app, "--project", seat.project_id, "--kind", "events")
        assert code == 0
        assert text == (
            f"{seat.project_id} test events: 0 seen, 0 missing, 0 drifted, 0 fixed, 0 failed, "
            "1 Stripe calls\n"
        )
        (run,) = runs.all()
        assert (run.state, run.actor) == ("succeeded", "operator")

    def test_a_gap_is_shown_closed_and_then_gone(
        self, app: Flask, seat: ProjectSeat, runs: Runs
    ) -> None:
        stripe = account_of(seat)
        stripe.subscribe(stripe.customer(), stripe.price(900), None)
        words = ("--project", seat.project_id, "--kind", "events")
        code, text = reconcile(app, *words, "--dry-run")
        first = text.splitlines()[0].split("  ")
        assert (code, first[0], first[2:4]) == (1, "event", ["row", "ours=-"])
        assert first[4].startswith("theirs=")
        assert first[5] == "open"
        assert runs.rows(WebhookEvent, WebhookEvent.owner == seat.project_id) == []
        code, text = reconcile(app, *words)
        assert (code, "  fixed\n" in text) == (1, True)
        assert reconcile(app, *words)[0] == 0

    def test_drifts_of_every_page_and_every_kind(
        self, app: Flask, seat: ProjectSeat, runs: Runs, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        many = tuple(
            Difference("payment", f"pi_{n}", "status", "succeeded", "refunded") for n in range(230)
        )
        script = scripted(
            monkeypatch,
            Slice({"page": 1}, False, seen=300, drifted=230, differences=many),
            Slice({}, True, seen=1, drifted=1, fixed=1, differences=(DRIFT,)),
        )
        code, text = reconcile(app, "--project", seat.project_id, "--dry-run")
        lines = text.splitlines()
        assert code == 1
        assert lines[0].startswith(f"{seat.project_id} test events: 0 seen")
        assert lines[1] == "payment  pi_0  status  ours=succeeded  theirs=refunded  open"
        assert lines[231] == "subscription  sub_1  status  ours=active  theirs=canceled  fixed"
        assert "test objects: 301 seen, 0 missing, 231 drifted, 1 fixed, 0 failed" in lines[232]
        assert [asked["dry_run"] for asked in script.asked] == [True, True]

    def test_it_joins_the_run_that_is_under_way(
        self, app: Flask, seat: ProjectSeat, runs: Runs
    ) -> None:
        run_id = runs.begin(actor="sweep")
        assert reconcile(app, "--project", seat.project_id, "--kind", "events")[0] == 0
        assert runs.run(run_id).state == "succeeded"
        assert len(runs.all()) == 1

    def test_a_stripe_that_is_down(
        self, app: Flask, seat: ProjectSeat, runs: Runs, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """It is tried again for some seconds; then the run goes on by itself."""
        monkeypatch.setattr(whole, "_MOST_TRIES", 1)
        seat.shop.control(
            "POST", "faults", {"match": {"path": "/v1/events"}, "action": "status", "times": 9}
        )
        code, text = reconcile(app, "--project", seat.project_id, "--kind", "events")
        assert code == 1
        assert text.splitlines()[-1].partition("; ")[2].startswith("running: OutcomeUnknown")
        seat.shop.control("DELETE", "faults")

    def test_a_stripe_that_stumbles_is_waited_for(
        self, app: Flask, seat: ProjectSeat, runs: Runs
    ) -> None:
        seat.shop.control("POST", "faults", {"match": {"path": "/v1/events"}, "action": "status"})
        code, text = reconcile(app, "--project", seat.project_id, "--kind", "events")
        assert (code, text.endswith(" 2 Stripe calls\n")) == (0, True)

    def test_a_refused_key_is_one_line(self, app: Flask, seat: ProjectSeat, runs: Runs) -> None:
        keys = {"test_secret_key": "sk_test_short"}
        assert seat.developer.put(f"{seat.path}/config", keys).status_code == 200
        code, text = reconcile(app, "--project", seat.project_id, "--kind", "events")
        assert (code, len(text.splitlines())) == (1, 1)
        assert "failed: BadCredentials: Invalid API Key provided" in text


class TestUsage:
    @pytest.mark.parametrize(
        "words",
        [
            ("--project", "nothing"),
            ("--project", "00000000-0000-0000-0000-000000000000"),
            ("--mode", "both"),
            ("--kind", "money"),
            ("--platform", "--mode", "live"),
            ("--platform", "--project", "00000000-0000-0000-0000-000000000000"),
        ],
    )
    def test_nonsense(self, app: Flask, words: tuple[str, ...]) -> None:
        code, text = reconcile(app, *words)
        assert code == 2
        assert "Error: " in text

    def test_a_platform_without_a_key(self, settings: Settings) -> None:
        with another_app(settings, stripe_secret_key=None) as app:
            code, text = reconcile(app, "--platform")
        assert (code, "the platform has no Stripe key\n" in text) == (2, True)

    def test_a_project_without_keys(self, app: Flask, seat: ProjectSeat) -> None:
        code, text = reconcile(app, "--project", new_project(seat.developer))
        assert (code, "has no Stripe key\n" in text) == (2, True)
        code, text = reconcile(app, "--project", seat.project_id, "--mode", "live")
        assert (code, "has no Stripe key of live mode\n" in text) == (2, True)


class TestEverything:
    def test_the_platform(self, app: Flask, seat: ProjectSeat) -> None:
        code, text = reconcile(app, "--platform", "--kind", "events", "--dry-run")
        assert code in {0, 1}  # other tests of this run have charged cards
        assert text.splitlines()[-1].startswith("platform test events: ")
        Runs(app, "platform").close()

    def test_one_that_fails_stops_nobody_else(
        self, app: Flask, seat: ProjectSeat, neighbours: ProjectSeat
    ) -> None:
        second = developer_with_project(seat.developer.client, seat.settings, live=True)
        keys = {"test_secret_key": "sk_test_short"}
        assert second.developer.put(f"{second.path}/config", keys).status_code == 200
        code, text = reconcile(app, "--kind", "events", "--dry-run")
        assert code == 1
        summaries = [line for line in text.splitlines() if " events: " in line]
        owners = {line.split()[0] for line in summaries}
        assert {"platform", seat.project_id, neighbours.project_id, second.project_id} <= owners
        assert {line.split()[1] for line in summaries} == {"test", "live"}
        (bad,) = [line for line in summaries if line.startswith(f"{second.project_id} test")]
        assert "failed: BadCredentials" in bad
        live = reconcile(app, "--mode", "live", "--kind", "events", "--dry-run")[1]
        assert {line.split()[1] for line in live.splitlines() if " events: " in line} == {"live"}

    def test_nobody_there(self, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(accounts, "every", lambda: iter(()))
        with another_app(settings) as app:
            assert reconcile(app) == (0, "there is no account to compare\n")


def test_runs_of_the_command_are_rows_like_all_others(
    app: Flask, seat: ProjectSeat, runs: Runs
) -> None:
    reconcile(app, "--project", seat.project_id, "--kind", "events", "--dry-run")
    (run,) = runs.rows(ReconciliationRun, ReconciliationRun.owner == seat.project_id)
    assert (run.dry_run, run.actor) == (True, "operator")
