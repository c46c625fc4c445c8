"""A gunicorn worker in which waitress speaks HTTP: a thread gets only requests that are whole.

gunicorn keeps the processes, their shared socket and the signals. waitress reads requests, gives
each to a thread once all of it has come, and sends the answers. So a client that sends slowly, or
falls silent, costs no thread.

https://docs.pylonsproject.org/projects/waitress/en/stable/design.html
"""

from __future__ import annotations

import logging
import os
import sys
from typing import Any

from gunicorn.arbiter import Arbiter
from gunicorn.workers.base import Worker
from waitress import wasyncore
from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser, ParsingError
from waitress.server import BaseWSGIServer, create_server
from waitress.task import ErrorTask, Task, WSGITask
from waitress.utilities import RequestEntityTooLarge

from payments.kit import clock
from payments.kit.request_ids import HEADER, choose_request_id

log = logging.getLogger(__name__)

# Seconds that a request may take to arrive, and that a connection may do nothing.
ARRIVAL_SECONDS = 30
# The app takes bodies of up to 1 MiB; of a longer one no more is read than shows that it is longer.
MOST_HEAD_BYTES, MOST_BODY_BYTES = 64 * 1024, 1024 * 1024 + 2
# A process: a connection may need a second file besides its socket, and 1,024 are usual.
MOST_CONNECTIONS = 400
# Seconds that a stopping process waits for requests that have begun to arrive.
_STOP_ARRIVAL_SECONDS = 2
_POLL_SECONDS = 1


class StrictParser(HTTPRequestParser):
    """Refuses heads that two servers in a row could read in two ways."""

    # waitress logs it when a client has left before its refusal, but sets it on good heads only.
    path = ""

    def parse_header(self, header_plus: bytes) -> None:
        """Raise ParsingError, which is a 400, for a length nobody can read or two lengths at once.

        https://www.rfc-editor.org/rfc/rfc9112#section-6.1
        """
        try:
            super().parse_header(header_plus)
        except ValueError as error:  # of more digits than int() takes
            raise ParsingError("Content-Length is invalid") from error
        has_length = "CONTENT_LENGTH" in self.headers
        if "TRANSFER_ENCODING" in self.headers or (self.chunked and has_length):
            raise ParsingError("Transfer-Encoding is not expected here")


class RefusedTask(ErrorTask):
    """Answers what is no HTTP, with an id under which the log tells of it."""

    def execute(self) -> None:
        """Send the answer and log it: the app sees nothing of such a request."""
        request_id = choose_request_id(self.request.headers.get("X_REQUEST_ID"))
        self.response_headers.append((HEADER, request_id))
        super().execute()
        fields = {
            "request_id": request_id,
            "status": self.status,
            "client": self.channel.addr[0] if self.channel.addr else None,
        }
        log.warning("refused: %s", self.request.error.body, extra={"fields": fields})


def answer_refused(channel: HTTPChannel, request: HTTPRequestParser) -> Task:
    """Return the task that answers what waitress refuses: a body too long is the app's 413.

    The app sees its length and an empty body, and says so in the dialect of the path.
    """
    if not isinstance(request.error, RequestEntityTooLarge):
        return RefusedTask(channel, request)
    length = max(request.content_length, request.body_bytes_received)
    request.headers["CONTENT_LENGTH"], request.body_rcv = str(length), None
    task = WSGITask(channel, request)
    task.set_close_on_finish()
    return task


class TimedChannel(HTTPChannel):
    """A connection that knows since when its present request arrives."""

    parser_class = StrictParser
    error_task_class = staticmethod(answer_refused)
    arrives_since: float | None = None

    def received(self, data: bytes) -> Any:
        taken = super().received(data)
        if self.request is None:
            self.arrives_since = None
        elif self.arrives_since is None:
            self.arrives_since = clock.monotonic()
        return taken

    def has_arrived_since(self, moment: float) -> bool:
        """Return whether no request has been arriving since before `moment`."""
        return self.arrives_since is None or self.arrives_since >= moment

    def has_work(self) -> bool:
        """Return whether a request waits, runs, or has an answer that is still being sent."""
        return bool(self.requests or self.total_outbufs_len)


class WaitressWorker(Worker):
    """Serves with `--threads` threads; on a stop, requests that have arrived are answered."""

    def load_wsgi(self) -> None:
        """Load the app; exit as gunicorn does when that fails, which prints what went wrong.

        What it prints is no JSON, and may hold what a log must not.
        """
        try:
            super().load_wsgi()
        except Exception as error:
            self.log.critical("the app cannot be loaded: %s", error, exc_info=error)
            sys.exit(Arbiter.WORKER_BOOT_ERROR)

    def run(self) -> None:
        """Serve until gunicorn says stop, or is gone itself."""
        self._map: dict[int, Any] = {}
        server = create_server(
            self.wsgi,
            map=self._map,
            sockets=[listener.sock for listener in self.sockets],
            threads=self.cfg.threads,
            connection_limit=MOST_CONNECTIONS,
            channel_timeout=ARRIVAL_SECONDS,
            cleanup_interval=5,
            max_request_header_size=MOST_HEAD_BYTES,
            max_request_body_size=MOST_BODY_BYTES,
            # What a proxy in front has said is the app's to judge, by TRUSTED_PROXIES.
            clear_untrusted_proxy_headers=False,
            ident="payments",
        )
        for listener in self._select(BaseWSGIServer):
            listener.channel_class = TimedChannel
        while self.alive and os.getppid() == self.ppid:
            self._accept_only_for_free_threads()
            self._poll()
            self._close_late()
        self._finish_work()
        server.task_dispatcher.shutdown()

    def _poll(self) -> None:
        self.notify()
        wasyncore.loop(timeout=_POLL_SECONDS, use_poll=True, map=self._map, count=1)

    def _select(self, kind: type) -> list[Any]:
        return [found for found in self._map.values() if isinstance(found, kind)]

    def _accept_only_for_free_threads(self) -> None:
        """Leave new connections to another process while every thread here has a request."""
        busy = sum(bool(channel.requests) for channel in self._select(TimedChannel))
        self._let_accept(busy < self.cfg.threads)

    def _let_accept(self, accepting: bool) -> None:
        for listener in self._select(BaseWSGIServer):
            listener.accepting = accepting

    def _close_late(self) -> None:
        oldest = clock.monotonic() - ARRIVAL_SECONDS
        for channel in self._select(TimedChannel):
            if not channel.has_arrived_since(oldest):
                channel.will_close = True

    def _finish_work(self) -> None:
        """Answer what has arrived, or arrives within a moment; close everything else."""
        self._let_accept(False)
        begun = clock.monotonic()
        while clock.monotonic() - begun < self.cfg.graceful_timeout and self._close_idle(begun):
            self._poll()

    def _close_idle(self, begun: float) -> bool:
        """Close connections that nobody waits on; return whether there are others."""
        patient = clock.monotonic() - begun < _STOP_ARRIVAL_SECONDS
        kept = 0
        for channel in self._select(TimedChannel):
            if channel.has_work() or (patient and channel.arrives_since is not None):
                kept += 1
            else:
                channel.will_close = True
        return kept > 0
