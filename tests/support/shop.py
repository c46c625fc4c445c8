"""What a customer and his browser do: save cards, upgrade, authenticate; and Stripe's own view."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from dataclasses import dataclass
from typing import Any

import requests
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from payments.config import Settings
from payments.kit import clock


@dataclass(frozen=True)
class Shop:
    """The app by HTTP on one side, its Stripe account at the sandbox on the other."""

    client: FlaskClient
    settings: Settings

    @property
    def stripe_url(self) -> str:
        return self.settings.stripe_api_base or ""

    @property
    def secret_key(self) -> str:
        return self.settings.stripe_secret_key or ""

    @property
    def publishable_key(self) -> str:
        return self.secret_key.replace("sk_", "pk_", 1)

    # The app's side

    def call(self, method: str, path: str, person: Any = None, **kwargs: Any) -> TestResponse:
        """Send a request as a person (anonymous without one)."""
        headers = {**(person.headers if person else {}), **kwargs.pop("headers", {})}
        return self.client.open(path, method=method, headers=headers, **kwargs)

    def set_up(self, person: Any, slug: str) -> dict[str, str]:
        """Open a SetupIntent: `{clientSecret, setupIntentId}`."""
        answer = self.call("POST", f"/api/payments/{slug}/payment-method", person)
        assert answer.status_code == 200, answer.text
        return dict(answer.json["data"])

    def browser_confirms_setup(
        self, setup: dict[str, str], card: str = "pm_card_visa"
    ) -> dict[str, Any]:
        """Do what Stripe.js's confirmCardSetup does; returns the SetupIntent (or the error)."""
        data = {"client_secret": setup["clientSecret"], "payment_method": card}
        return self.as_browser(f"/v1/setup_intents/{setup['setupIntentId']}/confirm", data)

    def save_card(self, person: Any, slug: str, card: str = "pm_card_visa", **billing: str) -> str:
        """Set a card up, confirm it in the browser and at the app; returns its `pm_...`."""
        setup = self.set_up(person, slug)
        method = self.browser_confirms_setup(setup, card)["payment_method"]
        body = {"setupIntentId": setup["setupIntentId"], "paymentMethodId": method, **billing}
        answer = self.call(
            "POST", f"/api/payments/{slug}/payment-method/confirm", person, json=body
        )
        assert answer.status_code == 200, answer.text
        return str(method)

    def cards(self, person: Any, slug: str, **query: str) -> list[dict[str, Any]]:
        """List the saved cards."""
        answer = self.call(
            "GET", f"/api/payments/{slug}/payment-methods", person, query_string=query
        )
        return list(answer.json["data"])

    def upgrade(self, person: Any, slug: str, plan: str = "starter", **kwargs: Any) -> TestResponse:
        """Upgrade a workspace; `card` names the payment method."""
        body = {"planSlug": plan}
        if "card" in kwargs:
            body["paymentMethodId"] = kwargs.pop("card")
        path = f"/api/payments/workspace/{slug}/upgrade-plan"
        return self.call("POST", path, person, json=body, **kwargs)

    def invoices(self, person: Any, slug: str, **query: str) -> list[dict[str, Any]]:
        """List the invoices, refunded ones too."""
        query = {"include_all": "true", "limit": "100", **query}
        answer = self.call("GET", f"/api/payments/{slug}/invoices", person, query_string=query)
        return list(answer.json["data"])

    def deliver(self, event: dict[str, Any], **changes: Any) -> TestResponse:
        """Post an event to the platform's webhook, signed as Stripe signs it."""
        payload = changes.get("payload") or json.dumps(event)
        header = changes.get("header") or self.signature(payload)
        return self.client.post(
            "/api/payments/webhook", data=payload, headers={"Stripe-Signature": header}
        )

    def signature(self, payload: str, *, at: int | None = None, secret: str | None = None) -> str:
        """Make a Stripe-Signature header."""
        stamp = clock.timestamp() if at is None else at
        key = secret or self.settings.stripe_webhook_secrets[0]
        signed = hmac.new(key.encode(), f"{stamp}.{payload}".encode(), hashlib.sha256).hexdigest()
        return f"t={stamp},v1={signed}"

    # Stripe's side

    def stripe(self, method: str, path: str, **params: Any) -> dict[str, Any]:
        """Act on the Stripe account with its secret key, as its dashboard would."""
        where = {"params": params} if method == "GET" else {"data": params}
        answer = requests.request(
            method, self.stripe_url + path, auth=(self.secret_key, ""), timeout=10, **where
        )
        return dict(answer.json())

    def as_browser(self, path: str, data: dict[str, str]) -> dict[str, Any]:
        """Act with the publishable key, as Stripe.js does."""
        answer = requests.post(
            self.stripe_url + path, auth=(self.publishable_key, ""), data=data, timeout=10
        )
        return dict(answer.json())

    def control(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """Use the sandbox's control plane (faults, clock, request log)."""
        answer = requests.request(
            method,
            f"{self.stripe_url}/_sandbox/{path}",
            auth=(self.secret_key, ""),
            json=body,
            timeout=10,
        )
        answer.raise_for_status()
        return answer.json()

    def events(self, kind: str, object_id: str | None = None) -> list[dict[str, Any]]:
        """List the account's events of a type, newest first."""
        found = self.stripe("GET", "/v1/events", type=kind, limit=100)["data"]
        return [e for e in found if object_id is None or e["data"]["object"]["id"] == object_id]


def eventually(look: Any, *, seconds: float = 60, every: float = 0.05) -> Any:
    """Return the first truthy answer of `look`; fail when the time is over."""
    deadline = time.monotonic() + seconds
    while True:
        if found := look():
            return found
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(every)
