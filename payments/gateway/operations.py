"""Names the operation that a call is: Stripe limits each one by itself.

`GET /v1/payment_intents/{id}` is one operation, whichever PaymentIntent it asks for.
https://docs.stripe.com/rate-limits
"""

from __future__ import annotations

from urllib.parse import urlsplit

# Parts of a path that only group what follows them.
_NAMESPACES = {
    "billing", "billing_portal", "checkout", "core", "identity", "issuing", "radar", "reporting",
    "tax", "terminal", "test_helpers", "treasury",
}  # fmt: skip
# What stands where an id could stand, and is none.
_NO_IDS = {"create_preview", "search"}


def name_operation(method: str, url: str) -> str:
    """Return the method and the path with `{id}` for each id, such as `get /v1/refunds/{id}`."""
    path = urlsplit(url).path
    version, *parts = path.strip("/").split("/")
    groups = 1 if parts and parts[0] in _NAMESPACES else 0
    named = [
        part if index < groups or (index - groups) % 2 == 0 or part in _NO_IDS else "{id}"
        for index, part in enumerate(parts)
    ]
    return f"{method.lower()} /{'/'.join([version, *named])}"
