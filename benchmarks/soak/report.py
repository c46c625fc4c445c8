"""The soak's report, as it stands in the documentation."""

from __future__ import annotations

from typing import Any


def written(told: dict[str, Any]) -> str:
    """Write down what was done to the service and what came of it."""
    findings, tally = told["findings"], told["tally"]
    verdict = "Both ledgers agree to the cent." if not findings.faults else "THE LEDGERS DISAGREE."
    return "\n".join(
        [
            "# Soak",
            "",
            "What `make soak` printed: mixed load (upgrades, refunds, downloads, webhooks of both",
            "directions) while a random process is killed every ten seconds and Redis is flushed",
            "twice; then Stripe's ledger is laid beside ours.",
            "",
            f"**{verdict}**",
            "",
            *_table("run", _run(told)),
            *_table("compared, the same on both sides", findings.figures),
            *_table("answers to the customers", dict(sorted(tally.outcomes.items()))),
            *_list("Disagreements", findings.faults),
            *_list("Answers that nobody should get", tally.unexpected),
        ]
    )


def _run(told: dict[str, Any]) -> dict[str, Any]:
    settled = told["settled"]
    return {
        "engine": told["engine"],
        "seconds under load": told["seconds"],
        "processes killed": _parts(told["kills"]),
        "Redis flushed": told["flushes"],
        "parts started again": _parts(told["restarts"]),
        "seconds until nothing waited": "never" if settled is None else f"{settled:.0f}",
    }


def _parts(counted: dict[str, int]) -> str:
    named = ", ".join(f"{name} {number}" for name, number in sorted(counted.items()))
    return f"{sum(counted.values())} ({named})" if counted else "0"


def _table(title: str, rows: dict[str, Any]) -> list[str]:
    lines = [f"| {name} | {value} |" for name, value in rows.items()]
    return [f"| {title} | |", "|---|---|", *lines, ""]


def _list(title: str, found: list[str]) -> list[str]:
    return [f"## {title}", "", *(f"- {text}" for text in found[:50]), ""] if found else []
