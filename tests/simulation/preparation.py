"""The state that every example begins with: two workspaces of one owner, with cards."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from flask_jwt_extended import create_access_token
from flask_migrate import upgrade

from payments.auth.models import LoginSession, User
from payments.auth.queries import find_by_email
from payments.kit import clock
from payments.kit.transactions import transaction
from payments.workspaces import catalog
from tests.simulation.service import SECRET_KEY, Service, Workspace, prepared_service
from tests.simulation.world import World, running
from tests.support.stack import MIGRATIONS

PUBLISHABLE_KEY = SECRET_KEY.replace("sk_", "pk_", 1)
EMAIL = "owner@simulation.example"

# What a saved card does when it is charged or refunded: https://docs.stripe.com/testing
CARDS = {
    "good": "pm_card_visa",
    "declined": "pm_card_chargeCustomerFail",
    "authenticated": "pm_card_authenticationRequired",
    "slow": "pm_card_sandbox_processing",
    "slow_refund": "pm_card_pendingRefund",
    "failing_refund": "pm_card_refundFail",
}


@contextmanager
def simulated_service() -> Iterator[Service]:
    """Make the service with its two workspaces; `World` takes it from there."""
    with prepared_service() as service:
        stripe = service.new_sandbox()
        with running(service, 0, stripe=stripe) as world:
            _prepare(world)
            service.keep(stripe)
        yield service


def _prepare(world: World) -> None:
    service = world.service
    with service.app.app_context():
        upgrade(directory=str(MIGRATIONS))
    world.task("seed", catalog.seed)
    _sign_up(world)
    with service.app.app_context():
        owner = find_by_email(EMAIL)
        assert owner is not None
        service.token = _issue_lasting_token(owner)
    for name in ("First", "Second"):
        data = _answer(world, "POST", "/api/workspaces", {"name": name})
        workspace = Workspace(data["id"], data["slug"])
        workspace.cards = {card: _save(world, workspace, card) for card in CARDS}
        service.workspaces.append(workspace)


def _issue_lasting_token(user: User) -> str:
    """Return an access token that is good for all the years that a run may take."""
    years = timedelta(days=3650)
    session = LoginSession(user_id=user.id, methods="pwd", expires_at=clock.now() + years)
    with transaction() as database:
        database.add(session)
    claims = {"sid": session.sid}
    return create_access_token(user.uuid, expires_delta=years, additional_claims=claims)


def _sign_up(world: World) -> None:
    """Sign the owner up and let them refund, which only the platform's own people may."""
    body = {"email": EMAIL, "password": "correct-horse-9", "name": "Ann"}
    _answer(world, "POST", "/api/auth/signup", body)

    def promote() -> None:
        with transaction() as session:
            session.execute(sa.update(User).values(is_admin=True))

    world.task("promote", promote)


def _save(world: World, workspace: Workspace, card: str) -> str:
    """Save a card as a browser does; return its PaymentMethod."""
    path = f"/api/payments/{workspace.slug}/payment-method"
    setup = _answer(world, "POST", path)
    params = {"client_secret": setup["clientSecret"], "payment_method": CARDS[card]}
    confirm = f"/v1/setup_intents/{setup['setupIntentId']}/confirm"
    intent = world.call_stripe("POST", confirm, PUBLISHABLE_KEY, **params)
    if intent["status"] == "requires_action":
        authenticate(world, intent, passed=True)
    method = str(intent["payment_method"])
    body = {"setupIntentId": setup["setupIntentId"], "paymentMethodId": method}
    _answer(world, "POST", f"{path}/confirm", body)
    return method


def authenticate(world: World, intent: dict[str, Any], *, passed: bool) -> None:
    """Press a button of the bank's page."""
    page = intent["next_action"]["use_stripe_sdk"]["stripe_js"]
    world.ledgers.open_page(page, {"outcome": "complete" if passed else "fail"})


def _answer(world: World, method: str, path: str, body: Any = None) -> dict[str, Any]:
    answer = world.request(method, path, body).result
    assert answer.status_code == 200, answer.text
    return dict(answer.json["data"])
