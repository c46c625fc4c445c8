"""What the parts see of the environment: the shell's variables, .env beneath them, our defaults."""

from __future__ import annotations

import fcntl
from collections.abc import Mapping
from pathlib import Path
from typing import TextIO

from dotenv import dotenv_values

from payments.config import Settings

DEFAULTS = {
    "LOG_LEVEL": "WARNING",
    "PYTHONUNBUFFERED": "1",
    # .env was read here; the flask command need not do it once more.
    "FLASK_SKIP_DOTENV": "1",
    # In a container there is nobody else.
    "PYTHONWARNINGS": "ignore:You're running the worker with superuser privileges",
}


def gathered(environ: Mapping[str, str], folder: Path) -> dict[str, str]:
    """Put the shell's variables over those of .env, and both over the defaults."""
    written = {name: value for name, value in dotenv_values(folder / ".env").items() if value}
    return {**DEFAULTS, **written, **environ}


def told(environ: Mapping[str, str], settings: Settings) -> dict[str, str]:
    """Add what the parts must agree on, so that none of them has to guess."""
    return {
        **environ,
        "PORT": str(settings.port),
        "SANDBOX_PORT": str(settings.sandbox_port),
        "DATA_DIR": str(settings.data_dir),
        "PUBLIC_URL": settings.public_url,
    }


def held(folder: Path) -> TextIO | None:
    """Lock the data folder for as long as the file is open; None when somebody else has it."""
    folder.mkdir(parents=True, exist_ok=True)
    file = (folder / "run.lock").open("w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    return file
