"""What an invoice says in each state, currency, zone and country."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from payments.invoices import document as module
from payments.invoices.document import (
    MAX_REFUNDS,
    Address,
    Party,
    RefundLine,
    Row,
    compose,
    file_name,
    fingerprint,
)


def rows(items):
    return {row.label: row.value for row in items}


class TestCompose:
    def test_paid(self, facts):
        document = compose(facts())

        assert (document.title, document.number) == ("Invoice", "INV-20240115-0001")
        assert (document.status_label, document.status_tone) == ("Paid", "good")
        assert document.details == (
            Row("Invoice number", "INV-20240115-0001"),
            Row("Date of issue", "15 January 2024"),
            Row("Date paid", "15 January 2024"),
        )
        assert document.totals == (
            Row("Total", "$9.99"),
            Row("Amount paid", "$9.99"),
            Row("Amount due", "$0.00", strong=True),
        )
        assert document.refunds == ()
        assert document.issued_at == "2024-01-15T10:30:00+00:00"

    def test_partly_refunded(self, facts, refund):
        refunds = (refund(100, 3), refund(300, 1, "requested_by_customer"))
        document = compose(facts(refunded_minor=400, refunds=refunds))

        assert document.status_label == "Paid (Refunded $4.00)"
        assert rows(document.details)["Refunded"] == "$4.00"
        assert rows(document.totals) == {
            "Original amount": "$9.99",
            "Refunded amount": "-$4.00",
            "Net paid": "$5.99",
            "Amount due": "$0.00",
        }
        assert document.refunds == (
            RefundLine("1 February 2024", "Requested by customer", "$3.00"),
            RefundLine("3 February 2024", "", "$1.00"),
        )
        assert document.notes[0].startswith("Refunds go back to the card")

    @pytest.mark.parametrize("status", ["refunded", "paid"])
    def test_fully_refunded(self, facts, refund, status):
        document = compose(facts(status=status, refunded_minor=999, refunds=(refund(999),)))

        assert (document.status_label, document.status_tone) == ("Refunded", "quiet")
        assert rows(document.details)["Refunded"] == "$9.99"
        assert rows(document.totals)["Net paid"] == "$0.00"
        assert rows(document.totals)["Amount due"] == "$0.00"

    def test_failed_says_that_nothing_was_charged(self, facts):
        document = compose(facts(status="failed", paid_at=None))

        assert (document.status_label, document.status_tone) == ("Failed", "bad")
        assert rows(document.totals) == {
            "Total": "$9.99",
            "Amount charged": "$0.00",
            "Amount due": "$0.00",
        }
        assert document.notes[0] == "The payment failed. Nothing was charged, and nothing is due."
        assert "Date paid" not in rows(document.details)

    def test_pending_is_due(self, facts):
        document = compose(facts(status="pending", paid_at=None))

        assert (document.status_label, document.status_tone) == ("Pending", "open")
        assert rows(document.totals) == {"Total": "$9.99", "Amount due": "$9.99"}
        assert "not been confirmed" in document.notes[0]

    def test_downgrade_without_a_charge(self, facts):
        document = compose(
            facts(
                type="plan_downgrade",
                amount_minor=0,
                plan_name="Free",
                previous_plan_name="Starter",
                card_brand=None,
                card_last4=None,
                payment_intent_id=None,
            )
        )

        assert document.status_label == "Paid"
        assert rows(document.totals) == {"Total": "$0.00", "Amount due": "$0.00"}
        assert document.payment == ()
        assert document.lines[0].detail == "Free plan, previously Starter"
        assert document.notes[0] == "No charge was made for this change."

    def test_line_item(self, facts):
        (line,) = compose(facts()).lines

        assert line.description == 'Upgrade workspace "John\'s Workspace" from Free to Starter plan'
        assert line.detail == "Starter plan, billed monthly, previously Free"
        assert (line.quantity, line.unit_price, line.amount) == ("1", "$9.99", "$9.99")

    def test_line_item_of_a_first_plan_without_a_period(self, facts):
        document = compose(facts(plan_period=None, previous_plan_name=None))

        assert document.lines[0].detail == "Starter plan"

    def test_yearly(self, facts):
        assert "billed yearly" in compose(facts(plan_period="year")).lines[0].detail

    def test_seller_and_workspace(self, facts):
        document = compose(facts(billing_address=None))

        assert document.seller.name == "Gateways, Inc."
        assert document.bill_to == Party("John's Workspace", ())

    def test_many_refunds_are_summed_up(self, facts, refund):
        many = tuple(refund(100 + day, 1 + day % 28) for day in range(MAX_REFUNDS + 20))
        document = compose(facts(amount_minor=10**6, refunded_minor=5000, refunds=many))
        earliest = sorted(many, key=lambda each: each.created_at)[:20]

        assert len(document.refunds) == MAX_REFUNDS + 1
        assert document.refunds[0].reason == "20 earlier refunds"
        assert document.refunds[0].date.startswith("Until ")
        total = sum(each.amount_minor for each in earliest)
        assert document.refunds[0].amount == f"${total // 100}.{total % 100:02}"

    @pytest.mark.parametrize(
        "changes",
        [
            {"status": "open"},
            {"type": "gift"},
            {"amount_minor": -1},
            {"refunded_minor": -1},
            {"created_at": datetime(2024, 1, 15)},  # noqa: DTZ001
            {"paid_at": datetime(2024, 1, 15)},  # noqa: DTZ001
        ],
    )
    def test_impossible_facts_are_refused(self, facts, changes):
        with pytest.raises(ValueError):
            facts(**changes)


class TestMoney:
    @pytest.mark.parametrize(
        ("currency", "minor", "written"),
        [
            ("usd", 999, "$9.99"),
            ("usd", 5, "$0.05"),
            ("usd", 123456789, "$1,234,567.89"),
            ("eur", 1000, "€10.00"),
            ("gbp", 1, "£0.01"),
            ("inr", 10000000, "₹100,000.00"),
            ("jpy", 1500, "¥1,500"),
            ("krw", 12, "₩12"),
            ("kwd", 1234567, "KWD 1,234.567"),
            ("chf", 1250, "CHF 12.50"),
            # Where a float of major units would have lost the last cent.
            ("usd", 9007199254740993, "$90,071,992,547,409.93"),
        ],
    )
    def test_written(self, facts, currency, minor, written):
        document = compose(facts(currency=currency, amount_minor=minor))

        assert document.lines[0].amount == written

    def test_partial_refund_without_decimals(self, facts):
        document = compose(facts(currency="jpy", amount_minor=1500, refunded_minor=1))

        assert document.status_label == "Paid (Refunded ¥1)"
        assert rows(document.totals)["Net paid"] == "¥1,499"


class TestDates:
    def test_in_the_zone_of_the_document(self, facts):
        late = datetime(2023, 12, 31, 20, 0, tzinfo=UTC)
        document = compose(facts(created_at=late, paid_at=late, timezone="Asia/Tokyo"))

        assert rows(document.details)["Date of issue"] == "1 January 2024"
        assert document.notes[-1] == "Dates are in the Asia/Tokyo time zone."
        assert document.issued_at == "2023-12-31T20:00:00+00:00"

    def test_every_month_is_written_out(self, facts):
        written = [
            rows(compose(facts(created_at=datetime(2024, month, 9, tzinfo=UTC))).details)
            for month in range(1, 13)
        ]

        assert [row["Date of issue"].split()[1][:3] for row in written] == [
            "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
        ]  # fmt: skip


class TestPayment:
    @pytest.mark.parametrize(
        ("brand", "written"),
        [
            ("visa", "Visa"),
            ("Visa", "Visa"),
            ("amex", "American Express"),
            ("diners", "Diners Club"),
            ("newbrand", "Card"),
            (None, "Card"),
        ],
    )
    def test_card(self, facts, brand, written):
        document = compose(facts(card_brand=brand))

        assert rows(document.payment) == {
            "Payment method": f"{written} ending in 4242",
            "Payment reference": "pi_3OYxYz2eZvKYlo2C1a2b3c4d",
        }

    def test_without_a_card(self, facts):
        document = compose(facts(card_last4=None))

        assert list(rows(document.payment)) == ["Payment reference"]


class TestReasons:
    @pytest.mark.parametrize(
        ("reason", "written"),
        [("duplicate", "Duplicate payment"), ("a promise kept", "a promise kept"), (None, "")],
    )
    def test_written(self, facts, refund, reason, written):
        document = compose(facts(refunded_minor=1, refunds=(refund(1, 1, reason),)))

        assert document.refunds[0].reason == written


class TestAddress:
    @pytest.mark.parametrize(
        ("address", "lines"),
        [
            (
                Address("1 Main St", "Suite 4", "Springfield", "IL", "62701", "US"),
                ("1 Main St", "Suite 4", "Springfield, IL 62701", "US"),
            ),
            (
                Address("Unter den Linden 1", None, "Berlin", None, "10117", "DE"),
                ("Unter den Linden 1", "10117 Berlin", "DE"),
            ),
            (
                Address("Via Roma 1", " ", "Torino", "TO", "10121", "it"),
                ("Via Roma 1", "10121 Torino, TO", "it"),
            ),
            (Address(city="Cork"), ("Cork",)),
            (Address(postal_code="10117", country="DE"), ("10117", "DE")),
            (Address(country="US"), ("US",)),
            (Address(), ()),
            ({"line1": "1 Main St", "country": "US"}, ("1 Main St", "US")),
            ({}, ()),
            (None, ()),
        ],
    )
    def test_lines(self, facts, address, lines):
        assert compose(facts(billing_address=address)).bill_to.lines == lines


class TestFingerprint:
    def test_same_facts_same_print(self, facts):
        first, again = fingerprint(compose(facts())), fingerprint(compose(facts()))

        assert first == again
        assert re.fullmatch(r"[0-9a-f]{64}", first)

    @pytest.mark.parametrize(
        "changes",
        [
            {"refunded_minor": 1},
            {"status": "failed"},
            {"workspace_name": "Another"},
            {"billing_address": None},
            {"currency": "eur"},
            {"card_last4": "0005"},
            {"timezone": "Asia/Tokyo"},
            {"created_at": datetime(2024, 1, 15, 10, 30, 1, tzinfo=UTC)},
        ],
    )
    def test_other_facts_other_print(self, facts, changes):
        assert fingerprint(compose(facts(**changes))) != fingerprint(compose(facts()))

    def test_another_layout_another_print(self, facts, monkeypatch):
        before = fingerprint(compose(facts()))
        monkeypatch.setattr(module, "LAYOUT_VERSION", module.LAYOUT_VERSION + 1)

        assert fingerprint(compose(facts())) != before

    def test_the_words_do_not_run_together(self, facts):
        one = compose(facts(seller=Party("ab", ("c",))))
        other = replace(one, seller=Party("a", ("bc",)))

        assert fingerprint(one) != fingerprint(other)

    def test_any_text_has_one(self, facts):
        assert fingerprint(compose(facts(workspace_name="\ud800 株 🚀")))

    def test_the_same_moment_in_another_zone_is_the_same(self, facts):
        moment = datetime(2024, 1, 15, 10, 30, tzinfo=UTC)
        elsewhere = moment.astimezone(ZoneInfo("Asia/Tokyo"))

        assert fingerprint(compose(facts(created_at=elsewhere))) == fingerprint(compose(facts()))


class TestFileName:
    @pytest.mark.parametrize(
        ("number", "name"),
        [
            ("INV-20240115-0001", "INV-20240115-0001.pdf"),
            ('INV"1', "INV1.pdf"),
            ("INV\r\nSet-Cookie: a=b", "INVSet-Cookieab.pdf"),
            ("../../etc/passwd", "etcpasswd.pdf"),
            ("..", "invoice.pdf"),
            ("", "invoice.pdf"),
            ("株式会社", "invoice.pdf"),
            ("A" * 500, "A" * 100 + ".pdf"),
        ],
    )
    def test_safe(self, number, name):
        assert file_name(number) == name
        assert re.fullmatch(r"[A-Za-z0-9._-]+", file_name(number))


def test_time_moves_nothing(facts):
    """The document has no clock: what it says depends on the facts alone."""
    late = facts(created_at=facts().created_at + timedelta(microseconds=1))

    assert compose(late) == compose(facts())
