"""Both addresses at the real web server."""

from __future__ import annotations

import pytest

from tests.support.developers import ProjectSeat, developer_with_project
from tests.support.doors import Door, platforms_door, projects_door
from tests.support.processes import HttpClient
from tests.support.site import Site


@pytest.fixture(scope="session")
def seat(site: Site, web: HttpClient) -> ProjectSeat:
    """A project with keys of both modes at the real web server."""
    return developer_with_project(web, site.settings, live=True)


@pytest.fixture(params=["platform", "project"])
def door(request: pytest.FixtureRequest, site: Site, web: HttpClient, seat: ProjectSeat) -> Door:
    """Each of the two addresses in turn."""
    if request.param == "platform":
        return platforms_door(site, web)
    return projects_door(site, web, seat)
