"""A second app beside the one of the run: the same service with some settings changed."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from flask import Flask

from payments.app import create_app
from payments.config import Settings
from payments.kit.db import db


@contextmanager
def another_app(settings: Settings, **changes: Any) -> Iterator[Flask]:
    """Make the app, and give its connections back afterwards."""
    app = create_app(dataclasses.replace(settings, **changes))
    yield app
    with app.app_context():
        db.engine.dispose()
    app.extensions["payments.redis"].close()
