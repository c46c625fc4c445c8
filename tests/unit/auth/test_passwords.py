"""Hashing of passwords."""

from __future__ import annotations

import runpy
from collections.abc import Iterator
from pathlib import Path

import pytest
from argon2 import PasswordHasher, extract_parameters
from flask import Flask
from werkzeug.security import generate_password_hash

from payments import config
from payments.auth import passwords
from payments.auth.errors import WeakPassword
from payments.auth.hashing_slots import limit_hashing
from tests.support.people import CHEAP_HASHER

OF_BEFORE = generate_password_hash("correct horse", "scrypt:1024:8:1")


@pytest.fixture(autouse=True)
def cheap(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(passwords, "HASHER", CHEAP_HASHER)
    app = Flask(__name__)
    limit_hashing(app, slots=1, web_threads=4)
    with app.app_context():
        yield


class TestIsPasswordCorrect:
    def test_the_right_password(self) -> None:
        stored = passwords.hash_password("correct horse")
        assert passwords.is_password_correct("correct horse", stored)

    @pytest.mark.parametrize(
        "wrong", ["correct hors", "Correct horse", "", "correct horse ", "\x00"]
    )
    def test_a_wrong_password(self, wrong: str) -> None:
        stored = passwords.hash_password("correct horse")
        assert not passwords.is_password_correct(wrong, stored)
        assert not passwords.is_password_correct(wrong, OF_BEFORE)

    @pytest.mark.parametrize("stored", [None, "", "x", "$argon2id$", "scrypt:", "scrypt:1:1:1$a$b"])
    def test_without_a_hash_nothing_is_right(self, stored: str | None) -> None:
        for password in ("", "x", stored or "y"):
            assert passwords.is_password_correct(password, stored) is False

    def test_the_same_letters_from_another_keyboard(self) -> None:
        stored = passwords.hash_password("passe\u0301word")
        assert passwords.is_password_correct("pass\u00e9word", stored)

    def test_a_hash_of_before_still_opens(self) -> None:
        assert passwords.is_password_correct("correct horse", OF_BEFORE)

    def test_the_decoy_costs_what_a_hash_costs(self) -> None:
        decoy = passwords._make_decoy(passwords.HASHER)
        assert extract_parameters(decoy) == extract_parameters(passwords.hash_password("x"))


class TestHashPassword:
    def test_every_hash_has_its_own_salt(self) -> None:
        first, second = (passwords.hash_password("correct horse") for _ in range(2))
        assert first != second

    def test_it_fits_the_column(self) -> None:
        longest = "\U0001f600" * passwords.LONGEST
        assert len(passwords.hash_password(longest)) <= 255

    def test_the_strength_that_is_shipped(self) -> None:
        """At or above OWASP's minimum: 19 MiB, two passes, one lane."""
        shipped = runpy.run_path(passwords.__file__)["HASHER"]
        assert shipped.type.name == "ID"
        assert shipped.memory_cost >= 19_456
        assert shipped.time_cost >= 2
        assert shipped.parallelism == 1

    def test_a_flood_of_log_ins_takes_little_memory(self, tmp_path: Path) -> None:
        """Both of the web's processes with all slots taken: measured, 64 MiB is what may grow."""
        hasher = runpy.run_path(passwords.__file__)["HASHER"]
        slots = config.load({"DATA_DIR": str(tmp_path)}).password_hashing_slots
        assert 2 * slots * hasher.memory_cost <= 40 * 1024


class TestNeedsRehash:
    def test_of_a_present_hash_no(self) -> None:
        assert not passwords.needs_rehash(passwords.hash_password("correct horse"))

    def test_of_another_cost_or_kind_yes(self, monkeypatch: pytest.MonkeyPatch) -> None:
        stored = passwords.hash_password("correct horse")
        monkeypatch.setattr(passwords, "HASHER", PasswordHasher(time_cost=2, memory_cost=16))
        assert passwords.needs_rehash(stored)
        assert passwords.needs_rehash(OF_BEFORE)


class TestCheckNewPassword:
    @pytest.mark.parametrize(
        "password",
        [
            "correct horse battery",
            "twelve chars",
            "мой-пароль-密码",
            "no rules here",
            "\U0001f600a" * 7,
        ],
    )
    def test_what_may_be_chosen(self, password: str) -> None:
        passwords.check_new_password(password + "!?z", email="ann@example.com")

    @pytest.mark.parametrize(
        ("password", "said"),
        [
            ("elevenchars", "12 to 128"),
            ("x1" * 65, "12 to 128"),
            ("ann.lee@example.com", "email address"),
            ("Password1234", "too common"),
        ],
    )
    def test_what_may_not(self, password: str, said: str) -> None:
        with pytest.raises(WeakPassword, match=said) as caught:
            passwords.check_new_password(
                password, email="Ann.Lee@example.com", field="new_password"
            )
        assert caught.value.field == "new_password"
        assert password not in str(caught.value)
