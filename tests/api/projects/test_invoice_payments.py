"""Invoices that are paid in parts, elsewhere, by old charges or not at all: what is booked."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask

from payments.projects.sync.contribution import Counts, Revenue
from tests.support.deliveries import account_of, deliver, settled
from tests.support.developers import ProjectSeat
from tests.support.drift import compared
from tests.support.herd import stored
from tests.support.histories import Account
from tests.support.ledger_rows import add_payment
from tests.support.ledgers import NOON, Desk, intent, invoice, told

PAID, PART_PAID = "invoice.paid", "invoice_payment.paid"


def part(kind: str, paid_by: str, amount: int | None, status: str = "paid") -> dict[str, Any]:
    """An invoice's payment as Stripe lists it."""
    held = {"type": kind, kind: paid_by}
    return {"payment": held, "status": status, "amount_paid": amount}


def bill(*parts: dict[str, Any], **changes: Any) -> dict[str, Any]:
    payments = {"object": "list", "data": list(parts), "has_more": False}
    return invoice(parent=None, billing_reason="manual", payments=payments, **changes)


def older(**changes: Any) -> dict[str, Any]:
    """An invoice as accounts of before *basil* send it."""
    return told(invoice(parent=None, subscription=None, billing_reason="manual", **changes))


def booked(desk: Desk) -> dict[str, tuple[str, int]]:
    return {row.payment_intent_id: (row.status, row.amount_cents) for row in desk.payments()}


@pytest.fixture(scope="module", autouse=True)
def noise(app: Flask, neighbours: ProjectSeat) -> None:
    """Payments of neighbours have the same ids."""
    for paid_by in ("pi_1", "ch_old"):
        add_payment(app, neighbours, payment_intent_id=paid_by, invoice_id="in_1", amount_cents=9)


@pytest.mark.parametrize("carried", [True, False], ids=["in the event", "asked for"])
class TestParts:
    """Each payment is booked with what it took itself, whether the event tells or Stripe does."""

    def take(self, desk: Desk, found: dict[str, Any], carried: bool, kind: str = PAID) -> None:
        desk.objects["get_invoice", "in_1"] = found
        desk.take(kind, found if carried else told(found))
        assert desk.stripe.asked == (0 if carried else 1)

    def test_a_payment_intent_and_money_from_elsewhere(self, desk: Desk, carried: bool) -> None:
        found = bill(part("payment_intent", "pi_1", 1500), part("payment_record", "pr_1", 500))
        self.take(desk, found, carried)
        assert booked(desk) == {"pi_1": ("succeeded", 1500)}
        assert desk.totals() == Counts(payments=1, revenue={"usd": Revenue(1, 1500)})

    def test_several_payment_intents(self, desk: Desk, carried: bool) -> None:
        found = bill(
            part("payment_intent", "pi_1", 500),
            part("payment_intent", "pi_2", None, "canceled"),
            part("payment_intent", "pi_3", 1500),
        )
        self.take(desk, found, carried)
        assert booked(desk) == {"pi_1": ("succeeded", 500), "pi_3": ("succeeded", 1500)}

    def test_a_charge_without_a_payment_intent(self, desk: Desk, carried: bool) -> None:
        self.take(desk, bill(part("charge", "ch_old", 2000)), carried)
        assert booked(desk) == {"ch_old": ("succeeded", 2000)}

    def test_all_of_it_from_elsewhere(self, desk: Desk, carried: bool) -> None:
        parts = (
            part("payment_intent", "pi_1", None, "canceled"),
            part("payment_record", "pr_1", 2000),
        )
        self.take(desk, bill(*parts), carried)
        assert desk.payments() == []

    def test_none_of_it_because_a_credit_note_settled_it(self, desk: Desk, carried: bool) -> None:
        canceled = part("payment_intent", "pi_1", None, "canceled")
        self.take(desk, bill(canceled, amount_paid=0), carried)
        assert desk.payments() == []


class TestSeveralOnOneInvoice:
    def test_more_than_was_due_is_what_the_payment_took(self, desk: Desk) -> None:
        """The rest is the customer's balance, but the card was charged for all of it."""
        found = bill(part("payment_intent", "pi_1", 2000), amount_overpaid=500)
        desk.objects["get_invoice", "in_1"] = found
        desk.objects["get_payment", "pi_1"] = intent(amount=2500, amount_received=2500)
        desk.take(PAID, told(found))
        assert booked(desk) == {"pi_1": ("succeeded", 2500)}

    def test_a_first_part_of_an_invoice_that_stays_open(self, desk: Desk) -> None:
        first = part("payment_intent", "pi_1", 700)
        waiting = part("payment_intent", "pi_2", None, "open")
        found = bill(first, waiting, status="open", amount_paid=700)
        desk.objects["get_invoice", "in_1"] = found
        desk.take(PART_PAID, {"id": "inpay_1", "object": "invoice_payment", "invoice": "in_1"})
        assert booked(desk) == {"pi_1": ("succeeded", 700)}

    def test_a_refund_of_one_leaves_the_other(self, desk: Desk) -> None:
        found = bill(part("payment_intent", "pi_1", 500), part("payment_intent", "pi_2", 1500))
        desk.take(PAID, found)
        charge = {"id": "ch_2", "amount_refunded": 400, "disputed": False}
        desk.objects["get_payment", "pi_2"] = intent(
            id="pi_2", amount=1500, amount_received=1500, latest_charge=charge
        )
        back = {"id": "re_1", "object": "refund", "amount": 400, "status": "succeeded"}
        desk.objects["list_refunds", "pi_2"] = [back]
        desk.objects["find_invoice_of", "pi_2"] = "in_1"
        desk.objects["get_invoice", "in_1"] = found
        desk.take("refund.created", {**back, "payment_intent": "pi_2"})
        assert booked(desk) == {"pi_1": ("succeeded", 500), "pi_2": ("partially_refunded", 1500)}
        assert desk.totals().revenue == {"usd": Revenue(1, 1600)}

    @pytest.mark.parametrize("kind", ["invoice.voided", "invoice.marked_uncollectible"])
    def test_what_was_paid_of_an_invoice_that_is_given_up_stays(
        self, desk: Desk, kind: str
    ) -> None:
        parts = (
            part("payment_intent", "pi_1", 700),
            part("payment_intent", "pi_2", None, "canceled"),
        )
        desk.objects["get_invoice", "in_1"] = bill(*parts, status="void", amount_paid=700)
        desk.objects["get_payment", "pi_1"] = intent(amount=700, amount_received=700)
        desk.objects["get_payment", "pi_2"] = intent(id="pi_2", status="canceled", amount=1300)
        desk.take(kind, told(invoice(status="void", amount_paid=700)))
        assert booked(desk) == {"pi_1": ("succeeded", 700), "pi_2": ("canceled", 1300)}
        assert desk.totals().revenue == {"usd": Revenue(1, 700)}


class TestBeforeBasil:
    def test_a_canceled_payment_intent_of_an_invoice_that_a_credit_note_settled(
        self, desk: Desk
    ) -> None:
        desk.take(PAID, older(payment_intent="pi_1", amount_paid=0))
        desk.take(PAID, older(id="in_2", payment_intent="pi_2", amount_paid=0, amount_due=0))
        assert (desk.payments(), desk.stripe.asked) == ([], 0)

    def test_a_negative_or_free_invoice(self, desk: Desk) -> None:
        desk.take(PAID, older(payment_intent=None, amount_paid=0, amount_due=0, total=-500))
        desk.take(PAID, told(bill(amount_paid=0, amount_due=-500)))
        assert (desk.payments(), desk.stripe.asked) == ([], 0)

    def test_less_than_was_due_is_asked_for(self, desk: Desk) -> None:
        """A credit note or another payment settled the rest: of one of them or of all."""
        parts = part("payment_intent", "pi_1", 800), part("payment_record", "pr_1", 400)
        desk.objects["get_invoice", "in_1"] = bill(*parts, amount_paid=1200)
        desk.take(PAID, older(payment_intent="pi_1", amount_paid=1200))
        assert booked(desk) == {"pi_1": ("succeeded", 800)}

    def test_a_charge_of_the_time_before_payment_intents(self, desk: Desk) -> None:
        desk.take(PAID, older(payment_intent=None, charge="ch_old"))
        assert booked(desk) == {"ch_old": ("succeeded", 2000)}


class TestChargesWithoutAPaymentIntent:
    @pytest.fixture
    def paid(self, desk: Desk) -> Desk:
        desk.take(PAID, bill(part("charge", "ch_old", 2000), description="Consulting"))
        return desk

    def charge(self, desk: Desk, **changes: Any) -> dict[str, Any]:
        found = {
            "id": "ch_old", "object": "charge", "payment_intent": None, "customer": "cus_1",
            "status": "succeeded", "amount": 2000, "amount_captured": 2000, "currency": "usd",
            "description": "Charge", "created": NOON, "amount_refunded": 0, "disputed": False,
            **changes,
        }  # fmt: skip
        desk.objects["get_charge", "ch_old"] = found
        return found

    def test_a_refund(self, paid: Desk) -> None:
        back = {"id": "re_1", "object": "refund", "amount": 500, "status": "succeeded"}
        paid.objects["list_refunds", "ch_old"] = [back]
        paid.take("charge.refunded", self.charge(paid, amount_refunded=500))
        row = paid.payment()
        assert (row.status, row.refunded_amount_cents) == ("partially_refunded", 500)
        assert (row.invoice_id, row.description) == ("in_1", "Consulting")

    @pytest.mark.parametrize(
        ("status", "shown"), [("lost", "disputed"), ("warning_needs_response", "succeeded")]
    )
    def test_a_dispute(self, paid: Desk, status: str, shown: str) -> None:
        self.charge(paid, disputed=True)
        held = {"id": "dp_1", "object": "dispute", "charge": "ch_old", "status": status}
        paid.objects["list_disputes", "ch_old"] = [held]
        paid.take("charge.dispute.created", held)
        assert paid.payment().status == shown

    def test_a_charge_that_paid_no_invoice_is_not_recorded(self, desk: Desk) -> None:
        desk.take("charge.refunded", self.charge(desk, amount_refunded=500))
        assert (desk.payments(), desk.stripe.asked) == ([], 1)


class TestAtTheSandbox:
    """The same over the wire: the invoice's own list ends after ten payments."""

    @pytest.fixture
    def account(self, seat: ProjectSeat, monkeypatch: pytest.MonkeyPatch) -> Account:
        held = account_of(seat)
        monkeypatch.setattr(held, "snapshot", lambda: None)
        return held

    def split(self, sandbox: Any, account: Account, amounts: list[int]) -> str:
        """Let an invoice be paid by PaymentIntents, an old charge of 9.99, and 5.00 elsewhere."""
        price = account.price(999)
        made = account.subscribe(account.customer(), price, None)
        bill_id = account.latest_invoice(made)
        with stored(sandbox, account.key) as objects:
            (first,) = objects.all("invoice_payment", invoice=bill_id)
            intent_id = first.data["payment"]["payment_intent"]
            held = objects.find_any(intent_id)
            for number, amount in enumerate(amounts):
                own = {"id": f"{intent_id[:-4]}{number:04d}"}
                money = {"amount": amount, "amount_received": amount}
                objects.add("payment_intent", {**held.data, **own, **money}, held.private)
                paid_by = {"type": "payment_intent", "payment_intent": own["id"]}
                self.pay(objects, first, number, amount, paid_by)
            record = {"type": "payment_record", "payment_record": "pr_1"}
            self.pay(objects, first, len(amounts), 500, record)
            charge = {"type": "charge", "charge": held.data["latest_charge"]}
            self.pay(objects, first, len(amounts) + 1, 999, charge)
            first.data.update(status="canceled", amount_paid=None)
            held.data.update(status="canceled", amount_received=0)
            objects.save(first)
            objects.save(held)
            whole = objects.find_any(bill_id)
            total = sum(amounts) + 500 + 999
            whole.data.update(amount_paid=total, amount_due=total, total=total)
            objects.save(whole)
        return bill_id

    def pay(self, objects: Any, like: Any, number: int, amount: int, paid_by: Any) -> None:
        own = {"id": f"{like.id[:-4]}{number:04d}", "payment": paid_by, "is_default": False}
        money = {"amount_paid": amount, "amount_requested": amount}
        objects.add("invoice_payment", {**like.data, **own, **money})

    def sold(self, seat: ProjectSeat) -> list[int]:
        rows = seat.developer.get(f"{seat.path}/payments").json["payments"]
        return sorted(row["amount_cents"] for row in rows if row["status"] == "succeeded")

    def test_more_payments_than_the_invoice_itself_lists(
        self, app: Flask, seat: ProjectSeat, sandbox: Any, account: Account
    ) -> None:
        amounts = [100 + number for number in range(12)]
        bill_id = self.split(sandbox, account, amounts)
        listed = account.call("GET", f"invoices/{bill_id}", **{"expand[]": "payments"})["payments"]
        assert (len(listed["data"]), listed["has_more"]) == (10, True)
        paid = next(e for e in account.all("events") if e["type"] == PAID)
        paid["data"]["object"] = account.call("GET", f"invoices/{bill_id}")
        assert deliver(seat, paid).status_code == 200
        settled(app, [paid["id"]])
        assert self.sold(seat) == [*amounts, 999]

    def test_the_comparison_books_the_same(
        self, app: Flask, seat: ProjectSeat, sandbox: Any, account: Account
    ) -> None:
        self.split(sandbox, account, [700, 800])
        compared(app, seat.project_id)
        assert self.sold(seat) == [700, 800, 999]
        assert compared(app, seat.project_id).differences == []
