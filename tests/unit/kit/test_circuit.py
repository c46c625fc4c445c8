"""The circuit breaker: one failure opens it, one call at a time tries, one success closes it."""

from __future__ import annotations

import pytest

from payments.kit import clock
from payments.kit.circuit import Circuit


class Seconds:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.passed = 100.0

    def __call__(self) -> float:
        return self.passed


@pytest.fixture
def seconds(monkeypatch: pytest.MonkeyPatch) -> Seconds:
    held = Seconds()
    monkeypatch.setattr(clock, "monotonic", held)
    return held


@pytest.fixture
def circuit(seconds: Seconds) -> Circuit:
    return Circuit("Redis", seconds=5)


def test_a_closed_circuit_admits_every_call(circuit: Circuit) -> None:
    assert all(circuit.admits_call() for _ in range(3))


def test_one_failure_keeps_all_calls_back(circuit: Circuit, seconds: Seconds) -> None:
    circuit.record_failure("no answer")
    seconds.passed += 4.9
    assert (circuit.admits_call(), circuit.is_open, circuit.reason) == (False, True, "no answer")


def test_after_the_interval_one_call_is_let_through(circuit: Circuit, seconds: Seconds) -> None:
    circuit.record_failure("no answer")
    seconds.passed += 5
    assert [circuit.admits_call() for _ in range(3)] == [True, False, False]


def test_a_trial_that_never_tells_is_followed_by_another(
    circuit: Circuit, seconds: Seconds
) -> None:
    circuit.record_failure("no answer")
    seconds.passed += 5
    assert circuit.admits_call()
    seconds.passed += 5
    assert circuit.admits_call()


def test_a_success_closes_it(circuit: Circuit, seconds: Seconds) -> None:
    circuit.record_failure("no answer")
    seconds.passed += 5
    assert circuit.admits_call()
    circuit.record_success()
    assert [circuit.admits_call() for _ in range(3)] == [True, True, True]
    assert not circuit.is_open


def test_what_it_logs_is_told_once(
    circuit: Circuit, seconds: Seconds, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(3):
        circuit.record_failure("no answer")
    circuit.record_failure("certificate refused")
    circuit.record_success()
    assert [record.message for record in caplog.records] == [
        "Redis is left alone for 5 s: no answer",
        "Redis is left alone for 5 s: certificate refused",
        "Redis answers again",
    ]
