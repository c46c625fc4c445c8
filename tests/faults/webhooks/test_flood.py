"""A flood of posts that nobody signed: a cheap no, nothing written, and Stripe is let through."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
from sqlalchemy import event as sa_event

from payments.kit.db import db
from tests.support import processes
from tests.support.apps import another_app
from tests.support.deliveries import made_up
from tests.support.developers import ProjectSeat, developer_with_project
from tests.support.doors import PLATFORM_PATH, Door, platforms_door, projects_door
from tests.support.processes import Answer, HttpClient
from tests.support.site import Site

ALLOWED = 30
WRITES = re.compile(r"\s*(INSERT|UPDATE|DELETE)", re.IGNORECASE)


@pytest.fixture(scope="module")
def strict(site: Site) -> Iterator[HttpClient]:
    """A web server that forgives an address 30 refusals a minute, behind one router."""
    limits = {"RATE_LIMIT": f"{ALLOWED} per minute", "TRUSTED_PROXIES": "1"}
    with processes.web({**site.environment, **limits}) as client:
        yield client


def flood(door: Door, many: int, *, address: str, header: str | None = None) -> list[Answer]:
    """Post as many events without a good signature, eight at a time."""
    sent = {"X-Forwarded-For": address}

    def one(_number: int) -> Answer:
        return door.post(json.dumps(made_up()), header, **sent)

    with ThreadPoolExecutor(8) as pool:
        return list(pool.map(one, range(many)))


def delivered(door: Door, address: str) -> int:
    """Deliver as Stripe does, from an address."""
    event = made_up()
    payload = json.dumps(event)
    answer = door.post(payload, door.sign(payload), **{"X-Forwarded-For": address})
    assert (answer.status_code == 200) == bool(door.stored(event["id"]))
    return answer.status_code


@pytest.fixture
def fresh(site: Site, seat: ProjectSeat) -> ProjectSeat:
    """A project that nobody has refused anything yet."""
    return developer_with_project(site.client, site.settings)


class TestOneAddress:
    def test_it_is_cut_off_and_nothing_is_kept(
        self, site: Site, strict: HttpClient, fresh: ProjectSeat
    ) -> None:
        door = projects_door(site, strict, fresh)
        answers = flood(door, 3 * ALLOWED, address="192.0.2.1", header="t=1,v1=a")
        assert Counter(a.status_code for a in answers) == {400: ALLOWED, 429: 2 * ALLOWED}
        refused = [a for a in answers if a.status_code == 429]
        assert all(0 < int(a.headers["Retry-After"]) <= 61 for a in refused)
        assert door.stored() == []

    def test_stripe_at_the_same_address_gets_in(
        self, site: Site, strict: HttpClient, fresh: ProjectSeat
    ) -> None:
        """A router that hides its clients' addresses must not turn Stripe away."""
        door = projects_door(site, strict, fresh)
        flood(door, 2 * ALLOWED, address="192.0.2.2")
        assert [delivered(door, "192.0.2.2") for _ in range(3)] == [200] * 3

    def test_any_number_of_signed_ones_get_in(
        self, site: Site, strict: HttpClient, fresh: ProjectSeat
    ) -> None:
        """Stripe delivers from a few addresses, and after an outage all at once."""
        door = projects_door(site, strict, fresh)
        with ThreadPoolExecutor(8) as pool:
            found = list(pool.map(partial(delivered, door), ["192.0.2.3"] * (2 * ALLOWED)))
        assert Counter(found) == {200: 2 * ALLOWED}

    @pytest.mark.parametrize("what", ["an unknown project", "the other mode", "no event", "413"])
    def test_whatever_is_refused_counts(
        self, site: Site, strict: HttpClient, fresh: ProjectSeat, what: str
    ) -> None:
        door = projects_door(site, strict, fresh)
        headers = {"X-Forwarded-For": f"192.0.2.{100 + len(what)}"}
        path, body, first = {
            "an unknown project": (door.path.replace(fresh.project_id[:8], "0" * 8), "{}", 404),
            "the other mode": (fresh.webhook_path("live"), "{}", 404),
            "no event": (door.path, "[]", 400),
            "413": (door.path, "x" * (1024 * 1024 + 1), 413),
        }[what]
        headers["Stripe-Signature"] = door.sign(body)
        found = [
            strict.post(path, data=body, headers=headers).status_code for _ in range(ALLOWED + 1)
        ]
        assert found == [first] * ALLOWED + [429]

    def test_the_platforms_address_too(self, site: Site, strict: HttpClient) -> None:
        door = platforms_door(site, strict)
        answers = flood(door, 2 * ALLOWED, address="192.0.2.4")
        assert Counter(a.status_code for a in answers) == {400: ALLOWED, 429: ALLOWED}
        assert answers[-1].json["code"] in {"rate_limited", "invalid_signature"}
        assert delivered(door, "192.0.2.4") == 200


class TestManyAddresses:
    def test_a_project_is_guarded_as_a_whole(
        self, site: Site, strict: HttpClient, fresh: ProjectSeat, seat: ProjectSeat
    ) -> None:
        """From everywhere a little: the project is cut off for strangers, others notice nothing."""
        door = projects_door(site, strict, fresh)
        found = Counter(
            answer.status_code
            for number in range(2 * ALLOWED // 5)
            for answer in flood(door, 5, address=f"198.51.100.{number}")
        )
        assert found == {400: ALLOWED, 429: ALLOWED}
        assert delivered(door, "203.0.113.1") == 200
        assert delivered(projects_door(site, strict, seat), "198.51.100.1") == 200
        other = projects_door(site, strict, seat)
        assert flood(other, 1, address="203.0.113.2")[0].status_code == 400


class TestPrice:
    @pytest.mark.parametrize("kind", ["platform", "project"])
    def test_a_refusal_writes_nothing_and_reads_at_most_the_secrets(
        self, site: Site, seat: ProjectSeat, kind: str
    ) -> None:
        said: list[str] = []
        with another_app(site.settings) as app:
            client = app.test_client()
            path = PLATFORM_PATH if kind == "platform" else seat.webhook_path()
            with app.app_context():
                engine = db.engine
            sa_event.listen(engine, "before_cursor_execute", lambda *a: said.append(a[2]))
            headers = {"Stripe-Signature": "t=1,v1=a"}
            for _ in range(10):
                assert client.post(path, data="{}", headers=headers).status_code == 400
        assert [statement for statement in said if WRITES.match(statement)] == []
        reads = [statement for statement in said if statement.lstrip().startswith("SELECT")]
        assert all("stripe_credentials" in statement for statement in reads)
        assert len(reads) <= (0 if kind == "platform" else 11)
