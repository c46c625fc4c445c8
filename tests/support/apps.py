"""A second app beside the one of the run: the same service with some settings changed."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from flask import Flask

from payments.app import create_app
from payments.config import Settings
from payments.extensions import limiter
from payments.kit.db import db


@contextmanager
def another_app(settings: Settings, **changes: Any) -> Iterator[Flask]:
    """Make the app, and give its connections back afterwards."""
    # One limiter serves a process: it counts where the app that was made last says.
    former = dict(vars(limiter))
    # A Redis that was late once, for an app made before, is no reason to count in memory here.
    limiter._storage_dead = False
    app = create_app(dataclasses.replace(settings, **changes))
    try:
        yield app
    finally:
        vars(limiter).update(former)
        with app.app_context():
            db.engine.dispose()
        app.extensions["payments.redis"].close()
