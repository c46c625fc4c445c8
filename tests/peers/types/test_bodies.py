"""What the sandbox answers and tells, against the types that Stripe's Node library declares.

The library carries the difference between a field that may be absent and one that may be null.
"""

from __future__ import annotations

import copy
from collections import Counter, defaultdict
from typing import Any

import pytest

from tests.peers.packages import install_from_npm
from tests.peers.types.checking import Catalogue, Problem
from tests.peers.types.exercise import gather_bodies

pytestmark = pytest.mark.timeout(400)  # a registry may be slow

STRIPE = "stripe@23.1.0"  # the library of the version that the sandbox speaks
COMPLETE, SOUND = 95, 99.5  # percent of the bodies
# The library declares neither, recorded answers of Stripe have both.
RECORDED = {"dispute", "payment_method_options.us_bank_account.transaction_purpose"}


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory: pytest.TempPathFactory) -> Catalogue:
    folder = install_from_npm(tmp_path_factory.mktemp("types"), STRIPE)
    return Catalogue(folder / "node_modules" / "stripe")


@pytest.fixture(scope="module")
def bodies() -> list[tuple[str, dict[str, Any]]]:
    return list(gather_bodies())


def kinds_of(problems: list[Problem]) -> set[str]:
    return {problem.kind for problem in problems}


class TestBodies:
    def test_are_of_declared_kinds(self, catalogue, bodies):
        unknown = Counter(body.get("object") for _, body in bodies if catalogue.check(body) is None)
        assert unknown == {}

    def test_are_complete_and_sound(self, catalogue, bodies):
        told: defaultdict[str, Counter[str]] = defaultdict(Counter)
        counts: Counter[str] = Counter()
        for story, body in bodies:
            problems = catalogue.check(body) or []
            counts.update(kinds_of(problems))
            for each in problems:
                line = f"{body['object']} in {story}: {each.kind} {each.path} {each.detail}"
                told[each.kind][line] += 1
        report = "\n".join(f"{n:5} {line}" for kind in told.values() for line, n in kind.items())
        total = len(bodies)
        assert total > 1000
        assert 100 * (total - counts["missing"]) / total >= COMPLETE, report
        assert 100 * (total - counts["wrong"]) / total >= SOUND, report

    def test_have_no_field_that_stripe_has_not(self, catalogue, bodies):
        more = {
            each.path
            for _, body in bodies
            for each in catalogue.check(body) or []
            if each.kind == "undeclared"
        }
        assert {path for path in more if path.rpartition("charge.")[2] not in RECORDED} == set()


class TestCatalogue:
    """The measure itself can tell a good body from a bad one."""

    @pytest.fixture
    def subscription(self, bodies):
        found = next(body for _, body in bodies if body["object"] == "subscription")
        return copy.deepcopy(found)

    def test_finds_nothing_wrong_with_a_good_one(self, catalogue, subscription):
        assert catalogue.check(subscription) == []

    @pytest.mark.parametrize(
        ("change", "problem"),
        [
            (lambda body: body.pop("currency"), ("missing", "currency")),
            (lambda body: body.update(currency=None), ("wrong", "currency")),
            (lambda body: body.update(status="alive"), ("wrong", "status")),
            (lambda body: body.update(created="now"), ("wrong", "created")),
            (lambda body: body.update(colour="red"), ("undeclared", "colour")),
            (lambda body: body["items"].pop("has_more"), ("missing", "items.has_more")),
            (
                lambda body: body["items"]["data"][0]["price"].pop("active"),
                ("missing", "items[].price.active"),
            ),
        ],
    )
    def test_finds_what_is_wrong(self, catalogue, subscription, change, problem):
        change(subscription)
        assert [(each.kind, each.path) for each in catalogue.check(subscription)] == [problem]

    def test_takes_what_may_be_absent(self, catalogue, subscription):
        subscription.pop("default_tax_rates")
        assert catalogue.check(subscription) == []
