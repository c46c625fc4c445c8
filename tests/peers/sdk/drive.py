"""One version of stripe-python against a sandbox: `python drive.py URL VERSION`, a line per check.

It runs with the version's own packages, so it imports nothing of this repository.
"""

import sys
import threading
import uuid
from http.server import BaseHTTPRequestHandler, HTTPServer

import requests
import stripe

URL, VERSION = sys.argv[1:]
stripe.api_key = f"sk_test_{uuid.uuid4().hex}"
stripe.api_base = URL
stripe.max_network_retries = 2


def check(condition, what):
    if not condition:
        raise AssertionError(what)


def raised(kind, call, *args, **params):
    try:
        call(*args, **params)
    except kind as error:
        return error
    raise AssertionError(f"{kind.__name__} was not raised")


def control(name, body):
    answer = requests.post(
        f"{URL}/_sandbox/{name}", json=body, auth=(stripe.api_key, ""), timeout=10
    )
    answer.raise_for_status()


def interrupt(action, path, **options):
    control("faults", {"match": {"method": "POST", "path": path}, "action": action, **options})


def paging():
    made = [stripe.Customer.create(name=f"Customer {n}").id for n in range(7)]
    found = [each.id for each in stripe.Customer.list(limit=3).auto_paging_iter()]
    check(found == made[::-1], "the pages, joined, are not all customers, newest first")
    older = stripe.Customer.list(limit=2, starting_after=made[3])
    check([each.id for each in older.data] == [made[2], made[1]], "starting_after")
    newer = stripe.Customer.list(limit=2, ending_before=made[3])
    check([each.id for each in newer.data] == [made[5], made[4]], "ending_before")
    check(older.has_more and newer.has_more, "has_more")


def expand():
    customer = stripe.Customer.create(email="a@shop.example")
    intent = stripe.PaymentIntent.create(
        amount=1000, currency="usd", customer=customer.id, payment_method="pm_card_visa",
        confirm=True, off_session=True, expand=["latest_charge.balance_transaction", "customer"],
    )  # fmt: skip
    check(intent.customer.email == "a@shop.example", "customer")
    check(intent.latest_charge.balance_transaction.amount == 1000, "two levels")
    listed = stripe.PaymentIntent.list(limit=1, expand=["data.payment_method"])
    check(listed.data[0].payment_method.card.last4 == "4242", "in a list")
    error = raised(stripe.InvalidRequestError, stripe.Customer.retrieve, customer.id, expand=["x"])
    check("cannot be expanded" in str(error), "an unknown field")


def booleans():
    product = stripe.Product.create(name="Plan", active=False)
    check(product.active is False, "False")
    check(stripe.Product.modify(product.id, active=True).active is True, "True")
    stripe.Price.create(product=product.id, currency="usd", unit_amount=500)
    check(len(stripe.Price.list(active=True).data) == 1, "in a query")


def idempotency():
    key = uuid.uuid4().hex
    first = stripe.Customer.create(name="A", idempotency_key=key)
    check(stripe.Customer.create(name="A", idempotency_key=key).id == first.id, "the same answer")
    raised(stripe.IdempotencyError, stripe.Customer.create, name="B", idempotency_key=key)
    headers = stripe.Customer.create(name="A", idempotency_key=key).last_response.headers
    check(headers["Idempotent-Replayed"] == "true", "the header")


def errors():
    missing = raised(stripe.InvalidRequestError, stripe.Customer.retrieve, "cus_none")
    check((missing.http_status, missing.code) == (404, "resource_missing"), "404")
    check(missing.request_id.startswith("req_"), "the id of the request")
    unknown = raised(stripe.InvalidRequestError, stripe.Customer.create, nonsense=1)
    check((unknown.code, unknown.param) == ("parameter_unknown", "nonsense"), "the parameter")
    declined = raised(
        stripe.CardError, stripe.PaymentIntent.create, amount=1000, currency="usd",
        payment_method="pm_card_visa_chargeDeclinedInsufficientFunds", confirm=True,
    )  # fmt: skip
    check((declined.http_status, declined.code) == (402, "card_declined"), "402")
    check(declined.error.decline_code == "insufficient_funds", "the reason")
    check(declined.error.payment_intent.status == "requires_payment_method", "the intent")
    raised(stripe.AuthenticationError, stripe.Customer.list, api_key="sk_test_short")
    interrupt("error", "/v1/customers", status=429,
              error={"type": "invalid_request_error", "code": "rate_limit"})  # fmt: skip
    raised(stripe.RateLimitError, stripe.Customer.create)
    control("faults", {"match": {}, "action": "status", "status": 403,
                       "error": {"type": "invalid_request_error"}})  # fmt: skip
    raised(stripe.PermissionError, stripe.Balance.retrieve)


def retries():
    stripe.Customer.create(name="before")
    for action in ("drop_before", "drop_after", "status"):
        interrupt(action, "/v1/customers")
        stripe.Customer.create(name=action)
        found = stripe.Customer.list(limit=2).data
        check(found[0].name == action, f"once more after {action}")
        check(found[1].name != action, f"only once after {action}")


def search():
    customer = stripe.Customer.create(email="found@shop.example", metadata={"order": "1"})
    intent = stripe.PaymentIntent.create(
        amount=700, currency="usd", customer=customer.id, metadata={"order": "1"}
    )
    result = stripe.PaymentIntent.search(query="metadata['order']:'1'", limit=5)
    check([each.id for each in result.data] == [intent.id], "by metadata")
    joined = stripe.PaymentIntent.search(query="amount>600 AND amount<800").auto_paging_iter()
    check([each.id for each in joined] == [intent.id], "by amount")
    people = stripe.Customer.search(query="email:'found@shop.example'")
    check([each.id for each in people.data] == [customer.id], "customers")
    raised(stripe.InvalidRequestError, stripe.PaymentIntent.search, query="nonsense")


def signatures():
    received, arrived = [], threading.Event()

    class Listener(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            received.append((body, self.headers["Stripe-Signature"]))
            self.send_response(200)
            self.end_headers()
            arrived.set()

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Listener)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    endpoint = stripe.WebhookEndpoint.create(
        url=f"http://127.0.0.1:{server.server_port}/hook", enabled_events=["customer.created"]
    )
    customer = stripe.Customer.create(name="told")
    check(arrived.wait(10), "nothing was delivered")
    body, signature = received[0]
    event = stripe.Webhook.construct_event(body, signature, endpoint.secret)
    check((event.type, event.data.object.id) == ("customer.created", customer.id), "the event")
    for payload, secret in ((body + b" ", endpoint.secret), (body, "whsec_other")):
        raised(
            stripe.SignatureVerificationError,
            stripe.Webhook.construct_event, payload, signature, secret,
        )  # fmt: skip
    server.shutdown()


check(stripe.VERSION == VERSION, f"stripe {stripe.VERSION} was imported instead of {VERSION}")
for each in (paging, expand, booleans, idempotency, errors, retries, signatures, search):
    each()
    sys.stdout.write(f"ok {each.__name__}\n")
