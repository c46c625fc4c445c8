"""`flask plans`: what a file changes, what it may not say, and what is charged afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from click.testing import Result
from flask import Flask

from payments.config import Settings
from payments.kit.db import db
from payments.kit.transactions import transaction
from payments.timeline.models import TimelineEntry
from payments.timeline.sentences import sentence
from payments.workspaces import catalog
from payments.workspaces.models import PricingPlan
from tests.support.apart import own_database
from tests.support.apps import another_app

EXAMPLE = Path(__file__).parents[3] / "docs" / "examples" / "plans.toml"

FREE = """
[[plans]]
slug = "free"
name = "Free"
price = "0"
currency = "usd"
period = "month"
tier = 0
"""


@pytest.fixture(scope="module")
def apart(
    settings: Settings, environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Flask]:
    """A service with a database of this module's own."""
    folder = tmp_path_factory.mktemp("plans")
    with own_database(settings, environment, folder) as chosen, another_app(chosen) as made:
        yield made


@pytest.fixture
def app(apart: Flask) -> Iterator[Flask]:
    """The service with the plans that a first release makes."""
    with apart.app_context():
        catalog.seed()
    yield apart
    with apart.app_context(), transaction() as session:
        session.execute(sa.delete(PricingPlan))


def plan(slug: str = "team", **fields: str) -> str:
    """Write a plan's table; fields are TOML."""
    held = {
        "slug": f'"{slug}"', "name": '"Team"', "price": '"19.00"', "currency": '"eur"',
        "period": '"month"', "tier": "7", **fields,
    }  # fmt: skip
    return "\n[[plans]]\n" + "".join(f"{name} = {value}\n" for name, value in held.items() if value)


def run(app: Flask, folder: Path, text: str, *options: str) -> Result:
    file = folder / "plans.toml"
    file.write_text(text)
    return app.test_cli_runner().invoke(args=["plans", "import", str(file), *options])


def stored(app: Flask, slug: str) -> PricingPlan | None:
    with app.app_context():
        query = sa.select(PricingPlan).where(PricingPlan.slug == slug)
        return db.session.scalars(query).one_or_none()


def told(app: Flask, since: int) -> list[str]:
    """Return the sentences that the timeline has of plans after an entry."""
    with app.app_context():
        query = sa.select(TimelineEntry).where(
            TimelineEntry.id > since, TimelineEntry.subject.like("pricing_plan:%")
        )
        entries = list(db.session.scalars(query.order_by(TimelineEntry.id)))
        assert {entry.actor for entry in entries} <= {"operator"}
        return [sentence(entry, {}) for entry in entries]


@pytest.fixture
def since(app: Flask) -> int:
    with app.app_context():
        return db.session.scalar(sa.select(sa.func.max(TimelineEntry.id))) or 0


class TestImport:
    def test_a_new_plan(self, app: Flask, tmp_path: Path, since: int) -> None:
        done = run(app, tmp_path, plan(features='["One", "Two"]', restrictions="{ seats = 5 }"))
        assert done.exit_code == 0, done.output
        assert done.output == "+ team\n1 added, 0 changed, 0 unchanged\n"
        row = stored(app, "team")
        assert (row.price_minor, row.currency, row.price_period, row.tier) == (
            1900,
            "eur",
            "month",
            7,
        )
        assert (row.features, row.restrictions, row.is_active) == (
            ["One", "Two"],
            {"seats": 5},
            True,
        )
        assert told(app, since) == ["Plan Team was added at 19.00 EUR"]

    def test_a_price_that_changes(self, app: Flask, tmp_path: Path, since: int) -> None:
        run(app, tmp_path, plan())
        before = stored(app, "team").id
        done = run(app, tmp_path, plan(price='"21.5"', description='"Better"'))
        assert done.output == (
            "~ team\n  description: nothing -> Better\n  price_minor: 1900 -> 2150\n"
            "0 added, 1 changed, 0 unchanged\n"
        )
        assert (stored(app, "team").id, stored(app, "team").price_minor) == (before, 2150)
        assert told(app, since)[1:] == [
            "Plan Team was changed: description, price_minor; it cost 19.00 EUR"
        ]

    def test_twice_changes_nothing(self, app: Flask, tmp_path: Path, since: int) -> None:
        run(app, tmp_path, plan())
        assert run(app, tmp_path, plan()).output == "= team\n0 added, 0 changed, 1 unchanged\n"
        assert len(told(app, since)) == 1

    def test_a_dry_run_writes_nothing(self, app: Flask, tmp_path: Path, since: int) -> None:
        done = run(app, tmp_path, plan(), "--dry-run")
        assert done.output.startswith("+ team\n")
        assert "nothing was written" in done.output
        assert (stored(app, "team"), told(app, since)) == (None, [])

    def test_others_stay_unless_they_are_to_go(self, app: Flask, tmp_path: Path) -> None:
        run(app, tmp_path, FREE + plan())
        assert stored(app, "starter").is_active is True
        done = run(app, tmp_path, FREE + plan(), "--retire-others")
        assert "~ starter\n  is_active: True -> False\n" in done.output
        assert stored(app, "starter").is_active is False
        assert stored(app, "team").is_active is True

    def test_the_example_is_a_whole_set(self, app: Flask) -> None:
        words = ["plans", "import", str(EXAMPLE), "--retire-others"]
        done = app.test_cli_runner().invoke(args=words)
        assert done.exit_code == 0, done.output
        shown = app.test_cli_runner().invoke(args=["plans", "list"]).output
        active = [line for line in shown.splitlines() if "  active  " in line]
        assert active == [
            "free  active  0.00 usd a month  tier 0  Free",
            "team  active  19.00 usd a month  tier 1  Team",
            "team-yearly  active  190.00 usd a year  tier 1  Team (yearly)",
        ]


class TestRefusals:
    def refuse(self, app: Flask, folder: Path, text: str, *options: str) -> str:
        """Return why a file was refused; nothing of it was written, in a dry run nor in earnest."""
        dry = run(app, folder, text, "--dry-run", *options)
        done = run(app, folder, text, *options)
        assert (done.exit_code, dry.output) == (1, done.output)
        assert "Traceback" not in done.output
        assert stored(app, "team") is None
        return done.output.partition("was not imported\n")[2].strip()

    @pytest.mark.parametrize(
        ("fields", "why"),
        [
            ({"price": "9.99"}, 'plan 1: price: Must be written as a text, such as "9.99".'),
            ({"price": "9"}, 'plan 1: price: Must be written as a text, such as "9.99".'),
            ({"price": '"9.999"'}, "plan 1: price: 9.999 has more decimals than eur allows"),
            ({"price": '"0.10"'}, "plan 1: price: Amount must be at least €0.50"),
            ({"price": '"1000"', "currency": '"ugx"'}, ""),
            ({"price": '"10.50"', "currency": '"ugx"'}, "plan 1: price: Amount must be a multiple"),
            ({"price": '"-1"'}, "plan 1: price: Amount must be at least"),
            ({"price": '"1e999999"'}, "plan 1: price: '1e999999' is not an amount"),
            ({"price": '"NaN"'}, "plan 1: price: 'NaN' is not an amount"),
            ({"currency": '"xyz"'}, "plan 1: currency: Must be one of: aed"),
            ({"period": '"week"'}, "plan 1: period: Must be one of: month, year."),
            ({"tier": "1.0"}, "plan 1: tier: Not a valid integer."),
            ({"tier": ""}, "plan 1: tier: Missing data for required field."),
            ({"slug": "Team"}, "plan 1: slug: String does not match expected pattern."),
            ({"slug": "t" * 61}, "plan 1: slug: Must have 1 to 60 characters."),
            ({"name": '"a\\u0000"'}, "plan 1: name: Contains characters that are not allowed."),
            ({"prize": '"1"'}, "plan 1: prize: Unknown field."),
            ({"active": '"yes"'}, "plan 1: active: Not a valid boolean."),
            ({"restrictions": "{ a = 1.5 }"}, "plan 1: restrictions: a: value: Must be a whole"),
            ({"restrictions": "{ a = 2026-01-01 }"}, "plan 1: restrictions: a: value: Must be"),
        ],
    )
    def test_a_field_that_is_wrong(
        self, app: Flask, tmp_path: Path, fields: dict[str, str], why: str
    ) -> None:
        if not why:
            assert run(app, tmp_path, plan(**fields)).exit_code == 0
            return
        assert self.refuse(app, tmp_path, plan(**fields)).startswith(why)

    def test_all_faults_at_once(self, app: Flask, tmp_path: Path) -> None:
        why = self.refuse(app, tmp_path, plan(tier="-1", price="1") + plan("other", name='""'))
        assert [line.split(": ")[:2] for line in why.splitlines()] == [
            ["plan 1", "price"], ["plan 1", "tier"], ["plan 2", "name"],
        ]  # fmt: skip

    @pytest.mark.parametrize(
        ("text", "why"),
        [
            ("plans = 1", "it must have tables named [[plans]] and nothing else"),
            ("", "it must have tables named [[plans]] and nothing else"),
            ('plan = "team"', "it must have tables named [[plans]] and nothing else"),
            ("plans = [1]", "plan 1: _schema: Invalid input type."),
            ("[[plans", "it is no TOML file"),
        ],
    )
    def test_another_file(self, app: Flask, tmp_path: Path, text: str, why: str) -> None:
        assert self.refuse(app, tmp_path, text).startswith(why)

    def test_a_slug_that_stands_there_twice(self, app: Flask, tmp_path: Path) -> None:
        why = self.refuse(app, tmp_path, plan() + plan(tier="8"))
        assert why == "plan team: stands there 2 times"

    def test_two_plans_of_one_height(self, app: Flask, tmp_path: Path) -> None:
        text = plan() + plan("other", currency='"eur"')
        assert "has team and other" in self.refuse(app, tmp_path, text)
        beside_one_that_is_there = plan(tier="1", currency='"usd"')
        assert "has team and starter" in self.refuse(app, tmp_path, beside_one_that_is_there)

    def test_nobody_could_sign_up(self, app: Flask, tmp_path: Path) -> None:
        why = self.refuse(app, tmp_path, plan(), "--retire-others")
        assert why == "no active plan would cost nothing: nobody could sign up"


class TestFirstPlans:
    def test_a_release_makes_them_once(self, app: Flask, tmp_path: Path) -> None:
        def release() -> Result:
            return app.test_cli_runner().invoke(args=["release"])

        run(app, tmp_path, FREE, "--retire-others")
        with app.app_context():
            db.session.execute(sa.delete(PricingPlan).where(PricingPlan.slug == "starter"))
            db.session.commit()
        assert release().exit_code == 0
        assert stored(app, "starter") is None, "the plans are the operator's by now"
        with app.app_context():
            db.session.execute(sa.delete(PricingPlan))
            db.session.commit()
        assert release().exit_code == 0
        with app.app_context():
            held = set(db.session.scalars(sa.select(PricingPlan.slug)))
        assert held == {each["slug"] for each in catalog.PLANS}
