"""Which passwords are guessed first."""

from __future__ import annotations

import pytest

from payments.auth.weakness import is_built_on, is_easily_guessed

EMAIL = "ann.lee42@example.com"


@pytest.mark.parametrize(
    "password",
    [
        "1q2w3e4r5t6y", "LeaveMeAlone", "justinbieber",  # common ones of twelve letters
        "password1234", "!!Password!!2024", "2024-superman-1", "   football   ",
        "passwordpassword", "passwordpasswordpass", "Monkey1Monkey1",
        "aaaaaaaaaaaa", "\u00e9" * 12, "abcabcabcabc", "abcabcabcabca", "x7Q!x7Q!x7Q!",
        "123456789012", "210987654321", "abcdefghijkl", "zyxwvutsrqpo", "abcdefghijkl99",
        "ABCDEFGHIJKL", "            ",
    ],
)  # fmt: skip
def test_these_are(password: str) -> None:
    assert is_easily_guessed(password)


@pytest.mark.parametrize(
    "password",
    [
        "correct horse battery", "Correct-horse-9", "twelve chars", "kq8-Zr2!pw0x", "834150927764",
        "rainy tuesday in may", "Demo-3f9a1c77b2e0-1", "abcdefgh-ponies",
        "8341ab509277",
    ],
)  # fmt: skip
def test_these_are_not(password: str) -> None:
    assert not is_easily_guessed(password)


@pytest.mark.parametrize(
    "password",
    [
        "ann.lee42@example.com", "ANN.LEE42@EXAMPLE.COM", "ann.lee42", "ann.lee",
        "ann.lee1234567", "99ann.lee4299", "12ann.lee42@example.com34",
    ],
)  # fmt: skip
def test_an_address_and_its_likes(password: str) -> None:
    assert is_built_on(password, EMAIL)


@pytest.mark.parametrize("password", ["ann lee is my name", "example.com and more", "1234567890-!"])
def test_what_only_resembles_it(password: str) -> None:
    assert not is_built_on(password, EMAIL)
    assert not is_built_on(password, "12345@example.com")
