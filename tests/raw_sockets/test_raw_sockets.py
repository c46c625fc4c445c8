"""Twenty seconds of broken HTTP: nothing fails, nothing is stuck, everybody else is served."""

from __future__ import annotations

import pytest

from tests.raw_sockets.clients import Record
from tests.raw_sockets.grammar import READ, Conversation, make_conversation
from tests.raw_sockets.run import run_crowd
from tests.support import processes, stack
from tests.support.site import open_site, spare_redis

SEED = 20261201


@pytest.mark.slow
def test_the_web_process_outlives_a_crowd_that_speaks_broken_http(
    tmp_path_factory: pytest.TempPathFactory, sandbox: stack.Sandbox, redis_url: str
) -> None:
    folder = tmp_path_factory.mktemp("crowd")
    with (
        open_site(folder, sandbox, redis_url=spare_redis()) as site,
        processes.web({**site.environment, "WEB_THREADS": "8"}) as web,
    ):
        outcome = run_crowd(web, seed=SEED, seconds=12, warm_up=8, tell=lambda line: None)
        assert outcome.list_violations() == [], outcome.describe()
    assert outcome.record.conversations > 100
    assert {200, 400, 404, 405} <= outcome.record.statuses.keys()


class TestGrammar:
    def test_a_seed_and_a_number_always_say_the_same(self) -> None:
        for number in range(200):
            assert make_conversation(7, number) == make_conversation(7, number)
        assert len({make_conversation(7, number).sent for number in range(200)}) > 150

    def test_none_looks_like_an_answer(self) -> None:
        """Else what is sent back as it came would be counted as a status."""
        record = Record()
        for number in range(2000):
            record.add_answer(make_conversation(7, number), make_conversation(7, number).sent)
        assert record.statuses.total() == 0


class TestRecord:
    """What counts as a fault."""

    def record(self, sent: bytes, received: bytes) -> list[str]:
        record = Record()
        record.add_answer(Conversation(3, ((0.0, sent),), READ), received)
        return record.faults

    @pytest.mark.parametrize("status", [500, 502, 503, 505])
    def test_an_error_of_the_server(self, status: int) -> None:
        answer = b"HTTP/1.1 %d Sorry\r\n\r\n" % status
        assert self.record(b"Transfer-Encoding: x", answer) == [f"conversation 3: {status}"]

    def test_501_is_right_for_a_transfer_coding_only(self) -> None:
        answer = b"HTTP/1.1 501 Not Implemented\r\n\r\n"
        assert self.record(b"Transfer-Encoding: gzip", answer) == []
        assert self.record(b"GET / HTTP/1.1", answer) == ["conversation 3: 501"]

    def test_a_stack_trace(self) -> None:
        answer = b"HTTP/1.1 400 Bad\r\n\r\nTraceback (most recent call last)"
        assert self.record(b"GET /", answer) == ["conversation 3: a stack trace"]
