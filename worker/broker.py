"""The broker's Redis transport, mended: a worker outlives a Redis that goes away under its tasks.

When a connection is lost, kombu 5.7 closes its channel by giving the channel's unacknowledged
messages back over that same connection. It has no address any more by then, and the AttributeError
ends the whole worker with "Unrecoverable error"; so would the late acknowledgement of a task that
was running meanwhile. Such messages are let go instead: Redis, if it has kept them, hands them out
again after `visibility_timeout`, and the second run finds that its row is done.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from typing import Any

from kombu.transport import TRANSPORT_ALIASES, redis

log = logging.getLogger(__name__)


class _LogFile:
    """Takes what is printed, as lines of the log."""

    def write(self, text: str) -> None:
        if text.strip():
            log.warning("%s", text.strip())


class QoS(redis.QoS):
    """Keeps the channel's unacknowledged messages, as long as there is a connection for them."""

    def restore_unacked(self, client: Any = None) -> None:
        if self._is_lost():
            self._delivered = OrderedDict()
        else:
            super().restore_unacked(client)

    def restore_unacked_once(self, stderr: Any = None) -> None:
        """Give back what was not done, and say so in the log: on stderr it would be no JSON."""
        super().restore_unacked_once(stderr=stderr or _LogFile())

    def ack(self, delivery_tag: str) -> None:
        if not self._is_lost():
            super().ack(delivery_tag)

    def reject(self, delivery_tag: str, requeue: bool = False) -> None:
        if not self._is_lost():
            super().reject(delivery_tag, requeue)

    def _is_lost(self) -> bool:
        return getattr(self.channel.connection, "client", None) is None


class Channel(redis.Channel):
    """A channel with this QoS."""

    QoS = QoS


class Transport(redis.Transport):
    """Redis as kombu knows it, with these channels."""

    Channel = Channel


def install() -> None:
    """Let the addresses redis:// and rediss:// be served by this transport."""
    TRANSPORT_ALIASES.update(dict.fromkeys(("redis", "rediss"), f"{__name__}:Transport"))
