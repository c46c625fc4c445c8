"""What a restricted key may do; https://docs.stripe.com/keys/restricted-api-keys."""

from __future__ import annotations

import hashlib
from fnmatch import fnmatchcase

from .accounts import Account, authenticate_key, masked
from .errors import ApiError
from .store import Store

# Where a permission is not called as the path is.
NAMES = {
    "account": "accounts_kyc_basic",
    "balance": "balance",
    "balance_transactions": "balance_transaction_source",
    "billing_portal": "customer_portal",
    "checkout": "checkout_session",
    "invoiceitems": "invoice_item",
    "prices": "plan",
    "subscription_items": "subscription",
    "test_helpers": "billing_clock",
}


def remember(store: Store, key: str, allow: list[str]) -> None:
    store.prefer(authenticate_key(key).scope, _entry(key), allow)


def _entry(key: str) -> str:
    return "key:" + hashlib.sha256(key.encode()).hexdigest()


def check_permission(store: Store, account: Account, key: str, method: str, path: str) -> None:
    """Keys that nobody has restricted may do everything."""
    allowed = store.preference(account.scope, _entry(key)) if key.startswith("rk_") else None
    if allowed is None:
        return
    subject, needed = permission_for(method, path)
    enough = {needed, f"{subject}_write"}
    if any(fnmatchcase(name, pattern) for name in enough for pattern in allowed):
        return
    raise ApiError(
        403,
        f"The provided key '{masked(key)}' does not have the required permissions for this"
        f" endpoint on account '{account.id}'. Having the 'rak_{needed}' permission would allow"
        " this request to continue.",
    )


def permission_for(method: str, path: str) -> tuple[str, str]:
    """`GET /v1/customers/cus_1` needs `customer_read`."""
    first = path.removeprefix("/v1/").partition("/")[0]
    subject = NAMES.get(first) or first.removesuffix("s")
    return subject, f"{subject}_{'read' if method == 'GET' else 'write'}"
