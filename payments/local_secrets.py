"""Development secrets: generated once into DATA_DIR, so that a fresh clone needs no key."""

from __future__ import annotations

import json
import os
import secrets
import tempfile
from pathlib import Path

from payments.kit import crypto

FILE = "secrets.json"


def read(folder: Path) -> dict[str, str]:
    """Return the stored secrets, generating them when there are none yet."""
    path = folder / FILE
    if not path.exists():
        _create(path, _generated())
    return dict(json.loads(path.read_text()))


def add(folder: Path, **values: str) -> None:
    """Keep further secrets (the sandbox's webhook secret) beside the generated ones."""
    path = folder / FILE
    _written(folder, {**read(folder), **values}).replace(path)


def _generated() -> dict[str, str]:
    return {
        "secret_key": secrets.token_urlsafe(48),
        "jwt_secret_key": secrets.token_urlsafe(48),
        "credentials_keys": crypto.new_key(),
        "operator_key": f"op_{secrets.token_urlsafe(24)}",
    }


def _create(path: Path, values: dict[str, str]) -> None:
    # Several processes start at once: a link is made by the first and refused to the others.
    path.parent.mkdir(parents=True, exist_ok=True)
    made = _written(path.parent, values)
    try:
        os.link(made, path)
    except FileExistsError:
        pass
    finally:
        made.unlink()


def _written(folder: Path, values: dict[str, str]) -> Path:
    handle, name = tempfile.mkstemp(dir=folder, prefix=".secrets-")
    with os.fdopen(handle, "w") as file:  # mkstemp makes it readable for the owner alone
        json.dump(values, file, indent=1)
    return Path(name)
