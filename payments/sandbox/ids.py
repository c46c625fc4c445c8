"""Identifiers and secrets that look like Stripe's, because client code checks their prefixes."""

import string
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from random import Random, SystemRandom

ALPHABET = string.ascii_letters + string.digits

# Most ids are a prefix and 24 characters; these few differ.
LENGTHS = {"cus": 14, "req": 14, "whsec": 32, "cs_test": 58, "cs_live": 58}

SYSTEM = SystemRandom()
_source: ContextVar[Random | None] = ContextVar("source", default=None)


@contextmanager
def draw_ids_from(source: Random) -> Iterator[None]:
    """Within the block all ids and secrets come from `source`: the same seed, the same ids."""
    token = _source.set(source)
    try:
        yield
    finally:
        _source.reset(token)


def random_text(length: int) -> str:
    source = _source.get() or SYSTEM
    return "".join(source.choices(ALPHABET, k=length))


def random_digits(length: int) -> str:
    """Numbers that banks and card networks give out."""
    source = _source.get() or SYSTEM
    return "".join(source.choices(string.digits, k=length))


def new_id(prefix: str) -> str:
    return f"{prefix}_{random_text(LENGTHS.get(prefix, 24))}"


def client_secret(intent_id: str) -> str:
    return f"{intent_id}_secret_{random_text(25)}"
