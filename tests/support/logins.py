"""Sessions over HTTP in either dialect: log in, refresh, log out, change the password."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import jwt
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.support.people import as_json, bearer


@dataclass(frozen=True)
class Pair:
    """The tokens of one session as a client holds them."""

    access: str = field(repr=False)
    refresh: str = field(repr=False)

    @property
    def claims(self) -> dict[str, Any]:
        return dict(jwt.decode(self.access, options={"verify_signature": False}))

    @property
    def refresh_claims(self) -> dict[str, Any]:
        return dict(jwt.decode(self.refresh, options={"verify_signature": False}))


@dataclass(frozen=True)
class Dialect:
    """Where a dialect has its routes, and how it spells their fields."""

    auth: str
    access: str
    refresh: str
    current: str
    new: str

    def log_in(
        self, client: FlaskClient, person: Any, *, password: str | None = None, **options: Any
    ) -> TestResponse:
        body = {"email": person.email, "password": password or person.password}
        return client.post(f"{self.auth}/login", **as_json(body), **options)

    def start(self, client: FlaskClient, person: Any, **options: Any) -> Pair:
        """Log in and return the tokens."""
        return self.read(self.log_in(client, person, **options))

    def read(self, answer: TestResponse) -> Pair:
        assert answer.status_code == 200, answer.text
        body: Mapping[str, Any] = answer.json or {}
        data = body.get("data", body)
        return Pair(data[self.access], data[self.refresh])

    def renew(self, client: FlaskClient, pair: Pair) -> TestResponse:
        return client.post(f"{self.auth}/refresh", **as_json({self.refresh: pair.refresh}))

    def status_of(self, client: FlaskClient, pair: Pair) -> int:
        """Return what the access token is answered with."""
        return client.get(f"{self.auth}/me", headers=bearer(pair.access)).status_code

    def log_out(self, client: FlaskClient, pair: Pair, *, everywhere: bool = False) -> TestResponse:
        path = f"{self.auth}/logout-all" if everywhere else f"{self.auth}/logout"
        return client.post(path, headers=bearer(pair.access))

    def change(self, client: FlaskClient, pair: Pair, *, current: str, new: str) -> TestResponse:
        body = as_json({self.current: current, self.new: new})
        return client.post(f"{self.auth}/change-password", headers=bearer(pair.access), **body)


WORKSPACES = Dialect("/api/auth", "token", "refreshToken", "currentPassword", "newPassword")
PROJECTS = Dialect(
    "/api/v1/auth", "access_token", "refresh_token", "current_password", "new_password"
)
