"""Uses of the sandbox that show everything but billing, each in an account of its own."""

from tests.peers.types.client import DAY, START, Client


def catalogue(c: Client) -> None:
    product = c.post("products", name="A", default_price_data={"currency": "usd", "unit_amount": 5})
    c.post(f"products/{product['id']}", description="d", metadata={"a": "1"})
    price = c.make_price(500)
    c.get(f"prices/{price}", expand=["product", "currency_options", "tiers"])
    c.make_price(700, None)
    c.post(
        "prices",
        billing_scheme="tiered",
        currency="usd",
        expand=["tiers"],
        product=product["id"],
        recurring={"interval": "month"},
        tiers=[{"up_to": 5, "unit_amount": 9}, {"up_to": "inf", "unit_amount_decimal": "0.5"}],
        tiers_mode="volume",
    )
    c.post("plans", amount=5, currency="usd", id="gold", interval="year", product={"name": "G"})
    for path in ("products", "prices", "plans"):
        c.get(path)
    c.delete("plans/gold")
    empty = c.post("products", name="B")["id"]
    c.delete(f"products/{empty}")
    meter = c.post(
        "billing/meters",
        default_aggregation={"formula": "sum"},
        display_name="Calls",
        event_name="call",
    )
    owner = c.make_customer()
    c.post(
        "billing/meter_events",
        event_name="call",
        payload={"stripe_customer_id": owner, "value": "3"},
    )
    metered = c.make_price(2, recurring={"meter": meter["id"], "usage_type": "metered"})
    c.subscribe(owner, metered)
    c.post(f"billing/meters/{meter['id']}/deactivate")


def customers(c: Client) -> None:
    owner = c.make_customer(phone="1", address={"line1": "x", "country": "DE"})
    c.get(f"customers/{owner}", expand=["sources", "subscriptions", "tax", "tax_ids"])
    c.post(f"customers/{owner}/tax_ids", type="eu_vat", value="DE123456789")
    c.get(f"customers/{owner}/tax_ids")
    c.post(f"customers/{owner}/balance_transactions", amount=-500, currency="usd")
    c.get(f"customers/{owner}/balance_transactions")
    c.get(f"customers/{owner}/payment_methods")
    c.get("payment_methods", customer=owner)
    c.get("customers")
    c.get("customers/search", query="email:'a@example.com'")
    c.delete(f"customers/{owner}")
    c.get(f"customers/{owner}")


def methods(c: Client) -> None:
    owner = c.make_customer()
    for card in ("amex", "mastercard", "authenticationRequired", "threeDSecureOptional"):
        made = c.post(f"payment_methods/pm_card_{card}/attach", customer=owner)["id"]
        c.get(f"payment_methods/{made}", expand=["customer"])
    c.post(f"payment_methods/{made}", billing_details={"name": "B"}, metadata={"a": "1"})
    c.post(f"payment_methods/{made}/detach")
    setup = c.post("setup_intents", customer=owner, usage="off_session")["id"]
    c.post(f"setup_intents/{setup}", description="d")
    c.post(f"setup_intents/{setup}/confirm", payment_method="pm_card_visa")
    waiting = c.post("setup_intents", payment_method="pm_card_authenticationRequired", confirm=True,
                     return_url="https://shop.example", customer=owner)["id"]  # fmt: skip
    c.post(f"setup_intents/{waiting}/cancel")
    c.refuse("setup_intents", payment_method="pm_card_visa_chargeDeclined", confirm=True)
    c.get("setup_intents", expand=["data.customer", "data.payment_method"])


def payments(c: Client) -> None:
    owner = c.make_customer()
    about = {"currency": "usd", "payment_method": "pm_card_visa", "confirm": True}
    paid = c.post(
        "payment_intents",
        amount=1000,
        customer=owner,
        **about,
        expand=["latest_charge.balance_transaction", "customer", "payment_method"],
    )
    held = c.post("payment_intents", amount=900, capture_method="manual", **about)["id"]
    c.post(f"payment_intents/{held}/capture", amount_to_capture=500)
    c.post(
        "payment_intents",
        amount=100,
        currency="jpy",
        payment_method="pm_card_visa",
        confirm=True,
        metadata={"a": "1"},
        description="d",
        receipt_email="a@b.co",
    )
    open_ = c.post("payment_intents", amount=100, currency="usd")["id"]
    c.post(f"payment_intents/{open_}", amount=200)
    c.post(f"payment_intents/{open_}/cancel", cancellation_reason="duplicate")
    c.post(
        "payment_intents",
        **{**about, "payment_method": "pm_card_authenticationRequired"},
        amount=100,
        return_url="https://shop.example",
    )
    c.post(
        "payment_intents", **{**about, "payment_method": "pm_card_sandbox_processing"}, amount=9**3
    )
    for card in ("visa_chargeDeclined", "visa_chargeDeclinedInsufficientFunds", "radarBlock"):
        c.refuse("payment_intents", **{**about, "payment_method": f"pm_card_{card}"}, amount=100)
    charge = paid["latest_charge"]["id"]
    c.post(f"charges/{charge}", description="d")
    c.get(f"charges/{charge}", expand=["refunds", "payment_intent", "customer"])
    c.post("refunds", payment_intent=paid["id"], amount=300)
    refund = c.post("refunds", charge=charge, reason="requested_by_customer")["id"]
    c.get(f"refunds/{refund}", expand=["charge", "balance_transaction", "payment_intent"])
    for path in ("payment_intents", "charges", "refunds", "balance_transactions"):
        c.get(path)
    c.get("payment_intents/search", query="amount>1")
    c.get("charges/search", query="amount>1")
    c.get("balance")
    c.sandbox.advance(3 * DAY)
    payout = c.post("payouts", amount=100, currency="usd")["id"]
    c.get(f"payouts/{payout}", expand=["balance_transaction"])
    c.post(f"payouts/{payout}/cancel")
    c.get("payouts")


def disputes(c: Client) -> None:
    for card in (
        "createDispute",
        "createDisputeInquiry",
        "createDisputeProductNotReceived",
        "createIssuerFraudRecord",
    ):
        c.post(
            "payment_intents",
            amount=700,
            currency="usd",
            confirm=True,
            payment_method=f"pm_card_{card}",
        )
    c.sandbox.advance(6)
    for dispute in c.get("disputes")["data"]:
        c.post(
            f"disputes/{dispute['id']}",
            submit=True,
            evidence={"uncategorized_text": "losing_evidence"},
        )
    c.get("disputes", expand=["data.charge", "data.payment_intent"])
    c.get("radar/early_fraud_warnings")


def checkout(c: Client) -> None:
    about = {"success_url": "https://shop.example", "cancel_url": "https://shop.example"}
    owner = c.make_customer()
    once = [{"price": c.make_price(700, None), "quantity": 2}]
    paying = c.post("checkout/sessions", mode="payment", line_items=once, customer=owner, **about)
    c.get(f"checkout/sessions/{paying['id']}", expand=["line_items", "customer"])
    c.get(f"checkout/sessions/{paying['id']}/line_items")
    c.post("checkout/sessions", mode="setup", currency="usd", customer_email="a@b.co", **about)
    monthly = [{"price": c.make_price(), "quantity": 1}]
    opened = c.post(
        "checkout/sessions",
        mode="subscription",
        line_items=monthly,
        subscription_data={"trial_period_days": 5},
        **about,
    )
    c.post(f"checkout/sessions/{opened['id']}", metadata={"a": "1"})
    c.post(f"checkout/sessions/{opened['id']}/expire")
    c.get("checkout/sessions")
    c.post(
        "billing_portal/sessions",
        customer=owner,
        return_url="https://shop.example",
        expand=["configuration"],
    )
    c.post("billing_portal/sessions", customer=owner, flow_data={"type": "payment_method_update"})
    own = c.post("billing_portal/configurations", features={"invoice_history": {"enabled": True}})
    c.post(f"billing_portal/configurations/{own['id']}", metadata={"a": "1"})
    c.get("billing_portal/configurations")


def account(c: Client) -> None:
    own = c.get("account")
    c.get(f"accounts/{own['id']}")
    c.get("accounts")
    made = c.post("webhook_endpoints", url="https://shop.example", enabled_events=["*"])["id"]
    c.post(f"webhook_endpoints/{made}", disabled=True, description="d")
    c.get("webhook_endpoints")
    c.make_customer()
    c.get("events")
    c.delete(f"webhook_endpoints/{made}")
    clock = c.post("test_helpers/test_clocks", frozen_time=START)["id"]
    c.post("customers", test_clock=clock)
    c.post(f"test_helpers/test_clocks/{clock}/advance", frozen_time=START + DAY)
    c.get("test_helpers/test_clocks")
    c.delete(f"test_helpers/test_clocks/{clock}")
    c.post("entitlements/features", lookup_key="seats", name="Seats")
    c.get("entitlements/features")
