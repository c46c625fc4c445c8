"""Only where the run is promised a PostgreSQL: `make test` promises none, so nothing is collected.

Where DATABASE_URL is given, its programs (initdb, pg_ctl) have to be there: without them the tests
fail and say so.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support import postgres, stack
from tests.support.postgres import Cluster
from tests.support.site import GIVEN_DATABASE, Site, open_site

if not GIVEN_DATABASE:
    collect_ignore_glob = ["test_*.py"]


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """A server that may be crashed."""
    with postgres.cluster() as made:
        yield made


@pytest.fixture(scope="module")
def place(tmp_path_factory: Any) -> Path:
    return tmp_path_factory.mktemp("site")


@pytest.fixture(scope="module")
def site(cluster: Cluster, place: Path, sandbox: stack.Sandbox) -> Iterator[Site]:
    """An installation on that server."""
    variables = {"CHARGE_WAIT_SECONDS": "3"}
    with open_site(
        place, sandbox, own_redis=True, database_server=cluster.url, **variables
    ) as made:
        yield made
