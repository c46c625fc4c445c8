"""`python -m payments.sandbox`: the sandbox as a process of its own."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Mapping
from pathlib import Path

from .fixtures import load_fixtures
from .messages import Json
from .server import Sandbox
from .settings import Settings


def main(environ: Mapping[str, str] = os.environ) -> int:
    """Serve until a signal comes (0); 1 and one line when that cannot be."""
    if environ.get("PAYMENTS_ENV", "").strip() == "production":
        return _refuse("the sandbox stands in for Stripe: it does not run in production")
    os.umask(0o077)  # its database holds what people typed into its pages
    port_text = environ.get("SANDBOX_PORT", "12111")
    host = environ.get("SANDBOX_HOST", "127.0.0.1")
    if not port_text.isdecimal() or int(port_text) > 65535:
        return _refuse(f"SANDBOX_PORT is not a port number: {port_text}")
    database = Path(environ.get("DATA_DIR", ".data")) / "sandbox.sqlite3"
    try:
        sandbox = Sandbox(int(port_text), str(database), host, _settings(environ))
    except OSError as problem:
        return _refuse(f"sandbox cannot listen on {host}:{port_text}: {problem.strerror}")
    except ValueError as problem:
        return _refuse(str(problem))
    _serve(sandbox, database)
    return 0


def _settings(environ: Mapping[str, str]) -> Settings:
    retries = environ.get("SANDBOX_WEBHOOK_RETRIES", "")
    waits = [_seconds("SANDBOX_WEBHOOK_RETRIES", wait) for wait in retries.split(",") if wait]
    return Settings(
        search_lag=_seconds("SANDBOX_SEARCH_LAG", environ.get("SANDBOX_SEARCH_LAG", "5")),
        refund_delay=_seconds("SANDBOX_REFUND_DELAY", environ.get("SANDBOX_REFUND_DELAY", "5")),
        processing_delay=_seconds(
            "SANDBOX_PROCESSING_DELAY", environ.get("SANDBOX_PROCESSING_DELAY", "5")
        ),
        retry_schedule=tuple(waits) or Settings.retry_schedule,
        merchant_name=environ.get("SANDBOX_MERCHANT", Settings.merchant_name),
        public_url=environ.get("SANDBOX_PUBLIC_URL", "").rstrip("/"),
        fixtures=_fixtures(environ.get("SANDBOX_FIXTURES", "")),
    )


def _fixtures(path: str) -> tuple[Json, ...]:
    """Try them on an account that is thrown away: a refusal has to be told at the start."""
    fixtures = load_fixtures(path) if path else ()
    if fixtures:
        trial = Sandbox.offline(settings=Settings(fixtures=fixtures))
        trial.send("GET", "/v1/balance", key="sk_test_fixtures")
        trial.close()
    return fixtures


def _seconds(name: str, text: str) -> int:
    if not text.strip().isdecimal():
        raise ValueError(f"{name} is not a number of seconds: {text}")
    return int(text)


def _serve(sandbox: Sandbox, database: Path) -> None:
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    with sandbox:
        sys.stdout.write(f"sandbox ready on {sandbox.url}, data in {database}\n")
        sys.stdout.flush()
        stopped.wait()


def _refuse(message: str) -> int:
    sys.stderr.write(f"{message}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
