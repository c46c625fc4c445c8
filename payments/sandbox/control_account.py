"""Settings of an account for which Stripe has its dashboard: version, retries, restricted keys."""

from __future__ import annotations

from typing import Any

from .accounts import KEY, Account, authenticate_key
from .errors import ApiError
from .exchange import VERSION
from .messages import Json
from .permissions import remember
from .store import BUSINESS_NAME_SET, PORTAL_SAVED, Store

OUTCOMES = ("cancel", "past_due", "unpaid")


def show_version(store: Store, account: Account) -> Json:
    with store.transaction():
        return {"version": store.default_version(account.scope)}


def set_version(store: Store, account: Account, given: Json) -> Json:
    """The version of events, and of answers to requests that name none."""
    version = given.get("version")
    if set(given) != {"version"} or not isinstance(version, str) or not VERSION.fullmatch(version):
        raise ApiError(400, "Give a `version` such as 2025-02-24.acacia.")
    with store.transaction():
        store.prefer(account.scope, "api_version", version)
    return {"version": version}


def show_billing(store: Store, account: Account) -> Json:
    with store.transaction():
        return {
            "after_retries": store.preference(account.scope, "after_retries") or "cancel",
            "retry_days": store.preference(account.scope, "retry_days") or [3, 5, 7],
        }


def set_billing(store: Store, account: Account, given: Json) -> Json:
    """How often a renewal is tried again, and what happens to the subscription then."""
    for name, value in given.items():
        if name not in CHECKS or not CHECKS[name](value):
            raise ApiError(400, f"Invalid {name}: {value}")
    with store.transaction():
        for name, value in given.items():
            store.prefer(account.scope, name, value)
    return show_billing(store, account)


def show_profile(store: Store, account: Account) -> Json:
    """What an owner does in the dashboard before Checkout and the portal can be used."""
    with store.transaction():
        return {name: store.preference(account.scope, name) is not False for name in PROFILE}


def set_profile(store: Store, account: Account, given: Json) -> Json:
    for name, value in given.items():
        if name not in PROFILE or not isinstance(value, bool):
            raise ApiError(400, f"Invalid {name}: {value}")
    with store.transaction():
        for name, value in given.items():
            store.prefer(account.scope, name, value)
    return show_profile(store, account)


PROFILE = (BUSINESS_NAME_SET, PORTAL_SAVED)


def _is_outcome(value: Any) -> bool:
    return value in OUTCOMES


def _is_schedule(value: Any) -> bool:
    return isinstance(value, list) and all(type(day) is int and 0 < day < 61 for day in value)


CHECKS = {"after_retries": _is_outcome, "retry_days": _is_schedule}


def restrict(store: Store, account: Account, given: Json) -> Json:
    """From now on a restricted key may do only what is listed."""
    key, allow = given.get("key"), given.get("allow")
    if not isinstance(key, str) or not KEY.fullmatch(key) or not key.startswith("rk_"):
        raise ApiError(400, "Give the `key`, which begins with rk_test_ or rk_live_.")
    if not isinstance(allow, list) or not all(isinstance(name, str) for name in allow):
        raise ApiError(400, "Give a list of permissions to `allow`, such as customer_read.")
    if authenticate_key(key).id != account.id:
        raise ApiError(400, "That is a key of another account.")
    with store.transaction():
        remember(store, key, allow)
    return {"key": key, "allow": allow}
