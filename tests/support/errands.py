"""A charge or refund that a test drives call by call, and what Stripe holds of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from payments.installation.models import Installation
from payments.kit import clock
from payments.workspaces.charges import call as charge_call
from payments.workspaces.models import Charge, Refund
from payments.workspaces.refunds import call as refund_call
from tests.support.people import Person, Place
from tests.support.site import Site

CREATION = "/v1/payment_intents"
CONFIRMATION = "/v1/payment_intents/*/confirm"
REFUND = "/v1/refunds"

ASYNC = {"Prefer": "respond-async"}


@dataclass
class Errand:
    """A pending row; `path` is the request to Stripe that the test is about."""

    site: Site
    person: Person
    place: Place
    model: type[Any]
    path: str
    id: int

    @property
    def row(self) -> Any:
        return self.site.row(self.model, self.model.id == self.id)

    def run(self, site: Site | None = None) -> Any:
        """Drive the row once, as the worker's task does, and return it."""
        run = charge_call.run if self.model is Charge else refund_call.run
        with (site or self.site).app.app_context():
            run(self.id)
        return self.row

    def again(self) -> Any:
        """Drive the row once more, its wait being over, and return it."""
        self.come_due()
        return self.run()

    def change(self, **values: Any) -> None:
        table = sa.update(self.model).where(self.model.id == self.id)
        self.site.run(lambda session: session.execute(table.values(**values)))

    def come_due(self) -> None:
        """Let the wait of the row pass."""
        self.change(due_at=clock.now() - timedelta(seconds=1))

    def lapse(self) -> None:
        """Let the lease of whoever holds the row run out."""
        self.change(leased_until=clock.now() - timedelta(seconds=1))

    def age(self, by: timedelta) -> None:
        """Let the row have been made that long ago: its key's age is counted from there."""
        self.change(created_at=self.row.created_at - by, due_at=clock.now() - by)

    def fault(self, action: str, **options: Any) -> None:
        """Let the next request on `path` fail."""
        self.site.fault(action, "POST", self.path, **options)

    @property
    def sent(self) -> list[str]:
        """Return the idempotency keys of the requests on `path` for this row, in order."""
        return [c["idempotency_key"] for c in self.site.calls("POST", self.path) if self._is_own(c)]

    def _is_own(self, call: dict[str, Any]) -> bool:
        if self.path == CONFIRMATION:
            return bool(call["path"].split("/")[3] == self.row.stripe_payment_intent_id)
        named = call["params"].get("metadata", {}).get(self.model.key_prefix)
        return bool(named == self.row.reference)

    @property
    def keys(self) -> list[str]:
        """Return the keys that the row's runs so far may have sent on `path`, one a run."""
        parts = self._prefix, self.model.key_prefix, self.row.reference
        runs = range(1, self.row.fence + 1)
        if self.path == CONFIRMATION:
            return [":".join((*parts, "confirm", str(fence))) for fence in runs]
        return [":".join((*parts, "create") if self.model is Charge else parts) for _ in runs]

    @property
    def key(self) -> str:
        """Return the one key of a creation or a refund."""
        (key,) = set(self.keys)
        return key

    @property
    def _prefix(self) -> str:
        return self.site.row(Installation).installation_id

    @property
    def payments(self) -> list[dict[str, Any]]:
        """Return the workspace's PaymentIntents, as Stripe lists them."""
        return self.site.payments(self.place.id)

    @property
    def looked_up(self) -> str:
        """Return what an uncertain run reads before it asks again."""
        if self.path == CONFIRMATION:
            return f"{CREATION}/{self.row.stripe_payment_intent_id}"
        return self.path

    @property
    def made(self) -> list[dict[str, Any]]:
        """Return the objects that Stripe has made for the row."""
        if self.model is Charge:
            name = self.row.reference
            return [p for p in self.payments if p["metadata"].get("charge") == name]
        paid = self.site.row(Charge, Charge.id == self.row.charge_id)
        return self.site.refunds(paid.stripe_payment_intent_id)

    @property
    def moved(self) -> list[int]:
        """Return the amounts that Stripe has moved for the row, in minor units."""
        if self.model is Charge:
            return [p["amount_received"] for p in self.made if p["status"] == "succeeded"]
        return [refund["amount"] for refund in self.made]


def reserve_charge(site: Site, path: str, *, card: str = "pm_card_visa") -> Errand:
    """Reserve an upgrade of somebody new that no worker has seen."""
    return reserve_upgrade(site, *site.customer(card), path)


def reserve_upgrade(site: Site, person: Person, place: Place, path: str, **options: Any) -> Errand:
    """Reserve an upgrade of a workspace that no worker has seen."""
    answer = site.shop.upgrade(person, place.slug, headers=ASYNC, **options)
    assert answer.status_code == 202, answer.text
    return Errand(site, person, place, Charge, path, answer.json["data"]["charge"]["id"])


def reserve_refund(paid: Errand, **body: Any) -> Errand:
    """Reserve a refund of a paid charge that no worker has seen; all of it without an amount."""
    site = paid.site
    path = f"/api/admin/invoices/{paid.row.invoice_id}/refund"
    answer = site.shop.call("POST", path, site.admin(), headers=ASYNC, json=body)
    assert answer.status_code == 202, answer.text
    refund_id = answer.json["data"]["refund"]["id"]
    return Errand(site, paid.person, paid.place, Refund, REFUND, refund_id)
