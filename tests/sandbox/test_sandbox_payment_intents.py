"""Charging a card, off-session by the server and on-session with the member present."""

import pytest
import stripe


class TestCreateAndConfirm:
    def test_charges_a_saved_card(self, customer, saved_card, pay, event_types):
        paid = pay(
            999,
            saved_card(),
            customer=customer.id,
            off_session=True,
            description="Starter",
            metadata={"charge": "1"},
            expand=["latest_charge.balance_transaction"],
        )
        assert (paid.status, paid.amount_received) == ("succeeded", 999)
        charge = paid.latest_charge
        assert (charge.amount, charge.amount_captured, charge.paid) == (999, 999, True)
        assert charge.customer == customer.id
        assert charge.metadata["charge"] == "1"
        assert (charge.balance_transaction.fee, charge.balance_transaction.net) == (59, 940)
        assert event_types()[-3:] == [
            "payment_intent.created",
            "charge.succeeded",
            "payment_intent.succeeded",
        ]

    def test_declined_in_the_same_call_still_exists(self, v1, pay, event_types):
        with pytest.raises(stripe.CardError) as refusal:
            pay(method="pm_card_visa_chargeDeclined")
        intent = v1.payment_intents.retrieve(refusal.value.error.payment_intent.id)
        assert intent.status == "requires_payment_method"
        assert event_types() == [
            "payment_intent.created",
            "charge.failed",
            "payment_intent.payment_failed",
        ]

    def test_declined_can_be_paid_by_another_card(self, v1, pay):
        with pytest.raises(stripe.CardError) as refusal:
            pay(method="pm_card_visa_chargeDeclined")
        intent_id = refusal.value.error.payment_intent.id
        paid = v1.payment_intents.confirm(intent_id, {"payment_method": "pm_card_visa"})
        assert (paid.status, paid.last_payment_error) == ("succeeded", None)
        charges = v1.charges.list({"payment_intent": intent_id}).data
        assert [charge.status for charge in charges] == ["succeeded", "failed"]

    def test_takes_card_data_directly(self, v1):
        paid = v1.payment_intents.create(
            {
                "amount": 500,
                "currency": "EUR",
                "confirm": True,
                "off_session": "recurring",
                "payment_method_data": {"type": "card", "card": {"token": "tok_visa"}},
                "shipping": {"name": "Jo", "address": {"line1": "1"}},
            }
        )
        assert (paid.status, paid.currency, paid.shipping.name) == ("succeeded", "eur", "Jo")

    def test_saves_the_card_for_later(self, v1, customer, pay):
        paid = pay(customer=customer.id, setup_future_usage="off_session")
        assert v1.payment_methods.retrieve(paid.payment_method).customer == customer.id
        again = pay(method=paid.payment_method, customer=customer.id, off_session=True)
        assert again.status == "succeeded"


class TestBrowser:
    def test_completes_what_off_session_could_not(self, v1, browser, call, customer, pay):
        token = "pm_card_authenticationRequired"
        method = v1.payment_methods.attach(token, {"customer": customer.id}).id
        with pytest.raises(stripe.CardError) as refusal:
            pay(method=method, customer=customer.id, off_session=True)
        intent = refusal.value.error.payment_intent
        answer = browser(
            "POST",
            f"/v1/payment_intents/{intent.id}/confirm",
            data={"client_secret": intent.client_secret, "payment_method": method},
        )
        page = answer.json()["next_action"]["use_stripe_sdk"]["stripe_js"]
        call("POST", page.removeprefix(call.url), data={"outcome": "complete"})
        assert v1.payment_intents.retrieve(intent.id).status == "succeeded"

    def test_may_not_claim_to_be_off_session(self, v1, browser):
        intent = v1.payment_intents.create({"amount": 100, "currency": "usd"})
        answer = browser(
            "POST",
            f"/v1/payment_intents/{intent.id}/confirm",
            data={"client_secret": intent.client_secret, "off_session": "true"},
        )
        assert answer.status_code == 401

    def test_sees_little_of_a_declined_intent(self, v1, browser):
        intent = v1.payment_intents.create(
            {"amount": 100, "currency": "usd", "metadata": {"secret": "plan"}}
        )
        answer = browser(
            "POST",
            f"/v1/payment_intents/{intent.id}/confirm",
            data={
                "client_secret": intent.client_secret,
                "payment_method": "pm_card_visa_chargeDeclined",
            },
        )
        assert answer.status_code == 402
        shown = answer.json()["error"]["payment_intent"]
        assert shown["id"] == intent.id
        assert "metadata" not in shown

    def test_retrieves_with_the_secret(self, v1, browser):
        intent = v1.payment_intents.create({"amount": 100, "currency": "usd"})
        url = f"/v1/payment_intents/{intent.id}?client_secret={intent.client_secret}"
        assert browser("GET", url).json()["status"] == "requires_payment_method"
        wrong = browser("GET", f"/v1/payment_intents/{intent.id}?client_secret=x").json()
        assert wrong["error"]["code"] == "payment_intent_invalid_parameter"


class TestMethodRules:
    def test_of_another_customer(self, v1, saved_card, pay):
        method = saved_card()
        other = v1.customers.create()
        with pytest.raises(stripe.InvalidRequestError) as refusal:
            pay(method=method, customer=other.id)
        assert (refusal.value.http_status, refusal.value.code) == (400, "resource_missing")
        assert v1.payment_intents.list().data == []

    def test_attached_but_customer_left_out(self, saved_card, pay):
        with pytest.raises(stripe.InvalidRequestError, match="belongs to the Customer"):
            pay(method=saved_card())

    def test_unattached_serves_once(self, v1, customer, pay):
        paid = pay(customer=customer.id)
        assert v1.payment_methods.retrieve(paid.payment_method).customer is None
        with pytest.raises(stripe.InvalidRequestError, match="It may not be used again"):
            pay(method=paid.payment_method, customer=customer.id)

    def test_detached_is_gone_for_good(self, v1, customer, saved_card, pay):
        method = saved_card()
        v1.payment_methods.detach(method)
        for attempt in (
            lambda: pay(method=method, customer=customer.id),
            lambda: v1.payment_methods.attach(method, {"customer": customer.id}),
        ):
            with pytest.raises(stripe.InvalidRequestError, match="was detached from a Customer"):
                attempt()

    def test_unknown(self, pay):
        with pytest.raises(stripe.InvalidRequestError) as refusal:
            pay(method="pm_nothing")
        assert (refusal.value.http_status, refusal.value.param) == (400, "payment_method")
        assert "No such PaymentMethod: 'pm_nothing'" in str(refusal.value)


class TestAmounts:
    @pytest.mark.parametrize(
        ("amount", "currency", "minimum"),
        [(49, "usd", "$0.50 usd"), (29, "gbp", "£0.30 gbp"), (49, "jpy", "¥50 jpy")],
    )
    def test_below_the_minimum(self, pay, amount, currency, minimum):
        with pytest.raises(stripe.InvalidRequestError) as refusal:
            pay(amount, currency=currency)
        assert refusal.value.code == "amount_too_small"
        assert f"Amount must be at least {minimum}" in str(refusal.value)

    def test_above_the_maximum(self, pay):
        with pytest.raises(stripe.InvalidRequestError) as refusal:
            pay(1_000_000_000_000)
        assert refusal.value.code == "amount_too_large"

    @pytest.mark.parametrize(
        ("method", "amount", "most"),
        [("pm_card_amex", 1_000_000_000, "$9,999,999.99 usd")],
    )
    def test_above_what_the_method_takes(self, pay, method, amount, most):
        with pytest.raises(stripe.InvalidRequestError) as refusal:
            pay(amount, method=method)
        assert refusal.value.code == "amount_too_large"
        assert f"Amount must be no more than {most}" in str(refusal.value)
        assert pay(amount).status == "succeeded"

    @pytest.mark.parametrize(
        ("amount", "currency", "code"),
        [
            (1050, "isk", "invalid_charge_amount_no_decimal_compatible"),
            (150, "ugx", "invalid_charge_amount_no_decimal_compatible"),
            (5123, "kwd", "parameter_invalid_integer"),
        ],
    )
    def test_a_fraction_that_nobody_charges(self, v1, pay, amount, currency, code):
        for attempt in (
            lambda: pay(amount, currency=currency),
            lambda: v1.payment_intents.update(
                v1.payment_intents.create({"amount": 5000, "currency": currency}).id,
                {"amount": amount},
            ),
            lambda: v1.payment_intents.capture(
                pay(20_000, currency=currency, capture_method="manual").id,
                {"amount_to_capture": amount},
            ),
            lambda: v1.refunds.create(
                {"payment_intent": pay(20_000, currency=currency).id, "amount": amount}
            ),
        ):
            with pytest.raises(stripe.InvalidRequestError) as refusal:
                attempt()
            assert refusal.value.code == code

    def test_currencies_beyond_the_common_ones(self, pay):
        for currency in ("zmw", "xcg", "byn", "lbp", "bhd"):
            assert pay(5000, currency=currency).currency == currency

    @pytest.mark.parametrize("amount", [0, -5])
    def test_not_positive(self, pay, amount):
        with pytest.raises(stripe.InvalidRequestError) as refusal:
            pay(amount)
        assert refusal.value.code == "parameter_invalid_integer"

    def test_unknown_currency(self, pay):
        with pytest.raises(stripe.InvalidRequestError, match="Invalid currency: xxx"):
            pay(currency="xxx")


class TestStates:
    def test_confirm_twice(self, v1, pay):
        paid = pay()
        with pytest.raises(stripe.InvalidRequestError) as refusal:
            v1.payment_intents.confirm(paid.id)
        error = refusal.value
        assert (error.http_status, error.code) == (400, "payment_intent_unexpected_state")
        assert "already succeeded" in str(error)
        assert error.error.payment_intent.id == paid.id

    def test_confirm_a_canceled_one(self, v1):
        intent = v1.payment_intents.create({"amount": 100, "currency": "usd"})
        v1.payment_intents.cancel(intent.id, {"cancellation_reason": "abandoned"})
        with pytest.raises(stripe.InvalidRequestError, match="has a status of canceled"):
            v1.payment_intents.confirm(intent.id)

    def test_confirm_without_a_method(self, v1):
        intent = v1.payment_intents.create({"amount": 100, "currency": "usd"})
        with pytest.raises(stripe.InvalidRequestError, match="missing a payment method"):
            v1.payment_intents.confirm(intent.id)

    def test_cancel_what_awaits_authentication(self, v1, pay, event_types):
        waiting = pay(method="pm_card_authenticationRequired")
        ended = v1.payment_intents.cancel(waiting.id)
        assert (ended.status, ended.next_action) == ("canceled", None)
        assert ended.canceled_at is not None
        assert event_types()[-1] == "payment_intent.canceled"

    def test_cancel_what_is_paid(self, v1, pay):
        with pytest.raises(stripe.InvalidRequestError, match="You cannot cancel"):
            v1.payment_intents.cancel(pay().id)

    @pytest.mark.parametrize("name", ["off_session", "error_on_requires_action"])
    def test_flags_of_confirmation_need_confirmation(self, v1, name):
        with pytest.raises(stripe.InvalidRequestError, match="without also setting `confirm`"):
            v1.payment_intents.create({"amount": 100, "currency": "usd", name: True})


class TestUpdate:
    def test_changes_what_is_open(self, v1, customer):
        intent = v1.payment_intents.create({"amount": 100, "currency": "usd"})
        changed = v1.payment_intents.update(
            intent.id,
            {
                "amount": 200,
                "currency": "eur",
                "customer": customer.id,
                "payment_method": "pm_card_visa",
                "metadata": {"a": "1"},
            },
        )
        assert (changed.amount, changed.currency) == (200, "eur")
        assert changed.status == "requires_confirmation"
        assert v1.payment_intents.confirm(intent.id).amount_received == 200

    def test_leaves_what_is_paid(self, v1, pay):
        paid = pay()
        assert v1.payment_intents.update(paid.id, {"description": "x"}).description == "x"
        with pytest.raises(stripe.InvalidRequestError, match="amount could not be updated"):
            v1.payment_intents.update(paid.id, {"amount": 5000})


class TestCapture:
    def test_takes_part_of_what_was_held(self, v1, pay, event_types):
        held = pay(1000, capture_method="manual")
        assert (held.status, held.amount_capturable) == ("requires_capture", 1000)
        params = {"amount_to_capture": 600, "metadata": {"a": "1"}, "expand": ["latest_charge"]}
        taken = v1.payment_intents.capture(held.id, params)
        assert (taken.status, taken.amount_received) == ("succeeded", 600)
        assert (taken.latest_charge.captured, taken.latest_charge.amount_captured) == (True, 600)
        assert event_types()[-2:] == ["charge.captured", "payment_intent.succeeded"]

    def test_never_takes_more(self, v1, pay):
        held = pay(1000, capture_method="manual")
        with pytest.raises(stripe.InvalidRequestError) as refusal:
            v1.payment_intents.capture(held.id, {"amount_to_capture": 1001})
        assert refusal.value.code == "amount_too_large"

    def test_needs_something_held(self, v1, pay):
        with pytest.raises(stripe.InvalidRequestError, match="You cannot capture"):
            v1.payment_intents.capture(pay().id)

    def test_gives_back_what_is_canceled(self, v1, pay):
        held = pay(1000, capture_method="manual")
        v1.payment_intents.cancel(held.id)
        assert v1.charges.retrieve(held.latest_charge).refunded is True


class TestProcessing:
    """No card of Stripe's does this; ours lets a payment run on."""

    def test_ends_by_itself(self, v1, customer, saved_card, pay, control, event_types):
        method = saved_card("pm_card_sandbox_processing")
        running = pay(method=method, customer=customer.id, off_session=True)
        assert (running.status, running.latest_charge) == ("processing", None)
        with pytest.raises(stripe.InvalidRequestError, match="has a status of processing"):
            v1.payment_intents.confirm(running.id)
        control("POST", "clock/advance", {"seconds": 60})
        assert v1.payment_intents.retrieve(running.id).status == "succeeded"
        assert event_types()[-3:] == [
            "payment_intent.processing",
            "charge.succeeded",
            "payment_intent.succeeded",
        ]

    def test_does_not_outlive_a_cancellation(self, v1, pay, control):
        running = pay(method="pm_card_sandbox_processing")
        v1.payment_intents.cancel(running.id)
        control("POST", "clock/advance", {"seconds": 60})
        assert v1.payment_intents.retrieve(running.id).status == "canceled"


def test_an_intent_remembers_which_methods_it_allows(v1):
    allowed = {"enabled": True, "allow_redirects": "never"}
    params = {"amount": 100, "currency": "usd", "automatic_payment_methods": allowed}
    made = v1.payment_intents.create(params)
    assert made.automatic_payment_methods.to_dict() == allowed


class TestSearch:
    @pytest.fixture(autouse=True)
    def indexed(self, pay, control, customer):
        self.first = pay(500, metadata={"charge": "7"}, customer=customer.id)
        self.second = pay(900, metadata={"charge": "8"})
        control("POST", "clock/advance", {"seconds": 60})

    @pytest.mark.parametrize(
        ("query", "found"),
        [
            ("metadata['charge']:'7'", "first"),
            ('metadata["charge"]:"8" AND status:"succeeded"', "second"),
            ("amount>600", "second"),
            ("amount<=500 AND currency:'usd'", "first"),
            ("-metadata['charge']:'7'", "second"),
            ("metadata['charge']~'7' AND created>0", "first"),
            ("customer:null", "second"),
        ],
    )
    def test_finds(self, v1, query, found):
        result = v1.payment_intents.search({"query": query})
        assert [each.id for each in result.data] == [getattr(self, found).id]

    def test_pages(self, v1):
        query = "amount:500 OR amount:900"
        page = v1.payment_intents.search({"query": query, "limit": 1})
        assert (page.data[0].id, page.has_more) == (self.second.id, True)
        rest = v1.payment_intents.search({"query": query, "limit": 1, "page": page.next_page})
        assert (rest.data[0].id, rest.has_more) == (self.first.id, False)

    def test_lags_behind(self, v1, pay, control):
        pay(metadata={"charge": "9"})
        query = {"query": "metadata['charge']:'9'"}
        assert v1.payment_intents.search(query).data == []
        control("POST", "clock/advance", {"seconds": 60})
        assert len(v1.payment_intents.search(query).data) == 1

    @pytest.mark.parametrize(
        "query",
        ["nonsense", "name:'x'", "amount>'x'", "status:'a' AND amount:1 OR amount:2", "amount:1 x"],
    )
    def test_refuses_what_it_cannot_read(self, v1, query):
        with pytest.raises(stripe.InvalidRequestError, match="unable to parse"):
            v1.payment_intents.search({"query": query})

    def test_refuses_a_made_up_page(self, v1):
        with pytest.raises(stripe.InvalidRequestError, match="Invalid page"):
            v1.payment_intents.search({"query": "amount:1", "page": "x"})


class TestBalance:
    def test_becomes_available_with_time(self, v1, pay, control):
        paid = pay(1000, expand=["latest_charge"])
        balance = v1.balance.retrieve()
        assert (balance.pending[0].amount, balance.available[0].amount) == (941, 0)
        movement = paid.latest_charge.balance_transaction
        assert v1.balance_transactions.retrieve(movement).status == "pending"
        control("POST", "clock/advance", {"seconds": 3 * 86400})
        assert v1.balance.retrieve().available[0].amount == 941
        assert v1.balance_transactions.retrieve(movement).status == "available"
