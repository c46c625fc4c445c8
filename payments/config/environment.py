"""A reader of variables that tells all faults at once, each by the variable's name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from environs import Env, EnvValidationError
from marshmallow.validate import OneOf, Range

from payments.config.parsers import parse_url

T = TypeVar("T")


class ConfigError(RuntimeError):
    """The environment is wrong; the text names every variable at fault and says why."""


class Environment(Env):
    """Reads the variables of a given mapping as environs does, and gathers the faults."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        super().__init__(eager=False)
        self._variables = variables
        self._faults: dict[str, list[str]] = {}
        # What a variable has to be, for the text of its fault: environs' own could repeat values.
        self._expected: dict[str, str] = {}

    def _get_value(self, env_key: str, default: Any) -> Any:
        # As environs' own FileAwareEnv does it. An empty variable is one that is not set, so that
        # a form or a copied .env.example may hold it.
        return self._variables.get(env_key, "").strip() or default

    def get_text(self, name: str) -> str | None:
        """Return the variable's text; None when it is not set."""
        return self.str(name, None)

    def get_first_text(self, *names: str) -> str | None:
        """Return the text of the first of these variables that is set."""
        return next((text for text in map(self.get_text, names) if text), None)

    def parse(self, name: str, default: str, parser: Callable[[str], T], what: str) -> T | None:
        """Return the parsed text, or None and remember that it "must be `what`"."""
        try:
            return parser(self.str(name, default))
        except (ValueError, KeyError, TypeError, OSError):
            self.refuse(name, f"must be {what}")
            return None

    def read_choice(self, name: str, default: str, choices: Sequence[str]) -> str:
        """Return one of a few words."""
        self._expected[name] = " or ".join(choices)
        return self.str(name, default, validate=OneOf(choices))

    def read_int(self, name: str, default: int, *, least: int, most: int, what: str) -> int | None:
        """Return a whole number within bounds."""
        self._expected[name] = what
        return self.int(name, default, validate=Range(least, most))

    def read_seconds(self, name: str, default: float, *, most: float) -> float:
        """Return a duration in seconds, from 0 on; fractions are welcome, as it is no money."""
        self._expected[name] = f"0 to {most:g} seconds"
        return self.float(name, default, validate=Range(0, most))

    def read_switch(self, name: str, *, default: bool) -> bool:
        """Return whether a switch is on: true, on, yes, 1 or false, off, no, 0."""
        self._expected[name] = "on or off"
        return self.bool(name, default)

    def read_list(self, name: str) -> tuple[str, ...]:
        """Return the parts of a comma-separated list; none when it is not set."""
        parts = self.list(name, [], subcast=str)
        return tuple(part.strip() for part in parts if part.strip())

    def read_url(self, name: str, default: str | None = None) -> str | None:
        """Return an http(s) address without a slash at its end."""
        given = self.str(name, default)
        return self.parse(name, given, parse_url, "an http(s) address") if given else None

    def refuse(self, name: str, why: str) -> None:
        """Remember a fault of a variable: "must be set", never its value."""
        faults = self._faults.setdefault(name, [])
        if why not in faults:
            faults.append(why)

    def check(self) -> None:
        """Raise ConfigError with every fault, in one line."""
        try:
            self.seal()
        except EnvValidationError as error:
            for name in error.error_messages:
                self.refuse(name, f"must be {self._expected[name]}")
        faults = [f"{name} {why}" for name, reasons in self._faults.items() for why in reasons]
        if faults:
            raise ConfigError("; ".join(faults))
