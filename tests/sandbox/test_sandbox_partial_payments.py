"""Invoices paid in parts, on Stripe or elsewhere."""

import pytest
import stripe

from .conftest import NEW_YEAR


@pytest.fixture
def open_invoice(v1, subscribe, price, use_card, subscriber):
    """Fifteen dollars, declined."""
    use_card(subscriber, "pm_card_chargeCustomerFail")
    made = subscribe(price(1500))
    return v1.invoices.retrieve(made.latest_invoice)


@pytest.fixture
def report(v1):
    def make(amount, outcome="guaranteed", **params):
        return v1.payment_records.report_payment(
            {
                "amount_requested": {"currency": "usd", "value": amount},
                "initiated_at": NEW_YEAR,
                "outcome": outcome,
                "payment_method_details": {
                    "custom": {"display_name": "Bank transfer", "type": "transfer"},
                    "type": "custom",
                },
                **params,
            }
        )

    return make


@pytest.fixture
def payments(v1):
    def show(invoice):
        found = v1.invoice_payments.list({"invoice": invoice.id}).data
        return [(each.payment.type, each.status, each.amount_paid) for each in found[::-1]]

    return show


class TestRecords:
    def test_are_what_was_reported(self, v1, report, other):
        made = report(500, customer_details={"email": "a@b.co"})
        assert (made.amount.value, made.amount_guaranteed.value, made.reported_by) == (
            500,
            500,
            "self",
        )
        attempt = v1.payment_attempt_records.retrieve(made.latest_payment_attempt_record)
        assert (attempt.payment_record, attempt.amount_guaranteed.value) == (made.id, 500)
        assert [each.id for each in v1.payment_records.list().data] == [made.id]
        with pytest.raises(stripe.InvalidRequestError, match="No such payment_record"):
            other.payment_records.retrieve(made.id)

    def test_come_to_a_result_later(self, v1, report):
        made = report(500, "failed")
        assert made.amount_failed.value == 500
        with pytest.raises(stripe.InvalidRequestError, match="already final"):
            v1.payment_records.report_payment_attempt_guaranteed(
                made.id, {"guaranteed_at": NEW_YEAR}
            )
        again = v1.payment_records.report_payment_attempt(made.id, {"initiated_at": NEW_YEAR})
        assert again.latest_payment_attempt_record != made.latest_payment_attempt_record
        done = v1.payment_records.report_payment_attempt_guaranteed(
            made.id, {"guaranteed_at": NEW_YEAR}
        )
        assert (done.amount_failed.value, done.amount_guaranteed.value) == (0, 500)
        attempts = v1.payment_attempt_records.list({"payment_record": made.id})
        assert len(attempts.data) == 2

    def test_are_refunded_up_to_what_was_paid(self, v1, report):
        made = report(500)
        part = {
            "amount": {"currency": "usd", "value": 200},
            "outcome": "refunded",
            "processor_details": {"type": "custom", "custom": {"refund_reference": "r1"}},
        }
        assert v1.payment_records.report_refund(made.id, part).amount_refunded.value == 200
        rest = {name: value for name, value in part.items() if name != "amount"}
        assert v1.payment_records.report_refund(made.id, rest).amount_refunded.value == 500
        with pytest.raises(stripe.InvalidRequestError, match="greater than what is left"):
            v1.payment_records.report_refund(made.id, part)


class TestAttached:
    def test_a_part_from_elsewhere_and_the_rest_by_card(
        self, v1, open_invoice, report, payments, subscriber
    ):
        part = v1.invoices.attach_payment(open_invoice.id, {"payment_record": report(500).id})
        assert (part.status, part.amount_paid, part.amount_remaining) == ("open", 500, 1000)
        card = v1.payment_methods.attach("pm_card_visa", {"customer": subscriber.id}).id
        paid = v1.invoices.pay(open_invoice.id, {"payment_method": card})
        assert (paid.status, paid.amount_paid, paid.amount_remaining) == ("paid", 1500, 0)
        assert payments(open_invoice) == [
            ("payment_intent", "paid", 1000),
            ("payment_record", "paid", 500),
        ]
        intent = v1.invoice_payments.list(
            {"invoice": open_invoice.id, "expand": ["data.payment.payment_intent"]}
        ).data[-1]
        assert intent.payment.payment_intent.amount_received == 1000

    def test_all_of_it_from_elsewhere(self, v1, open_invoice, report, payments, event_types):
        paid = v1.invoices.attach_payment(open_invoice.id, {"payment_record": report(1600).id})
        assert (paid.status, paid.amount_paid, paid.amount_overpaid) == ("paid", 1500, 100)
        assert payments(open_invoice) == [
            ("payment_intent", "canceled", None),
            ("payment_record", "paid", 1500),
        ]
        assert event_types()[-1] == "invoice_payment.paid"

    def test_a_payment_intent_counts_when_it_succeeds(
        self, v1, open_invoice, payments, subscriber, saved_for
    ):
        method = saved_for(subscriber)
        intent = v1.payment_intents.create(
            {"amount": 700, "currency": "usd", "customer": subscriber.id, "payment_method": method}
        )
        v1.invoices.attach_payment(open_invoice.id, {"payment_intent": intent.id})
        assert v1.invoices.retrieve(open_invoice.id).amount_paid == 0
        v1.payment_intents.confirm(intent.id)
        assert v1.invoices.retrieve(open_invoice.id).amount_remaining == 800
        done = v1.payment_intents.create(
            {
                "amount": 800,
                "confirm": True,
                "currency": "usd",
                "customer": subscriber.id,
                "payment_method": method,
            }
        )
        paid = v1.invoices.attach_payment(open_invoice.id, {"payment_intent": done.id})
        assert (paid.status, paid.amount_paid) == ("paid", 1500)
        assert payments(open_invoice)[1:] == [
            ("payment_intent", "paid", 700),
            ("payment_intent", "paid", 800),
        ]

    def test_what_does_not_fit_is_refused(self, v1, open_invoice, report, customer, pay):
        def attach(**params):
            return v1.invoices.attach_payment(open_invoice.id, params)

        foreign = pay(500, customer=customer.id).id
        yen = pay(500, currency="jpy").id
        for params, message in [
            ({}, "exactly one"),
            ({"payment_intent": foreign, "payment_record": report(5).id}, "exactly one"),
            ({"payment_intent": foreign}, "same customer"),
            ({"payment_intent": yen}, "same currency"),
            ({"payment_record": report(5, "failed").id}, "guaranteed"),
        ]:
            with pytest.raises(stripe.InvalidRequestError, match=message):
                attach(**params)
        record = report(5).id
        attach(payment_record=record)
        with pytest.raises(stripe.InvalidRequestError, match="is attached to an invoice"):
            attach(payment_record=record)
        v1.invoices.void_invoice(open_invoice.id)
        with pytest.raises(stripe.InvalidRequestError, match="This one is void"):
            attach(payment_record=report(5).id)


@pytest.fixture
def saved_for(v1):
    return lambda owner: v1.payment_methods.attach("pm_card_visa", {"customer": owner.id}).id
