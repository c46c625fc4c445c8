"""A project to try the service with: a shop with an account of its own at the sandbox."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import Any

from payments.auth.models import User
from payments.config import Settings
from payments.gateway import endpoints, offers
from payments.gateway.offers import Offer
from payments.kit.crypto import Unsealable
from payments.kit.transactions import end_read
from payments.projects import configs, credentials, directory, queries, rosters
from payments.projects.errors import StripeNotSetUp
from payments.projects.models import Project
from payments.projects.models.configs import TEST
from payments.projects.sync.topics import TYPES

NAME = "Demo Shop"
OFFERS = {
    "price_monthly": Offer("demo_monthly", "Demo monthly", 999, "usd", "month"),
    "price_yearly": Offer("demo_yearly", "Demo yearly", 9990, "usd", "year"),
    "price_one_time": Offer("demo_one_time", "Demo one-time", 1999, "usd"),
}


@dataclass(frozen=True)
class Account:
    """The project's account at the sandbox."""

    secret_key: str = field(repr=False)
    webhook_secret: str = field(repr=False)
    webhook_url: str
    prices: dict[str, str]

    def told(self) -> dict[str, Any]:
        return {
            "test_secret_key": self.secret_key,
            "test_webhook_secret": self.webhook_secret,
            "webhook_url": self.webhook_url,
            **self.prices,
        }


def find_or_make(owner: User) -> Project:
    """Return the developer's demo project."""
    standing = (p for p in rosters.projects_of(owner.id) if p.name == NAME)
    return next(standing, None) or directory.create(owner, name=NAME)


def connect(settings: Settings, project_id: str, *, known_url: str | None) -> Account:
    """Give the project its account, its webhook endpoint and its prices, whatever is missing.

    `known_url` is the address that the stored webhook secret belongs to.
    """
    key = _secret_key(project_id)
    url = f"{settings.public_url}/api/v1/payments/stripe/webhooks/{project_id}/{TEST}"
    secret = _webhook_secret(key, project_id, url, known=url == known_url)
    end_read()
    prices = {name: offers.ensure_price(key, offer) for name, offer in OFFERS.items()}
    return Account(key, secret, url, prices)


def _secret_key(project_id: str) -> str:
    try:
        return credentials.secret_key(project_id, TEST)
    except (StripeNotSetUp, Unsealable):
        name = secrets.token_hex(12)
        keys = {"test_secret_key": f"sk_test_{name}", "test_publishable_key": f"pk_test_{name}"}
        configs.save(_project(project_id), **keys)
        return keys["test_secret_key"]


def _webhook_secret(key: str, project_id: str, url: str, *, known: bool) -> str:
    """Register the address; Stripe tells the secret only once, so a lost one means a new one."""
    held = credentials.webhook_secrets(project_id, TEST, fresh=True)
    end_read()
    secret = endpoints.ensure_webhook_endpoint(url, list(TYPES), secret_key=key)
    if secret is None and held and known:
        return held[0]
    if secret is None:
        endpoints.remove_webhook_endpoint(url, secret_key=key)
        secret = endpoints.ensure_webhook_endpoint(url, list(TYPES), secret_key=key)
    configs.save(_project(project_id), test_webhook_secret=secret)
    return secret or ""


def _project(project_id: str) -> Project:
    project = queries.find_project(project_id)
    if project is None:
        raise LookupError(project_id)
    return project
