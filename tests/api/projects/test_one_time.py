"""What is bought once: from Checkout's page over a card or a bank debit to what is given back."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask

from payments.sandbox.visitor import Visitor
from tests.support.deliveries import account_of, deliver_all
from tests.support.developers import STRIPE, EndUser, ProjectSeat
from tests.support.histories import DAY
from tests.support.ledger_rows import add_payment, new_price

BACK = "https://shop.example/ok?session={CHECKOUT_SESSION_ID}"
REFUND_PENDS, REFUND_FAILS = "4000000000007726", "4000000000005126"
CHALLENGED = "4000002760003184"


class Till:
    """Sells one thing for 7.00 and hears what the account says of it."""

    def __init__(self, app: Flask, seat: ProjectSeat) -> None:
        self.app, self.seat, self.account = app, seat, account_of(seat)
        self.price = new_price(seat.shop, amount=700, interval=None)

    def open(self, quantity: int = 3, user: EndUser | None = None, **more: Any) -> dict[str, Any]:
        body = {"price_id": self.price, "success_url": BACK, "cancel_url": BACK, **more}
        body |= {"mode": "payment", "quantity": quantity}
        answer = (user or self.seat.end_user).post(f"{STRIPE}/checkout-session", body)
        assert answer.status_code == 200, answer.text
        return dict(answer.json)

    def sell(self, card: str = "4242424242424242", **more: Any) -> dict[str, Any]:
        """Let it be bought with a card; return the payment's row."""
        before = {row["id"] for row in self.payments()}
        page = self.open(**more)
        visit = Visitor().check_out(page["checkout_url"], card)
        assert visit.location == BACK.format(CHECKOUT_SESSION_ID=page["session_id"])
        self.hear()
        (sold,) = [row for row in self.payments() if row["id"] not in before]
        return sold

    def debit(self, *, settles: bool) -> dict[str, Any]:
        """Let it be bought by a bank debit, which is under way for three days."""
        Visitor().debit(self.open()["checkout_url"], settles=settles)
        self.hear()
        return self.only()

    def hear(self, *, newest_first: bool = False) -> None:
        """Deliver all that the account ever said, and wait until it is worked in."""
        events = self.account.all("events")
        deliver_all(self.app, self.seat, events[::-1] if newest_first else events)

    def pass_days(self, number: int) -> None:
        self.account.control("clock/advance", seconds=number * DAY)
        self.hear()

    def refund(self, payment: dict[str, Any], **params: Any) -> None:
        """Give money back in the dashboard."""
        self.account.call("POST", "refunds", payment_intent=payment["payment_intent_id"], **params)
        self.hear()

    def payments(self) -> list[dict[str, Any]]:
        """Return the end user's payments; every other list says the same."""
        seat = self.seat
        mine = seat.end_user.get(f"{STRIPE}/my-payments").json["payments"]
        assert seat.developer.get(f"{seat.path}/payments").json["payments"] == mine
        across = seat.developer.get("/api/v1/payments/transactions").json["payments"]
        more = {"project_name": "Shop", "provider": "stripe"}
        assert across == [{**row, **more} for row in mine]
        return list(mine)

    def only(self) -> dict[str, Any]:
        (payment,) = self.payments()
        return payment

    def figures(self) -> tuple[int, ...]:
        found = self.seat.developer.get("/api/v1/payments/stats").json
        names = ("total_payments", "successful_payments", "total_revenue_cents")
        return tuple(found[name] for name in names)

    def left_at_stripe(self) -> int:
        """Return what the account took and did not give back."""
        charges = self.account.all("charges")
        return sum(c["amount_captured"] - c["amount_refunded"] for c in charges)


@pytest.fixture
def till(app: Flask, seat: ProjectSeat, neighbours: ProjectSeat) -> Till:
    """A neighbour has sold something, too."""
    add_payment(app, neighbours, neighbours.end_user)
    return Till(app, seat)


def line_of(payment: dict[str, Any]) -> tuple[str, int, int]:
    return payment["status"], payment["amount_cents"], payment["refunded_amount_cents"]


class TestByCard:
    def test_is_recorded(self, till: Till) -> None:
        payment = till.sell(metadata={"order": "7"})
        assert line_of(payment) == ("succeeded", 2100, 0)
        assert (payment["currency"], payment["subscription_id"]) == ("usd", None)
        assert payment["user_id"] == till.seat.end_user.user_id
        assert (payment["is_test_mode"], payment["project_id"]) == (True, till.seat.project_id)
        assert till.figures() == (1, 1, 2100)
        assert till.left_at_stripe() == 2100
        assert till.seat.end_user.get(f"{STRIPE}/my-subscription").json is None

    def test_is_known_from_events_alone(self, till: Till) -> None:
        Visitor().check_out(till.open()["checkout_url"])
        assert till.payments() == []
        till.hear(newest_first=True)
        assert [line_of(row) for row in till.payments()] == [("succeeded", 2100, 0)]

    def test_after_a_decline(self, till: Till) -> None:
        """The page stays; its second attempt is the same payment."""
        page = till.open()["checkout_url"]
        assert "declined" in str(Visitor().check_out(page, "4000000000000002").problem)
        till.hear()
        assert till.payments() == []
        Visitor().check_out(page)
        till.hear()
        assert [line_of(row) for row in till.payments()] == [("succeeded", 2100, 0)]

    def test_with_3d_secure(self, till: Till) -> None:
        page = till.open()["checkout_url"]
        assert Visitor().check_out(page, CHALLENGED, passes=False).problem
        till.hear()
        assert till.payments() == []
        assert Visitor().check_out(page, CHALLENGED).location
        till.hear()
        assert [line_of(row) for row in till.payments()] == [("succeeded", 2100, 0)]

    def test_twice_makes_two(self, till: Till) -> None:
        till.sell(quantity=1)
        till.sell(quantity=2)
        assert sorted(row["amount_cents"] for row in till.payments()) == [700, 1400]
        assert till.figures() == (2, 2, 2100)

    def test_belongs_to_who_bought_it(self, till: Till) -> None:
        """Another end user of the project sees his own only."""
        other = till.seat.another_end_user()
        Visitor().check_out(till.open(user=other)["checkout_url"])
        till.hear()
        assert till.seat.end_user.get(f"{STRIPE}/my-payments").json["total"] == 0
        (row,) = other.get(f"{STRIPE}/my-payments").json["payments"]
        assert (row["user_id"], row["status"]) == (other.user_id, "succeeded")

    def test_given_up_makes_nothing(self, till: Till) -> None:
        till.open()
        till.pass_days(2)
        assert till.payments() == []
        assert till.figures() == (0, 0, 0)


class TestByBankDebit:
    def test_is_pending_first(self, till: Till) -> None:
        assert line_of(till.debit(settles=True)) == ("pending", 2100, 0)
        assert till.figures() == (1, 0, 0)

    @pytest.mark.parametrize("settles", [True, False])
    def test_then_has_an_outcome(self, till: Till, settles: bool) -> None:
        """Of the same row: it keeps its id."""
        pending = till.debit(settles=settles)
        till.pass_days(4)
        (payment,) = till.payments()
        outcome = "succeeded" if settles else "failed"
        assert payment == {**pending, "status": outcome}
        assert till.figures() == ((1, 1, 2100) if settles else (1, 0, 0))
        assert till.left_at_stripe() == (2100 if settles else 0)

    @pytest.mark.parametrize("settles", [True, False])
    def test_is_heard_of_backwards(self, till: Till, settles: bool) -> None:
        """The outcome arrives before the completion of the page, and stays."""
        Visitor().debit(till.open()["checkout_url"], settles=settles)
        till.account.control("clock/advance", seconds=4 * DAY)
        till.hear(newest_first=True)
        (payment,) = till.payments()
        assert payment["status"] == ("succeeded" if settles else "failed")

    def test_that_failed_is_followed_by_a_card(self, till: Till) -> None:
        till.debit(settles=False)
        till.pass_days(4)
        till.sell()
        assert sorted(row["status"] for row in till.payments()) == ["failed", "succeeded"]
        assert till.figures() == (2, 1, 2100)

    def test_after_a_declined_card_is_pending(self, till: Till) -> None:
        """The decline before it is no outcome of the debit."""
        page = till.open()["checkout_url"]
        assert Visitor().check_out(page, "4000000000000002").problem
        Visitor().debit(page)
        till.hear()
        assert line_of(till.only()) == ("pending", 2100, 0)
        till.pass_days(4)
        assert line_of(till.only()) == ("succeeded", 2100, 0)

    def test_is_refunded(self, till: Till) -> None:
        till.debit(settles=True)
        till.pass_days(4)
        till.refund(till.only(), amount=100)
        assert line_of(till.only()) == ("partially_refunded", 2100, 100)


class TestMoneyBack:
    def test_a_part(self, till: Till) -> None:
        till.refund(till.sell(), amount=600)
        assert line_of(till.only()) == ("partially_refunded", 2100, 600)
        assert till.figures() == (1, 0, 1500)
        assert till.left_at_stripe() == 1500

    def test_all_of_it(self, till: Till) -> None:
        till.refund(till.sell())
        assert line_of(till.only()) == ("refunded", 2100, 2100)
        assert till.left_at_stripe() == 0

    def test_part_after_part(self, till: Till) -> None:
        """What is given back adds up, to the last cent."""
        payment = till.sell()
        for amount, line in (
            (1, ("partially_refunded", 2100, 1)),
            (1000, ("partially_refunded", 2100, 1001)),
            (1099, ("refunded", 2100, 2100)),
        ):
            till.refund(payment, amount=amount)
            assert line_of(till.only()) == line
        assert till.left_at_stripe() == 0

    def test_leaves_other_payments_alone(self, till: Till) -> None:
        kept, returned = till.sell(quantity=1), till.sell(quantity=2)
        till.refund(returned)
        lines = {row["id"]: line_of(row) for row in till.payments()}
        assert lines[kept["id"]] == ("succeeded", 700, 0)
        assert till.figures() == (2, 1, 700)

    def test_that_takes_its_time(self, till: Till) -> None:
        """A pending refund counts at once, and once."""
        payment = till.sell(REFUND_PENDS)
        till.refund(payment, amount=600)
        assert line_of(till.only()) == ("partially_refunded", 2100, 600)
        till.pass_days(1)
        assert line_of(till.only()) == ("partially_refunded", 2100, 600)

    def test_that_fails_is_restored(self, till: Till) -> None:
        payment = till.sell(REFUND_FAILS)
        till.refund(payment)
        assert line_of(till.only())[0] == "refunded"
        till.pass_days(1)
        assert line_of(till.only()) == ("succeeded", 2100, 0)
        assert till.figures() == (1, 1, 2100)
        assert till.left_at_stripe() == 2100

    def test_after_one_that_failed(self, till: Till) -> None:
        """Only the refund that holds counts."""
        payment = till.sell(REFUND_FAILS)
        till.refund(payment, amount=600)
        till.pass_days(1)
        till.refund(payment, amount=500)
        assert line_of(till.only()) == ("partially_refunded", 2100, 500)
        assert till.left_at_stripe() == 1600
