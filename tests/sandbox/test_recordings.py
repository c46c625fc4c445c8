"""What the real Stripe once answered in test mode, typed from recordings of a public project.

Each story is told to an account with the plans and coupons that the recorded one had. What depends
on the moment (ids, times, numbers) is left out; the rest has to come out the same.
"""

import json
from pathlib import Path

import pytest

from payments.sandbox.fixtures import load_fixtures
from payments.sandbox.offline import OfflineSandbox
from payments.sandbox.settings import Settings

FIXTURES = Path(__file__).parents[1] / "fixtures" / "recorded_account.json"
KEY = "sk_test_12345678"
INVOICE_TYPES = ["acss_debit", "card", "cashapp", "link", "us_bank_account"]
MINIMUM = "The amount must be greater than or equal to the minimum charge amount allowed"
NO_CARD = "This customer has no attached payment source or default payment method."


class Story:
    """One account; requests are written as they were sent, with ids of its own in them."""

    def __init__(self):
        self.sandbox = OfflineSandbox(settings=Settings(fixtures=load_fixtures(str(FIXTURES))))

    def send(self, method, path, params=None, status=200):
        answer = self.sandbox.send(method, path, params or {}, key=KEY)
        body = json.loads(answer.body)
        assert answer.status == status, body
        return body

    def post(self, path, params=None, status=200):
        return self.send("POST", path, params, status)

    def get(self, path, params=None, status=200):
        return self.send("GET", path, params, status)

    def start(self):
        """As nearly all of them begin: a customer with a card that is charged by default."""
        customer = self.post("/v1/customers", {"email": "a@shop.example", "expand[0]": "tax"})["id"]
        attach = "/v1/payment_methods/pm_card_visa/attach"
        method = self.post(attach, {"customer": customer})["id"]
        default = {"invoice_settings[default_payment_method]": method}
        self.post(f"/v1/customers/{customer}", default)
        return customer, method

    def subscribe(self, customer, **params):
        expand = ["default_payment_method", "discounts", "latest_invoice.confirmation_secret",
                  "latest_invoice.payments", "latest_invoice.total_discount_amounts.discount",
                  "pending_setup_intent", "schedule"]  # fmt: skip
        return self.post(
            "/v1/subscriptions",
            {"customer": customer, **params}
            | {f"expand[{index}]": name for index, name in enumerate(expand)},
        )


@pytest.fixture
def story():
    told = Story()
    yield told
    told.sandbox.close()


def part(body, *names):
    return tuple(body[name] for name in names)


def test_a_charge(story):
    customer, method = story.start()
    intent = story.post(
        "/v1/payment_intents",
        {"amount": 2900, "currency": "usd", "customer": customer, "payment_method": method,
         "confirm": "true", "return_url": "http://localhost:3000/",
         "expand[0]": "latest_charge.payment_intent",
         "expand[1]": "latest_charge.refunds.data.balance_transaction"},
    )  # fmt: skip
    assert part(intent, "status", "amount_received") == ("succeeded", 2900)
    assert intent["capture_method"] == "automatic_async"
    assert intent["amount_details"] == {"tip": {}}
    charge = intent["latest_charge"]
    assert charge["refunds"]["data"] == []
    assert charge["outcome"]["seller_message"] == "Payment complete."
    card = charge["payment_method_details"]["card"]
    assert part(card, "amount_authorized", "network", "installments") == (2900, "visa", None)
    assert card["checks"]["cvc_check"] == "pass"
    assert card["overcapture"] == {"maximum_amount_capturable": 2900, "status": "unavailable"}


def test_an_authorization_captured_in_part(story):
    customer, method = story.start()
    intent = story.post(
        "/v1/payment_intents",
        {"amount": 2900, "currency": "usd", "customer": customer, "payment_method": method,
         "confirm": "true", "capture_method": "manual"},
    )  # fmt: skip
    types = ["card", "afterpay_clearpay", "klarna", "link"]
    assert part(intent, "status", "payment_method_types") == ("requires_capture", types)
    done = story.post(f"/v1/payment_intents/{intent['id']}/capture")
    assert part(done, "status", "amount_received") == ("succeeded", 2900)


@pytest.mark.parametrize(
    ("path", "params", "status", "error"),
    [
        (
            "/v1/payment_intents",
            {"amount": "0", "currency": "usd"},
            400,
            {"code": "parameter_invalid_integer", "param": "amount", "message": MINIMUM},
        ),
        (
            "/v1/payment_methods/invalid/attach",
            {},
            404,
            {"code": "resource_missing", "param": "payment_method"},
        ),
        (
            "/v1/payment_methods/pm_card_chargeDeclined/attach",
            {},
            402,
            {"code": "card_declined", "decline_code": "generic_decline", "param": "",
             "advice_code": "try_again_later", "network_decline_code": "01"},
        ),
        (
            "/v1/subscriptions",
            {"items[0][price]": "invalid"},
            400,
            {"code": "resource_missing", "param": "items[0][price]",
             "message": "No such price: 'invalid'"},
        ),
        (
            "/v1/subscriptions",
            {"items[0][price]": "small-monthly"},
            400,
            {"code": "resource_missing", "message": NO_CARD},
        ),
    ],
)  # fmt: skip
def test_refusals(story, path, params, status, error):
    customer = story.post("/v1/customers")["id"]
    told = story.post(path, {"customer": customer, **params}, status)["error"]
    message = error.pop("message", "")
    assert told["message"].startswith(message)
    assert {name: told.get(name) for name in error} == error


def test_a_subscription(story):
    customer, _ = story.start()
    made = story.subscribe(customer, **{"items[0][price]": "small-monthly"})
    assert part(made, "status", "cancel_at_period_end", "schedule") == ("active", False, None)
    invoice = made["latest_invoice"]
    assert part(invoice, "amount_paid", "attempt_count", "billing_reason") == (
        2500, 1, "subscription_create",
    )  # fmt: skip
    (payment,) = invoice["payments"]["data"]
    intent = story.get(f"/v1/payment_intents/{payment['payment']['payment_intent']}")
    assert intent["payment_method_types"] == INVOICE_TYPES
    assert part(intent, "capture_method", "setup_future_usage", "description") == (
        "automatic", "off_session", "Subscription creation",
    )  # fmt: skip


def test_a_subscription_that_waits_for_3d_secure(story):
    customer, _ = story.start()
    attach = "/v1/payment_methods/pm_card_authenticationRequired/attach"
    method = story.post(attach, {"customer": customer})
    assert method["card"]["country"] == "DE"
    default = {"invoice_settings[default_payment_method]": method["id"]}
    story.post(f"/v1/customers/{customer}", default)
    made = story.subscribe(customer, **{"items[0][price]": "small-monthly"})
    assert made["status"] == "incomplete"
    invoice = made["latest_invoice"]
    assert part(invoice, "status", "attempted", "attempt_count") == ("open", True, 0)
    payment = invoice["payments"]["data"][0]["payment"]
    intent = story.get(f"/v1/payment_intents/{payment['payment_intent']}")
    assert intent["next_action"]["use_stripe_sdk"]["type"] == "stripe_3ds2_fingerprint"


def test_a_discount_of_a_tenth(story):
    customer, _ = story.start()
    discounted = {"items[0][price]": "small-monthly", "discounts[0][coupon]": "10OFF"}
    made = story.subscribe(customer, **discounted)
    invoice = made["latest_invoice"]
    assert part(invoice, "subtotal", "total", "amount_paid") == (2500, 2250, 2250)
    (off,) = invoice["total_discount_amounts"]
    assert off["amount"] == 250
    assert off["discount"]["source"] == {"coupon": "10OFF", "type": "coupon"}


def test_half_off_an_invoice_item(story):
    customer, _ = story.start()
    draft = story.post("/v1/invoices", {"customer": customer})["id"]
    item = story.post(
        "/v1/invoiceitems",
        {"customer": customer, "invoice": draft, "amount": 1900,
         "discounts[0][coupon]": "sirmAxRi"},
    )  # fmt: skip
    paid = story.post(f"/v1/invoices/{draft}/pay")
    assert part(paid, "status", "subtotal", "total", "amount_paid") == ("paid", 950, 950, 950)
    (line,) = paid["lines"]["data"]
    assert part(line, "amount", "discounts") == (1900, item["discounts"])
    assert line["discount_amounts"] == [{"amount": 950, "discount": item["discounts"][0]}]
    expand = {"expand[0]": "total_discount_amounts.discount.source.coupon"}
    (off,) = story.get(f"/v1/invoices/{draft}", expand)["total_discount_amounts"]
    assert off["discount"]["source"]["coupon"]["percent_off"] == 50.0


def test_a_plan_swapped_and_invoiced_at_once(story):
    customer, _ = story.start()
    made = story.subscribe(customer, **{"items[0][price]": "small-monthly"})
    item = made["items"]["data"][0]["id"]
    changed = story.post(
        f"/v1/subscriptions/{made['id']}",
        {"items[0][id]": item, "items[0][plan]": "small-annual", "trial_end": "now",
         "proration_behavior": "always_invoice", "expand[0]": "latest_invoice"},
    )  # fmt: skip
    invoice = changed["latest_invoice"]
    assert part(invoice, "billing_reason", "total") == ("subscription_update", 22500)
    lines = invoice["lines"]["data"]
    assert [line["amount"] for line in lines] == [-2500, 25000]
    details = [line["parent"]["subscription_item_details"] for line in lines]
    assert [each["proration"] for each in details] == [True, True]


def test_a_refund_by_credit_note(story):
    customer, _ = story.start()
    invoice = story.subscribe(customer, **{"items[0][price]": "small-monthly"})["latest_invoice"]
    note = story.post(
        "/v1/credit_notes",
        {"invoice": invoice["id"], "refund_amount": 500, "lines[0][type]": "custom_line_item",
         "lines[0][description]": "Refund", "lines[0][quantity]": 1,
         "lines[0][unit_amount]": 500},
    )  # fmt: skip
    assert part(note, "amount", "type", "status") == (500, "post_payment", "issued")
    assert note["refunds"][0]["amount_refunded"] == 500
    (line,) = note["lines"]["data"]
    assert part(line, "amount", "unit_amount_decimal", "type") == (500, "500", "custom_line_item")
    assert story.get(f"/v1/invoices/{invoice['id']}")["post_payment_credit_notes_amount"] == 500


@pytest.mark.parametrize(
    ("mode", "more", "types"),
    [
        (
            "payment",
            {"line_items[0][price_data][currency]": "usd",
             "line_items[0][price_data][unit_amount]": 1000,
             "line_items[0][price_data][product_data][name]": "Shirt",
             "line_items[0][quantity]": 1},
            ["card", "afterpay_clearpay", "alipay", "klarna", "link", "us_bank_account",
             "wechat_pay"],
        ),
        (
            "subscription",
            {"line_items[0][price]": "default", "line_items[0][quantity]": 1},
            ["card", "klarna", "link", "us_bank_account"],
        ),
        ("setup", {"currency": "usd"}, ["card", "klarna", "link", "us_bank_account"]),
    ],
)  # fmt: skip
def test_checkout(story, mode, more, types):
    customer = story.post("/v1/customers")["id"]
    back = {"success_url": "http://localhost:3000/", "cancel_url": "http://localhost:3000/"}
    session = story.post(
        "/v1/checkout/sessions", {"customer": customer, "mode": mode, **back, **more}
    )
    assert part(session, "status", "mode", "payment_method_types") == ("open", mode, types)
