"""Money given back: in part, in full, later, and in vain."""

import pytest
import stripe


class TestCreate:
    def test_in_two_parts(self, v1, pay, event_types):
        paid = pay(1000)
        first = v1.refunds.create(
            {
                "payment_intent": paid.id,
                "amount": 300,
                "reason": "requested_by_customer",
                "metadata": {"a": "1"},
            }
        )
        assert (first.status, first.amount, first.charge) == ("succeeded", 300, paid.latest_charge)
        charge = v1.charges.retrieve(paid.latest_charge, {"expand": ["refunds"]})
        assert (charge.amount_refunded, charge.refunded) == (300, False)
        assert [each.id for each in charge.refunds.data] == [first.id]
        rest = v1.refunds.create({"charge": paid.latest_charge, "expand": ["charge"]})
        assert rest.amount == 700
        assert (rest.charge.amount_refunded, rest.charge.refunded) == (1000, True)
        assert event_types()[-2:] == ["refund.created", "charge.refunded"]
        assert v1.balance.retrieve().pending[0].amount == -59

    def test_never_twice(self, v1, pay):
        paid = pay()
        v1.refunds.create({"payment_intent": paid.id})
        with pytest.raises(stripe.InvalidRequestError) as refusal:
            v1.refunds.create({"payment_intent": paid.id})
        assert refusal.value.code == "charge_already_refunded"

    def test_never_more_than_is_left(self, v1, pay):
        paid = pay(1000)
        v1.refunds.create({"payment_intent": paid.id, "amount": 400})
        with pytest.raises(stripe.InvalidRequestError) as refusal:
            v1.refunds.create({"payment_intent": paid.id, "amount": 601})
        message = "Refund amount ($6.01) is greater than unrefunded amount on charge ($6.00)"
        assert message in str(refusal.value)
        assert refusal.value.param == "amount"

    def test_needs_to_know_what(self, v1):
        with pytest.raises(stripe.InvalidRequestError, match="payment_intent or charge"):
            v1.refunds.create({"amount": 5})

    def test_not_of_an_unpaid_intent(self, v1):
        intent = v1.payment_intents.create({"amount": 100, "currency": "usd"})
        with pytest.raises(stripe.InvalidRequestError, match="does not have a successful charge"):
            v1.refunds.create({"payment_intent": intent.id})

    def test_not_of_a_failed_charge(self, v1, pay):
        with pytest.raises(stripe.CardError) as decline:
            pay(method="pm_card_visa_chargeDeclined")
        with pytest.raises(stripe.InvalidRequestError, match="does not have a successful charge"):
            v1.refunds.create({"charge": decline.value.error.charge})

    def test_not_of_what_is_only_held(self, v1, pay):
        with pytest.raises(stripe.InvalidRequestError, match="has not been captured"):
            v1.refunds.create({"payment_intent": pay(capture_method="manual").id})

    @pytest.mark.parametrize(
        ("currency", "wanted"), [("jpy", "¥1,001"), ("kwd", "1.001"), ("eur", "€10.01")]
    )
    def test_writes_amounts_as_the_currency_does(self, v1, pay, currency, wanted):
        paid = pay(1000, currency=currency)
        with pytest.raises(stripe.InvalidRequestError) as refusal:
            v1.refunds.create({"payment_intent": paid.id, "amount": 1001})
        assert f"({wanted})" in str(refusal.value)


class TestLater:
    def test_pending_then_succeeded(self, v1, pay, control, event_types):
        paid = pay(method="pm_card_pendingRefund")
        refund = v1.refunds.create({"payment_intent": paid.id})
        assert refund.status == "pending"
        control("POST", "clock/advance", {"seconds": 60})
        assert v1.refunds.retrieve(refund.id).status == "succeeded"
        assert "refund.updated" in event_types()

    def test_succeeded_then_failed(self, v1, pay, control, event_types):
        paid = pay(1000, method="pm_card_refundFail")
        refund = v1.refunds.create({"payment_intent": paid.id})
        assert refund.status == "succeeded"
        control("POST", "clock/advance", {"seconds": 60})
        failed = v1.refunds.retrieve(refund.id, {"expand": ["failure_balance_transaction"]})
        assert (failed.status, failed.failure_reason) == ("failed", "expired_or_canceled_card")
        assert failed.failure_balance_transaction.amount == 1000
        charge = v1.charges.retrieve(paid.latest_charge)
        assert (charge.amount_refunded, charge.refunded) == (0, False)
        assert event_types()[-4:] == [
            "refund.updated",
            "charge.refund.updated",
            "refund.failed",
            "charge.updated",
        ]

    def test_settles_by_itself_too(self, v1, pay, sandbox, eventually):
        refund = v1.refunds.create({"payment_intent": pay(method="pm_card_pendingRefund").id})
        store = sandbox._app.parts.store
        with store.transaction() as connection:
            connection.execute("UPDATE jobs SET due = 0 WHERE object_id = ?", (refund.id,))
        eventually(lambda: v1.refunds.retrieve(refund.id).status == "succeeded")


def test_tells_whom_and_how_it_pays_back(v1, customer, saved_card, pay):
    method = saved_card()
    paid = pay(customer=customer.id, method=method)
    refund = v1.refunds.create({"payment_intent": paid.id, "expand": ["payment_method"]})
    assert (refund.customer, refund.payment_method.id) == (customer.id, method)
    card = refund.destination_details.card
    assert (card.reference_status, "reference" in card.to_dict()) == ("pending", False)


def test_update_changes_only_metadata(v1, pay):
    refund = v1.refunds.create({"payment_intent": pay().id})
    assert v1.refunds.update(refund.id, {"metadata": {"a": "1"}}).metadata["a"] == "1"
    assert v1.refunds.update(refund.id).metadata["a"] == "1"


def test_card_refunds_cannot_be_canceled(v1, pay):
    refund = v1.refunds.create({"payment_intent": pay().id})
    with pytest.raises(stripe.InvalidRequestError, match="is unsupported"):
        v1.refunds.cancel(refund.id)


def test_lists(v1, pay):
    paid, noise = pay(), pay()
    refund = v1.refunds.create({"payment_intent": paid.id})
    v1.refunds.create({"payment_intent": noise.id})
    for filters in ({"payment_intent": paid.id}, {"charge": paid.latest_charge}):
        assert [each.id for each in v1.refunds.list(filters).data] == [refund.id]
    assert len(v1.refunds.list().data) == 2


class TestCharges:
    def test_update(self, v1, pay):
        charge = pay().latest_charge
        changed = v1.charges.update(charge, {"description": "x", "metadata": {"a": "1"}})
        assert (changed.description, changed.metadata["a"]) == ("x", "1")
        assert v1.events.list({"type": "charge.updated"}).data[0].data.object["id"] == charge

    def test_list_of_a_customer(self, v1, customer, pay, call):
        mine = pay(customer=customer.id)
        pay()
        listed = v1.charges.list({"customer": customer.id, "expand": ["data.payment_intent"]})
        assert [each.payment_intent.id for each in listed.data] == [mine.id]
        refunds = call("GET", f"/v1/charges/{mine.latest_charge}/refunds").json()
        assert refunds["data"] == []

    def test_receipt_can_be_opened(self, v1, pay, call):
        url = v1.charges.retrieve(pay(1234).latest_charge).receipt_url
        assert "$12.34 USD paid" in call("GET", url.removeprefix(call.url)).text
        assert call("GET", "/receipts/ch_none").status_code == 404
