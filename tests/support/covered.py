"""Branch coverage of the service, as a plugin: `pytest -p tests.support.covered`.

SlipCover takes each of its marks out of the code soon after it was passed, so that a run costs
about what one without it does; a tracer took twice as long.
https://github.com/plasma-umass/slipcover
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import Any

import pytest
from slipcover import FileMatcher, ImportManager, Slipcover, merge_coverage, print_coverage

SOURCES = ["payments", "worker"]
LEAST = 95.0
# What runs for a type checker or never: neither can be covered.
NEVER = [r"if TYPE_CHECKING:", r"@overload", r"raise NotImplementedError"]


def measured() -> Slipcover:
    """Mark the modules of the service as they are imported, from now on."""
    cover = Slipcover(branch=True, source=SOURCES, exclude_also=NEVER)
    ImportManager(cover, FileMatcher(sources=SOURCES)).__enter__()
    return cover


_cover = measured()
_of_others: list[dict[str, Any]] = []


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take over what a process that shared the tests has seen."""
    # One that died left nothing; pytest-xdist fails the run for it.
    if held := getattr(node, "workeroutput", {}).get("coverage"):
        _of_others.append(json.loads(held))


@pytest.hookimpl(wrapper=True)
def pytest_sessionfinish(session: pytest.Session) -> Iterator[None]:
    yield
    seen = _cover.get_coverage()
    if (output := getattr(session.config, "workeroutput", None)) is not None:
        output["coverage"] = json.dumps(seen)
        return
    for other in _of_others:
        seen = merge_coverage(seen, other)
    session.config.stash[_SEEN] = seen
    if percent(seen) < LEAST and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


_SEEN = pytest.StashKey[dict[str, Any]]()


def percent(seen: dict[str, Any]) -> float:
    """Return how much of the lines and branches were passed, of a hundred."""
    return float(seen["summary"]["percent_covered"])


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if (seen := terminalreporter.config.stash.get(_SEEN, None)) is None:
        return
    table = io.StringIO()
    print_coverage(seen, outfile=table, skip_covered=True)
    terminalreporter.section("coverage, with branches")
    terminalreporter.write(table.getvalue())
    enough = percent(seen) >= LEAST
    verdict = "" if enough else f": less than the {LEAST:.0f} % that are asked for"
    terminalreporter.write_line(
        f"coverage {percent(seen):.1f} %{verdict}", green=enough, red=not enough
    )
