"""The simulated service: made once a file, put back before every history."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.simulation.preparation import simulated_service
from tests.simulation.service import Service


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    with simulated_service() as held:
        yield held
