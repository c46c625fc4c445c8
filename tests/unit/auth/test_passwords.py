"""Hashing of passwords."""

from __future__ import annotations

import runpy

import pytest

from payments.auth import passwords


@pytest.fixture(autouse=True)
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "METHOD", "scrypt:1024:8:1")


class TestMatches:
    def test_the_right_password(self) -> None:
        assert passwords.matches("correct horse", passwords.hashed("correct horse"))

    @pytest.mark.parametrize(
        "wrong", ["correct hors", "Correct horse", "", "correct horse ", "\x00"]
    )
    def test_a_wrong_password(self, wrong: str) -> None:
        assert not passwords.matches(wrong, passwords.hashed("correct horse"))

    def test_nobody(self) -> None:
        assert passwords.matches("nobody has this password", None) is False

    def test_the_same_letters_from_another_keyboard(self) -> None:
        assert passwords.matches("pass\u00e9word", passwords.hashed("passe\u0301word"))

    def test_a_hash_of_another_strength_still_opens(self, monkeypatch: pytest.MonkeyPatch) -> None:
        stored = passwords.hashed("correct horse")
        monkeypatch.setattr(passwords, "METHOD", "scrypt:2048:8:1")
        assert passwords.matches("correct horse", stored)
        assert passwords.hashed("correct horse").startswith("scrypt:2048:")


class TestHashed:
    def test_every_hash_has_its_own_salt(self) -> None:
        assert passwords.hashed("correct horse") != passwords.hashed("correct horse")

    def test_it_fits_the_column(self) -> None:
        assert len(passwords.hashed("\U0001f600" * passwords.LONGEST)) <= 255

    def test_the_strength_that_is_shipped(self) -> None:
        shipped = runpy.run_path(passwords.__file__)["METHOD"]
        name, cost, block, _parallel = shipped.split(":")
        assert name == "scrypt"
        assert int(cost) >= 2**15
        assert int(block) >= 8
