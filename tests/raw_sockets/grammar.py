"""A conversation from a seed and a number: bytes that are nearly HTTP, and how they are sent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from tests.raw_sockets import parts
from tests.support.malformed import VECTORS

# How a conversation ends: the answer is read, or the client leaves in one of these ways.
READ, CLOSE, RESET, HALF_CLOSE, HOLD = "read", "close", "reset", "half-close", "hold"
_ENDS = (READ,) * 12 + (CLOSE, CLOSE, RESET, HALF_CLOSE, HALF_CLOSE, HOLD)


@dataclass(frozen=True)
class Conversation:
    """What one connection sends: each piece after a pause in seconds, then the end."""

    number: int
    pieces: tuple[tuple[float, bytes], ...]
    end: str

    @property
    def sent(self) -> bytes:
        return b"".join(piece for _pause, piece in self.pieces)

    @property
    def has_transfer_coding(self) -> bool:
        """Return whether 501 is a right answer: to a transfer coding that nobody knows.

        https://www.rfc-editor.org/rfc/rfc9112#section-6.1
        """
        return b"transfer" in self.sent.lower()


def make_conversation(seed: int, number: int) -> Conversation:
    """Return the same conversation for the same seed and number, always."""
    chance = Random(f"{seed}:{number}")  # noqa: S311 - it has to be repeatable
    make = chance.choice(_KINDS)
    data = make(chance)
    if chance.random() < 0.3:
        data = _mutate(chance, data)
    return Conversation(number, _split(chance, data), chance.choice(_ENDS))


def _make_request(chance: Random) -> bytes:
    framing, body = parts.make_body(chance)
    lines = [b"Host: here", *framing, *parts.make_headers(chance)]
    chance.shuffle(lines)
    newline = b"\r\n" if chance.random() < 0.9 else chance.choice((b"\n", b"\r", b"\n\r"))
    return newline.join([parts.make_request_line(chance), *lines, b"", b""]) + body


def _make_pipeline(chance: Random) -> bytes:
    """Several requests at once, as a client that does not wait sends them."""
    return b"".join(_make_request(chance) for _ in range(chance.randint(2, 12)))


def _take_vector(chance: Random) -> bytes:
    return chance.choice(list(VECTORS.values()))


def _speak_otherwise(chance: Random) -> bytes:
    return chance.choice(parts.OTHER_PROTOCOLS)


def _make_noise(chance: Random) -> bytes:
    return chance.randbytes(chance.choice((1, 7, 100, 5_000)))


_KINDS: tuple[Callable[[Random], bytes], ...] = (
    *(_make_request,) * 8,
    *(_make_pipeline,) * 3,
    *(_take_vector,) * 3,
    _speak_otherwise,
    _make_noise,
)


def _mutate(chance: Random, data: bytes) -> bytes:
    """Change some bytes, lose some, double some, or put something odd between them."""
    for _ in range(chance.randint(1, 4)):
        at = chance.randint(0, len(data))
        to = at + chance.randint(0, 12)
        change = chance.randrange(4)
        if change == 0:
            data = data[:at] + chance.randbytes(to - at) + data[to:]
        elif change == 1:
            data = data[:at] + data[to:]
        elif change == 2:
            data = data[:to] + data[at:]
        else:
            data = data[:at] + chance.choice(parts.ODD_BYTES) + data[at:]
    return data


def _split(chance: Random, data: bytes) -> tuple[tuple[float, bytes], ...]:
    """Cut into pieces with pauses between them; now and then a drip, byte after byte."""
    if chance.random() < 0.5 or len(data) < 2:
        return ((0.0, data),)
    if chance.random() < 0.1:
        drops = [data[at : at + 1] for at in range(min(40, len(data)))]
        return (*((0.05, drop) for drop in drops), (0.05, data[40:]))
    cuts = sorted(chance.randrange(1, len(data)) for _ in range(chance.randint(1, 4)))
    edges = zip([0, *cuts], [*cuts, len(data)], strict=True)
    return tuple((chance.choice((0.0, 0.01, 0.2)), data[a:b]) for a, b in edges)
