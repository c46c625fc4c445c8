"""Who may call which payments endpoint, and which check comes first."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
import sqlalchemy as sa
from flask import Flask

from payments.auth.models import END_USER, User
from payments.auth.sessions import start_session
from payments.kit.db import db
from payments.kit.transactions import transaction
from payments.workspaces.models import Workspace
from tests.support.hostile import forged_tokens
from tests.support.people import Cast, as_json, bearer, fresh_email, sign_up
from tests.support.shop import Shop
from tests.support.till import find_charge_id, settings_of

ALL, MANAGERS = ("owner", "admin", "member"), ("owner", "admin")

# Every payments endpoint with a slug: method, path, body, who may. The bodies are incomplete and
# the ids of PATCH and DELETE are none, so that what is allowed answers 400 and changes nothing.
ENDPOINTS: dict[str, tuple[str, str, Any, tuple[str, ...]]] = {
    "setup": ("POST", "/{slug}/payment-method", None, MANAGERS),
    "setup by get": ("GET", "/{slug}/payment-method", None, MANAGERS),
    "confirm": ("POST", "/{slug}/payment-method/confirm", {}, MANAGERS),
    "list methods": ("GET", "/{slug}/payment-methods", None, ALL),
    "set default": ("PATCH", "/{slug}/payment-methods/x/set-default", None, MANAGERS),
    "delete method": ("DELETE", "/{slug}/payment-methods/x", None, MANAGERS),
    "upgrade": ("POST", "/workspace/{slug}/upgrade-plan", {}, MANAGERS),
    "downgrade": ("POST", "/workspace/{slug}/downgrade-plan", {}, MANAGERS),
    "list invoices": ("GET", "/{slug}/invoices", None, ALL),
    "get invoice": ("GET", "/{slug}/invoices/{invoice}", None, ALL),
    "download": ("GET", "/{slug}/invoices/{invoice}/download", None, ALL),
    "timeline": ("GET", "/{slug}/timeline", None, MANAGERS),
    "get charge": ("GET", "/{slug}/charges/{charge}", None, ALL),
    "cancel charge": ("POST", "/{slug}/charges/x/cancel", None, MANAGERS),
}
ALLOWED = {
    "confirm": 400, "set default": 400, "delete method": 400, "upgrade": 400, "downgrade": 400,
    "cancel charge": 404,
}  # fmt: skip
NOT_SO = {"upgrade": "not_an_upgrade", "downgrade": "not_a_downgrade"}
SLUGLESS = [
    ("GET", "/api/payments/payment-method"),
    ("POST", "/api/payments/payment-method"),
    ("POST", "/api/payments/payment-method/confirm"),
]


@pytest.fixture(scope="module")
def stage(app: Flask, neighbours: Cast, settings) -> dict[str, Any]:
    """One workspace with a card, a charge and an invoice, that no test of this module changes."""
    from tests.support.people import workspace_with_roles

    shop = Shop(app.test_client(), settings)
    cast = workspace_with_roles(shop.client, "Stage").complete()
    shop.save_card(cast.owner, cast.workspace.slug)
    assert shop.upgrade(cast.owner, cast.workspace.slug).status_code == 200
    (invoice,) = shop.invoices(cast.owner, cast.workspace.slug)
    charge_id = find_charge_id(app, invoice["stripePaymentIntentId"])
    return {"cast": cast, "invoice": invoice["id"], "charge": str(charge_id)}


def ask(shop: Shop, stage: dict, name: str, headers: dict[str, str], slug: str | None = None):
    method, path, body, _ = ENDPOINTS[name]
    where = {"slug": slug or stage["cast"].workspace.slug, **stage}
    options = {} if body is None else as_json(body)
    url = "/api/payments" + path.format(**where)
    return shop.client.open(url, method=method, headers=headers, **options)


def uuid_of(app: Flask, person_id: int) -> str:
    with app.app_context():
        return db.session.get_one(User, person_id).uuid


@pytest.mark.parametrize("role", ["owner", "admin", "member"])
@pytest.mark.parametrize("name", ENDPOINTS)
def test_members_by_role(shop: Shop, stage: dict, name: str, role: str) -> None:
    answer = ask(shop, stage, name, stage["cast"][role].headers)
    if role in ENDPOINTS[name][3]:
        assert answer.status_code == ALLOWED.get(name, 200), answer.text
        return
    assert (answer.status_code, answer.json["code"]) == (403, "forbidden")
    assert answer.json["message"] == "Only workspace owners and admins can do this"


@pytest.mark.parametrize("name", ENDPOINTS)
def test_outsiders_get_a_403(shop: Shop, stage: dict, neighbours: Cast, name: str) -> None:
    for person in (stage["cast"].outsider, neighbours.owner):
        answer = ask(shop, stage, name, person.headers)
        assert (answer.status_code, answer.json["code"]) == (403, "forbidden")
        assert answer.json["message"] == "You do not have access to this workspace"


@pytest.mark.parametrize("name", ENDPOINTS)
def test_a_platform_administrator_is_no_member(shop: Shop, stage: dict, admin, name: str) -> None:
    assert ask(shop, stage, name, admin.headers).status_code == 403


@pytest.mark.parametrize("name", ENDPOINTS)
def test_without_a_token_it_is_a_401(shop: Shop, stage: dict, name: str) -> None:
    for headers in (
        {},
        {"Authorization": ""},
        {"Authorization": "Basic dTpw"},
        bearer("sk_test_1"),
    ):
        answer = ask(shop, stage, name, headers)
        assert (answer.status_code, answer.json["code"]) == (401, "unauthorized")
        assert answer.json["message"] == answer.json["error"] == "Missing or invalid token"


@pytest.mark.parametrize("name", ENDPOINTS)
def test_a_token_that_must_not_be_believed_is_a_401(
    app: Flask, shop: Shop, stage: dict, name: str
) -> None:
    owner = stage["cast"].owner
    secret = app.extensions["payments.settings"].jwt_secret_key
    for kind, token in forged_tokens(secret, owner.token).items():
        answer = ask(shop, stage, name, bearer(token))
        assert answer.status_code == 401, kind


@pytest.mark.parametrize("name", ENDPOINTS)
def test_a_refresh_token_is_not_for_calling(shop: Shop, stage: dict, name: str) -> None:
    assert ask(shop, stage, name, bearer(stage["cast"].owner.refresh_token)).status_code == 401


@pytest.mark.parametrize("name", ENDPOINTS)
def test_an_expired_token_is_a_401(app: Flask, shop: Shop, stage: dict, name: str) -> None:
    owner = stage["cast"].owner
    settings = app.extensions["payments.settings"]
    claims = jwt.decode(owner.token, settings.jwt_secret_key, ["HS256"])
    past = datetime.now(UTC) - timedelta(seconds=5)
    token = jwt.encode({**claims, "exp": past}, settings.jwt_secret_key, "HS256")
    assert ask(shop, stage, name, bearer(token)).status_code == 401


@pytest.mark.parametrize("name", ENDPOINTS)
def test_an_end_user_of_a_project_is_nobody_here(
    app: Flask, shop: Shop, stage: dict, name: str
) -> None:
    with app.app_context():
        user = User(email=fresh_email(), password_hash="x", kind=END_USER, project_id="p-1")
        with transaction() as session:
            session.add(user)
        token = start_session(user).access
    answer = ask(shop, stage, name, bearer(token))
    assert (answer.status_code, answer.json["message"]) == (401, "User ID not found")


def test_a_deactivated_user_is_out_at_once(app: Flask, shop: Shop, stage: dict) -> None:
    person = sign_up(shop.client, "Gone")
    with app.app_context(), transaction() as session:
        session.execute(sa.update(User).where(User.id == person.id).values(is_active=False))
    for name in ENDPOINTS:
        assert ask(shop, stage, name, person.headers).status_code == 401


class TestOrderOfChecks:
    """Maintenance, token, slug, workspace, role, body, plan, tier, method."""

    def test_maintenance_comes_before_all(self, app: Flask, shop: Shop, stage: dict) -> None:
        with settings_of(app, maintenance_mode=True):
            for name in ENDPOINTS:
                answer = ask(shop, stage, name, {}, slug="Not A Slug")
                assert (answer.status_code, answer.json["code"]) == (503, "maintenance")
                assert int(answer.headers["Retry-After"]) > 0

    @pytest.mark.parametrize("name", ENDPOINTS)
    def test_the_token_comes_before_the_slug(self, shop: Shop, stage: dict, name: str) -> None:
        assert ask(shop, stage, name, {}, slug="Not A Slug").status_code == 401

    @pytest.mark.parametrize("name", ENDPOINTS)
    @pytest.mark.parametrize("slug", ["Upper", "a--b", "-a", "a-", "a_b", "a" * 101, "a%00b", "ä"])
    def test_a_malformed_slug_is_a_400(self, shop: Shop, stage: dict, name: str, slug: str) -> None:
        answer = ask(shop, stage, name, stage["cast"].owner.headers, slug=slug)
        assert (answer.status_code, answer.json["code"]) == (400, "invalid_slug")
        assert answer.json["message"] == "Invalid workspace slug"

    @pytest.mark.parametrize("name", ENDPOINTS)
    def test_an_unknown_workspace_is_a_404(self, shop: Shop, stage: dict, name: str) -> None:
        answer = ask(shop, stage, name, stage["cast"].owner.headers, slug="no-such-workspace")
        assert (answer.status_code, answer.json["code"]) == (404, "workspace_not_found")
        assert answer.json["message"] == "Workspace not found"

    def test_an_inactive_workspace_is_a_404(self, app: Flask, shop: Shop, stage: dict) -> None:
        person = sign_up(shop.client, "Closed")
        with app.app_context(), transaction() as session:
            rule = sa.update(Workspace).where(Workspace.id == person.home.id)
            session.execute(rule.values(is_active=False))
        for name in ENDPOINTS:
            assert ask(shop, stage, name, person.headers, slug=person.home.slug).status_code == 404

    @pytest.mark.parametrize("change", ["upgrade", "downgrade"])
    def test_the_rest_of_a_plan_change(self, shop: Shop, stage: dict, change: str) -> None:
        """Body 400 before plan 404 before tier 400 before method 400."""
        cast = stage["cast"]
        path = f"{cast.workspace.plan_changes}/{change}-plan"
        bad_method = {"paymentMethodId": 999999999} if change == "upgrade" else {}
        steps = [
            ({}, (400, "missing_field")),
            ({"planSlug": "nothing", **bad_method}, (404, "plan_not_found")),
            ({"planSlug": "starter", **bad_method}, (400, NOT_SO[change])),
        ]
        if change == "upgrade":
            steps.append(({"planSlug": "pro", **bad_method}, (400, "invalid_payment_method")))
        for body, expected in steps:
            answer = cast.owner.post(path, body)
            assert (answer.status_code, answer.json["code"]) == expected
        assert cast.member.post(path, {}).status_code == 403


@pytest.mark.parametrize(("method", "path"), SLUGLESS)
def test_paths_without_a_slug_need_a_token(shop: Shop, method: str, path: str) -> None:
    assert shop.client.open(path, method=method).status_code == 401


def test_every_payments_view_is_in_the_table(app: Flask) -> None:
    """A view that is added later has to say here who may call it."""
    known = {(m, "/api/payments" + p) for m, p, _, _ in ENDPOINTS.values()} | set(SLUGLESS)
    known |= {("POST", "/api/payments/webhook")}  # guarded by its signature
    stand_ins = {
        "string:": "",
        "method_id": "x",
        "invoice_id": "{invoice}",
        "charge_id": "{charge}",
    }
    missing = []
    for rule in app.url_map.iter_rules():
        if not rule.rule.startswith("/api/payments"):
            continue
        path = rule.rule.replace("<string:slug>", "{slug}").replace("<string:", "<")
        for name, stand_in in stand_ins.items():
            path = path.replace(f"<{name}>", stand_in)
        for method in rule.methods - {"HEAD", "OPTIONS"}:
            cancel = path.replace("{charge}", "x") if path.endswith("/cancel") else path
            if (method, cancel) not in known:
                missing.append((method, path))
    assert missing == []
