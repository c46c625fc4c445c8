"""What the terminal shows once everything runs: addresses, people, and a first charge to paste."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

from payments.config import Settings

PEOPLE = ("owner", "admin", "member", "outsider", "platform_admin")

# Plain curl and python3; the sandbox's call is what Stripe.js does in a browser.
FIRST_CHARGE = Path(__file__).with_name("first_charge.sh")


def text(settings: Settings) -> str:
    """Write it all; without the demo people (a database seeded elsewhere) only the addresses."""
    lines = ["", f"  API      {settings.public_url}", f"  docs     {settings.public_url}/docs"]
    if settings.stripe_api_base:
        lines.append(f"  sandbox  {settings.stripe_api_base}")
    demo = _demo(settings.data_dir / "demo.json")
    if demo is not None:
        lines += ["", *_people(demo), f"  (all of it in {settings.data_dir / 'demo.json'})"]
        if "platform" in demo:
            lines += ["", "A first charge, to paste into another terminal:", "", first_charge(demo)]
    return "\n".join([*lines, "Ctrl-C stops everything.", ""])


def first_charge(demo: dict[str, Any]) -> str:
    """Return shell lines that take a card, charge it and fetch the invoice as PDF."""
    given = {
        "API": demo["base_url"],
        "SANDBOX": demo["sandbox_url"],
        "SLUG": demo["workspace"]["slug"],
        "PK": demo["platform"]["publishable_key"],
        "LOGIN": json.dumps(demo["owner"]),
    }
    head = " ".join(f"{name}={shlex.quote(value)}" for name, value in given.items())
    return f"{head}\n{FIRST_CHARGE.read_text()}"


def _people(demo: dict[str, Any]) -> list[str]:
    return [
        f"  {role:15} {demo[role]['email']:29} {demo[role]['password']}"
        for role in PEOPLE
        if role in demo
    ]


def _demo(path: Path) -> dict[str, Any] | None:
    try:
        held: dict[str, Any] = json.loads(path.read_text())
    except (OSError, ValueError):
        return None
    return held
