"""One run: the crowd, the probe, the workers' figures before and after, and what is wrong."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import quantiles
from urllib.parse import urlsplit

from tests.raw_sockets.clients import Crowd, Record
from tests.support.probe import Probe
from tests.support.process_figures import MIB, Figures, read_children
from tests.support.processes import HttpClient

CLIENTS = 48
# A probe that waits for longer than this met a thread that somebody holds.
MOST_PROBE_SECONDS = 5.0
# Of one worker, from the end of the warm-up to the end.
MOST_GROWTH_BYTES = 32 * MIB
# Share of a processor that idle workers may take, and how long they have to become idle.
MOST_IDLE_SHARE, _SETTLE_SECONDS = 0.2, 45
_SAMPLE_SECONDS = 2.0


@dataclass
class Outcome:
    """What a run saw; `begin` is before it, `warm` after the warm-up, `end` once all was quiet."""

    record: Record
    seconds: list[float]
    probe_failures: list[str]
    begin: dict[int, Figures]
    warm: dict[int, Figures]
    end: dict[int, Figures]
    idle_share: float
    log: str
    warm_conversations: int = field(default=0)

    def list_violations(self) -> list[str]:
        """Return a sentence for everything that must not be."""
        told = list(self.record.faults)
        told += [f"a probe failed: {failure}" for failure in self.probe_failures]
        if max(self.seconds, default=0) > MOST_PROBE_SECONDS:
            told.append(f"a probe took {max(self.seconds):.1f} s")
        if self.begin.keys() != self.end.keys():
            told.append("a worker process died")
        if self.idle_share > MOST_IDLE_SHARE:
            told.append(f"idle workers take {self.idle_share:.0%} of a processor")
        told += self._compare_workers()
        told += [
            f"the log says {word!r}" for word in ("Traceback", "unhandled") if word in self.log
        ]
        return told

    def _compare_workers(self) -> list[str]:
        told = []
        for pid in self.begin.keys() & self.warm.keys() & self.end.keys():
            warm, end = self.warm[pid], self.end[pid]
            if end.threads > self.begin[pid].threads:
                told.append(f"worker {pid}: {self.begin[pid].threads} threads, then {end.threads}")
            if end.memory_bytes - warm.memory_bytes > MOST_GROWTH_BYTES:
                grown = (end.memory_bytes - warm.memory_bytes) / MIB
                told.append(f"worker {pid}: {grown:.0f} MiB more than after the warm-up")
            # What it keeps open for itself, to the database and Redis, it opens once.
            if end.sockets > max(warm.sockets, self.begin[pid].sockets + 2 * end.threads):
                told.append(f"worker {pid}: {warm.sockets} sockets, then {end.sockets}")
        return told

    def describe(self) -> list[str]:
        """Return the figures as lines for a person."""
        record, cuts = self.record, quantiles(self.seconds or [0, 0], n=100)
        statuses = ", ".join(f"{key}: {record.statuses[key]}" for key in sorted(record.statuses))
        return [
            f"{record.conversations} conversations, {sum(record.statuses.values())} answers, "
            f"{record.without_answer} conversations without one",
            f"statuses: {statuses}",
            f"/healthz beside it: {len(self.seconds)} probes, p50 {cuts[49] * 1000:.0f} ms, "
            f"p99 {cuts[98] * 1000:.0f} ms, max {max(self.seconds, default=0) * 1000:.0f} ms",
            *(self._describe_worker(pid) for pid in sorted(self.begin.keys() & self.end.keys())),
            f"processor taken once all was quiet: {self.idle_share:.1%} of one",
        ]

    def _describe_worker(self, pid: int) -> str:
        begin, warm, end = self.begin[pid], self.warm.get(pid, self.begin[pid]), self.end[pid]
        memory = " > ".join(f"{each.memory_bytes / MIB:.0f}" for each in (begin, warm, end))
        return (
            f"worker {pid}: memory {memory} MiB (start > warm > end, peak "
            f"{end.peak_bytes / MIB:.0f}), threads {begin.threads} > {end.threads}, "
            f"sockets {begin.sockets} > {warm.sockets} > {end.sockets}"
        )


def _list_alarms(log: str) -> list[str]:
    """Return the lines that only a fault writes; of a trace, its last line tells what it was."""
    return [line for line in log.splitlines() if "Traceback" in line or "unhandled" in line]


def run_crowd(
    web: HttpClient, *, seed: int, seconds: float, warm_up: float, tell: Callable[[str], None]
) -> Outcome:
    """Send conversations for so many seconds after the warm-up, then wait until all is quiet."""
    assert web.group is not None
    master, address = web.group.pid, _read_address(web)
    record, begin = Record(), _wait_until_started(master)
    crowd, probe = Crowd(address, seed, record, CLIENTS), Probe(address)
    crowd.start()
    probe.start()
    time.sleep(warm_up)
    warm, warm_conversations = read_children(master), record.conversations
    _wait_telling(seconds, record, tell)
    crowd.stop()
    probe.stop()
    idle_share = _wait_until_quiet(master, begin)
    return Outcome(
        record, probe.seconds, probe.failures, begin, warm, read_children(master), idle_share,
        web.group.output, warm_conversations,
    )  # fmt: skip


def _wait_until_started(master: int) -> dict[int, Figures]:
    """Return the workers' figures once each of them has all its threads."""
    until, before = time.monotonic() + _SETTLE_SECONDS, read_children(master)
    while True:
        time.sleep(1)
        found = read_children(master)
        started = all(each.threads > 1 for each in found.values())
        same = [each.threads for each in found.values()] == [
            each.threads for each in before.values()
        ]
        if (started and same) or time.monotonic() > until:
            return found
        before = found


def _read_address(web: HttpClient) -> tuple[str, int]:
    parsed = urlsplit(web.base)
    assert parsed.hostname is not None
    assert parsed.port is not None
    return parsed.hostname, parsed.port


def _wait_telling(seconds: float, record: Record, tell: Callable[[str], None]) -> None:
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        time.sleep(min(left, 30))
        tell(f"{record.conversations} conversations, {len(record.faults)} faults")


def _wait_until_quiet(master: int, begin: dict[int, Figures]) -> float:
    """Return the share of a processor that the workers take, at the latest after some seconds."""
    until = time.monotonic() + _SETTLE_SECONDS
    while True:
        before = read_children(master)
        time.sleep(_SAMPLE_SECONDS)
        after = read_children(master)
        spent = sum(each.cpu_seconds for each in after.values()) - sum(
            each.cpu_seconds for each in before.values()
        )
        share = spent / _SAMPLE_SECONDS
        sockets = sum(each.sockets for each in after.values())
        settled = sockets <= sum(each.sockets for each in before.values())
        if (share <= MOST_IDLE_SHARE and settled) or time.monotonic() > until or not begin:
            return share
