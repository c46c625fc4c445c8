"""The operations of the OpenAPI document, each with a body that fits it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

PROJECTS = "/api/v1/"
METHODS = {"get", "post", "put", "patch", "delete"}


@dataclass(frozen=True)
class Operation:
    """One line of the document, with a body that fits it."""

    method: str
    path: str
    body: Any
    query: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def is_projects(self) -> bool:
        return self.path.startswith(PROJECTS)

    def send(
        self, client: FlaskClient, subjects: dict[str, str], headers: dict[str, str], *, full: bool
    ) -> TestResponse:
        path = self.path
        for name, value in subjects.items():
            path = path.replace(f"{{{name}}}", value)
        assert "{" not in path, f"{self}: say in `subjects` what stands for its parameters"
        body = {} if self.body is None else {"json": self.body if full else {}}
        return client.open(path, method=self.method, headers=headers, **body)


def operations_of(document: dict[str, Any]) -> list[Operation]:
    """Return every operation that an OpenAPI document names, in the order of their paths."""
    return [
        Operation(method.upper(), path, _body(document, described), _query(described))
        for path, methods in sorted(document["paths"].items())
        for method, described in methods.items()
        if method in METHODS
    ]


def _query(described: dict[str, Any]) -> tuple[str, ...]:
    parameters = described.get("parameters", [])
    return tuple(each["name"] for each in parameters if each.get("in") == "query")


def _body(document: dict[str, Any], described: dict[str, Any]) -> Any:
    content = described.get("requestBody", {}).get("content", {})
    schema = next(iter(content.values()), {}).get("schema")
    return None if schema is None else _sample(document, "", schema)


def _sample(document: dict[str, Any], name: str, schema: dict[str, Any]) -> Any:
    """Make a value that a schema takes."""
    if "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    if "properties" in schema:
        fields = schema["properties"].items()
        return {field: _sample(document, field, part) for field, part in fields}
    if "enum" in schema:
        return schema["enum"][0]
    if "default" in schema:
        return schema["default"]
    kind = schema.get("type", "string")
    kind = kind[0] if isinstance(kind, list) else kind
    values = {"integer": 1, "number": 1, "boolean": True, "array": [], "object": {}}
    return values.get(kind, _text(name, schema))


def _text(name: str, schema: dict[str, Any]) -> str:
    if "url" in name:
        return "https://shop.example/back"
    if "email" in name:
        return "somebody@example.com"
    return "a" * max(schema.get("minLength", 0), 8)
