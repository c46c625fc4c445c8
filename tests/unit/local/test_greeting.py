"""What is shown once everything runs."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from payments.config import Settings
from payments.local import greeting

Load = Callable[..., Settings]


@pytest.fixture
def demo() -> dict[str, Any]:
    people = {
        role: {"email": f"{role}@demo.example", "password": "it's $5"} for role in greeting.PEOPLE
    }
    return {
        "base_url": "http://127.0.0.1:8100",
        "sandbox_url": "http://127.0.0.1:12200",
        "platform": {"publishable_key": "pk_test_abcdefgh"},
        "workspace": {"id": 1, "slug": "acme"},
        **people,
    }


def test_addresses_people_and_a_first_charge(
    load: Load, tmp_path: Path, demo: dict[str, Any]
) -> None:
    (tmp_path / "demo.json").write_text(json.dumps(demo))
    told = greeting.text(load(PORT="8100"))
    for part in (
        "http://127.0.0.1:8100/docs",
        "sandbox  http",
        "owner@demo.example",
        "invoice.pdf",
    ):
        assert part in told


def test_without_demo_people(load: Load) -> None:
    told = greeting.text(load())
    assert "http://127.0.0.1:8000" in told
    assert "first charge" not in told


def test_with_a_spoilt_file(load: Load, tmp_path: Path) -> None:
    (tmp_path / "demo.json").write_text("{")
    assert "first charge" not in greeting.text(load())


def test_with_stripe_itself(load: Load, tmp_path: Path, demo: dict[str, Any]) -> None:
    del demo["platform"]
    (tmp_path / "demo.json").write_text(json.dumps(demo))
    told = greeting.text(load(STRIPE_SECRET_KEY="sk_test_51" + "a" * 97))
    assert "owner@demo.example" in told
    assert "sandbox " not in told
    assert "first charge" not in told


def test_the_shell_reads_every_value_as_it_is(demo: dict[str, Any]) -> None:
    head = greeting.first_charge(demo).splitlines()[0]
    done = subprocess.run(
        ["bash", "-c", f'{head}\nprintf "%s|" "$API" "$SLUG" "$LOGIN"'],
        check=True,
        capture_output=True,
        text=True,
    )
    api, slug, login, _ = done.stdout.split("|")
    assert (api, slug) == (demo["base_url"], "acme")
    assert json.loads(login) == demo["owner"]


def test_the_block_is_good_shell() -> None:
    done = subprocess.run(["bash", "-n", str(greeting.FIRST_CHARGE)], check=False)
    assert done.returncode == 0
