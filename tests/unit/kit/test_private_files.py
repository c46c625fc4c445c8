"""Files of the service are for its own user."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from payments.kit.private_files import make_private


@pytest.fixture(autouse=True)
def open_umask() -> Iterator[None]:
    former = os.umask(0o022)
    yield
    os.umask(former)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_new_folder_and_what_comes_into_it(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "data"
    make_private(folder)
    made = folder / "payments.sqlite3"
    made.write_text("x")
    (folder / "invoices").mkdir()
    assert (mode(folder), mode(made), mode(folder / "invoices")) == (0o700, 0o600, 0o700)


def test_what_a_former_version_left_open_is_closed(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    (folder / "invoices" / "1").mkdir(parents=True)
    files = [folder / "payments.sqlite3", folder / "invoices" / "1" / "x.pdf"]
    for file in files:
        file.write_text("x")
    assert mode(files[0]) == 0o644
    make_private(folder)
    assert [mode(path) for path in files] == [0o600, 0o600]
    assert mode(folder / "invoices" / "1") == 0o700


def test_a_database_that_was_copied_in_is_closed(tmp_path: Path) -> None:
    make_private(tmp_path / "data")
    os.umask(0o022)
    copied = tmp_path / "data" / "sandbox.sqlite3"
    copied.write_text("x")
    make_private(tmp_path / "data")
    assert mode(copied) == 0o600


def test_a_link_leads_nowhere_else(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_text("x")
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "link").symlink_to(outside)
    (folder / "broken").symlink_to(tmp_path / "nothing")
    make_private(folder)
    assert mode(outside) == 0o644


def test_a_folder_of_everybodys_stays_open(tmp_path: Path) -> None:
    tmp_path.chmod(0o1777)
    make_private(tmp_path)
    assert mode(tmp_path) == 0o1777
