"""Calls of one kind are one operation, whichever object they are about."""

from __future__ import annotations

import pytest

from payments.gateway.operations import name_operation


@pytest.mark.parametrize(
    ("method", "path", "name"),
    [
        ("get", "/v1/customers", "get /v1/customers"),
        ("GET", "/v1/payment_intents/pi_1", "get /v1/payment_intents/{id}"),
        ("post", "/v1/payment_intents/pi_2/confirm", "post /v1/payment_intents/{id}/confirm"),
        ("get", "/v1/products/gold", "get /v1/products/{id}"),
        ("get", "/v1/products/search?query=a", "get /v1/products/search"),
        ("post", "/v1/invoices/create_preview", "post /v1/invoices/create_preview"),
        ("get", "/v1/customers/cus_1/payment_methods", "get /v1/customers/{id}/payment_methods"),
        (
            "get", "/v1/customers/cus_1/payment_methods/pm_1",
            "get /v1/customers/{id}/payment_methods/{id}",
        ),
        ("post", "/v1/checkout/sessions", "post /v1/checkout/sessions"),
        ("post", "/v1/checkout/sessions/cs_1/expire", "post /v1/checkout/sessions/{id}/expire"),
        ("post", "/v1/billing_portal/sessions", "post /v1/billing_portal/sessions"),
        ("get", "/v1/events?limit=100&created[gte]=7", "get /v1/events"),
        ("get", "/v1/balance", "get /v1/balance"),
        ("delete", "/v1/subscriptions/sub_1", "delete /v1/subscriptions/{id}"),
    ],
)  # fmt: skip
def test_a_call(method: str, path: str, name: str) -> None:
    assert name_operation(method, f"https://api.stripe.com{path}") == name
