"""The hook itself: what an armed step does to a process, and that it does so once."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.processes import Group, running
from tests.support.steps import Doom

CODE = "from payments.kit import steps; steps.passed('charge.confirmed'); print('it lives')"
STEP = "charge.confirmed"


def child(doom: Doom) -> Group:
    """Start a process of its own session that passes the step."""
    return Group("child", [sys.executable, "-c", CODE], doom.environment({}))


def ended(doom: Doom) -> tuple[int, str]:
    with running(child(doom)) as group:
        return group.ended(), group.output


@pytest.mark.parametrize(
    ("how", "code", "said"),
    [("kill", -9, ""), ("group", -9, ""), ("raise", 1, "Crash"), ("tell", 0, "it lives")],
)
def test_a_step_ends_one_process_and_no_other(
    tmp_path: Path, how: str, code: int, said: str
) -> None:
    """The first one leaves its mark; the next one passes unharmed."""
    doom = Doom(tmp_path, (STEP,), how)
    first, output = ended(doom)
    assert (first, said in output) == (code, True)
    assert ("it lives" in output) == (how == "tell")
    assert doom.met == {STEP}
    assert ended(doom) == (0, "it lives\n")


def test_one_that_hangs_is_still_there(tmp_path: Path) -> None:
    doom = Doom(tmp_path, (STEP,), "hang")
    with running(child(doom)) as group:
        doom.wait([STEP])
        with pytest.raises(subprocess.TimeoutExpired):
            group.ended(seconds=0.3)


def test_other_steps_are_passed(tmp_path: Path) -> None:
    doom = Doom(tmp_path, ("charge.claimed",))
    assert ended(doom) == (0, "it lives\n")
    assert doom.met == set()
