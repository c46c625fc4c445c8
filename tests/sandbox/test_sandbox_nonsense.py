"""Whatever is sent to whichever operation, the answer is never the sandbox's own failure."""

import logging

import pytest

from payments.sandbox import registry

NONSENSE = ["", "x", "-1", "true", "\x00", "🙂" * 300, "9" * 30, "http://a b", "pm_card_visa"]
NESTED = ["[]", "[0]", "[x]", "[x][y]", "[0][x]"]
NEEDED = {
    "amount": "500",
    "currency": "usd",
    "type": "card",
    "url": "http://127.0.0.1:9/",
    "enabled_events[]": "none",
    "query": "amount:1",
    "name": "Plan",
    "frozen_time": "2000000000",
    "features": "x",
}
ROUTES = [each for rows in registry._routes.values() for each in rows]


@pytest.fixture(scope="module")
def prefixes():
    """Which object the `{id}` of a path means, by its first or first two words."""
    return {
        "checkout/sessions": "session",
        "billing_portal/configurations": "configuration",
        "test_helpers/test_clocks": "clock",
        "credit_notes": "credit_note",
        "disputes": "dispute",
        "customers": "customer",
        "payment_methods": "payment_method",
        "setup_intents": "setup_intent",
        "payment_intents": "payment_intent",
        "charges": "charge",
        "refunds": "refund",
        "events": "event",
        "webhook_endpoints": "webhook_endpoint",
        "balance_transactions": "balance_transaction",
        "products": "product",
        "prices": "price",
        "subscriptions": "subscription",
        "subscription_items": "subscription_item",
        "invoices": "invoice",
        "invoiceitems": "invoiceitem",
        "invoice_payments": "invoice_payment",
    }


@pytest.fixture
def things(v1, customer, saved_card, pay):
    """One object of each kind, some of them finished and some still open."""
    method = saved_card()
    paid = pay(method=method, customer=customer.id, expand=["latest_charge"])
    refund = v1.refunds.create({"payment_intent": paid.id, "amount": 100})
    params = {"url": "http://127.0.0.1:9/", "enabled_events": ["none"]}
    return {
        "customer": customer.id,
        "payment_method": method,
        "setup_intent": v1.setup_intents.create({"customer": customer.id}).id,
        "payment_intent": v1.payment_intents.create({"amount": 500, "currency": "usd"}).id,
        "charge": paid.latest_charge.id,
        "refund": refund.id,
        "event": v1.events.list({"limit": 1}).data[0].id,
        "webhook_endpoint": v1.webhook_endpoints.create(params).id,
        "balance_transaction": paid.latest_charge.balance_transaction,
        **billed(v1, customer, method),
        **hosted(v1, customer),
    }


def hosted(v1, customer):
    once = {"currency": "usd", "unit_amount": 900, "product_data": {"name": "Once"}}
    chosen = v1.prices.create(once).id
    opened = {"mode": "payment", "success_url": "http://127.0.0.1:9/"}
    lines = [{"price": chosen, "quantity": 1}]
    portal = v1.billing_portal.sessions.create({"customer": customer.id})
    return {
        "once": chosen,
        "session": v1.checkout.sessions.create({**opened, "line_items": lines}).id,
        "configuration": portal.configuration,
        "portal": portal.id,
        "clock": v1.test_helpers.test_clocks.create({"frozen_time": 1_900_000_000}).id,
    }


def billed(v1, customer, method):
    """A subscription whose first invoice is still open, and what belongs to it."""
    recurring = {"currency": "usd", "unit_amount": 900, "recurring": {"interval": "month"}}
    product = v1.products.create({"name": "Plan", "default_price_data": recurring})
    bought = {
        "customer": customer.id,
        "items": [{"price": product.default_price}],
        "default_payment_method": method,
        "payment_behavior": "default_incomplete",
    }
    made = v1.subscriptions.create({**bought, "expand": ["latest_invoice.payments"]})
    waiting = {"customer": customer.id, "amount": 5, "currency": "usd"}
    return {
        "product": product.id,
        "price": product.default_price,
        "subscription": made.id,
        "subscription_item": made["items"].data[0].id,
        "invoice": made.latest_invoice.id,
        "invoice_payment": made.latest_invoice.payments.data[0].id,
        "invoiceitem": v1.invoice_items.create(waiting).id,
    }


@pytest.mark.parametrize("route", ROUTES, ids=lambda each: f"{each.method}-{each.segments[1:]}")
def test_is_refused_or_understood(call, customer, things, prefixes, route, caplog):
    kind = prefixes.get("/".join(route.segments[1:3])) or prefixes.get(route.segments[1], "")
    filled = [part.replace("{id}", things.get(kind, "")) for part in route.segments]
    path = "/" + "/".join(part.replace("{method}", things["payment_method"]) for part in filled)
    needed = {name: NEEDED[name] for name in NEEDED if name.rstrip("[]") in route.required}
    if "customer" in route.required or route.segments[1] == "subscriptions":
        needed["customer"] = customer.id
    if "checkout" in route.segments:
        needed |= {"mode": "payment", "success_url": "http://127.0.0.1:9/"}
        needed["line_items[0][price]"] = things["once"]
    if "items" in route.required:
        needed["items[0][price]"] = things["price"]
    for name in {"subscription", "invoice"} & set(route.required):
        needed[name] = things[name]
    where = "data" if route.method == "POST" else "params"
    statuses = set()
    with caplog.at_level(logging.ERROR):
        for name in route.schema:
            forms = [{name: value} for value in NONSENSE]
            forms += [{name + suffix: value} for suffix in NESTED for value in ("x", "")]
            for form in forms:
                answer = call(route.method, path, **{where: {**needed, **form}})
                statuses.add(answer.status_code)
    assert statuses <= {200, 400, 401, 402, 404}
    assert not caplog.records


PAGE_FIELDS = ("action", "bank_outcome", "cvc", "email", "expiry", "invoice", "method", "name",
               "number", "outcome", "subscription")  # fmt: skip
TYPED = {"email": "a@b.co", "number": "4242424242424242", "expiry": "12/34", "cvc": "123"}
ODD = [*NONSENSE, "٤٢٤٢", "12/" + "9" * 4, "bank", "change_card", "pay_invoice", "resume"]


@pytest.mark.parametrize("name", PAGE_FIELDS)
def test_pages_understand_or_explain(call, things, name, caplog):
    pages = [
        f"/c/pay/{things['session']}",
        f"/p/session/{things['portal']}",
        f"/i/{things['invoice']}",
    ]
    with caplog.at_level(logging.ERROR):
        for page in pages:
            for value in ODD:
                answer = call("POST", page, data={**TYPED, name: value}, allow_redirects=False)
                assert answer.status_code in (200, 303, 400, 402, 404)
            back = call("GET", page + "/return", allow_redirects=False)
            assert back.status_code in (200, 303, 404)
    assert not caplog.records
