"""A planted bug, to see that the simulation finds one: requests without identity."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

from tests.simulation.stripe_link import Answer, StripeLink

CREATE = "/v1/payment_intents"


@contextmanager
def careless_client() -> Iterator[None]:
    """Send no idempotency keys, and confirm every PaymentIntent at its creation.

    It is what a client does that makes a new key for each try.
    """
    send = StripeLink.request

    def request(self: StripeLink, method: str, url: str, **options: Any) -> Answer:
        headers = dict(options.pop("headers") or {})
        headers.pop("Idempotency-Key", None)
        if method.upper() == "POST" and url.endswith(CREATE) and "confirm" not in str(options):
            options["data"] = f"{options['data']}&confirm=true&off_session=true"
        return send(self, method, url, headers=headers, **options)

    with mock.patch.object(StripeLink, "request", request):
        yield
