"""Threads serve one request after the other: what one bound to the log must not reach the next."""

from __future__ import annotations

import json

from tests.support import processes
from tests.support.site import at_once


def test_a_request_says_nothing_of_the_one_before(site):
    """A stranger's refused event is never logged under the user who was served before."""
    with processes.web({**site.environment, "WEB_CONCURRENCY": "1"}) as client:
        shop = site.over(client)
        person, place = site.customer(card=None)
        at_once([lambda: shop.cards(person, place.slug)] * 16)
        bad = [lambda: shop.deliver({}, payload="{}", header="t=1,v1=00").status_code] * 16
        assert set(at_once(bad)) == {400}
        lines = [json.loads(line) for line in client.group.output.splitlines() if line[:1] == "{"]
    refused = [line for line in lines if line["message"].startswith("an event was refused")]
    assert len(refused) == 16
    assert [line for line in refused if "user" in line or "workspace" in line] == []
