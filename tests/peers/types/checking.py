"""Compares a body with the type that Stripe's library declares for it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.peers.types.declarations import Named, Type, read_module, resolve

LEAVES = {"string": str, "boolean": bool, "Decimal": str}
# What is read as a text that may be anything.
OPEN = {"OtherString"}


@dataclass(frozen=True)
class Problem:
    """A field is `missing`, its value is `wrong`, or the library knows of none (`undeclared`)."""

    kind: str
    path: str
    detail: str = ""


class Catalogue:
    """Every object of the API by the word in its `object` field."""

    def __init__(self, package: Path) -> None:
        self._live: dict[str, list[Named]] = {}
        self._deleted: dict[str, list[Named]] = {}
        for path in sorted((package / "esm" / "resources").rglob("*.d.ts")):
            if "V2" not in path.parts:
                self._add(path.resolve())

    def _add(self, path: Path) -> None:
        for name, fields in read_module(path).interfaces.items():
            word = fields["object"].type.literal if "object" in fields else None
            if word is None or "." in name:
                continue
            deleted = "deleted" in fields and fields["deleted"].type.name == "true"
            known = self._deleted if deleted else self._live
            known.setdefault(word, []).append(Named(Type(name=name), path))

    def check(self, body: dict[str, Any]) -> list[Problem] | None:
        """Return what is not as declared, or None for an object that nothing is declared about."""
        known = self._deleted if body.get("deleted") is True else self._live
        found = known.get(str(body.get("object")))
        if not found:
            return None
        return min((list(_check(body, each, "")) for each in found), key=len)


def _check(value: Any, named: Named, path: str) -> Iterator[Problem]:
    kind = named.type
    if kind.choices:
        yield from _check_choices(value, named, path)
    elif kind.literal is not None:
        if value != kind.literal:
            yield Problem("wrong", path, f"{value!r} instead of {kind.literal!r}")
    elif kind.fields is not None:
        yield from _check_fields(value, named, path)
    else:
        yield from _check_name(value, named, path)


def _check_name(value: Any, named: Named, path: str) -> Iterator[Problem]:
    name = named.type.name
    if name in LEAVES:
        right = isinstance(value, LEAVES[name])
    elif name == "number":
        right = isinstance(value, int | float) and not isinstance(value, bool)
    elif name in ("true", "false"):
        right = value is (name == "true")
    elif name in ("null", "undefined", "void"):
        right = value is None
    elif name in OPEN:
        right = False
    elif name in ("any", "unknown", "Record"):
        right = True
    else:
        yield from _check_reference(value, named, path)
        return
    if not right:
        yield Problem("wrong", path, f"{_describe(value)} instead of {name}")


def _check_reference(value: Any, named: Named, path: str) -> Iterator[Problem]:
    name, arguments = named.type.name, named.type.arguments
    if name == "Array":
        if not isinstance(value, list):
            yield Problem("wrong", path, f"{_describe(value)} instead of a list")
            return
        for item in value:
            yield from _check(item, Named(arguments[0], named.module, named.scope), f"{path}[]")
    elif name in ("ApiList", "ApiSearchResult"):
        yield from _check_list(value, Named(arguments[0], named.module, named.scope), path)
    else:
        yield from _check(value, resolve(named), path)


def _check_list(value: Any, of: Named, path: str) -> Iterator[Problem]:
    if not isinstance(value, dict) or not isinstance(value.get("data"), list):
        yield Problem("wrong", path, f"{_describe(value)} instead of a list object")
        return
    for name in ("object", "has_more", "url"):
        if name not in value:
            yield Problem("missing", f"{path}.{name}")
    for item in value["data"]:
        yield from _check(item, of, f"{path}[]")


def _check_fields(value: Any, named: Named, path: str) -> Iterator[Problem]:
    if not isinstance(value, dict):
        yield Problem("wrong", path, f"{_describe(value)} instead of an object")
        return
    if not named.type.fields:  # any object, such as that of an event
        return
    fields = dict(named.type.fields)
    rest = fields.pop("*", None)
    for name, declared in fields.items():
        place = f"{path}.{name}" if path else name
        if name in value:
            yield from _check(value[name], Named(declared.type, named.module, named.scope), place)
        elif not declared.optional:
            yield Problem("missing", place)
    for name in value.keys() - fields.keys():
        place = f"{path}.{name}" if path else name
        if rest is None:
            yield Problem("undeclared", place)
        else:
            yield from _check(value[name], Named(rest.type, named.module, named.scope), place)


def _check_choices(value: Any, named: Named, path: str) -> Iterator[Problem]:
    """The choice that fits best: what is wrong with it is what is wrong."""
    problems = [
        list(_check(value, Named(each, named.module, named.scope), path))
        for each in named.type.choices
        if not isinstance(value, dict) or _may_be_object(each)
    ]
    best = min(problems, key=_weight, default=[Problem("wrong", path, _describe(value))])
    if best and not isinstance(value, dict | list):
        best = [Problem("wrong", path, f"{_describe(value)} is none of the choices")]
    yield from best


def _may_be_object(choice: Type) -> bool:
    return choice.literal is None and choice.name not in (*LEAVES, "number", "null", *OPEN)


def _weight(problems: list[Problem]) -> tuple[int, int]:
    other = sum(problem.path.endswith(("object", "deleted")) for problem in problems)
    return other, len(problems)


def _describe(value: Any) -> str:
    if isinstance(value, str):
        return f"the text {value!r}"
    return type(value).__name__ if isinstance(value, dict | list) else repr(value)
