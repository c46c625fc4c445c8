"""One installation for all faults, with a real web server; workers are started where they die."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support import processes, stack
from tests.support.processes import Group, HttpClient
from tests.support.shop import Shop
from tests.support.site import Site, open_site, spare_redis


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory, sandbox: stack.Sandbox) -> Iterator[Site]:
    """An installation of the faults' own: no worker but theirs takes its messages."""
    folder = tmp_path_factory.mktemp("site")
    with open_site(folder, sandbox, redis_url=spare_redis()) as made:
        made.redis.flushdb()
        yield made
        made.redis.flushdb()


@pytest.fixture(scope="session")
def web(site: Site) -> Iterator[HttpClient]:
    """Gunicorn with two workers of eight threads, as the Procfile starts it."""
    with processes.web(site.environment) as client:
        yield client


@pytest.fixture(scope="class")
def crew(site: Site) -> Iterator[Group]:
    """A Celery worker with two processes, as the Procfile starts it, for a class's tests."""
    site.clear()
    with site.worker() as group:
        yield group


@pytest.fixture
def shop(site: Site, web: HttpClient) -> Iterator[Shop]:
    """The installation by real HTTP; faults that a test left at the sandbox are cleared."""
    held = site.over(web)
    yield held
    held.control("DELETE", "faults")
