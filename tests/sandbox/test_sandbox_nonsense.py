"""Whatever is sent to whichever operation, the answer is never the sandbox's own failure."""

import http.client
import logging
from base64 import b64encode
from functools import cached_property
from urllib.parse import urlencode, urlsplit

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
# A field such as `limit` that more routes than these take with one check is one piece of code.
COMMON = 8
SHARERS = 5
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


class Things:
    """One object of each kind, some finished and some still open, made when they are named."""

    def __init__(self, v1, customer, saved_card, pay):
        self.v1, self.owner = v1, customer
        self._saved_card, self._pay = saved_card, pay

    @property
    def customer(self):
        return self.owner.id

    @cached_property
    def payment_method(self):
        return self._saved_card()

    @cached_property
    def setup_intent(self):
        return self.v1.setup_intents.create({"customer": self.customer}).id

    @cached_property
    def payment_intent(self):
        return self.v1.payment_intents.create({"amount": 500, "currency": "usd"}).id

    @cached_property
    def paid(self):
        wish = {"customer": self.customer, "expand": ["latest_charge"]}
        return self._pay(method=self.payment_method, **wish)

    @property
    def charge(self):
        return self.paid.latest_charge.id

    @property
    def balance_transaction(self):
        return self.paid.latest_charge.balance_transaction

    @cached_property
    def refund(self):
        return self.v1.refunds.create({"payment_intent": self.paid.id, "amount": 100}).id

    @cached_property
    def event(self):
        assert self.payment_method
        return self.v1.events.list({"limit": 1}).data[0].id

    @cached_property
    def webhook_endpoint(self):
        params = {"url": "http://127.0.0.1:9/", "enabled_events": ["none"]}
        return self.v1.webhook_endpoints.create(params).id

    @cached_property
    def clock(self):
        return self.v1.test_helpers.test_clocks.create({"frozen_time": 1_900_000_000}).id

    @cached_property
    def once(self):
        wish = {"currency": "usd", "unit_amount": 900, "product_data": {"name": "Once"}}
        return self.v1.prices.create(wish).id

    @cached_property
    def session(self):
        opened = {"mode": "payment", "success_url": "http://127.0.0.1:9/"}
        lines = [{"price": self.once, "quantity": 1}]
        return self.v1.checkout.sessions.create({**opened, "line_items": lines}).id

    @cached_property
    def visit(self):
        return self.v1.billing_portal.sessions.create({"customer": self.customer})

    @property
    def portal(self):
        return self.visit.id

    @property
    def configuration(self):
        return self.visit.configuration

    @cached_property
    def plan(self):
        recurring = {"currency": "usd", "unit_amount": 900, "recurring": {"interval": "month"}}
        return self.v1.products.create({"name": "Plan", "default_price_data": recurring})

    @property
    def product(self):
        return self.plan.id

    @property
    def price(self):
        return self.plan.default_price

    @cached_property
    def bought(self):
        """A subscription whose first invoice is still open."""
        wish = {
            "customer": self.customer,
            "items": [{"price": self.price}],
            "default_payment_method": self.payment_method,
            "payment_behavior": "default_incomplete",
            "expand": ["latest_invoice.payments"],
        }
        return self.v1.subscriptions.create(wish)

    @property
    def subscription(self):
        return self.bought.id

    @property
    def subscription_item(self):
        return self.bought["items"].data[0].id

    @property
    def invoice(self):
        return self.bought.latest_invoice.id

    @property
    def invoice_payment(self):
        return self.bought.latest_invoice.payments.data[0].id

    @cached_property
    def invoiceitem(self):
        waiting = {"customer": self.customer, "amount": 5, "currency": "usd"}
        return self.v1.invoice_items.create(waiting).id

    def everything(self):
        kinds = [name for name in vars(Things) if not name.startswith("_")]
        return {name: getattr(self, name) for name in kinds}


# What one does to these depends on what hangs on them.
LADEN = {"customer", "payment_method", "subscription", "invoice"}


@pytest.fixture
def things(v1, customer, saved_card, pay):
    return Things(v1, customer, saved_card, pay)


@pytest.fixture
def status_of(sandbox, key):
    """Send a form over one connection, by the least of clients: there are thousands."""
    line = http.client.HTTPConnection(urlsplit(sandbox.url).netloc, timeout=10)
    token = b64encode(f"{key}:".encode()).decode()
    headers = {
        "Authorization": f"Basic {token}",
        "Content-Type": "application/x-www-form-urlencoded",
    }

    def send(method, path, form):
        text = urlencode(form)
        where, body = (path, text) if method == "POST" else (f"{path}?{text}", None)
        line.request(method, where, body, headers)
        answer = line.getresponse()
        answer.read()
        return answer.status

    yield send
    line.close()


def forms_of(route, name):
    """What to send as the field; routes that share one of the common fields share its forms."""
    forms = [{name: value} for value in NONSENSE]
    forms += [{name + suffix: value} for suffix in NESTED for value in ("x", "")]
    alike = [each for each in ROUTES if each.schema.get(name) is route.schema[name]]
    if len(alike) <= COMMON:
        return forms
    return forms[alike.index(route) % SHARERS :: SHARERS]


@pytest.mark.parametrize("route", ROUTES, ids=lambda each: f"{each.method}-{each.segments[1:]}")
def test_is_refused_or_understood(status_of, things, prefixes, route, caplog):
    kind = prefixes.get("/".join(route.segments[1:3])) or prefixes.get(route.segments[1], "")
    if kind in LADEN:
        things.everything()
    one = getattr(things, kind, "")
    filled = [one if part == "{id}" else part for part in route.segments]
    path = "/" + "/".join(things.payment_method if part == "{method}" else part for part in filled)
    needed = {name: NEEDED[name] for name in NEEDED if name.rstrip("[]") in route.required}
    if "customer" in route.required or route.segments[1] == "subscriptions":
        needed["customer"] = things.customer
    if "checkout" in route.segments:
        needed |= {"mode": "payment", "success_url": "http://127.0.0.1:9/"}
        needed["line_items[0][price]"] = things.once
    if "items" in route.required:
        needed["items[0][price]"] = things.price
    for name in {"subscription", "invoice"} & set(route.required):
        needed[name] = getattr(things, name)
    statuses = set()
    with caplog.at_level(logging.ERROR):
        for name in route.schema:
            for form in forms_of(route, name):
                statuses.add(status_of(route.method, path, {**needed, **form}))
    assert statuses <= {200, 400, 401, 402, 404}
    assert not caplog.records


PAGE_FIELDS = ("action", "bank_outcome", "cvc", "email", "expiry", "invoice", "method", "name",
               "number", "outcome", "subscription")  # fmt: skip
TYPED = {"email": "a@b.co", "number": "4242424242424242", "expiry": "12/34", "cvc": "123"}
ODD = [*NONSENSE, "٤٢٤٢", "12/" + "9" * 4, "bank", "change_card", "pay_invoice", "resume"]


@pytest.mark.parametrize("name", PAGE_FIELDS)
def test_pages_understand_or_explain(status_of, things, name, caplog):
    things.everything()
    pages = [
        f"/c/pay/{things.session}",
        f"/p/session/{things.portal}",
        f"/i/{things.invoice}",
    ]
    with caplog.at_level(logging.ERROR):
        for page in pages:
            for value in ODD:
                status = status_of("POST", page, {**TYPED, name: value})
                assert status in (200, 303, 400, 402, 404)
            assert status_of("GET", page + "/return", {}) in (200, 303, 404)
    assert not caplog.records
