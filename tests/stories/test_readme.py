"""The README's first charge works as it is printed."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from payments.config import SANDBOX_PLATFORM_KEY
from tests.support import processes, stack
from tests.support.site import Site, open_site

README = Path(__file__).parents[2] / "README.md"


def printed_charge() -> str:
    """Return the shell block under "A first charge"."""
    text = README.read_text("utf-8").partition("## A first charge")[2]
    found = re.search(r"```sh\n(.*?)```", text, re.DOTALL)
    assert found is not None
    return found[1]


@pytest.fixture
def site(tmp_path: Path, sandbox: stack.Sandbox) -> Iterator[Site]:
    """An installation of its own, with the Stripe key that `make run` uses."""
    key = {"STRIPE_SECRET_KEY": SANDBOX_PLATFORM_KEY}
    with open_site(tmp_path / "site", sandbox, own_redis=True, **key) as made:
        yield made


def test_a_stranger_pastes_it_and_holds_a_paid_invoice(
    site: Site, sandbox: stack.Sandbox, tmp_path: Path
) -> None:
    with processes.web(site.environment) as web, site.worker():
        block = printed_charge()
        for name, url in (
            ("http://127.0.0.1:8000", web.base),
            ("http://127.0.0.1:12111", sandbox.url),
        ):
            assert name in block
            block = block.replace(name, url)
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", block],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    assert done.returncode == 0, done.stderr
    assert '"message":"Plan upgraded successfully"' in done.stdout
    assert '"status":"paid"' in done.stdout
    assert (tmp_path / "invoice.pdf").read_bytes().startswith(b"%PDF-")
