"""Parts start in order, are watched, and stop in order; whatever goes wrong is one line."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from payments.local import supervisor as module
from payments.local.parts import Part, Plan
from payments.local.supervisor import Failed, Stopped, Supervisor, check_ports

Script = Callable[..., Part]

LASTING = "import time; print('up'); time.sleep(60)"
POLITE = """
import signal, sys, time
def stop(*_):
    print('bye'); sys.exit(0)
signal.signal(signal.SIGTERM, stop)
print('up')
while True: time.sleep(0.05)
"""
STUBBORN = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print('up')
while True: time.sleep(0.05)
"""


def lines(screen: io.StringIO) -> list[str]:
    return screen.getvalue().splitlines()


def wait_for(screen: io.StringIO, supervisor: Supervisor, text: str) -> None:
    deadline = time.monotonic() + 20
    while text not in screen.getvalue():
        assert time.monotonic() < deadline, screen.getvalue()
        supervisor._tick()


def gone(pid: int) -> bool:
    """Tell whether it has ended; in a container nobody may be there to collect it."""
    state = subprocess.run(
        ["ps", "-o", "stat=", "-p", str(pid)], check=False, capture_output=True, text=True
    )
    return state.stdout.strip()[:1] in {"", "Z"}


class TestStart:
    def test_servers_then_steps_then_service(
        self, script: Script, supervisor: Supervisor, screen: io.StringIO, tmp_path: Path
    ) -> None:
        note = f"open({str(tmp_path / 'order')!r}, 'a').write"
        plan = Plan(
            servers=(
                script(
                    "valkey",
                    f"{note}('server ')\n{LASTING}",
                    ready=lambda: ((tmp_path / "order").exists(), "no file yet"),
                ),
            ),
            steps=(
                script("migrate", f"{note}('migrate ')"),
                script("seed", f"{note}('seed ')\nprint('seeded')"),
            ),
            service=(script("web", f"{note}('web')\n{LASTING}"),),
        )
        supervisor.start(plan)
        wait_for(screen, supervisor, "web     | up")
        assert (tmp_path / "order").read_text() == "server migrate seed web"
        told = [line for line in lines(screen) if "|" not in line]
        assert told == ["starting valkey ...", "migrate ...", "seed ...", "starting web ..."]
        assert "seed    | seeded" in lines(screen)

    def test_a_failed_step(
        self, script: Script, supervisor: Supervisor, screen: io.StringIO
    ) -> None:
        plan = Plan((), (script("migrate", "print('why'); raise SystemExit(3)"),), ())
        with pytest.raises(Failed, match=r"^migrate failed with exit code 3; see its lines above$"):
            supervisor.start(plan)
        assert lines(screen)[-1] == "migrate | why"

    def test_a_step_that_never_ends(self, script: Script, supervisor: Supervisor) -> None:
        with pytest.raises(Failed, match="migrate did not end within 0 s"):
            supervisor.start(Plan((), (script("migrate", LASTING, seconds=0),), ()))

    def test_a_part_that_is_never_ready(self, script: Script, supervisor: Supervisor) -> None:
        web = script("web", LASTING, seconds=0, ready=lambda: (False, "503 no worker"))
        with pytest.raises(Failed, match=r"^web is not ready after 0 s: 503 no worker$"):
            supervisor.start(Plan((), (), (web,)))

    def test_a_server_that_dies_while_a_step_runs(
        self, script: Script, supervisor: Supervisor
    ) -> None:
        plan = Plan(
            (script("valkey", "raise SystemExit(1)", trace="see valkey.log"),),
            (script("migrate", LASTING),),
            (),
        )
        with pytest.raises(Failed, match=r"^valkey ended with exit code 1 \(see valkey\.log\)"):
            supervisor.start(plan)

    def test_a_command_that_does_not_exist(self, supervisor: Supervisor) -> None:
        plan = Plan((), (), (Part("web", ("/nowhere/gunicorn",)),))
        with pytest.raises(Failed, match=r"^web cannot be started: .*gunicorn"):
            supervisor.start(plan)


class TestWatch:
    def test_a_part_that_ends(self, script: Script, supervisor: Supervisor) -> None:
        supervisor.start(Plan((), (), (script("beat", "pass"), script("web", LASTING))))
        with pytest.raises(Failed, match=r"^beat ended with exit code 0 .*again$") as failed:
            supervisor.watch()
        assert "\n" not in str(failed.value)

    def test_a_part_that_is_killed(
        self, script: Script, supervisor: Supervisor, screen: io.StringIO
    ) -> None:
        supervisor.start(Plan((), (), (script("worker", LASTING),)))
        wait_for(screen, supervisor, "up")
        os.kill(supervisor._running["worker"].popen.pid, signal.SIGKILL)
        with pytest.raises(Failed, match="worker was killed by signal 9"):
            supervisor.watch()

    def test_somebody_stops_us(self, script: Script, supervisor: Supervisor) -> None:
        supervisor.start(Plan((), (), (script("web", LASTING),)))
        threading.Timer(0.2, setattr, (supervisor, "stopping", True)).start()
        with pytest.raises(Stopped):
            supervisor.watch()


class TestStop:
    def test_who_takes_work_goes_before_who_does_it(
        self, script: Script, supervisor: Supervisor, screen: io.StringIO
    ) -> None:
        names = ("valkey", "worker", "web")
        supervisor.start(Plan((), (), tuple(script(name, POLITE) for name in names)))
        for name in names:
            wait_for(screen, supervisor, f"{name:8}| up")
        supervisor.stop()
        byes = [line.split()[0] for line in lines(screen) if line.endswith("| bye")]
        assert byes == ["web", "worker", "valkey"]

    def test_who_does_not_go_is_killed(
        self,
        script: Script,
        supervisor: Supervisor,
        screen: io.StringIO,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(module, "WAVES", ((("web",), 0.3),))
        supervisor.start(Plan((), (), (script("web", STUBBORN),)))
        wait_for(screen, supervisor, "up")
        process = supervisor._running["web"]
        supervisor.stop()
        assert process.code == -signal.SIGKILL

    def test_nobodys_children_stay(
        self, script: Script, supervisor: Supervisor, screen: io.StringIO
    ) -> None:
        code = "import subprocess, sys, time\n" + (
            "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
            "print('child', child.pid)\ntime.sleep(60)"
        )
        supervisor.start(Plan((), (), (script("web", code),)))
        wait_for(screen, supervisor, "child")
        child = int(screen.getvalue().split("child ")[1].split()[0])
        supervisor.stop()
        deadline = time.monotonic() + 5
        while not gone(child):
            assert time.monotonic() < deadline
            time.sleep(0.05)

    def test_stopping_nothing_is_fine(self, supervisor: Supervisor) -> None:
        supervisor.stop()
        supervisor.stop()


class TestPorts:
    def test_somebody_else_has_it(self, script: Script, taken_port: int) -> None:
        part = script("web", LASTING, port=taken_port, port_name="PORT")
        with pytest.raises(Failed) as failed:
            check_ports([part])
        assert str(failed.value) == (
            f"port {taken_port} for web is in use; free it or try: PORT={taken_port + 1} make run"
        )

    def test_two_parts_want_the_same(self, script: Script, free_port: Callable[[], int]) -> None:
        port = free_port()
        parts = [
            script(name, LASTING, port=port, port_name=f"{name.upper()}_PORT")
            for name in ("valkey", "sandbox")
        ]
        with pytest.raises(
            Failed, match=f"sandbox and valkey both want port {port}; try: SANDBOX_"
        ):
            check_ports(parts)

    def test_free_ones_pass(self, script: Script, free_port: Callable[[], int]) -> None:
        check_ports([script("web", LASTING, port=free_port(), port_name="PORT")])
        check_ports([script("beat", LASTING)])
