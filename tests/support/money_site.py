"""Steps of histories on an installation of its own: sign up, charge, tell of events, compare."""

from __future__ import annotations

import json
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import sqlalchemy as sa

from payments.kit import clock
from payments.reconciliation import accounts
from payments.reconciliation.whole import whole
from payments.webhooks.drain import drain
from payments.workspaces.charges import call
from payments.workspaces.models import Charge, Workspace
from tests.support.people import Person, sign_up
from tests.support.site import Site
from tests.support.till import save_authenticated_card

VISA, MASTERCARD = "pm_card_visa", "pm_card_mastercard"
ASYNC = {"Prefer": "respond-async"}


def sign_up_with_card(site: Site, name: str, card: str = VISA) -> Person:
    """Sign somebody up and save a card for their workspace."""
    person = sign_up(site.client, name)
    site.shop.save_card(person, person.home.slug, card)
    return person


def reserve(site: Site, person: Person, plan: str = "starter", **more: Any) -> int:
    """Ask for an upgrade that nobody drives yet; return the charge's id."""
    answer = site.shop.upgrade(person, person.home.slug, plan, headers=ASYNC, **more)
    assert answer.status_code == 202, answer.text
    return int(answer.json["data"]["charge"]["id"])


def drive(site: Site, charge_id: int) -> Charge:
    """Run a charge as a worker does, whatever it waits for; return its row."""
    past = clock.now() - timedelta(days=9)
    due = sa.update(Charge).where(Charge.id == charge_id).values(leased_until=None, due_at=past)
    site.run(lambda session: session.execute(due))
    with site.app.app_context():
        call.run(charge_id)
    return read_charge(site, charge_id)


def read_charge(site: Site, charge_id: int) -> Charge:
    return site.row(Charge, Charge.id == charge_id)


def upgrade(site: Site, person: Person, plan: str = "starter", **more: Any) -> Charge:
    """Upgrade a person's workspace, and drive the charge as a worker does."""
    return drive(site, reserve(site, person, plan, **more))


def wait_for_holder(site: Site, name: str) -> tuple[Person, Charge, dict[str, Any]]:
    """Upgrade with a card whose holder has to authenticate; return the PaymentIntent as well."""
    person = sign_up(site.client, name)
    cast: Any = SimpleNamespace(owner=person, workspace=person.home)
    save_authenticated_card(site.shop, cast, "pm_card_authenticationRequired")
    charge = upgrade(site, person)
    assert charge.status == "requires_action"
    intent = site.shop.stripe("GET", f"/v1/payment_intents/{charge.stripe_payment_intent_id}")
    return person, charge, intent


def tell(site: Site, about: str, *kinds: str) -> None:
    """Deliver Stripe's events of these kinds about an object, oldest first, and handle them."""
    listed = site.shop.stripe("GET", "/v1/events", limit=100)["data"]
    for event in reversed(listed):
        if event["type"] in kinds and about in json.dumps(event["data"]):
            assert site.shop.deliver(event).status_code == 200
    drain_inbox(site)


def drain_inbox(site: Site) -> None:
    with site.app.app_context():
        while drain():
            pass


def reconcile(site: Site) -> None:
    """Do both runs of the platform's account, as `flask reconcile --platform` does."""
    with site.app.app_context():
        account = accounts.platform()
        assert account is not None
        for kind in ("events", "objects"):
            whole(account, kind, actor="operator", dry_run=False)
    drain_inbox(site)


def pay_twice(site: Site, charge: Charge, method: str | None = None) -> str:
    """Let Stripe take a charge's money once more under its names; return the PaymentIntent."""
    workspace = site.row(Workspace, Workspace.id == charge.workspace_id)
    first = site.shop.stripe("GET", f"/v1/payment_intents/{charge.stripe_payment_intent_id}")
    named = {f"metadata[{name}]": value for name, value in first["metadata"].items()}
    made = site.shop.stripe(
        "POST", "/v1/payment_intents", amount=999, currency="usd", confirm="true",
        customer=workspace.stripe_customer_id, off_session="true",
        payment_method=method or charge.stripe_payment_method_id, **named,
    )  # fmt: skip
    assert made.get("status") == "succeeded", made
    tell(site, made["id"], "payment_intent.succeeded")
    return str(made["id"])


def command(site: Site, *words: str) -> Any:
    """Give an operator's command; return its result."""
    return site.app.test_cli_runner().invoke(args=list(words))
