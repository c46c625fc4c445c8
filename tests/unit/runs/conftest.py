"""An owner of its own for each test, with another one's runs beside it."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import pytest
from flask import Flask

from tests.support.runs import Runs


@pytest.fixture
def runs(app: Flask) -> Iterator[Runs]:
    noise = Runs(app, str(uuid4()))
    noise.begin()
    noise.begin("objects")
    yield Runs(app, str(uuid4()))
    noise.close()
