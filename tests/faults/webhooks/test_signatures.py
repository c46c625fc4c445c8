"""Who is believed at the door: signatures of every shape, by real HTTP, byte for byte."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
import sqlalchemy as sa

from payments.kit import clock
from payments.projects.models import StripeCredentials
from payments.webhooks import envelope
from tests.support.apps import another_app
from tests.support.deliveries import made_up
from tests.support.developers import (
    ProjectSeat,
    developer_with_project,
    signing_secret,
    store_keys,
)
from tests.support.doors import Door, head, platforms_door, projects_door, wire
from tests.support.processes import HttpClient
from tests.support.shop import eventually
from tests.support.site import Site

WRONG = "0" * 64


def parts(door: Door, payload: str, **options: Any) -> tuple[str, str]:
    """Return the stamp and the signature that make a good header."""
    stamp, _, signed = door.sign(payload, **options).partition(",")
    return stamp.removeprefix("t="), signed.removeprefix("v1=")


# What stands in the header, with the true stamp and signature at hand, and whether it is believed.
SHAPES: dict[str, tuple[str, bool]] = {
    "plain": ("t={t},v1={good}", True),
    "several, the last is good": (f"t={{t}},v1={WRONG},v1={WRONG},v1={{good}}", True),
    "several, the first is good": (f"t={{t}},v1={{good}},v1={WRONG}", True),
    "stamp behind": ("v1={good},t={t}", True),
    "another scheme beside": ("t={t},v0={good},v1={good},v9=x", True),
    "another scheme alone": ("t={t},v0={good}", False),
    "an unknown scheme alone": ("t={t},v2={good}", False),
    "no stamp": ("v1={good}", False),
    "an empty stamp": ("t=,v1={good}", False),
    "two stamps": ("t={t},t={t},v1={good}", False),
    "two stamps, the second old": ("t={t},t=1,v1={good}", False),
    "a stamp in other digits": ("t=١٢٣,v1={good}", False),
    "a stamp with a fraction": ("t={t}.0,v1={good}", False),
    "a negative stamp": ("t=-{t},v1={good}", False),
    "an endless stamp": ("t=" + "9" * 500 + ",v1={good}", False),
    "no signature": ("t={t}", False),
    "an empty signature": ("t={t},v1=", False),
    "half a signature": ("t={t},v1={half}", False),
    "capital letters": ("t={t},v1={upper}", False),
    "non-ascii": ("t={t},v1=\xe9\xff", False),
    "non-ascii beside a good one": ("t={t},v1={good},v1=\xe9", True),
    "no pairs": (",,,=,", False),
    "empty": ("", False),
    "two thousand letters": ("t={t}" + ",v1=aa" * 340, False),
}


class TestHeader:
    @pytest.mark.parametrize("shape", SHAPES)
    def test_the_verdict(self, door: Door, web: HttpClient, shape: str) -> None:
        """Over a bare socket: no client of ours tidies the header up on its way."""
        event = made_up()
        payload = json.dumps(event)
        stamp, good = parts(door, payload)
        pattern, believed = SHAPES[shape]
        header = pattern.format(t=stamp, good=good, half=good[:32], upper=good.upper())
        raw = header if header.isascii() else header.encode().decode("latin-1")
        lines = (f"Stripe-Signature: {raw}", f"Content-Length: {len(payload)}")
        with wire(web) as connection:
            status, body = connection.send(head(door.path, *lines) + payload.encode()).answer()
        assert status == (200 if believed else 400), body
        assert len(door.stored(event["id"])) == int(believed)

    def test_ten_kilobytes(self, door: Door, web: HttpClient) -> None:
        """The web server does not even let such a header in."""
        event = made_up()
        payload = json.dumps(event)
        header = door.sign(payload) + ",v1=" + "a" * 10_000
        lines = (f"Stripe-Signature: {header}", f"Content-Length: {len(payload)}")
        with wire(web) as connection:
            status, _ = connection.send(head(door.path, *lines) + payload.encode()).answer()
        assert status in {400, 431}
        assert door.stored(event["id"]) == []

    def test_the_header_twice(self, door: Door, web: HttpClient) -> None:
        payload = json.dumps(made_up())
        stamp, good = parts(door, payload)
        lines = (
            f"Stripe-Signature: t={stamp},v1={WRONG}",
            f"Stripe-Signature: t={stamp},v1={good}",
            f"Content-Length: {len(payload)}",
        )
        with wire(web) as connection:
            status, _ = connection.send(head(door.path, *lines) + payload.encode()).answer()
        assert status == 400

    def test_none(self, door: Door) -> None:
        event = made_up()
        assert door.post(json.dumps(event), None).status_code == 400
        assert door.stored(event["id"]) == []


class TestBytes:
    """The raw bytes are what is signed."""

    @pytest.mark.parametrize(
        "change",
        [
            lambda text: json.dumps(json.loads(text), indent=2),
            lambda text: json.dumps(json.loads(text), sort_keys=True, separators=(",", ":")),
            lambda text: text + "\n",
            lambda text: "\ufeff" + text,
            lambda text: text.replace("é", "\\u00e9"),
            lambda text: text.replace(" ", "", 1),
        ],
        ids=["indented", "sorted", "line break", "byte order mark", "escaped", "one space less"],
    )
    def test_the_same_json_written_otherwise_is_refused(self, door: Door, change: Any) -> None:
        event = made_up(note="é")
        payload = json.dumps(event, ensure_ascii=False)
        header = door.sign(payload)
        changed = change(payload)
        assert changed != payload
        assert door.post(changed.encode(), header).status_code == 400
        assert door.stored(event["id"]) == []
        assert door.post(payload.encode(), header).status_code == 200
        (row,) = door.stored(event["id"])
        assert row.payload == payload

    @pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "text/plain", "x", ""])
    def test_whatever_content_type_is_claimed(self, door: Door, kind: str) -> None:
        payload = json.dumps(made_up())
        answer = door.post(payload, door.sign(payload), **{"Content-Type": kind})
        assert answer.status_code == 200


class TestClocks:
    """A clock that is wrong by more than the tolerance, in either direction."""

    @pytest.mark.parametrize("skew", [-86400, -3600, -310, 310, 3600, 86400])
    def test_past_the_tolerance_nothing_is_kept(self, door: Door, skew: int) -> None:
        event_id, answer = door.deliver(at=int(time.time()) + skew)
        assert answer.status_code == 400
        assert door.stored(event_id) == []

    @pytest.mark.parametrize("skew", [-280, 280])
    def test_within_it_all_is_well(self, door: Door, skew: int) -> None:
        event_id, answer = door.deliver(at=int(time.time()) + skew)
        assert answer.status_code == 200
        assert len(door.stored(event_id)) == 1

    def test_it_stands_in_the_log(self, door: Door, web: HttpClient) -> None:
        assert web.group is not None
        before = web.group.output.count("an event was refused")
        door.deliver(at=int(time.time()) - 3600)
        line = eventually(lambda: web.group.output.count("an event was refused") > before)
        assert line


class TestRotation:
    def test_a_projects_former_secret_counts_for_a_day(self, site: Site, web: HttpClient) -> None:
        seat = developer_with_project(web, site.settings)
        door, fresh = projects_door(site, web, seat), signing_secret()
        store_keys(seat.developer, seat.project_id, test_webhook_secret=fresh)
        for secret in (seat.webhook_secret, fresh):
            assert door.deliver(secret=secret)[1].status_code == 200
        over = sa.update(StripeCredentials).where(StripeCredentials.former_until.is_not(None))
        site.run(lambda session: session.execute(over.values(former_until=clock.now())))
        eventually(lambda: door.deliver(secret=seat.webhook_secret)[1].status_code == 400)
        assert door.deliver(secret=fresh)[1].status_code == 200

    def test_the_platforms_secrets_are_those_of_its_settings(self, site: Site) -> None:
        """Two while one is being replaced; the one that is taken out is refused."""
        old, new = signing_secret(), signing_secret()
        for secrets, good in (((old, new), (old, new)), ((new,), (new,))):
            with another_app(site.settings, stripe_webhook_secrets=secrets) as app:
                door = platforms_door(site, app.test_client())
                answers = {s: door.deliver(secret=s)[1].status_code for s in (old, new)}
            assert answers == {s: 200 if s in good else 400 for s in (old, new)}


class TestWrongAddress:
    def test_a_live_event_at_the_test_address(self, door: Door) -> None:
        """It is kept and shown, and it changes nothing."""
        event_id, answer = door.deliver(made_up(livemode=True))
        assert answer.status_code == 200
        (row,) = door.stored(event_id)
        assert (row.mode, envelope.find_fault(row.content, row.mode)) == (
            "test", envelope.OTHER_MODE,
        )  # fmt: skip

    def test_a_test_event_at_the_live_address(
        self, site: Site, web: HttpClient, seat: ProjectSeat
    ) -> None:
        """Who signs decides whether it is taken, the event's own mode whether it means anything."""
        path = seat.webhook_path("live")
        for livemode, secret, status in (
            (False, seat.live_webhook_secret, 200),
            (True, seat.webhook_secret, 400),
            (True, seat.live_webhook_secret, 200),
        ):
            payload = json.dumps(made_up(livemode=livemode))
            header = seat.shop.signature(payload, secret=secret)
            answer = web.post(path, data=payload, headers={"Stripe-Signature": header})
            assert answer.status_code == status

    def test_another_projects_event(self, site: Site, web: HttpClient, seat: ProjectSeat) -> None:
        other = developer_with_project(web, site.settings)
        door = projects_door(site, web, other)
        for secret in (seat.webhook_secret, site.settings.stripe_webhook_secrets[0]):
            event_id, answer = door.deliver(secret=secret)
            assert answer.status_code == 400
            assert door.stored(event_id) == []

    def test_a_projects_event_at_the_platforms_door(
        self, site: Site, web: HttpClient, seat: ProjectSeat
    ) -> None:
        door = platforms_door(site, web)
        event_id, answer = door.deliver(secret=seat.webhook_secret)
        assert answer.status_code == 400
        assert door.stored(event_id) == []


class TestWithoutSecret:
    """No secret means no webhook: never that the check is left out."""

    @pytest.mark.parametrize("header", [None, "", "t=1,v1=a"])
    def test_the_platform(self, site: Site, header: str | None) -> None:
        with another_app(site.settings, stripe_webhook_secrets=()) as app:
            door = platforms_door(site, app.test_client())
            event = made_up()
            assert door.post(json.dumps(event), header).status_code == 404
        assert door.stored(event["id"]) == []

    @pytest.mark.parametrize("header", [None, "", "t=1,v1=a"])
    def test_a_project(self, site: Site, web: HttpClient, header: str | None) -> None:
        seat = developer_with_project(web, site.settings)
        path = seat.webhook_path("live")
        sent = {} if header is None else {"Stripe-Signature": header}
        event = made_up(livemode=True)
        answer = web.post(path, data=json.dumps(event), headers=sent)
        assert answer.status_code == 404
        assert projects_door(site, web, seat).stored(event["id"]) == []

    def test_of_a_project_that_was_switched_off(self, site: Site, web: HttpClient) -> None:
        seat = developer_with_project(web, site.settings)
        door = projects_door(site, web, seat)
        assert door.deliver()[1].status_code == 200
        assert seat.developer.delete(f"{seat.path}/config").status_code == 204
        eventually(lambda: door.deliver()[1].status_code == 404)
