"""Proves that the migrations make what the models say, on both engines, there and back."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import sqlalchemy as sa

from payments.kit.db import normalize_url

ROOT = Path(__file__).parents[1]
# check: the models ask for nothing that the migrations do not make.
STEPS = (("upgrade",), ("check",), ("downgrade", "base"), ("upgrade",), ("check",))


@contextmanager
def fresh_database(server: str) -> Iterator[str]:
    """Make an empty database on the server and drop it afterwards."""
    name = f"payments_migrations_{uuid4().hex[:12]}"
    engine = sa.create_engine(normalize_url(server), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(sa.text(f"CREATE DATABASE {name}"))
    try:
        yield engine.url.set(database=name).render_as_string(hide_password=False)
    finally:
        with engine.connect() as connection:
            connection.execute(sa.text(f"DROP DATABASE {name} WITH (FORCE)"))
        engine.dispose()


def flask_db(words: tuple[str, ...], url: str, folder: str) -> subprocess.CompletedProcess[str]:
    environ = {**os.environ, "DATABASE_URL": url, "DATA_DIR": folder, "FLASK_SKIP_DOTENV": "1"}
    command = [sys.executable, "-m", "flask", "--app", "wsgi", "db", *words]
    return subprocess.run(
        command, cwd=ROOT, env=environ, check=False, capture_output=True, text=True
    )


def walk(engine: str, url: str, folder: str) -> bool:
    """Take the steps one by one; tell the first that fails."""
    heads = flask_db(("heads",), url, folder).stdout.split("\n")
    if sum("(head)" in line for line in heads) != 1:
        print(f"{engine}: there must be one head, not: {heads}")
        return False
    for words in STEPS:
        done = flask_db(words, url, folder)
        print(f"{engine}: flask db {' '.join(words)}: {'ok' if not done.returncode else 'FAILED'}")
        if done.returncode:
            print(done.stdout, done.stderr)
            return False
    return True


def main() -> int:
    """Walk on SQLite and on the PostgreSQL of DATABASE_URL."""
    server = os.environ.get("DATABASE_URL", "postgres://postgres@127.0.0.1:5432/postgres")
    with tempfile.TemporaryDirectory() as folder:
        whole = walk("SQLite", f"sqlite:///{folder}/fresh.sqlite3", folder)
        try:
            with fresh_database(server) as url:
                whole = walk("PostgreSQL", url, folder) and whole
        except sa.exc.OperationalError as error:
            print(f"payments: PostgreSQL is not reachable: {str(error).splitlines()[0]}")
            return 1
    return 0 if whole else 1


if __name__ == "__main__":
    sys.exit(main())
