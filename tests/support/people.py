"""People who use the service over HTTP: sign somebody up, give him a workspace, ask as him."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cached_property
from itertools import count
from typing import Any
from uuid import uuid4

from argon2 import PasswordHasher
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from payments.auth import passwords

PASSWORD = "correct horse battery"

# Tests sign up hundreds of people; `test_passwords` holds the strength that is shipped.
CHEAP_HASHER = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
passwords.HASHER = CHEAP_HASHER

_numbers = count(1)


@dataclass(frozen=True)
class Place:
    """A workspace as its members need it in a test."""

    id: int
    name: str
    slug: str

    @property
    def path(self) -> str:
        return f"/api/workspaces/{self.slug}"

    @property
    def payments(self) -> str:
        return f"/api/payments/{self.slug}"

    @property
    def plan_changes(self) -> str:
        return f"/api/payments/workspace/{self.slug}"


@dataclass(frozen=True)
class Person:
    """Somebody with an account, his own first workspace, and a token to call with."""

    client: FlaskClient = field(repr=False)
    id: int
    name: str
    email: str
    password: str
    token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    home: Place

    @property
    def headers(self) -> dict[str, str]:
        return bearer(self.token)

    def get(self, path: str, **options: Any) -> TestResponse:
        return self._open("GET", path, options)

    def post(self, path: str, body: Any = None, **options: Any) -> TestResponse:
        return self._open("POST", path, _with(body, options))

    def patch(self, path: str, body: Any = None, **options: Any) -> TestResponse:
        return self._open("PATCH", path, _with(body, options))

    def delete(self, path: str, **options: Any) -> TestResponse:
        return self._open("DELETE", path, options)

    def _open(self, method: str, path: str, options: dict[str, Any]) -> TestResponse:
        headers = {**self.headers, **options.pop("headers", {})}
        return self.client.open(path, method=method, headers=headers, **options)


class Cast:
    """One person of each role in one workspace, and one who has nothing to do with it.

    Most tests look at the owner only: the others are signed up when somebody asks for them.
    Everybody also owns a workspace of his own: rows of others are always there.
    """

    def __init__(self, owner: Person, workspace: Place, **others: Person) -> None:
        self.owner = owner
        self.workspace = workspace
        vars(self).update(others)

    @cached_property
    def admin(self) -> Person:
        return self._joined("Adam", "admin")

    @cached_property
    def member(self) -> Person:
        return self._joined("Mia", "member")

    @cached_property
    def outsider(self) -> Person:
        return sign_up(self.owner.client, "Otto")

    def __getitem__(self, role: str) -> Person:
        person: Person = getattr(self, role)
        return person

    def complete(self) -> Cast:
        """Let everybody come now: for tests that count them, or that send the owner away."""
        for role in ("admin", "member", "outsider"):
            self[role]
        return self

    def _joined(self, name: str, role: str) -> Person:
        person = sign_up(self.owner.client, name)
        join(self.workspace, self.owner, person, role)
        return person


def bearer(token: str) -> dict[str, str]:
    """Return the header that carries a token."""
    return {"Authorization": f"Bearer {token}"}


def fresh_email(name: str = "somebody") -> str:
    """Return an address that nobody else in this run has."""
    word = "".join(c for c in name.lower() if c.isascii() and c.isalnum()) or "somebody"
    return f"{word[:30]}.{next(_numbers)}.{uuid4().hex[:8]}@example.com"


def sign_up(
    client: FlaskClient, name: str = "Ann", *, email: str | None = None, password: str = PASSWORD
) -> Person:
    """Sign somebody up; his first workspace is his `home`."""
    body = {"email": email or fresh_email(name), "password": password, "name": name}
    answer = client.post("/api/auth/signup", json=body)
    assert answer.status_code == 200, answer.text
    data = answer.json["data"]
    return Person(
        client=client,
        id=data["user"]["id"],
        name=data["user"]["name"],
        email=data["user"]["email"],
        password=password,
        token=data["token"],
        refresh_token=data["refreshToken"],
        home=_place(data["workspace"]),
    )


def new_workspace(owner: Person, name: str = "Acme") -> Place:
    """Make a workspace that the person owns."""
    answer = owner.post("/api/workspaces", {"name": name})
    assert answer.status_code == 200, answer.text
    return _place(answer.json["data"])


def join(workspace: Place, by: Person, person: Person, role: str = "member") -> None:
    """Let a person into a workspace."""
    answer = by.post(f"{workspace.path}/members", {"email": person.email, "role": role})
    assert answer.status_code == 200, answer.text


def workspace_with_roles(client: FlaskClient, name: str = "Acme") -> Cast:
    """Make a workspace with an owner; its admin, its member and an outsider come when needed."""
    owner = sign_up(client, "Olivia")
    return Cast(owner, new_workspace(owner, name))


def _place(data: dict[str, Any]) -> Place:
    return Place(id=data["id"], name=data["name"], slug=data["slug"])


def as_json(body: Any) -> dict[str, Any]:
    """Return the options that send a body as JSON, half characters included."""
    return {"data": json.dumps(body), "content_type": "application/json"}


def _with(body: Any, options: dict[str, Any]) -> dict[str, Any]:
    return options if body is None else {**as_json(body), **options}
