"""docs/deploy.md, followed to the letter, ends with a paid invoice."""

from __future__ import annotations

import os
import re
import secrets
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from payments.sandbox.server import Sandbox
from tests.support import processes, stack
from tests.support.site import GIVEN_DATABASE, spare_redis

DOCUMENT = processes.ROOT / "docs" / "deploy.md"

pytestmark = [
    pytest.mark.skipif(
        not (GIVEN_DATABASE and spare_redis()),
        reason="production runs on PostgreSQL and Redis: DATABASE_URL and REDIS_URL",
    ),
    # A dozen programs start one after another, each in a second or some.
    pytest.mark.timeout(300),
]


def printed_blocks() -> list[str]:
    """Return the shell blocks of the document in their order."""
    return re.findall(r"```sh\n(.*?)```", DOCUMENT.read_text("utf-8"), re.DOTALL)


class Shell:
    """One shell after another, each with the variables that the one before has exported."""

    def __init__(self, folder: Path, variables: dict[str, str]) -> None:
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        self.folder = folder
        self.variables = {"PATH": path, "HOME": str(folder), **variables}

    def run(self, block: str) -> str:
        """Run a block in the clone, keep what it exports, and return what it printed."""
        kept = self.folder / "environment"
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", f"set -a\n{block}\nenv -0 > {kept}"],
            cwd=processes.ROOT,
            env=self.variables,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, f"{block}\n{done.stdout}\n{done.stderr}"
        pairs = (pair.partition("=") for pair in kept.read_text().split("\0") if pair)
        self.variables = {name: value for name, _, value in pairs}
        return done.stdout


@pytest.fixture
def shell(tmp_path: Path, sandbox: Sandbox) -> Iterator[Shell]:
    """A shell that has what comes from elsewhere: servers and Stripe, which is the sandbox here."""
    with ExitStack() as held:
        database = held.enter_context(stack.database(GIVEN_DATABASE, tmp_path))
        yield Shell(
            tmp_path,
            {
                "DATABASE_URL": database,
                "REDIS_URL": str(spare_redis()),
                "STRIPE_SECRET_KEY": f"sk_test_{secrets.token_hex(12)}",
                "STRIPE_WEBHOOK_SECRET": f"whsec_{secrets.token_hex(16)}",
                "STRIPE_API_BASE": sandbox.url,
                "STRIPE_ALLOW_OTHER_API_BASE": "true",
                "DATA_DIR": str(tmp_path / "data"),
                "FLASK_SKIP_DOTENV": "1",
                "PDF": str(tmp_path / "invoice.pdf"),
            },
        )


def test_it_gives_a_first_paid_upgrade(shell: Shell, tmp_path: Path) -> None:
    keys, words, plans, ready, upgrade, rotation = printed_blocks()
    shell.run(keys)
    shell.run(words)
    assert "team  active  19.00 usd a month" in shell.run(plans)

    environment = shell.variables
    with (
        processes.web(environment) as web,
        processes.worker(environment),
        processes.beat(environment),
    ):
        shell.variables["API"] = web.base
        assert '"status":"ready"' in shell.run(ready)
        bought = shell.run(upgrade)

    assert '"message":"Plan upgraded successfully"' in bought
    assert re.search(r'"status":"paid","amount":19(\.0+)?,', bought)
    assert (tmp_path / "invoice.pdf").read_bytes().startswith(b"%PDF-")
    assert "0 open with no key" in shell.run(rotation)
