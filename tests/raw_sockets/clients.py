"""The clients that hold the conversations, and the record of what came back."""

from __future__ import annotations

import re
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.raw_sockets.grammar import (
    CLOSE,
    HALF_CLOSE,
    HOLD,
    RESET,
    Conversation,
    make_conversation,
)

# Nothing that is sent looks like one, so whatever looks like one is an answer.
_STATUS_LINE = re.compile(rb"HTTP/1\.[01] (\d{3}) ")
_LEAK = re.compile(rb"Traceback \(most recent|File \"[^\"]+\", line \d")
# For an answer, then the client leaves; the server's own patience is longer.
_ANSWER_SECONDS, _HOLD_SECONDS = 1.0, 6.0


@dataclass
class Record:
    """What came back; `faults` are sentences about answers that must not be."""

    conversations: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    without_answer: int = 0
    faults: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add_answer(self, conversation: Conversation, received: bytes) -> None:
        """Count the statuses of a connection; a 5xx or a trace is a fault."""
        found = [int(status) for status in _STATUS_LINE.findall(received)]
        with self.lock:
            self.conversations += 1
            self.statuses.update(found)
            self.without_answer += not found
            for status in found:
                if status >= 500 and not (status == 501 and conversation.has_transfer_coding):
                    self.faults.append(f"conversation {conversation.number}: {status}")
            if _LEAK.search(received):
                self.faults.append(f"conversation {conversation.number}: a stack trace")


class Crowd:
    """Threads that each hold one conversation after the other until they are stopped."""

    def __init__(self, address: tuple[str, int], seed: int, record: Record, clients: int) -> None:
        self._address, self._seed, self._record = address, seed, record
        self._over, self._next, self._lock = threading.Event(), 0, threading.Lock()
        self._threads = [threading.Thread(target=self._work, daemon=True) for _ in range(clients)]

    def start(self) -> None:
        """Start all clients."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Let each client leave at once, and wait for them."""
        self._over.set()
        for thread in self._threads:
            thread.join(30)

    def _work(self) -> None:
        while not self._over.is_set():
            with self._lock:
                number, self._next = self._next, self._next + 1
            hold_conversation(
                self._address, make_conversation(self._seed, number), self._record, self._over.wait
            )


def hold_conversation(
    address: tuple[str, int],
    conversation: Conversation,
    record: Record,
    wait: Callable[[float], object] = time.sleep,
) -> bytes:
    """Send a conversation and note what comes back; `wait` is how its pauses are made."""
    received = b""
    try:
        with socket.create_connection(address, timeout=_ANSWER_SECONDS) as opened:
            try:
                for pause, piece in conversation.pieces:
                    if pause:
                        wait(pause)
                    opened.sendall(piece)
            except OSError:
                pass  # refused in the middle of it; the answer may be there already
            received = _end(opened, conversation.end, wait)
    except OSError:
        pass  # a reset, or no answer within the client's patience
    record.add_answer(conversation, received)
    return received


def _end(opened: socket.socket, end: str, wait: Callable[[float], object]) -> bytes:
    if end == CLOSE:
        return b""
    if end == RESET:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        return b""
    if end == HALF_CLOSE:
        opened.shutdown(socket.SHUT_WR)
    if end == HOLD:
        wait(_HOLD_SECONDS)
    return _receive(opened)


def _receive(opened: socket.socket) -> bytes:
    """Read until the server closes, falls silent, or has said more than enough."""
    received = b""
    try:
        while len(received) < 4_000_000 and (piece := opened.recv(65536)):
            received += piece
            opened.settimeout(0.3)
    except OSError:
        pass
    return received
