"""What is started, and what the environment takes over itself."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from payments.config import Settings
from payments.local import parts

Load = Callable[..., Settings]


def names(settings: Settings, **environ: str) -> list[str]:
    made = parts.plan(settings, environ)
    return [part.name for part in (*made.servers, *made.steps, *made.service)]


def test_everything_is_embedded_by_default(load: Load) -> None:
    assert names(load()) == ["valkey", "sandbox", "migrate", "seed", "web", "worker", "beat"]


@pytest.mark.parametrize(
    ("environ", "missing"),
    [
        ({"REDIS_URL": "redis://cache.example"}, "valkey"),
        ({"STRIPE_API_BASE": "http://127.0.0.1:12111"}, "sandbox"),
        ({"STRIPE_SECRET_KEY": "sk_test_51" + "a" * 97}, "sandbox"),
    ],
)
def test_what_the_environment_names_is_not_started(
    load: Load, environ: dict[str, str], missing: str
) -> None:
    assert missing not in names(load(**environ), **environ)
    assert len(names(load(**environ), **environ)) == 6


def test_valkey_keeps_its_messages(load: Load, tmp_path: Path) -> None:
    valkey = parts.plan(load(VALKEY_PORT="6500"), {}).servers[0]
    words = " ".join(valkey.command)
    assert "--port 6500" in words
    assert "--appendonly yes" in words
    assert "--maxmemory-policy noeviction" in words
    assert (tmp_path / "valkey").is_dir()


def test_the_web_listens_on_its_port_with_so_many_processes(load: Load) -> None:
    settings = load(PORT="8100")
    web = parts.plan(settings, {"WEB_CONCURRENCY": "5"}).service[0]
    words = " ".join(web.command)
    assert "--bind 127.0.0.1:8100" in words
    assert "--workers 5 --threads 8" in words
    assert "--workers 2 " in " ".join(parts.plan(settings, {}).service[0].command)


def test_every_lasting_port_has_the_name_that_moves_it(load: Load) -> None:
    held = {part.port_name: part.port for part in parts.plan(load(), {}).lasting if part.port}
    assert held == {"VALKEY_PORT": 6399, "SANDBOX_PORT": 12111, "PORT": 8000}


def test_nothing_answers_yet(load: Load, free_port: Callable[[], int]) -> None:
    ports = {name: str(free_port()) for name in ("PORT", "SANDBOX_PORT", "VALKEY_PORT")}
    made = parts.plan(load(**ports), {})
    answers = [part.ready() for part in made.lasting if part.ready]
    assert [whole for whole, _why in answers] == [False, False, False]
    assert all(why for _whole, why in answers)


class TestAbsentServers:
    def test_those_that_were_chosen_and_do_not_answer(
        self, load: Load, free_port: Callable[[], int]
    ) -> None:
        chosen = {
            "REDIS_URL": f"redis://:pw@127.0.0.1:{free_port()}/0",
            "DATABASE_URL": f"postgres://u:pw@127.0.0.1:{free_port()}/d",
        }
        assert parts.absent_servers(load(**chosen), chosen) == ["REDIS_URL", "DATABASE_URL"]

    def test_those_that_answer_are_there(self, load: Load, taken_port: int) -> None:
        chosen = {"REDIS_URL": f"redis://127.0.0.1:{taken_port}", "DATABASE_URL": "sqlite:///x"}
        assert parts.absent_servers(load(**chosen), chosen) == []

    def test_embedded_ones_are_none_of_them(self, load: Load) -> None:
        assert parts.absent_servers(load(), {}) == []


def test_the_root_holds_what_the_parts_load() -> None:
    assert (parts.root() / "wsgi.py").exists()
