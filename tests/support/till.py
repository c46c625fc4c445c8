"""Behind the till: what a test does to rows, clocks, settings and Stripe to see money move."""

from __future__ import annotations

import dataclasses
import io
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import requests
import sqlalchemy as sa
from flask import Flask
from pypdf import PdfReader
from werkzeug.test import TestResponse

from payments.auth.models import User
from payments.installation.names import get_installation_id
from payments.kit import clock
from payments.kit.db import db
from payments.kit.transactions import transaction
from payments.webhooks.models import WebhookEvent
from payments.workspaces.charges import call
from payments.workspaces.models import Charge, PricingPlan
from tests.support.people import Cast, Person, Place
from tests.support.shop import Shop, eventually

PAYMENT_INTENTS = "/v1/payment_intents"
CONFIRMATIONS = f"{PAYMENT_INTENTS}/*/confirm"


def make_platform_admin(app: Flask, person: Person) -> Person:
    """Let a person do what only the platform's own people may."""
    with app.app_context(), transaction() as session:
        session.execute(sa.update(User).where(User.id == person.id).values(is_admin=True))
    return person


@contextmanager
def settings_of(app: Flask, **changes: Any) -> Iterator[None]:
    """Let the app, and the worker that runs on it, live under other settings for a while."""
    former = app.extensions["payments.settings"]
    app.extensions["payments.settings"] = dataclasses.replace(former, **changes)
    try:
        yield
    finally:
        app.extensions["payments.settings"] = former


def add_plan(app: Flask, **values: Any) -> str:
    """Add a pricing plan of the test's own; return its slug."""
    slug = f"plan-{uuid.uuid4().hex[:10]}"
    with app.app_context(), transaction() as session:
        session.add(
            PricingPlan(**{"slug": slug, "name": slug, "price_minor": 500, "tier": 50, **values})
        )
    return slug


def column(app: Flask, model: Any, row_id: int, *names: str) -> Any:
    """Read columns of a row as the database has them now."""
    with app.app_context():
        row = db.session.get_one(model, row_id)
        found = tuple(getattr(row, name) for name in names)
    return found[0] if len(names) == 1 else found


def plan_of(person: Person, place: Place) -> str:
    """Return the slug of the plan that a workspace is on."""
    return str(person.get(place.path).json["data"]["plan"]["slug"])


def open_async(shop: Shop, cast: Cast, plan: str = "starter", **more: Any) -> int:
    """Start an upgrade without waiting; return the charge's id."""
    headers = {"Prefer": "respond-async"}
    answer = shop.upgrade(cast.owner, cast.workspace.slug, plan, headers=headers, **more)
    assert answer.status_code == 202, answer.text
    return int(answer.json["data"]["charge"]["id"])


def charge_of(cast: Cast, charge_id: int, person: Person | None = None) -> dict[str, Any]:
    """Ask the API how far a charge is."""
    answer = (person or cast.owner).get(f"{cast.workspace.payments}/charges/{charge_id}")
    assert answer.status_code == 200, answer.text
    return dict(answer.json["data"])


def until(cast: Cast, charge_id: int, status: str) -> dict[str, Any]:
    """Poll a charge, as a customer's page does, until it has the status."""

    def look() -> dict[str, Any] | None:
        found = charge_of(cast, charge_id)
        return found if found["status"] == status else None

    return dict(eventually(look))


def first_try_over(app: Flask, charge_id: int) -> None:
    """Wait until the worker has tried once and put the charge back."""

    def back() -> bool:
        fence, leased, due = column(app, Charge, charge_id, "fence", "leased_until", "due_at")
        return bool(fence >= 1 and leased is None and due > clock.now())

    eventually(back)


def try_again(app: Flask, charge_id: int, *, after: timedelta = timedelta(minutes=5)) -> None:
    """Let time pass, until the charge is due at least, and do what the worker then does."""
    due = column(app, Charge, charge_id, "due_at") + timedelta(seconds=1) if after else clock.now()
    with app.app_context(), clock.frozen(max(clock.now() + after, due)):
        call.run(charge_id)


def fault(shop: Shop, action: str, path: str = PAYMENT_INTENTS, **options: Any) -> None:
    """Let the next matching request at Stripe fail."""
    method = options.pop("method", "POST")
    match = {"method": method, "path": path}
    shop.control("POST", "faults", {"match": match, "action": action, **options})


def sent(shop: Shop, path: str, method: str = "POST", **params: str) -> list[dict[str, Any]]:
    """Return the requests that reached Stripe, the oldest first, by some of their parameters."""
    log = shop.control("GET", f"requests?method={method}&path={path}")["data"]
    return [entry for entry in log if params.items() <= _flat(entry["params"]).items()]


def reference_of(shop: Shop, model: Any, row_id: int) -> str:
    """Return the random name by which Stripe knows a row."""
    return str(column(shop.client.application, model, row_id, "reference"))


def installation_of(app: Flask) -> str:
    """Return the random name by which Stripe knows this installation."""
    with app.app_context():
        return get_installation_id()


def find_charge_id(app: Flask, payment_intent: str) -> int:
    """Return the id of the charge that a PaymentIntent is stored at."""
    with app.app_context():
        query = sa.select(Charge.id).where(Charge.stripe_payment_intent_id == payment_intent)
        return db.session.scalars(query).one()


def charge_calls(shop: Shop, charge_id: int) -> list[dict[str, Any]]:
    """Return the requests that asked Stripe to create a charge's PaymentIntent."""
    log = shop.control("GET", f"requests?method=POST&path={PAYMENT_INTENTS}")["data"]
    wanted = reference_of(shop, Charge, charge_id)
    return [e for e in log if (e["params"].get("metadata") or {}).get("charge") == wanted]


def confirmations(shop: Shop, payment_intent: str) -> list[dict[str, Any]]:
    """Return the requests that asked Stripe to confirm a PaymentIntent."""
    path = f"{PAYMENT_INTENTS}/{payment_intent}/confirm"
    return list(shop.control("GET", f"requests?method=POST&path={path}")["data"])


def payments_at_stripe(shop: Shop, charge_id: int) -> list[dict[str, Any]]:
    """Return the PaymentIntents that Stripe holds for a charge."""
    listed = shop.stripe("GET", PAYMENT_INTENTS, limit=100)["data"]
    wanted = reference_of(shop, Charge, charge_id)
    return [p for p in listed if p["metadata"].get("charge") == wanted]


def _flat(params: dict[str, Any]) -> dict[str, str]:
    return {name: value for name, value in params.items() if isinstance(value, str)}


def browser_authenticates(
    shop: Shop, secret: str, method: str | None = None, *, outcome: str = "complete"
) -> dict[str, Any]:
    """Do what confirmCardPayment does: confirm, open the bank's page, press one of its buttons."""
    intent = secret.partition("_secret_")[0]
    kind = "setup_intents" if intent.startswith("seti_") else "payment_intents"
    data = {"client_secret": secret}
    if method is not None:
        data["payment_method"] = method
    confirmed = shop.as_browser(f"/v1/{kind}/{intent}/confirm", data)
    assert confirmed["status"] == "requires_action", confirmed
    page = confirmed["next_action"]["use_stripe_sdk"]["stripe_js"]
    answer = requests.post(page, data={"outcome": outcome}, timeout=10)
    assert answer.status_code == 200, answer.text
    return shop.stripe("GET", f"/v1/{kind}/{intent}")


def save_authenticated_card(shop: Shop, cast: Cast, card: str) -> str:
    """Save a card whose bank wants to hear from its holder at the setup already."""
    person, slug = cast.owner, cast.workspace.slug
    setup = shop.set_up(person, slug)
    done = browser_authenticates(shop, setup["clientSecret"], card)
    body = {"setupIntentId": setup["setupIntentId"], "paymentMethodId": done["payment_method"]}
    answer = person.post(f"{cast.workspace.payments}/payment-method/confirm", body)
    assert answer.status_code == 200, answer.text
    return str(done["payment_method"])


def event_row(app: Flask, event_id: str) -> dict[str, Any] | None:
    """Return an event of the inbox as plain values."""
    with app.app_context():
        query = sa.select(WebhookEvent).where(WebhookEvent.event_id == event_id)
        row = db.session.scalars(query).one_or_none()
        names = ("id", "state", "tries", "last_error", "due_at", "type", "payload")
        return None if row is None else {name: getattr(row, name) for name in names}


def handled(app: Flask, event_id: str) -> None:
    """Wait until an event of the inbox is done."""
    eventually(lambda: (event_row(app, event_id) or {}).get("state") == "processed")


def pdf_of(person: Person, place: Place, invoice_id: int) -> TestResponse:
    """Download an invoice."""
    return person.get(f"{place.payments}/invoices/{invoice_id}/download")


def pdf_text(answer: TestResponse) -> str:
    """Return what a reader of the PDF sees, on one line."""
    assert answer.status_code == 200, answer.text
    pages = PdfReader(io.BytesIO(answer.data)).pages
    return " ".join(" ".join(page.extract_text() for page in pages).split())
