"""The operations, one caller of every kind, and things of theirs for the parameters of paths."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from payments.config import Settings
from tests.support.developers import ProjectSeat, developer_with_project, new_api_key
from tests.support.ledger_rows import add_payment, add_subscription
from tests.support.operations import Operation, operations_of
from tests.support.people import Cast, sign_up, workspace_with_roles
from tests.support.shop import Shop
from tests.support.till import find_charge_id, make_platform_admin

# What takes its own ground away is asked for last: the others would meet nothing but 404.
_LAST = re.compile(r"^DELETE|password|deactivate|erase|cancel|disable")
# And after all of these what ends the callers' sessions.
_VERY_LAST = re.compile(r"log-?out")
# Those who may most come last, as they take away what the others look for.
CALLERS = (
    "nobody", "outsider", "another developer", "another project's end user", "server key",
    "operator", "member", "end user", "admin", "platform administrator", "owner", "developer",
)  # fmt: skip


@dataclass
class Stage:
    """Who calls, and what stands for the parameters of paths."""

    client: FlaskClient = field(repr=False)
    callers: dict[str, dict[str, str]]
    subjects: dict[str, str]
    secrets: dict[str, str]

    def send(self, operation: Operation, caller: str, **options: Any) -> TestResponse:
        """Ask for an operation; a parameter that nobody knows gets a number."""
        path = operation.path
        for name in re.findall(r"{(\w+)}", path):
            path = path.replace(f"{{{name}}}", self.subjects.get(name, "1"))
        headers = {**self.callers[caller], **options.pop("headers", {})}
        return self.client.open(path, method=operation.method, headers=headers, **options)


@pytest.fixture(scope="session")
def operations(app: Flask) -> list[Operation]:
    """All operations; those that take something away come last."""
    found = operations_of(app.test_client().get("/openapi.json").json)
    assert len(found) > 60
    return sorted(found, key=_rank_operation)


def _rank_operation(operation: Operation) -> tuple[bool, bool]:
    name = str(operation)
    return bool(_VERY_LAST.search(name)), bool(_LAST.search(name))


@pytest.fixture(scope="module")
def stage(make_stage: Callable[[], Stage]) -> Stage:
    """A stage of the module's own."""
    return make_stage()


@pytest.fixture(scope="session")
def make_stage(app: Flask, worker: None, settings: Settings) -> Callable[[], Stage]:
    """A walk wears its stage out, so each one makes its own."""

    def make() -> Stage:
        shop = Shop(app.test_client(), settings)
        cast = workspace_with_roles(shop.client, "Walked").complete()
        seat = developer_with_project(shop.client, settings, live=True)
        other = developer_with_project(shop.client, settings)
        return Stage(
            app.test_client(),
            _list_callers(app, cast, seat, other, settings),
            {**_pay(app, shop, cast), **_fill_project(app, seat)},
            {**_list_secrets(cast, seat), **list_secrets_of(settings)},
        )

    return make


def _list_callers(
    app: Flask, cast: Cast, seat: ProjectSeat, other: ProjectSeat, settings: Settings
) -> dict[str, dict[str, str]]:
    platform = make_platform_admin(app, sign_up(app.test_client(), "Pat"))
    # Everything of the workspaces' is open to them at once: an owner who is the platform's too.
    make_platform_admin(app, cast.owner)
    callers = {role: cast[role].headers for role in ("owner", "admin", "member", "outsider")}
    found = {
        **callers,
        "platform administrator": platform.headers,
        "developer": seat.developer.headers,
        "end user": seat.end_user.headers,
        "another developer": other.developer.headers,
        "another project's end user": other.end_user.headers,
        "operator": {"X-Operator-Key": settings.operator_key or ""},
        "server key": {"X-Developer-Key": seat.api_key, "X-Project-ID": seat.project_id},
        "nobody": {},
    }
    assert found.keys() == set(CALLERS)
    return found


def _pay(app: Flask, shop: Shop, cast: Cast) -> dict[str, str]:
    """Let the workspace have a card, a charge and an invoice; return their ids."""
    slug = cast.workspace.slug
    shop.save_card(cast.owner, slug)
    assert shop.upgrade(cast.owner, slug).status_code == 200
    (invoice,) = shop.invoices(cast.owner, slug)
    charge = find_charge_id(app, invoice["stripePaymentIntentId"])
    methods = shop.call("GET", f"/api/payments/{slug}/payment-methods", cast.owner).json["data"]
    return {
        "slug": slug,
        "user_id": str(cast.member.id),
        "invoice_id": str(invoice["id"]),
        "charge_id": str(charge),
        "method_id": str(methods[0]["id"]),
    }


def _fill_project(app: Flask, seat: ProjectSeat) -> dict[str, str]:
    for test_mode in (True, False):
        add_subscription(app, seat, seat.end_user, test_mode=test_mode)
        add_payment(app, seat, seat.end_user, test_mode=test_mode)
    new_api_key(seat.developer, seat.project_id)
    keys = seat.developer.get(f"/api/v1/projects/{seat.project_id}/api-keys").json
    return {"project_id": seat.project_id, "api_key_id": keys[0]["id"], "mode": "test"}


def _list_secrets(cast: Cast, seat: ProjectSeat) -> dict[str, str]:
    people = {role: cast[role].password for role in ("owner", "member")}
    return {
        **{f"password of the {role}": password for role, password in people.items()},
        "password of the developer": seat.developer.password,
        "the project's key": seat.secret_key,
        "the project's live key": seat.live_secret_key or "",
        "the project's webhook secret": seat.webhook_secret,
        "the project's API key": seat.api_key,
    }


def list_secrets_of(settings: Settings) -> dict[str, str]:
    """Return every setting that is a secret or an address with one in it, by its name."""
    found: dict[str, str] = {}
    for name, value in vars(settings).items():
        if not re.search(r"secret|key|password|token|database_url|redis_url", name):
            continue
        values = value if isinstance(value, tuple | list) else [value]
        texts = [each for each in values if isinstance(each, str) and len(each) >= 8]
        found |= {f"{name} {number}": text for number, text in enumerate(texts)}
    return found
