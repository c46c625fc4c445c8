"""Make the virtual environment and install a lock into it, once per lock and visibly.

Runs on a bare Python, as a script: nothing but the standard library is there yet.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import time
import venv
from collections.abc import Iterable, Iterator
from pathlib import Path

VENV = Path(".venv")
PYTHON = VENV / "bin" / "python"
STAMP = VENV / ".installed"
# Everything in the first is also in the second, at the same versions.
LARGEST = "requirements-dev.txt"
TAIL = 15


class CannotInstall(Exception):
    """Why it failed and what to do, in one line."""


def fingerprint(lock: Path) -> str:
    """Name a lock and its content."""
    return f"{lock.name} {hashlib.sha256(lock.read_bytes()).hexdigest()}"


def standing(lock: Path) -> bool:
    """Tell whether this very lock, or the larger one around it, is installed already."""
    if not (STAMP.exists() and PYTHON.exists()):
        return False
    held = STAMP.read_text().strip()
    return held in {fingerprint(lock), fingerprint(lock.with_name(LARGEST))}


def make_environment() -> None:
    """Create `.venv`, anew when its Python is gone."""
    if PYTHON.exists():
        return
    try:
        venv.create(VENV, with_pip=True, clear=True)
    except (subprocess.CalledProcessError, OSError) as error:
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        raise CannotInstall(
            f"cannot make .venv ({error.__class__.__name__}): Python's venv module is incomplete; "
            f"on Debian or Ubuntu run: apt-get install python{version}-venv"
        ) from error


def packages(lock: Path) -> int:
    """Count what the lock names."""
    return sum("==" in line and not line.startswith(("#", " ")) for line in _lines(lock))


def _lines(lock: Path) -> list[str]:
    return lock.read_text().splitlines()


def install(lock: Path) -> None:
    """Let pip fetch exactly what the lock names, telling how far it is."""
    command = [
        *(str(PYTHON), "-m", "pip", "install", "--require-hashes", "--no-deps", "--no-compile"),
        *("--disable-pip-version-check", "--progress-bar", "off", "--no-input", "-r", str(lock)),
    ]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=subprocess.STDOUT, text=True) as process:  # noqa: S603 - our own command
        tail = list(_told(process.stdout or [], packages(lock)))[-TAIL:]
    if process.returncode:
        print("\n".join(tail))
        raise CannotInstall(
            "pip could not install the packages: see its last lines above; "
            "it needs the package index once, later runs work offline"
        )


def _told(output: Iterable[str], total: int) -> Iterator[str]:
    """Pass pip's lines on and print one for every tenth package and for each phase."""
    seen = 0
    for raw in output:
        line = raw.rstrip()
        yield line
        if line.startswith("Collecting "):
            seen += 1
            if seen % 10 == 0 or seen == total:
                print(f"  {seen} of {total} packages fetched", flush=True)
        elif line.startswith("Installing collected"):
            print("  unpacking them", flush=True)


def main(name: str) -> int:
    """Bring `.venv` to the state of the lock; 1 with one line when that is impossible."""
    lock = Path(name)
    if standing(lock):
        return 0
    started = time.monotonic()
    try:
        print("1/2 virtual environment .venv", flush=True)
        make_environment()
        print(f"2/2 {packages(lock)} packages of {lock.name}", flush=True)
        install(lock)
    except CannotInstall as error:
        print(f"payments: {error}", file=sys.stderr)
        return 1
    STAMP.write_text(fingerprint(lock) + "\n")
    print(f"  installed in {time.monotonic() - started:.0f} s", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
