"""A planted bug, to see that the simulation finds one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

from tests.simulation.stripe_link import Answer, StripeLink

CREATE, LIST_REFUNDS = "/v1/payment_intents", "/v1/refunds?"
_NOTHING = b'{"object": "list", "data": [], "has_more": false, "url": "/v1/refunds"}'


@contextmanager
def careless_client() -> Iterator[None]:
    """Make a new key for every try, confirm at creation, and look at no refunds before sending."""
    send = StripeLink.request

    def request(self: StripeLink, method: str, url: str, **options: Any) -> Answer:
        headers = dict(options.pop("headers") or {})
        headers.pop("Idempotency-Key", None)
        if method.upper() == "POST" and url.endswith(CREATE):
            options["data"] = f"{options['data']}&confirm=true&off_session=true"
        answer = send(self, method, url, headers=headers, **options)
        if method.upper() == "GET" and LIST_REFUNDS in url:
            answer.content = _NOTHING
        return answer

    with mock.patch.object(StripeLink, "request", request):
        yield
