"""Sealed texts open at their place with a known key, and nowhere else."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payments.kit import crypto
from payments.kit.crypto import Sealer, Unsealable

OLD, NEW, OTHER = (crypto.parse_key(crypto.new_key()) for _ in range(3))
PLACE = "projects.secret_key.7"


@given(st.text())
def test_what_is_sealed_opens_again(plain: str) -> None:
    sealer = Sealer((NEW,))
    assert sealer.open(sealer.seal(plain, place=PLACE), place=PLACE) == plain


def test_the_same_text_is_never_sealed_alike() -> None:
    sealer = Sealer((NEW,))
    assert sealer.seal("secret", place=PLACE) != sealer.seal("secret", place=PLACE)


def test_it_opens_at_no_other_place() -> None:
    sealer = Sealer((NEW,))
    with pytest.raises(Unsealable, match=r"projects\.secret_key\.8"):
        sealer.open(sealer.seal("secret", place=PLACE), place="projects.secret_key.8")


def test_a_foreign_key_does_not_open_it() -> None:
    sealed = Sealer((NEW,)).seal("secret", place=PLACE)
    with pytest.raises(Unsealable):
        Sealer((OTHER,)).open(sealed, place=PLACE)


def test_keys_rotate() -> None:
    sealed_before = Sealer((OLD,)).seal("secret", place=PLACE)
    rotated = Sealer((NEW, OLD))
    assert rotated.open(sealed_before, place=PLACE) == "secret"
    sealed_after = rotated.seal("secret", place=PLACE)
    assert Sealer((NEW,)).open(sealed_after, place=PLACE) == "secret"
    with pytest.raises(Unsealable):
        Sealer((OLD,)).open(sealed_after, place=PLACE)


@given(st.integers(0, 200))
def test_a_changed_byte_is_noticed(position: int) -> None:
    sealer = Sealer((NEW,))
    raw = bytearray(base64.urlsafe_b64decode(sealer.seal("secret", place=PLACE)))
    raw[position % len(raw)] ^= 1
    with pytest.raises(Unsealable):
        sealer.open(base64.urlsafe_b64encode(raw).decode(), place=PLACE)


@pytest.mark.parametrize("text", ["", "AQ==", "not sealed at all", "AQ" * 3, "ü"])
def test_what_was_never_sealed_is_refused(text: str) -> None:
    with pytest.raises(Unsealable):
        Sealer((NEW,)).open(text, place=PLACE)


def test_the_repr_shows_no_key() -> None:
    assert repr(Sealer((NEW, OLD))) == "<Sealer with 2 keys>"


def test_a_key_may_come_without_padding() -> None:
    text = crypto.new_key()
    assert crypto.parse_key(f" {text.rstrip('=')} ") == crypto.parse_key(text)


@pytest.mark.parametrize("text", ["", "abc", "!" * 43, "A" * 40, ("A" * 43 + "=") * 2])
def test_what_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        crypto.parse_key(text)


def test_digests_of_text_and_bytes_agree() -> None:
    assert crypto.digest("é") == crypto.digest("é".encode())
    assert len(crypto.digest("")) == 64
