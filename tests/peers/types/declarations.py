"""Reads the subset of TypeScript that the `.d.ts` files of Stripe's Node library use."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.DOTALL)
TOKEN = re.compile(r"""'[^']*'|[A-Za-z_$][\w$]*|\d+|=>|\.\.\.|[{}()<>\[\]|&;:?,=.*]""")
IMPORT = re.compile(r"import (?:type )?(\* as \w+|\{[^}]*\}) from '([^']+)'")
REEXPORT = re.compile(r"export \{([^}]*)\} from '([^']+)'")


@dataclass(frozen=True)
class Type:
    """One of: a literal, a name with arguments, an object with fields, or a choice."""

    literal: str | None = None
    name: str = ""
    arguments: tuple[Type, ...] = ()
    fields: tuple[tuple[str, Field], ...] | None = None
    choices: tuple[Type, ...] = ()


@dataclass(frozen=True)
class Field:
    type: Type
    optional: bool


@dataclass
class Module:
    path: Path
    interfaces: dict[str, dict[str, Field]] = field(default_factory=dict)
    aliases: dict[str, Type] = field(default_factory=dict)
    imports: dict[str, tuple[Path, str]] = field(default_factory=dict)  # "*" is all of a file


@cache
def read_module(path: Path) -> Module:
    text = COMMENT.sub("", path.read_text())
    module = Module(path)
    for names, source in [*IMPORT.findall(text), *REEXPORT.findall(text)]:
        _note_imports(module, names, source)
    _Parser(TOKEN.findall(text), module).read_file()
    return module


def _note_imports(module: Module, names: str, source: str) -> None:
    if not source.startswith("."):
        return
    target = (module.path.parent / source.replace(".js", ".d.ts")).resolve()
    if names.startswith("* as "):
        module.imports[names.removeprefix("* as ")] = (target, "*")
        return
    for entry in names.strip("{}").split(","):
        name, _, local = entry.strip().partition(" as ")
        if name:
            module.imports[local or name] = (target, name)


class _Parser:
    def __init__(self, tokens: list[str], module: Module) -> None:
        self._tokens, self._at, self._module = tokens, 0, module

    @property
    def _next(self) -> str:
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def _take(self) -> str:
        token = self._next
        if not token:
            raise ValueError(f"{self._module.path.name} ends too early")
        self._at += 1
        return token

    def _expect(self, wanted: str) -> None:
        taken = self._take()
        if taken != wanted:
            around = " ".join(self._tokens[max(0, self._at - 12) : self._at + 3])
            raise ValueError(f"{self._module.path.name}: {wanted!r} expected: {around}")

    def read_file(self) -> None:
        while self._next:
            self._read_statement("")

    def _read_statement(self, scope: str) -> None:
        while self._next in ("export", "declare", "abstract", "default"):
            self._take()
        word = self._take()
        if word == "interface":
            self._read_interface(scope)
        elif word == "namespace":
            self._read_namespace(scope)
        elif word == "type":
            self._read_alias(scope)
        elif word == "class":
            self._skip_to("{")
            self._skip_block()
        elif word == "{":
            self._skip_block()
        elif word != ";":
            self._skip_to(";")

    def _skip_to(self, stop: str) -> None:
        """Go past the next `stop` outside of braces."""
        while self._next and self._next != stop:
            if self._take() == "{":
                self._skip_block()
        self._take()

    def _skip_block(self) -> None:
        depth = 1
        while depth and self._next:
            depth += {"{": 1, "}": -1}.get(self._take(), 0)

    def _read_namespace(self, scope: str) -> None:
        name = f"{scope}{self._take()}."
        self._expect("{")
        while self._next != "}":
            self._read_statement(name)
        self._take()

    def _read_interface(self, scope: str) -> None:
        name = f"{scope}{self._take()}"
        if self._next in ("<", "extends"):
            while self._next != "{":
                self._take()
        self._module.interfaces[name] = dict(self._read_fields())

    def _read_alias(self, scope: str) -> None:
        name = f"{scope}{self._take()}"
        if self._next == "<":
            self._skip_to(";")
            return
        self._expect("=")
        self._module.aliases[name] = self._read_type()
        while self._next and self._next != ";":
            self._take()
        self._take()

    def _read_fields(self) -> list[tuple[str, Field]]:
        found = []
        self._expect("{")
        while self._next != "}":
            name = self._take()
            if name == "readonly":
                name = self._take()
            if name == "[":
                name = "*"
                while self._take() != "]":
                    pass
            elif self._next in ("(", "<"):  # a method
                self._skip_to(";")
                continue
            optional = self._next == "?"
            if optional:
                self._take()
            self._expect(":")
            found.append((name.strip("'"), Field(self._read_type(), optional)))
            if self._next in (";", ","):
                self._take()
        self._take()
        return found

    def _read_type(self) -> Type:
        choices = []
        if self._next == "|":
            self._take()
        choices.append(self._read_part())
        while self._next in ("|", "&"):
            if self._take() == "&":
                self._read_part()
            else:
                choices.append(self._read_part())
        return choices[0] if len(choices) == 1 else Type(choices=tuple(choices))

    def _read_part(self) -> Type:
        part = self._read_primary()
        while self._next == "[":
            self._take()
            self._expect("]")
            part = Type(name="Array", arguments=(part,))
        return part

    def _read_primary(self) -> Type:
        if self._next == "{":
            return Type(fields=tuple(self._read_fields()))
        if self._next == "(":
            self._take()
            inner = self._read_type()
            self._expect(")")
            return inner
        token = self._take()
        if token.startswith("'"):
            return Type(literal=token.strip("'"))
        while self._next == ".":
            self._take()
            token += "." + self._take()
        arguments = []
        if self._next == "<":
            while self._take() != ">":
                arguments.append(self._read_type())
                if self._next == ">":
                    self._take()
                    break
        return Type(name=token, arguments=tuple(arguments))


@dataclass(frozen=True)
class Named:
    """A type together with the place where its names are looked up."""

    type: Type
    module: Path
    scope: str = ""


def resolve(named: Named) -> Named:
    """Follow a name to the interface or choice that it stands for."""
    name, module = named.type.name, read_module(named.module)
    scope = named.scope
    while True:
        full = f"{scope}{name}"
        if full in module.interfaces:
            fields = tuple(module.interfaces[full].items())
            return Named(Type(fields=fields), named.module, f"{full}.")
        if full in module.aliases:
            return Named(module.aliases[full], named.module, scope)
        if not scope:
            break
        scope = scope.rstrip(".").rpartition(".")[0]
        scope = f"{scope}." if scope else ""
    return _resolve_import(named, module)


def _resolve_import(named: Named, module: Module) -> Named:
    first, _, rest = named.type.name.partition(".")
    if first not in module.imports:
        raise LookupError(f"{named.module.name}: {named.type.name} is declared nowhere")
    target, original = module.imports[first]
    wanted = rest if original == "*" else original + (f".{rest}" if rest else "")
    return resolve(Named(Type(name=wanted, arguments=named.type.arguments), target))
