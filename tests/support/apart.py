"""A service with a database of its own, for tests that touch every tenant's rows."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from payments.config import Settings
from payments.kit.db import db, normalize_url
from tests.support import stack


@contextmanager
def own_database(
    settings: Settings, environment: dict[str, str], folder: Path, **changes: Any
) -> Iterator[Settings]:
    """Yield the settings of a service on a fresh, migrated database beside the run's."""
    server = None if settings.database_url.startswith("sqlite") else settings.database_url
    with stack.database(server, folder) as url:
        chosen = dataclasses.replace(settings, database_url=normalize_url(url), **changes)
        app = stack.prepared_app(chosen, environment)
        yield chosen
        with app.app_context():
            db.engine.dispose()
