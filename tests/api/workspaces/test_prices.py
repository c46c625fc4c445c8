"""What an upgrade costs: the price that was shown, in the currency's own units, or a clear no."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest
import sqlalchemy as sa
from flask import Flask

from payments.invoices.models import Invoice
from payments.kit import money
from payments.kit.transactions import transaction
from payments.workspaces.models import PricingPlan
from tests.support.people import Cast
from tests.support.shop import Shop
from tests.support.till import add_plan, fault, pdf_of, pdf_text, plan_of, sent


def upgrade(cast: Cast, **body):
    return cast.owner.post(f"{cast.workspace.plan_changes}/upgrade-plan", body)


def reprice(app: Flask, slug: str, minor: int) -> None:
    with app.app_context(), transaction() as session:
        change = sa.update(PricingPlan).where(PricingPlan.slug == slug)
        session.execute(change.values(price_minor=minor))


def shown(cast: Cast, slug: str) -> object:
    plans = cast.owner.get("/api/pricing-plans").json["data"]
    (price,) = [plan["price"] for plan in plans if plan["slug"] == slug]
    return price


@pytest.fixture(scope="module")
def hesitant(new_payer: Callable[[], Cast]) -> Cast:
    """Somebody whose upgrades are all refused before anything happens."""
    return new_payer()


class TestExpectedAmount:
    def test_the_price_that_was_shown_is_charged(self, app: Flask, payer: Cast) -> None:
        slug = add_plan(app, price_minor=1250)
        answer = upgrade(payer, planSlug=slug, expectedAmount=shown(payer, slug))
        assert answer.status_code == 200, answer.text
        assert answer.json["data"]["paymentIntent"]["amount"] == 1250

    @pytest.mark.parametrize("now", [1300, 1200, 0])
    def test_a_price_that_changed_meanwhile_is_refused(
        self, app: Flask, shop: Shop, hesitant: Cast, now: int
    ) -> None:
        """Dearer, cheaper or for nothing: not what was agreed to, so nothing at all happens."""
        slug = add_plan(app, price_minor=1250)
        price = shown(hesitant, slug)
        reprice(app, slug, now)
        before = len(sent(shop, "/v1/payment_intents"))
        answer = upgrade(hesitant, planSlug=slug, expectedAmount=price)
        assert (answer.status_code, answer.json["code"]) == (409, "price_changed")
        assert answer.json["details"] == {"amount": now / 100, "currency": "usd"}
        assert len(sent(shop, "/v1/payment_intents")) == before
        assert shop.invoices(hesitant.owner, hesitant.workspace.slug) == []
        assert plan_of(hesitant.owner, hesitant.workspace) == "free"

    def test_who_agrees_to_the_new_price_is_charged_it(self, app: Flask, payer: Cast) -> None:
        slug = add_plan(app, price_minor=1250)
        reprice(app, slug, 1300)
        refused = upgrade(payer, planSlug=slug, expectedAmount=12.5)
        answer = upgrade(payer, planSlug=slug, expectedAmount=refused.json["details"]["amount"])
        assert answer.json["data"]["paymentIntent"]["amount"] == 1300

    def test_without_it_the_present_price_is_charged(self, app: Flask, payer: Cast) -> None:
        slug = add_plan(app, price_minor=1250)
        reprice(app, slug, 1300)
        answer = upgrade(payer, planSlug=slug)
        assert answer.json["data"]["paymentIntent"]["amount"] == 1300

    @pytest.mark.parametrize("amount", ["much", "NaN", [9.99], {}, "1e999999999"])
    def test_what_is_no_amount_is_refused(self, hesitant: Cast, amount: object) -> None:
        answer = upgrade(hesitant, planSlug="starter", expectedAmount=amount)
        assert answer.status_code in {400, 409}
        assert plan_of(hesitant.owner, hesitant.workspace) == "free"


class TestCurrencies:
    @pytest.mark.parametrize(
        ("currency", "minor", "major", "written"),
        [
            ("jpy", 1500, Decimal(1500), "¥1,500"),
            ("krw", 12000, Decimal(12000), "₩12,000"),
            ("kwd", 12500, Decimal("12.5"), "KWD 12.500"),
            ("ugx", 38_000_000, Decimal(380_000), "UGX 380,000.00"),
            ("isk", 150_000, Decimal(1500), "ISK 1,500.00"),
            ("usd", 1999, Decimal("19.99"), "$19.99"),
        ],
    )
    def test_each_keeps_its_own_units(
        self, app: Flask, shop: Shop, payer: Cast, currency: str, minor: int, major, written: str
    ) -> None:
        """No, two or three decimals: Stripe, the invoice and the PDF say the same amount."""
        slug = add_plan(app, price_minor=minor, currency=currency)
        answer = upgrade(payer, planSlug=slug, expectedAmount=str(major))
        intent = answer.json["data"]["paymentIntent"]
        held = shop.stripe("GET", f"/v1/payment_intents/{intent['id']}")
        assert (held["amount_received"], held["currency"]) == (minor, currency)
        (invoice,) = shop.invoices(payer.owner, payer.workspace.slug)
        assert (Decimal(str(invoice["amount"])), invoice["currency"]) == (major, currency)
        assert written in pdf_text(pdf_of(payer.owner, payer.workspace, invoice["id"]))

    @pytest.mark.parametrize(
        ("currency", "amount"),
        [
            *(("jpy", 0.5), ("kwd", 0.0005), ("usd", 0.005)),
            *(("isk", 5.5), ("ugx", 5.01), ("kwd", 5.123)),  # these have units that nobody moves
        ],
    )
    def test_a_refund_of_less_than_a_unit_is_refused(
        self, app: Flask, shop: Shop, payer: Cast, admin, currency: str, amount: float
    ) -> None:
        slug = add_plan(app, price_minor=9000, currency=currency)
        upgrade(payer, planSlug=slug)
        (invoice,) = shop.invoices(payer.owner, payer.workspace.slug)
        before = len(sent(shop, "/v1/refunds"))
        answer = admin.post(f"/api/admin/invoices/{invoice['id']}/refund", {"amount": amount})
        assert (answer.status_code, answer.json["code"]) == (400, "invalid_field")
        (after,) = shop.invoices(payer.owner, payer.workspace.slug)
        assert after["refundedAmount"] == 0
        assert len(sent(shop, "/v1/refunds")) == before

    @pytest.mark.parametrize(
        ("currency", "minor", "part", "rest"),
        [
            ("usd", 999, 1, "8.99"),
            ("jpy", 1500, 500, "1000"),
            ("kwd", 12_500, 5.12, "7.38"),
            ("ugx", 1_000_000, 4000, "6000"),
            ("isk", 150_000, 499, "1001"),
        ],
    )
    def test_a_part_and_then_the_rest_go_back(
        self, app: Flask, shop: Shop, payer: Cast, admin, currency, minor, part, rest
    ) -> None:
        """From the plan to the last refund every amount is in the currency's own units."""
        upgrade(payer, planSlug=add_plan(app, price_minor=minor, currency=currency))
        (invoice,) = shop.invoices(payer.owner, payer.workspace.slug)
        path = f"/api/admin/invoices/{invoice['id']}/refund"
        first = admin.post(path, {"amount": part})
        assert first.status_code == 200, first.text
        (intent,) = shop.stripe("GET", "/v1/payment_intents", limit=1)["data"]
        assert admin.post(path, {}).status_code == 200
        made = shop.stripe("GET", "/v1/refunds", payment_intent=intent["id"])["data"]
        amounts = [money.to_minor(rest, currency), money.to_minor(str(part), currency)]
        assert [refund["amount"] for refund in made] == amounts
        assert sum(amounts) == minor
        (after,) = shop.invoices(payer.owner, payer.workspace.slug, include_all="true")
        assert (after["refundedAmount"], after["status"]) == (after["amount"], "refunded")
        text = pdf_text(pdf_of(payer.owner, payer.workspace, invoice["id"]))
        assert money.formatted(minor, currency) in text

    def test_a_fraction_from_before_the_rule_goes_back_in_whole_units(
        self, app: Flask, shop: Shop, payer: Cast, admin
    ) -> None:
        """Stripe once charged fractions of ISK, and refunds none: the whole is refused."""
        upgrade(payer, planSlug=add_plan(app, price_minor=150_000, currency="isk"))
        (invoice,) = shop.invoices(payer.owner, payer.workspace.slug)
        with app.app_context(), transaction() as session:
            change = sa.update(Invoice).where(Invoice.id == invoice["id"])
            session.execute(change.values(amount_minor=149_950))
        path = f"/api/admin/invoices/{invoice['id']}/refund"
        whole = admin.post(path, {})
        assert (whole.status_code, whole.json["code"]) == (400, "invalid_field")
        assert "multiple of ISK 1.00" in whole.json["message"]
        assert admin.post(path, {"amount": 1499}).status_code == 200

    @pytest.mark.parametrize(
        ("currency", "minor"),
        [
            *(("usd", 10), ("jpy", 49), ("usd", 10**12)),
            *(("isk", 1050), ("ugx", 12_345), ("kwd", 1234), ("huf", 1050)),
        ],
    )
    def test_what_stripe_does_not_charge_is_a_clear_400(
        self, app: Flask, shop: Shop, hesitant: Cast, currency: str, minor: int
    ) -> None:
        """Below its least amount, above its greatest, a fraction: nothing happens at all."""
        slug = add_plan(app, price_minor=minor, currency=currency)
        before = len(sent(shop, "/v1/payment_intents"))
        answer = upgrade(hesitant, planSlug=slug)
        assert (answer.status_code, answer.json["code"]) == (400, "amount_not_chargeable")
        assert answer.json["message"].startswith("Amount must be ")
        assert shop.invoices(hesitant.owner, hesitant.workspace.slug) == []
        assert len(sent(shop, "/v1/payment_intents")) == before
        assert plan_of(hesitant.owner, hesitant.workspace) == "free"

    @pytest.mark.parametrize(
        "code",
        ["amount_too_small", "amount_too_large", "invalid_charge_amount_no_decimal_compatible"],
    )
    def test_what_only_stripe_knows_is_a_clear_400_too(
        self, app: Flask, shop: Shop, payer: Cast, code: str
    ) -> None:
        """The least amount after a conversion, say: the attempt keeps its failed invoice."""
        refusal = {"type": "invalid_request_error", "code": code, "message": "Amount must convert"}
        fault(shop, "error", status=400, error=refusal)
        answer = upgrade(payer, planSlug=add_plan(app, price_minor=900))
        assert (answer.status_code, answer.json["code"]) == (400, "amount_not_chargeable")
        assert answer.json["message"] == "Amount must convert"
        (invoice,) = shop.invoices(payer.owner, payer.workspace.slug)
        assert invoice["status"] == "failed"
        assert plan_of(payer.owner, payer.workspace) == "free"
