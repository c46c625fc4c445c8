"""Uses of the sandbox that show billing, each in an account of its own."""

from tests.peers.types.client import DAY, START, Client


def subscriptions(c: Client) -> None:
    owner = c.make_customer()
    made = c.subscribe(
        owner,
        c.make_price(),
        c.make_price(300),
        metadata={"a": "1"},
        expand=["latest_invoice.payments", "customer", "pending_setup_intent"],
    )
    item = made["items"]["data"][0]["id"]
    dearer = c.make_price(2000)
    c.post(
        f"subscriptions/{made['id']}",
        items=[{"id": item, "price": dearer}],
        proration_behavior="always_invoice",
    )
    c.post(f"subscription_items/{item}", quantity=3)
    c.get("subscription_items", subscription=made["id"])
    c.post(f"subscriptions/{made['id']}", cancel_at_period_end=True)
    c.post(
        f"subscriptions/{made['id']}",
        cancel_at_period_end=False,
        description="d",
        cancellation_details={"comment": "c"},
    )
    c.post(f"subscriptions/{made['id']}", pause_collection={"behavior": "void"})
    c.post(f"subscriptions/{made['id']}", pause_collection="")
    c.post(f"subscriptions/{made['id']}/pause")
    c.post(f"subscriptions/{made['id']}/resume")
    c.sandbox.advance(40 * DAY)
    trial = c.subscribe(owner, trial_period_days=5)
    c.post(f"subscriptions/{trial['id']}", trial_end="now")
    classic = c.subscribe(owner, billing_mode={"type": "classic"})["id"]
    c.post(f"subscriptions/{classic}/migrate", billing_mode={"type": "flexible"})
    c.delete(f"subscriptions/{classic}", prorate=True, invoice_now=True)
    c.post("invoices/create_preview", subscription=made["id"])
    c.get("subscriptions", status="all", expand=["data.customer", "data.schedule"])
    c.get("subscriptions/search", query="status:'active'")


def failing_subscriptions(c: Client) -> None:
    owner = c.make_customer("chargeCustomerFail")
    c.subscribe(owner)
    poor = c.post("customers", email="p@example.com")["id"]
    c.subscribe(
        poor,
        trial_period_days=3,
        payment_behavior="default_incomplete",
        trial_settings={"end_behavior": {"missing_payment_method": "pause"}},
    )
    c.subscribe(
        poor, payment_behavior="default_incomplete", expand=["latest_invoice.confirmation_secret"]
    )
    c.subscribe(owner, trial_period_days=1)
    c.sandbox.advance(20 * DAY)
    c.get("subscriptions", status="all")
    c.get("invoices", customer=owner)


def schedules(c: Client) -> None:
    made = c.subscribe(c.make_customer())
    schedule = c.post("subscription_schedules", from_subscription=made["id"])
    first = schedule["phases"][0]
    phase = {
        "start_date": first["start_date"],
        "end_date": first["end_date"],
        "items": [{"price": first["items"][0]["price"], "quantity": 1}],
    }
    coming = {"items": [{"price": c.make_price(300)}], "proration_behavior": "none"}
    c.post(f"subscription_schedules/{schedule['id']}", phases=[phase, coming], metadata={"a": "1"})
    c.get(
        f"subscription_schedules/{schedule['id']}",
        expand=["subscription", "customer", "phases.items.price"],
    )
    c.sandbox.advance(32 * DAY)
    c.post(f"subscription_schedules/{schedule['id']}/release")
    later = c.post(
        "subscription_schedules",
        customer=made["customer"],
        end_behavior="cancel",
        phases=[{"items": [{"price": c.make_price()}], "trial": True}],
        start_date=START + 300 * DAY,
    )["id"]
    c.post(f"subscription_schedules/{later}/cancel")
    c.get("subscription_schedules")


def invoices(c: Client) -> None:
    owner = c.make_customer()
    item = c.post("invoiceitems", customer=owner, amount=700, currency="usd")["id"]
    c.get(f"invoiceitems/{item}", expand=["customer"])
    draft = c.post(
        "invoices",
        customer=owner,
        pending_invoice_items_behavior="include",
        description="d",
        metadata={"a": "1"},
    )["id"]
    c.post(f"invoices/{draft}", footer="f")
    c.post(f"invoices/{draft}/finalize")
    c.post(f"invoices/{draft}/pay", expand=["payments", "confirmation_secret"])
    c.get("invoice_payments", invoice=draft, expand=["data.payment.payment_intent"])
    c.get(f"invoices/{draft}/lines")
    c.post("credit_notes", invoice=draft, amount=100, refund_amount=100)
    c.get("credit_notes", invoice=draft)
    for step in ("void", "mark_uncollectible", "send"):
        c.post("invoiceitems", customer=owner, amount=900, currency="usd")
        other = c.post(
            "invoices",
            customer=owner,
            collection_method="send_invoice",
            days_until_due=5,
            pending_invoice_items_behavior="include",
        )["id"]
        c.post(f"invoices/{other}/finalize")
        c.post(f"invoices/{other}/{step}")
    c.delete(f"invoices/{c.post('invoices', customer=owner)['id']}")
    gone = c.post("invoiceitems", customer=owner, amount=5, currency="usd")["id"]
    c.delete(f"invoiceitems/{gone}")
    c.get("invoices", expand=["data.customer", "data.lines.data.discounts"])
    c.get("invoices/search", query="status:'paid'")


def partial_payments(c: Client) -> None:
    owner = c.make_customer("chargeCustomerFail")
    bill = c.subscribe(owner)["latest_invoice"]
    record = c.post(
        "payment_records/report_payment",
        amount_requested={"currency": "usd", "value": 400},
        customer_details={"email": "a@b.co"},
        initiated_at=START,
        outcome="guaranteed",
        payment_method_details={"custom": {"display_name": "Cash"}, "type": "custom"},
    )
    c.post(f"invoices/{bill}/attach_payment", payment_record=record["id"])
    c.post("payment_intents", amount=600, currency="usd", customer=owner)
    c.get("invoice_payments", invoice=bill)
    c.get("payment_records")
    c.get("payment_attempt_records", payment_record=record["id"])


def discounts(c: Client) -> None:
    coupon = c.post("coupons", percent_off=50, duration="repeating", duration_in_months=3)["id"]
    c.post(
        "coupons",
        amount_off=100,
        currency="usd",
        name="One off",
        expand=["applies_to", "currency_options"],
    )
    code = c.post("promotion_codes", promotion={"type": "coupon", "coupon": coupon}, code="HALF")
    c.post(f"promotion_codes/{code['id']}", active=True)
    made = c.subscribe(
        c.make_customer(),
        discounts=[{"promotion_code": code["id"]}],
        expand=["discounts.source.coupon", "latest_invoice.discounts"],
    )
    c.post(
        "checkout/sessions",
        mode="payment",
        success_url="https://shop.example",
        discounts=[{"coupon": coupon}],
        line_items=[{"price": c.make_price(700, None), "quantity": 2}],
    )
    c.delete(f"subscriptions/{made['id']}/discount")
    c.get("promotion_codes", expand=["data.promotion.coupon"])
    c.get("coupons")
    c.delete(f"coupons/{coupon}")
    c.post("tax_rates", display_name="VAT", inclusive=False, percentage="7.5")
    c.get("tax_rates")
    c.post("tax_ids", type="gb_vat", value="GB123")
    c.get("tax_ids")
