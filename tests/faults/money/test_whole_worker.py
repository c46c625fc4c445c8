"""The whole worker is gone at once, parent and children, as when its machine is."""

from __future__ import annotations

from pathlib import Path

import pytest

from payments.workspaces.models import Charge
from tests.support import processes
from tests.support.shop import eventually
from tests.support.site import Site
from tests.support.steps import Doom


@pytest.mark.parametrize("step", ["charge.confirmed", "charge.recording"])
def test_beat_and_another_worker_finish_it(site: Site, tmp_path: Path, step: str) -> None:
    """Stripe has the money and nobody of that worker is left: recorded by the sweep alone."""
    site.clear()
    person, place = site.customer()
    doom = Doom(tmp_path, (step,), "group")
    doomed = processes.start_worker(doom.environment(site.environment))
    with processes.running(doomed):
        headers = {"Prefer": "respond-async"}
        assert site.shop.upgrade(person, place.slug, headers=headers).status_code == 202
        assert doomed.ended() == -9
    where = Charge.workspace_id == place.id
    assert site.row(Charge, where).status == "pending"
    assert [p["status"] for p in site.payments(place.id)] == ["succeeded"]
    site.lapse()
    with site.worker(), processes.beat(site.environment):
        eventually(lambda: site.row(Charge, where).status == "succeeded")
    assert [p["status"] for p in site.payments(place.id)] == ["succeeded"]
