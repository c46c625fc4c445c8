"""Output is told line by line under its part's name; no child outlives its supervisor."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from payments.local.parts import Part
from payments.local.processes import Console, Process
from tests.rules.source import ROOT

Script = Callable[..., Part]

# A supervisor that starts one child, tells its process id, and is then killed without a word.
LONELY = """
import os, sys, time
from pathlib import Path
from payments.local.parts import Part
from payments.local.processes import Process
sleeping = Part("child", (sys.executable, "-c", "import time; time.sleep(60)"))
child = Process(sleeping, os.environ, Path("."))
print(child.popen.pid, flush=True)
time.sleep(60)
"""


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def run(part: Part, stream: io.StringIO, folder: Path) -> Process:
    console = Console(stream)
    process = Process(part, os.environ, folder)
    console.follow(process)
    while process.code is None:
        console.pump(0.05)
    console.forget(process)
    return process


def test_each_line_carries_the_name(script: Script, tmp_path: Path) -> None:
    screen = io.StringIO()
    code = "import sys; print('one'); print('two', file=sys.stderr); print('three', end='')"
    run(script("worker", code), screen, tmp_path)
    assert sorted(screen.getvalue().splitlines()) == [
        "worker  | one",
        "worker  | three",
        "worker  | two",
    ]


def test_lines_come_whole_even_when_written_in_pieces(script: Script, tmp_path: Path) -> None:
    screen = io.StringIO()
    code = "import time\nfor c in 'slow\\n': print(c, end='', flush=True); time.sleep(.05)"
    run(script("web", code), screen, tmp_path)
    assert screen.getvalue() == "web     | slow\n"


def test_bytes_that_are_no_text_are_told_somehow(script: Script, tmp_path: Path) -> None:
    screen = io.StringIO()
    run(script("web", "import sys; sys.stdout.buffer.write(b'\\xff!\\n')"), screen, tmp_path)
    assert screen.getvalue() == "web     | \ufffd!\n"


def test_colour_only_on_a_terminal(script: Script, tmp_path: Path) -> None:
    terminal, file = Terminal(), io.StringIO()
    for stream in (terminal, file):
        run(script("web", "print('x')"), stream, tmp_path)
    assert "\x1b[" in terminal.getvalue()
    assert "\x1b[" not in file.getvalue()


def test_a_part_has_its_own_group_and_no_input(script: Script, tmp_path: Path) -> None:
    screen = io.StringIO()
    code = "import os, sys; print(os.getpgrp() == os.getpid(), repr(sys.stdin.read()))"
    run(script("web", code), screen, tmp_path)
    assert screen.getvalue() == "web     | True ''\n"


@pytest.mark.skipif(
    sys.platform != "linux", reason="only Linux tells a child of its parent's death"
)
def test_children_go_when_the_supervisor_is_killed() -> None:
    command = [sys.executable, "-c", LONELY]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as supervisor:
        assert supervisor.stdout is not None
        child = int(supervisor.stdout.readline())
        os.kill(child, 0)
        supervisor.kill()
    deadline = time.monotonic() + 10
    while _alive(child):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
    except FileNotFoundError:
        return False


def test_sweeping_what_is_gone_is_fine(script: Script, tmp_path: Path) -> None:
    process = run(script("web", "pass"), io.StringIO(), tmp_path)
    process.ask_to_stop()
    process.sweep()
    process.sweep()
    assert process.code == 0
