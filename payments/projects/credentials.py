"""A project's opened secrets, for the moment of a call to Stripe or of checking a signature."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from flask import current_app

from payments.gateway import gateway
from payments.gateway.gateway import Gateway
from payments.kit import clock
from payments.kit.transactions import end_read
from payments.projects import queries, sealing
from payments.projects.errors import StripeNotSetUp
from payments.projects.models import StripeCredentials
from payments.projects.models.configs import LIVE, TEST

# How long a process goes by what it read of the webhook secrets: this bounds how late another
# process hears of a PUT or DELETE. The process that took it knows at once.
SECRETS_KEPT_FOR = timedelta(seconds=3)
_MOST_KEPT = 10_000
_CACHE = "payments.webhook_secrets"


@dataclass(frozen=True)
class _Held:
    """The webhook secrets of one project and mode; the former one has an end."""

    present: str = field(repr=False)
    former: str | None = field(repr=False)
    former_until: datetime | None
    fresh_until: datetime

    def active(self) -> tuple[str, ...]:
        if self.former is None or self.former_until is None or self.former_until <= clock.now():
            return (self.present,)
        return (self.present, self.former)


def mode_of(is_test_mode: bool) -> str:
    """Name the mode as credentials and webhook paths do."""
    return TEST if is_test_mode else LIVE


def secret_key(project_id: str, mode: str) -> str:
    """Return the project's secret key; StripeNotSetUp when there is none or it is switched off."""
    row = queries.find_usable_credentials(project_id, mode)
    key = None if row is None else sealing.take(row, "secret_key")
    if key is None:
        raise StripeNotSetUp
    return key


def gateway_for(project_id: str, is_test_mode: bool) -> Gateway:
    """Return the gateway of the project's own account, with no transaction left open."""
    key = secret_key(project_id, mode_of(is_test_mode))
    end_read()
    return gateway.account(key)


def webhook_secrets(project_id: str, mode: str, *, fresh: bool = False) -> tuple[str, ...]:
    """Return the secrets that may sign the project's events, the present one first.

    Empty when the project, its configuration or the secret is missing or switched off. What was
    found is kept for SECRETS_KEPT_FOR; `fresh` reads again, for a signature that none of
    the kept ones made. Misses are not kept.
    """
    cache: dict[tuple[str, str], _Held] = current_app.extensions.setdefault(_CACHE, {})
    held = cache.get((project_id, mode))
    if fresh or held is None or held.fresh_until <= clock.now():
        held = _read(project_id, mode)
        _keep(cache, (project_id, mode), held)
    return () if held is None else held.active()


def forget(project_id: str) -> None:
    """Drop what this process holds of a project; call it once a change is committed."""
    cache: dict[tuple[str, str], _Held] = current_app.extensions.get(_CACHE, {})
    for mode in (TEST, LIVE):
        cache.pop((project_id, mode), None)


def _read(project_id: str, mode: str) -> _Held | None:
    row = queries.find_usable_credentials(project_id, mode)
    present = None if row is None else sealing.take(row, "webhook_secret")
    if row is None or present is None:
        return None
    return _Held(present, _former(row), row.former_until, clock.now() + SECRETS_KEPT_FOR)


def _former(row: StripeCredentials) -> str | None:
    if row.former_until is None or row.former_until <= clock.now():
        return None
    return sealing.take(row, "former_webhook_secret")


def _keep(cache: dict[tuple[str, str], _Held], name: tuple[str, str], held: _Held | None) -> None:
    if held is None:
        cache.pop(name, None)
        return
    if len(cache) >= _MOST_KEPT:  # nobody has that many projects at once: start over
        cache.clear()
    cache[name] = held
