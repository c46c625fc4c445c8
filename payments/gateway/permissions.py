"""Finds out what a restricted key may not do, by reading one object of each kind that we use.

https://docs.stripe.com/keys/restricted-api-keys
"""

from __future__ import annotations

import re

from payments.extensions import settings
from payments.gateway.client import client
from payments.gateway.errors import BadCredentials, Rejected, translated

RESTRICTED = "rk_"

# What a project's account is asked for. Write permissions cannot be tried without writing.
READ = (
    "/v1/customers",
    "/v1/products",
    "/v1/prices",
    "/v1/checkout/sessions",
    "/v1/billing_portal/configurations",
    "/v1/subscriptions",
    "/v1/invoices",
    "/v1/invoice_payments",
    "/v1/payment_intents",
    "/v1/charges",
    "/v1/refunds",
    "/v1/disputes",
    "/v1/events",
)
# Stripe names what is missing: "Having the 'rak_customer_read' permission would allow this".
_NAMED = re.compile(r"'(rak_\w+)'")


def find_missing_permissions(secret_key: str) -> list[str]:
    """Return the permissions to read that the key lacks, as Stripe names them, each once.

    Raise BadCredentials for a key that Stripe does not know.
    """
    missing = (_find_missing(secret_key, path) for path in READ)
    return list(dict.fromkeys(name for name in missing if name))


def _find_missing(secret_key: str, path: str) -> str | None:
    account = client(secret_key, settings().stripe_api_base)
    try:
        with translated():
            account.raw_request("get", path, limit=1)
    except BadCredentials as error:
        if not error.is_permission:
            raise
        named = _NAMED.search(error.message)
        return named[1] if named else path.removeprefix("/v1/")
    except Rejected:  # an account may not have this kind of object at all
        return None
    return None
