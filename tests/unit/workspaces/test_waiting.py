"""A request that waits hears of its own row's end, and starts the work either way."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from flask import Flask

from payments.extensions import redis
from payments.workspaces import waiting
from payments.workspaces.models import Charge, Refund


def test_an_announcement_reaches_whoever_follows_the_row(context: Flask) -> None:
    with redis().pubsub(ignore_subscribe_messages=True) as listener:
        listener.subscribe(waiting.channel(Charge, 7))
        listener.get_message(timeout=1)
        waiting.announce(Refund, 7)
        waiting.announce(Charge, 8)
        waiting.announce(Charge, 7)
        heard = listener.get_message(timeout=5)
        assert heard is not None
        assert heard["channel"] == waiting.channel(Charge, 7).encode()
        assert listener.get_message(timeout=0.1) is None


@pytest.mark.parametrize("wait", [True, False])
def test_the_work_is_started_once(
    context: Flask, monkeypatch: pytest.MonkeyPatch, wait: bool
) -> None:
    started, row = [], SimpleNamespace(status="succeeded")
    monkeypatch.setattr(waiting, "current", lambda *_: row)
    found = waiting.follow(Charge, 7, lambda: started.append(1) is None, wait=wait)
    assert (found, started) == (row, [1])
