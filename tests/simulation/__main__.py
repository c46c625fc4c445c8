"""`python -m tests.simulation --seed N --examples K --steps S`: histories from seeds N to N+K-1."""

from __future__ import annotations

import argparse
import sys
import time

from tests.simulation.example import Failure, run_example
from tests.simulation.preparation import simulated_service

_EVERY_SECONDS = 10


def main(arguments: list[str] | None = None) -> int:
    """Run the histories and return 1 when one of them failed, the first failing seed being told."""
    chosen = _options().parse_args(arguments)
    failures: list[Failure] = []
    begun = told = time.monotonic()
    with simulated_service() as service:
        for done, seed in enumerate(range(chosen.seed, chosen.seed + chosen.examples), 1):
            if failure := run_example(service, seed, chosen.steps):
                failures.append(failure)
                _say(f"seed {seed}: {failure.why}")
                if not chosen.keep_going:
                    _say(str(failure))
                    break
            if (now := time.monotonic()) - told > _EVERY_SECONDS or done == chosen.examples:
                told = now
                _say(_progress(done, now - begun, chosen.steps, failures))
    return bool(failures)


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--examples", type=int, default=100)
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--keep-going", action="store_true", help="do not stop at a failure")
    return parser


def _progress(done: int, seconds: float, steps: int, failures: list[Failure]) -> str:
    first = f", first failing seed {failures[0].seed}" if failures else ""
    each = 1000 * seconds / (done * steps)
    return (
        f"{done} examples, {done / seconds:.1f} a second, {each:.1f} ms a step,"
        f" {len(failures)} failed{first}"
    )


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
