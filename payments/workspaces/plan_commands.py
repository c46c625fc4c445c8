"""`flask plans`: the operator's plans and prices."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from flask.cli import AppGroup

from payments.kit import money
from payments.workspaces import queries
from payments.workspaces.plans.import_plans import (
    ADDED,
    CHANGED,
    SAME,
    Difference,
    compare_plans,
    import_plans,
)
from payments.workspaces.plans.plan_file import InvalidPlanFile, read_plans

plans = AppGroup("plans", help="Set the pricing plans, and show them.")

SIGNS = {ADDED: "+", CHANGED: "~", SAME: "="}


@plans.command("list")
def list_plans() -> None:
    """List all plans, the lowest first."""
    for plan in queries.plans(inactive=True):
        price = f"{money.plain(plan.price_minor, plan.currency)} {plan.currency}"
        state = "active" if plan.is_active else "retired"
        click.echo(
            f"{plan.slug}  {state}  {price} a {plan.price_period}  tier {plan.tier}  {plan.name}"
        )


@plans.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--dry-run", is_flag=True, help="Only show what would change.")
@click.option("--retire-others", is_flag=True, help="Offer no plan that the file does not name.")
def import_file(file: Path, *, dry_run: bool, retire_others: bool) -> None:
    """Bring the plans to what a TOML file says, and show what changes (+ new, ~ changed).

    New prices count from the next upgrade on. Plans that the file does not name stay as they are,
    and workspaces stay on a plan that is retired.
    """
    try:
        differences = (compare_plans if dry_run else import_plans)(
            read_plans(file), retire_others=retire_others
        )
    except (InvalidPlanFile, OSError) as error:
        raise click.ClickException(f"{file} was not imported\n{error}") from error
    for difference in differences:
        click.echo(_describe(difference))
    counts = ", ".join(
        f"{sum(one.kind == kind for one in differences)} {kind}" for kind in (ADDED, CHANGED, SAME)
    )
    click.echo(f"{counts}{'; nothing was written (--dry-run)' if dry_run else ''}")


def _describe(difference: Difference) -> str:
    changes = [
        f"  {name}: {_show(former)} -> {_show(new)}"
        for name, (former, new) in difference.fields.items()
    ]
    return "\n".join([f"{SIGNS[difference.kind]} {difference.slug}", *changes])


def _show(value: Any) -> str:
    return str(value) if value not in ("", []) else "nothing"
