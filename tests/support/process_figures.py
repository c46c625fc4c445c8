"""What the kernel says about processes: children, processor time, memory, threads and sockets."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

MIB = 1024 * 1024
_PROC = Path("/proc")


@dataclass(frozen=True)
class Figures:
    """One process at one moment; memory is resident, `peak_bytes` the most it ever was."""

    cpu_seconds: float
    memory_bytes: int
    peak_bytes: int
    threads: int
    sockets: int


def list_children(parent: int) -> list[int]:
    """Return the ids of a process's children, in their order."""
    found = (int(folder.name) for folder in _PROC.glob("[0-9]*"))
    return sorted(pid for pid in found if _read_parent(pid) == parent)


def read_figures(pid: int) -> Figures:
    """Return a process's figures; raise OSError when it is gone."""
    status = dict(
        line.split(":", 1) for line in (_PROC / str(pid) / "status").read_text().splitlines()
    )
    return Figures(
        cpu_seconds=_read_cpu_seconds(pid),
        memory_bytes=int(status["VmRSS"].split()[0]) * 1024,
        peak_bytes=int(status["VmHWM"].split()[0]) * 1024,
        threads=int(status["Threads"]),
        sockets=_count_sockets(pid),
    )


def read_children(parent: int) -> dict[int, Figures]:
    """Return the figures of a process's children by their ids."""
    return {pid: read_figures(pid) for pid in list_children(parent)}


def reset_peaks(parent: int) -> None:
    """Let the peaks of a process's children count from now on.

    https://man7.org/linux/man-pages/man5/proc_pid_clear_refs.5.html
    """
    for pid in list_children(parent):
        (_PROC / str(pid) / "clear_refs").write_text("5")


def _read_cpu_seconds(pid: int) -> float:
    fields = _read_stat(pid)
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _read_parent(pid: int) -> int | None:
    try:
        return int(_read_stat(pid)[1])
    except OSError:
        return None


def _read_stat(pid: int) -> list[str]:
    """Return the fields after the name, which may hold anything: state, parent, ..."""
    return (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()


def _count_sockets(pid: int) -> int:
    count = 0
    for entry in (_PROC / str(pid) / "fd").iterdir():
        try:
            count += str(entry.readlink()).startswith("socket:")
        except OSError:  # closed meanwhile
            continue
    return count
