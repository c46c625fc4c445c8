"""Developers, their projects and their projects' end users, made over HTTP as anybody would."""

from __future__ import annotations

import dataclasses
import secrets
from dataclasses import dataclass, field
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from payments.config import Settings
from tests.support.people import as_json, bearer, fresh_email
from tests.support.shop import Shop

PASSWORD = "Correct-horse-9"
AUTH, PROJECTS, STRIPE = "/api/v1/auth", "/api/v1/projects", "/api/v1/payments/stripe"


@dataclass(frozen=True)
class _Caller:
    """Somebody with an account in the projects room; `user_id` is the uuid that this room shows."""

    client: FlaskClient = field(repr=False)
    user_id: str
    email: str
    password: str
    token: str = field(repr=False)
    refresh_token: str = field(repr=False)

    @property
    def uuid(self) -> str:
        return self.user_id

    @property
    def headers(self) -> dict[str, str]:
        return bearer(self.token)

    def get(self, path: str, **options: Any) -> TestResponse:
        return self.call("GET", path, **options)

    def post(self, path: str, body: Any = None, **options: Any) -> TestResponse:
        return self.call("POST", path, body, **options)

    def put(self, path: str, body: Any = None, **options: Any) -> TestResponse:
        return self.call("PUT", path, body, **options)

    def delete(self, path: str, **options: Any) -> TestResponse:
        return self.call("DELETE", path, **options)

    def call(self, method: str, path: str, body: Any = None, **options: Any) -> TestResponse:
        """Send a request with this caller's token; `body` goes as JSON."""
        headers = {**self.headers, **options.pop("headers", {})}
        options = options if body is None else {**as_json(body), **options}
        return self.client.open(path, method=method, headers=headers, **options)


@dataclass(frozen=True)
class Developer(_Caller):
    """Somebody who owns projects."""


@dataclass(frozen=True)
class EndUser(_Caller):
    """A customer of one project."""

    project_id: str


@dataclass(frozen=True)
class ProjectSeat:
    """A project with its keys stored, its developer and, once asked for, an end user."""

    project_id: str
    api_key: str = field(repr=False)
    secret_key: str = field(repr=False)
    webhook_secret: str = field(repr=False)
    developer: Developer
    settings: Settings = field(repr=False)
    live_secret_key: str | None = field(default=None, repr=False)
    live_webhook_secret: str | None = field(default=None, repr=False)
    # A list, for a copy of the seat with other keys has the same end user.
    signed_up: list[EndUser] = field(default_factory=list, repr=False, compare=False)

    @property
    def end_user(self) -> EndUser:
        """The project's end user, who signs up when somebody first asks for them."""
        if not self.signed_up:
            self.signed_up.append(self.another_end_user("Emil"))
        return self.signed_up[0]

    @property
    def path(self) -> str:
        """Where the project's configuration and rows are: add `/config`, `/payments`, ..."""
        return f"{STRIPE}/projects/{self.project_id}"

    def webhook_path(self, mode: str = "test") -> str:
        return f"{STRIPE}/webhooks/{self.project_id}/{mode}"

    @property
    def shop(self) -> Shop:
        """Return the test account at the sandbox: its API, its control plane, its signatures."""
        account = {
            "stripe_secret_key": self.secret_key,
            "stripe_webhook_secrets": (self.webhook_secret,),
        }
        return Shop(self.developer.client, dataclasses.replace(self.settings, **account))

    def another_end_user(self, name: str = "Eve") -> EndUser:
        """Add an end user to the project."""
        return register_end_user(self.developer.client, self.project_id, self.api_key, name)


def sandbox_key() -> str:
    """Return a secret key that nobody used before: a fresh account at the sandbox."""
    return f"sk_test_{secrets.token_hex(12)}"


def live_key() -> str:
    return f"sk_live_{secrets.token_hex(12)}"


def signing_secret() -> str:
    return f"whsec_{secrets.token_hex(16)}"


def register_developer(client: FlaskClient, settings: Settings, name: str = "Dora") -> Developer:
    """Make a developer with the operator's key, and log in."""
    headers = {"X-Operator-Key": settings.operator_key or ""}
    return Developer(**_registered(client, name, headers, {}))


def register_end_user(
    client: FlaskClient, project_id: str, api_key: str, name: str = "Emil"
) -> EndUser:
    """Make an end user of a project with one of the project's API keys, and log in."""
    scope = {"X-Project-ID": project_id}
    headers = {"X-Developer-Key": api_key, **scope}
    return EndUser(**_registered(client, name, headers, scope), project_id=project_id)


def new_project(developer: Developer, name: str = "Shop", **body: Any) -> str:
    """Make a project and return its id."""
    answer = developer.post(f"{PROJECTS}/", {"name": name, **body})
    assert answer.status_code == 201, answer.text
    return str(answer.json["id"])


def allow_origins(developer: Developer, project_id: str, *origins: str) -> None:
    """Let a Checkout of the project return to these places only; to any without one."""
    answer = developer.put(f"{PROJECTS}/{project_id}", {"allowed_origins": list(origins)})
    assert answer.status_code == 200, answer.text


def new_api_key(developer: Developer, project_id: str) -> str:
    """Make an API key of the project and return it in full."""
    answer = developer.post(f"{PROJECTS}/{project_id}/api-keys", {"name": "server"})
    assert answer.status_code == 201, answer.text
    return str(answer.json["key"])


def store_keys(developer: Developer, project_id: str, **keys: str | None) -> dict[str, Any]:
    """PUT Stripe keys (`test_secret_key=...`) and return the masked configuration."""
    answer = developer.put(f"{STRIPE}/projects/{project_id}/config", keys)
    assert answer.status_code == 200, answer.text
    return dict(answer.json)


def developer_with_project(
    client: FlaskClient,
    settings: Settings,
    *,
    developer: Developer | None = None,
    live: bool = False,
    **project: Any,
) -> ProjectSeat:
    """Make a project with a fresh test account (and a live one on demand)."""
    owner = developer or register_developer(client, settings)
    project_id = new_project(owner, **project)
    api_key = new_api_key(owner, project_id)
    keys = {"test_secret_key": sandbox_key(), "test_webhook_secret": signing_secret()}
    if live:
        keys |= {"live_secret_key": live_key(), "live_webhook_secret": signing_secret()}
    store_keys(owner, project_id, **keys)
    return ProjectSeat(
        project_id=project_id,
        api_key=api_key,
        secret_key=keys["test_secret_key"],
        webhook_secret=keys["test_webhook_secret"],
        developer=owner,
        settings=settings,
        live_secret_key=keys.get("live_secret_key"),
        live_webhook_secret=keys.get("live_webhook_secret"),
    )


def _registered(
    client: FlaskClient, name: str, headers: dict[str, str], scope: dict[str, str]
) -> dict[str, Any]:
    body = {"email": fresh_email(name), "password": PASSWORD}
    made = client.post(f"{AUTH}/register", json={**body, "full_name": name}, headers=headers)
    assert made.status_code == 201, made.text
    tokens = client.post(f"{AUTH}/login", json=body, headers=scope)
    assert tokens.status_code == 200, tokens.text
    return {
        "client": client,
        "user_id": made.json["id"],
        **body,
        "token": tokens.json["access_token"],
        "refresh_token": tokens.json["refresh_token"],
    }
