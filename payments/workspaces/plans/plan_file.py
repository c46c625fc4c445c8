"""Reads the operator's plans from a TOML file, strictly: what it says is what people will pay."""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import marshmallow as ma
from marshmallow import fields, validate

from payments.kit import money
from payments.kit.http import Text
from payments.workspaces.models.plans import PERIOD_RANK
from payments.workspaces.plans.resolve import SLUG

LARGEST_NUMBER = 2**31 - 1
# What a plan has under the same name as its table.
_SAME = ("slug", "name", "description", "currency", "tier", "restrictions", "features")


class InvalidPlanFile(ValueError):
    """The file is not what it should be; each line of the text names a plan and a field."""


@dataclass(frozen=True)
class Plan:
    """A plan as the file has it, its price in minor units."""

    slug: str
    name: str
    description: str
    price_minor: int
    currency: str
    price_period: str
    tier: int
    restrictions: dict[str, Any]
    features: list[str]
    is_active: bool


class _Restriction(fields.Field[Any]):
    """What a plan's limits may hold: whole numbers, words, switches, lists of words."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        if isinstance(value, list):
            return [self._deserialize(part, attr, data) for part in value]
        if isinstance(value, str):
            return Text(most=200).deserialize(value)
        if isinstance(value, bool) or (isinstance(value, int) and abs(value) <= LARGEST_NUMBER):
            return value
        raise ma.ValidationError("Must be a whole number, a text, true, false or a list of these.")


class _PlanSchema(ma.Schema):
    """One table `[[plans]]`; unknown keys are refused, as one of them is a misspelt other."""

    class Meta:
        unknown = ma.RAISE

    slug = Text(least=1, most=60, required=True, validate=validate.Regexp(f"^{SLUG.pattern}$"))
    name = Text(least=1, most=100, required=True)
    description = Text(most=500, load_default="")
    price = fields.String(
        required=True, error_messages={"invalid": 'Must be written as a text, such as "9.99".'}
    )
    currency = fields.String(required=True, validate=validate.OneOf(sorted(money.CURRENCIES)))
    period = fields.String(required=True, validate=validate.OneOf(list(PERIOD_RANK)))
    tier = fields.Integer(required=True, strict=True, validate=validate.Range(0, 10_000))
    active = fields.Boolean(load_default=True, truthy={True}, falsy={False})
    features = fields.List(Text(least=1, most=200), load_default=list)
    restrictions = fields.Dict(Text(least=1, most=100), _Restriction(), load_default=dict)


def read_plans(path: Path) -> list[Plan]:
    """Return the plans of a file in its order.

    Raises InvalidPlanFile with all faults of its plans, and OSError when it cannot be read.
    https://toml.io/en/v1.0.0
    """
    try:
        document = tomllib.loads(path.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidPlanFile(f"it is no TOML file: {error}") from error
    tables = document.pop("plans", None)
    if document or not isinstance(tables, list) or not tables:
        raise InvalidPlanFile("it must have tables named [[plans]] and nothing else")
    plans: list[Plan] = []
    faults: list[str] = []
    for number, table in enumerate(tables, 1):
        try:
            plans.append(_read(table))
        except ma.ValidationError as error:
            faults += _describe(error.messages, f"plan {number}")
    slugs = Counter(plan.slug for plan in plans)
    faults += [f"plan {slug}: stands there {n} times" for slug, n in slugs.items() if n > 1]
    if faults:
        raise InvalidPlanFile("\n".join(faults))
    return plans


def _read(table: Any) -> Plan:
    loaded = _PlanSchema().load(table)
    return Plan(
        price_minor=_read_price(loaded),
        price_period=loaded["period"],
        is_active=loaded["active"],
        **{key: loaded[key] for key in _SAME},
    )


def _read_price(loaded: dict[str, Any]) -> int:
    """Return minor units of an amount that Stripe charges, or of nothing."""
    try:
        minor = money.to_minor(loaded["price"], loaded["currency"])
        if minor:
            money.check_chargeable(minor, loaded["currency"])
    except (money.NotMoney, money.NotChargeable) as error:
        raise ma.ValidationError({"price": [str(error)]}) from error
    return minor


def _describe(messages: Any, path: str) -> Iterator[str]:
    if isinstance(messages, dict):
        for key, inner in messages.items():
            yield from _describe(inner, f"{path}: {key}")
    else:
        yield f"{path}: {' '.join(map(str, messages))}"
