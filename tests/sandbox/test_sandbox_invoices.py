"""Invoices made by hand, their items, their payments, credit notes and balances."""

import pytest
import stripe

from .conftest import DAY


@pytest.fixture
def payer(customer, use_card):
    use_card(customer, "pm_card_visa")
    return customer


@pytest.fixture
def item(v1, payer):
    def add(amount=500, **params):
        body = {"customer": payer.id, "amount": amount, "currency": "usd", **params}
        return v1.invoice_items.create(body)

    return add


@pytest.fixture
def draft(v1, payer, item):
    item()
    behavior = {"pending_invoice_items_behavior": "include"}
    return v1.invoices.create({"customer": payer.id, **behavior})


@pytest.fixture
def opened(v1, draft):
    return v1.invoices.finalize_invoice(draft.id)


class TestByHand:
    def test_from_draft_to_paid(self, v1, draft, event_types):
        assert (draft.status, draft.total, draft.number) == ("draft", 500, None)
        assert (draft.billing_reason, draft.parent) == ("manual", None)
        opened = v1.invoices.finalize_invoice(draft.id, {"auto_advance": False})
        assert (opened.status, opened.auto_advance) == ("open", False)
        assert opened.number.endswith("-0001")
        assert opened.hosted_invoice_url.endswith(f"/i/{draft.id}")
        paid = v1.invoices.pay(draft.id, {"expand": ["payments.data.payment.payment_intent"]})
        assert (paid.status, paid.amount_paid, paid.amount_remaining) == ("paid", 500, 0)
        payment = paid.payments.data[0]
        assert payment.amount_paid == payment.payment.payment_intent.amount_received == 500
        assert event_types()[-4:] == [
            "invoice.updated",
            "invoice.paid",
            "invoice.payment_succeeded",
            "invoice_payment.paid",
        ]

    def test_payments_are_no_field_of_it(self, v1, opened):
        assert "payments" not in opened.to_dict()
        found = v1.invoice_payments.list({"invoice": opened.id}).data[0]
        assert (found.status, found.amount_requested, found.is_default) == ("open", 500, True)
        intent = found.payment.payment_intent
        by_intent = {"payment": {"type": "payment_intent", "payment_intent": intent}}
        assert v1.invoice_payments.list(by_intent).data[0].invoice == opened.id
        assert v1.invoice_payments.retrieve(found.id).id == found.id

    def test_pay_finalizes_drafts(self, v1, draft):
        assert v1.invoices.pay(draft.id).status == "paid"
        with pytest.raises(stripe.InvalidRequestError, match="already paid"):
            v1.invoices.pay(draft.id)

    def test_pay_elsewhere(self, v1, opened):
        paid = v1.invoices.pay(opened.id, {"paid_out_of_band": True})
        assert (paid.status, paid.amount_paid) == ("paid", 0)
        assert v1.invoice_payments.list({"invoice": opened.id}).data[0].status == "canceled"

    def test_pay_refused(self, v1, opened, payer):
        broke = v1.payment_methods.attach("pm_card_chargeCustomerFail", {"customer": payer.id})
        with pytest.raises(stripe.CardError) as refusal:
            v1.invoices.pay(opened.id, {"payment_method": broke.id})
        assert refusal.value.code == "card_declined"
        seen = v1.invoices.retrieve(opened.id)
        assert (seen.status, seen.attempted, seen.attempt_count) == ("open", True, 1)

    def test_edit(self, v1, draft, opened):
        changed = v1.invoices.update(draft.id, {"metadata": {"a": "1"}, "auto_advance": True})
        assert (changed.metadata["a"], changed.auto_advance) == ("1", True)
        with pytest.raises(stripe.InvalidRequestError, match="no longer editable"):
            v1.invoices.update(draft.id, {"description": "late"})

    def test_edit_drafts(self, v1, draft):
        changes = {
            "description": "d",
            "collection_method": "send_invoice",
            "days_until_due": 3,
            "default_payment_method": "",
        }
        changed = v1.invoices.update(draft.id, changes)
        assert (changed.description, changed.collection_method) == ("d", "send_invoice")
        assert changed.due_date - changed.created in range(3 * DAY, 3 * DAY + 10)
        assert v1.invoices.send_invoice(draft.id).status == "open"

    def test_void_and_write_off(self, v1, opened):
        assert v1.invoices.mark_uncollectible(opened.id).status == "uncollectible"
        voided = v1.invoices.void_invoice(opened.id)
        assert (voided.status, voided.amount_remaining) == ("void", 0)
        for deed in (v1.invoices.void_invoice, v1.invoices.mark_uncollectible, v1.invoices.pay):
            with pytest.raises(stripe.InvalidRequestError):
                deed(opened.id)
        with pytest.raises(stripe.InvalidRequestError, match="already finalized"):
            v1.invoices.finalize_invoice(opened.id)

    def test_delete_drafts(self, v1, draft, item):
        assert v1.invoices.delete(draft.id).deleted is True
        assert len(v1.invoice_items.list({"pending": True}).data) == 1

    def test_only_drafts_are_deleted(self, v1, opened):
        with pytest.raises(stripe.InvalidRequestError, match="only delete draft"):
            v1.invoices.delete(opened.id)

    def test_list(self, v1, opened, payer):
        for filters in ({"customer": payer.id}, {"status": "open"}):
            assert [each.id for each in v1.invoices.list(filters).data] == [opened.id]
        assert v1.invoices.list({"status": "paid"}).data == []

    def test_lines_page(self, v1, payer, item):
        for amount in (1, 2, 3):
            item(amount)
        behavior = {"pending_invoice_items_behavior": "include"}
        made = v1.invoices.create({"customer": payer.id, "currency": "usd", **behavior})
        first = v1.invoices.line_items.list(made.id, {"limit": 2})
        assert [each.amount for each in first.auto_paging_iter()] == [1, 2, 3]
        with pytest.raises(stripe.InvalidRequestError, match="No such line_item"):
            v1.invoices.line_items.list(made.id, {"starting_after": "il_none"})

    def test_too_little_waits_for_the_next(self, v1, payer, item):
        item(30)
        include = {"customer": payer.id, "pending_invoice_items_behavior": "include"}
        small = v1.invoices.finalize_invoice(v1.invoices.create(include).id)
        assert (small.status, small.amount_due, small.ending_balance) == ("paid", 0, 30)
        item(500)
        next_one = v1.invoices.pay(v1.invoices.create(include).id)
        assert (next_one.total, next_one.amount_paid) == (500, 530)

    def test_without_items(self, v1, payer):
        assert v1.invoices.finalize_invoice(
            v1.invoices.create({"customer": payer.id}).id
        ).status == ("paid")


class TestItems:
    def test_by_price(self, v1, item, price):
        chosen = price(250, None)
        made = item(pricing={"price": chosen}, quantity=3, amount=None, metadata={"a": "1"})
        assert (made.amount, made.description, made.metadata["a"]) == (750, "Plan 250", "1")
        assert made.pricing.price_details.price == chosen
        inline = {"currency": "usd", "unit_amount": 9, "product_data": {"name": "X"}}
        assert item(price_data=inline, amount=None).amount == 9

    def test_need_an_amount(self, v1, payer):
        with pytest.raises(stripe.InvalidRequestError, match="amount"):
            v1.invoice_items.create({"customer": payer.id})

    def test_wait_until_billed(self, v1, item):
        made = item()
        assert v1.invoice_items.retrieve(made.id).invoice is None
        assert v1.invoice_items.delete(made.id).deleted is True

    def test_stay_once_billed(self, v1, draft):
        billed = v1.invoice_items.list({"invoice": draft.id}).data[0]
        with pytest.raises(stripe.InvalidRequestError, match="no longer be deleted"):
            v1.invoice_items.delete(billed.id)

    def test_go_on_drafts_only(self, v1, draft, item):
        item(70, invoice=draft.id)
        assert v1.invoices.retrieve(draft.id).total == 570
        v1.invoices.finalize_invoice(draft.id)
        for invoice, message in [(draft.id, "finalized"), ("in_none", "No such invoice")]:
            with pytest.raises(stripe.InvalidRequestError, match=message):
                item(70, invoice=invoice)

    def test_wait_for_their_subscription(self, v1, payer, item, price):
        params = {"customer": payer.id, "items": [{"price": price()}]}
        mine, other = v1.subscriptions.create(params), v1.subscriptions.create(params)
        item(70, subscription=mine.id)
        for subscription, total in [(other, 0), (mine, 70)]:
            made = v1.invoices.create({"customer": payer.id, "subscription": subscription.id})
            assert made.total == total


class TestChanges:
    def test_of_an_item_show_on_its_draft(self, v1, item, draft, payer):
        kept = item(700, invoice=draft.id)
        other = item(40)
        v1.invoice_items.update(kept.id, {"amount": 900, "description": "more"})
        changed = v1.invoices.retrieve(draft.id)
        assert changed.total == 1400
        assert [line.description for line in changed.lines.data] == [None, "more"]
        assert v1.invoice_items.retrieve(other.id).amount == 40
        v1.invoices.finalize_invoice(draft.id)
        with pytest.raises(stripe.InvalidRequestError, match="no longer editable"):
            v1.invoice_items.update(kept.id, {"amount": 1})

    def test_of_the_quantity_follow_the_price(self, v1, item, price):
        pricing = {"price": price(amount=300)}
        made = v1.invoice_items.create(
            {"customer": item().customer, "pricing": pricing, "quantity": 2}
        )
        assert made.amount == 600
        assert v1.invoice_items.update(made.id, {"quantity": 3}).amount == 900
        assert v1.invoice_items.update(made.id, {"amount": 10}).pricing is None

    def test_of_what_has_no_part_in_sums(self, v1, draft):
        settings = {"payment_method_types": ["card"]}
        changed = v1.invoices.update(
            draft.id,
            {
                "number": "2026-1",
                "effective_at": 1_700_000_000,
                "custom_fields": [{"name": "Order", "value": "7"}],
                "payment_settings": settings,
                "rendering": {"pdf": {"page_size": "a4"}},
                "automatic_tax": {"enabled": True},
            },
        )
        assert changed.payment_settings.payment_method_types == ["card"]
        assert changed.rendering.pdf.page_size == "a4"
        assert changed.automatic_tax.status == "complete"
        opened = v1.invoices.finalize_invoice(draft.id)
        assert (opened.number, opened.effective_at) == ("2026-1", 1_700_000_000)
        assert opened.custom_fields[0].to_dict() == {"name": "Order", "value": "7"}

    def test_by_discounts(self, v1, draft, item):
        v1.coupons.create({"id": "HALF", "percent_off": 50, "duration": "once"})
        off = {"discounts": [{"coupon": "HALF"}]}
        changed = v1.invoices.update(draft.id, off)
        assert (changed.subtotal, changed.total) == (500, 250)
        assert changed.total_discount_amounts[0].amount == 250
        kept = item(300, invoice=draft.id)
        v1.invoice_items.update(kept.id, off)
        assert v1.invoices.retrieve(draft.id).total == 250 + 75
        assert v1.invoices.update(draft.id, {"discounts": ""}).total == 500 + 150

    def test_of_custom_fields_are_checked(self, v1, draft):
        for fields in ([{"name": "Order"}], [{"name": "a", "value": "b"}] * 5):
            with pytest.raises(stripe.InvalidRequestError):
                v1.invoices.update(draft.id, {"custom_fields": fields})


class TestPreviews:
    def test_of_what_waits_and_what_would_be_added(self, v1, payer, item):
        v1.coupons.create({"id": "HALF", "percent_off": 50, "duration": "once"})
        item(500)
        preview = v1.invoices.create_preview(
            {
                "customer": payer.id,
                "invoice_items": [{"amount": 300, "currency": "usd"}],
                "discounts": [{"coupon": "HALF"}],
                "automatic_tax": {"enabled": True},
            }
        )
        assert (preview.subtotal, preview.total) == (800, 400)
        assert preview.automatic_tax.enabled is True
        assert v1.coupons.retrieve("HALF").times_redeemed == 0
        assert len(v1.invoice_items.list().data) == 1

    def test_of_nothing(self, v1, payer):
        with pytest.raises(stripe.InvalidRequestError) as refusal:
            v1.invoices.create_preview({"customer": payer.id})
        assert refusal.value.code == "invoice_upcoming_none"


class TestCreditNotes:
    def test_have_lines(self, v1, opened):
        v1.invoices.pay(opened.id)
        line = {"type": "custom_line_item", "description": "Late", "unit_amount": 100}
        note = v1.credit_notes.create(
            {"invoice": opened.id, "refund_amount": 200, "lines": [{**line, "quantity": 2}]}
        )
        assert note.total == 200
        (shown,) = v1.credit_notes.line_items.list(note.id).data
        assert (shown.amount, shown.description, shown.quantity) == (200, "Late", 2)

    def test_are_previewed_without_effect(self, v1, opened, event_types):
        v1.invoices.pay(opened.id)
        before = event_types()
        preview = v1.credit_notes.preview({"invoice": opened.id, "refund_amount": 200})
        assert (preview.total, preview.type) == (200, "post_payment")
        assert v1.credit_notes.list({"invoice": opened.id}).data == []
        assert event_types() == before

    def test_take_up_a_refund_made_before(self, v1, opened):
        v1.invoices.pay(opened.id)
        paid = v1.invoice_payments.list({"invoice": opened.id}).data[0].payment.payment_intent
        refund = v1.refunds.create({"payment_intent": paid, "amount": 150})
        note = v1.credit_notes.create(
            {"invoice": opened.id, "amount": 150, "refunds": [{"refund": refund.id}]}
        )
        assert [each.refund for each in note.refunds] == [refund.id]

    def test_of_an_open_invoice_can_be_voided(self, v1, opened, event_types):
        note = v1.credit_notes.create({"invoice": opened.id, "amount": 200})
        v1.credit_notes.update(note.id, {"memo": "wrong"})
        voided = v1.credit_notes.void_credit_note(note.id)
        assert (voided.status, voided.memo) == ("void", "wrong")
        assert v1.invoices.pay(opened.id).amount_paid == 500
        with pytest.raises(stripe.InvalidRequestError, match="already been voided"):
            v1.credit_notes.void_credit_note(note.id)
        assert "credit_note.voided" in event_types()

    def test_give_money_back(self, v1, opened, payer):
        v1.invoices.pay(opened.id)
        note = v1.credit_notes.create(
            {"invoice": opened.id, "refund_amount": 200, "credit_amount": 100, "memo": "sorry"}
        )
        assert (note.total, note.type, note.status) == (300, "post_payment", "issued")
        assert note.number.endswith("-0001-CN-01")
        assert v1.refunds.retrieve(note.refunds[0].refund).amount == 200
        assert v1.customers.retrieve(payer.id).balance == -100
        assert v1.invoices.retrieve(opened.id).post_payment_credit_notes_amount == 300
        assert v1.credit_notes.retrieve(note.id).id == note.id
        assert v1.credit_notes.list({"invoice": opened.id}).data[0].id == note.id

    def test_ask_for_less(self, v1, opened):
        v1.credit_notes.create({"invoice": opened.id, "amount": 200})
        less = v1.invoices.retrieve(opened.id)
        assert (less.amount_remaining, less.pre_payment_credit_notes_amount) == (300, 200)
        assert v1.invoices.pay(opened.id).amount_paid == 300

    def test_for_all_of_it(self, v1, opened):
        v1.credit_notes.create({"invoice": opened.id, "amount": 500})
        assert v1.invoices.retrieve(opened.id).status == "paid"

    @pytest.mark.parametrize(
        ("params", "message"),
        [
            ({"amount": 501}, "exceeds"),
            ({"amount": 100}, "must equal"),
            ({"refund_amount": 0}, "exceeds"),
        ],
    )
    def test_are_refused(self, v1, opened, params, message):
        v1.invoices.pay(opened.id)
        with pytest.raises(stripe.InvalidRequestError, match=message):
            v1.credit_notes.create({"invoice": opened.id, **params})

    def test_not_for_drafts_nor_without_payment(self, v1, draft):
        with pytest.raises(stripe.InvalidRequestError, match="open or paid"):
            v1.credit_notes.create({"invoice": draft.id, "amount": 1})
        v1.customers.balance_transactions.create(
            draft.customer, {"amount": -900, "currency": "usd"}
        )
        v1.invoices.finalize_invoice(draft.id)
        with pytest.raises(stripe.InvalidRequestError, match="no payment"):
            v1.credit_notes.create({"invoice": draft.id, "refund_amount": 5})


def test_balance_moves_are_kept(v1, payer):
    made = v1.customers.balance_transactions.create(
        payer.id, {"amount": -250, "currency": "usd", "description": "d", "metadata": {"a": "1"}}
    )
    assert (made.ending_balance, made.type, made.description) == (-250, "adjustment", "d")
    assert v1.customers.retrieve(payer.id).balance == -250
