"""Moving to a higher plan: the whole path from the request to Stripe and back."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa
from flask import Flask
from werkzeug.test import TestResponse

from payments.kit.transactions import transaction
from payments.workspaces.models import Charge, PricingPlan, Workspace
from tests.support.people import Cast, as_json, new_workspace
from tests.support.shop import Shop
from tests.support.till import (
    add_plan,
    charge_calls,
    column,
    confirmations,
    fault,
    find_charge_id,
    installation_of,
    payments_at_stripe,
    plan_of,
    settings_of,
)

WORKSPACE_FIELDS = {
    "id", "name", "slug", "description", "profileImage", "planId", "isActive", "billingAddress",
    "createdAt", "updatedAt",
}  # fmt: skip

Upgraded = tuple[Cast, TestResponse]


def upgrade(cast: Cast, **body):
    return cast.owner.post(f"{cast.workspace.plan_changes}/upgrade-plan", body)


@pytest.fixture(scope="module")
def upgraded(new_payer: Callable[[], Cast]) -> Upgraded:
    """A workspace that moved to the starter plan, and what the upgrade was answered."""
    cast = new_payer()
    return cast, upgrade(cast, planSlug="starter")


class TestUpgrade:
    def test_charges_the_card_and_switches_the_plan(self, upgraded: Upgraded) -> None:
        payer, answer = upgraded
        assert answer.status_code == 200
        assert set(answer.json) == {"message", "data"}
        assert answer.json["message"] == "Plan upgraded successfully"
        assert set(answer.json["data"]) == {"workspace", "paymentIntent"}
        workspace, intent = answer.json["data"]["workspace"], answer.json["data"]["paymentIntent"]
        assert set(workspace) == WORKSPACE_FIELDS
        assert workspace["id"] == payer.workspace.id
        assert workspace["name"] == "John's Workspace"
        assert workspace["slug"] == payer.workspace.slug
        assert (workspace["planId"], workspace["isActive"]) == (2, True)
        assert set(intent) == {"id", "amount", "currency", "status"}
        assert intent["id"].startswith("pi_")
        assert (intent["amount"], intent["currency"]) == (999, "usd")
        assert intent["status"] == "succeeded"
        assert type(intent["amount"]) is int
        assert plan_of(payer.member, payer.workspace) == "starter"

    def test_stripe_holds_what_we_say(self, app: Flask, shop: Shop, upgraded: Upgraded) -> None:
        payer, answer = upgraded
        held = shop.stripe(
            "GET", f"/v1/payment_intents/{answer.json['data']['paymentIntent']['id']}"
        )
        (invoice,) = shop.invoices(payer.owner, payer.workspace.slug)
        assert (held["status"], held["amount"], held["amount_received"]) == ("succeeded", 999, 999)
        assert held["currency"] == "usd"
        charge_id = find_charge_id(app, held["id"])
        assert held["metadata"] == {
            "installation": installation_of(app),
            "charge": column(app, Charge, charge_id, "reference"),
            "workspace": column(app, Workspace, payer.workspace.id, "reference"),
            "invoice_number": invoice["invoiceNumber"],
            "plan": "starter",
        }
        assert held["description"] == invoice["description"]
        customer = shop.stripe("GET", f"/v1/customers/{held['customer']}")
        assert customer["email"] == f"workspace-{payer.workspace.id}@gateways.app"

    def test_the_payment_intent_is_created_unconfirmed_under_its_own_key(
        self, shop: Shop, upgraded: Upgraded, app: Flask
    ) -> None:
        """A creation whose answer is lost must not have taken money."""
        intent = upgraded[1].json["data"]["paymentIntent"]["id"]
        charge_id = find_charge_id(app, intent)
        (call,) = charge_calls(shop, charge_id)
        assert len(payments_at_stripe(shop, charge_id)) == 1
        reference = column(app, Charge, charge_id, "reference")
        assert call["idempotency_key"] == f"{installation_of(app)}:charge:{reference}:create"
        assert not {"confirm", "off_session"} & set(call["params"])

    def test_the_confirmation_goes_off_session_under_a_key_of_its_run(
        self, shop: Shop, upgraded: Upgraded, app: Flask
    ) -> None:
        intent = upgraded[1].json["data"]["paymentIntent"]["id"]
        charge_id = find_charge_id(app, intent)
        (call,) = confirmations(shop, intent)
        reference, fence = column(app, Charge, charge_id, "reference", "fence")
        key = f"{installation_of(app)}:charge:{reference}:confirm:{fence}"
        assert call["idempotency_key"] == key
        assert str(call["params"]["off_session"]).lower() == "true"

    def test_it_leaves_one_paid_invoice(self, shop: Shop, upgraded: Upgraded) -> None:
        payer, answer = upgraded
        intent = answer.json["data"]["paymentIntent"]
        (invoice,) = shop.invoices(payer.owner, payer.workspace.slug)
        assert (invoice["type"], invoice["status"]) == ("plan_upgrade", "paid")
        assert (invoice["amount"], invoice["currency"]) == (9.99, "usd")
        assert invoice["stripePaymentIntentId"] == intent["id"]
        assert (invoice["planId"], invoice["previousPlanId"]) == (2, 1)

    def test_the_full_price_is_charged_each_time(self, shop: Shop, payer: Cast) -> None:
        """Proration "can be implemented": until then every step costs its full month."""
        for plan, amount in (("starter", 999), ("pro", 2999), ("ultimate", 9999)):
            answer = upgrade(payer, planSlug=plan)
            assert answer.json["data"]["paymentIntent"]["amount"] == amount
        assert plan_of(payer.owner, payer.workspace) == "ultimate"

    def test_steps_may_be_left_out(self, payer: Cast) -> None:
        assert upgrade(payer, planSlug="ultimate").status_code == 200

    def test_a_yearly_plan_of_the_same_tier_is_an_upgrade(self, payer: Cast) -> None:
        upgrade(payer, planSlug="starter")
        answer = upgrade(payer, planSlug="starter-yearly")
        assert answer.status_code == 200
        assert answer.json["data"]["paymentIntent"]["amount"] == 9990

    def test_neither_price_nor_id_orders_plans(self, app: Flask, payer: Cast) -> None:
        """A yearly starter costs more than a monthly pro, and still stands below it."""
        upgrade(payer, planSlug="starter-yearly")
        assert upgrade(payer, planSlug="pro").status_code == 200
        cheap = add_plan(app, tier=90, price_minor=60)
        answer = upgrade(payer, planSlug=cheap)
        assert answer.json["data"]["paymentIntent"]["amount"] == 60

    def test_other_workspaces_stay_where_they_are(self, payer: Cast, neighbours: Cast) -> None:
        other = new_workspace(payer.owner, "Other")
        upgrade(payer, planSlug="starter")
        assert plan_of(payer.owner, other) == "free"
        assert plan_of(neighbours.owner, neighbours.workspace) == "pro"

    def test_another_currency_keeps_its_own_units(
        self, app: Flask, shop: Shop, payer: Cast
    ) -> None:
        slug = add_plan(app, price_minor=1500, currency="jpy")
        answer = upgrade(payer, planSlug=slug)
        assert answer.json["data"]["paymentIntent"]["amount"] == 1500
        (invoice,) = shop.invoices(payer.owner, payer.workspace.slug)
        assert (invoice["amount"], invoice["currency"]) == (1500, "jpy")


class TestWhichCard:
    def test_by_database_id_as_number_and_as_digits(self, shop: Shop, payer: Cast) -> None:
        shop.save_card(payer.owner, payer.workspace.slug, "pm_card_mastercard")
        shop.save_card(payer.owner, payer.workspace.slug, "pm_card_amex")
        rows = {c["cardBrand"]: c["id"] for c in shop.cards(payer.owner, payer.workspace.slug)}
        assert (
            upgrade(payer, planSlug="starter", paymentMethodId=rows["Mastercard"]).status_code
            == 200
        )
        digits = str(rows["American Express"])
        assert upgrade(payer, planSlug="pro", paymentMethodId=digits).status_code == 200
        invoices = shop.invoices(payer.owner, payer.workspace.slug)
        assert [i["cardLast4"] for i in invoices] == ["4444", "0005"]
        assert [i["paymentMethodId"] for i in invoices] == [
            rows["Mastercard"],
            rows["American Express"],
        ]

    def test_by_stripes_id(self, shop: Shop, payer: Cast) -> None:
        method = shop.save_card(payer.owner, payer.workspace.slug, "pm_card_mastercard")
        assert upgrade(payer, planSlug="starter", paymentMethodId=method).status_code == 200
        (invoice,) = shop.invoices(payer.owner, payer.workspace.slug)
        assert (invoice["cardBrand"], invoice["cardLast4"]) == ("mastercard", "4444")

    @pytest.mark.parametrize("reference", [{}, {"paymentMethodId": None}])
    def test_the_default_when_none_is_named(self, shop: Shop, payer: Cast, reference) -> None:
        shop.save_card(payer.owner, payer.workspace.slug, "pm_card_mastercard")
        assert upgrade(payer, planSlug="starter", **reference).status_code == 200
        assert shop.invoices(payer.owner, payer.workspace.slug)[0]["cardLast4"] == "4242"

    def test_a_raw_stripe_id_is_attached_and_saved(self, shop: Shop, cast: Cast) -> None:
        raw = shop.stripe(
            "POST", "/v1/payment_methods", type="card", **{"card[token]": "tok_mastercard"}
        )["id"]
        assert upgrade(cast, planSlug="starter", paymentMethodId=raw).status_code == 200
        (card,) = shop.cards(cast.owner, cast.workspace.slug)
        assert (card["stripePaymentMethodId"], card["isDefault"]) == (raw, True)
        assert (
            shop.stripe("GET", f"/v1/payment_methods/{raw}")["customer"] == card["stripeCustomerId"]
        )

    def test_one_that_is_our_customers_already_is_saved(self, shop: Shop, cast: Cast) -> None:
        """Somebody completed the setup and upgraded without confirming in between."""
        setup = shop.set_up(cast.owner, cast.workspace.slug)
        method = shop.browser_confirms_setup(setup)["payment_method"]
        assert upgrade(cast, planSlug="starter", paymentMethodId=method).status_code == 200
        assert shop.cards(cast.owner, cast.workspace.slug)[0]["stripePaymentMethodId"] == method

    @pytest.mark.parametrize(
        "reference", [0, 999999999, 10**30, "0", "9" * 30, "pm_nothing", "pm_card_nonsense"]
    )
    def test_an_unknown_one_is_refused(self, still: Cast, reference) -> None:
        answer = upgrade(still, planSlug="starter", paymentMethodId=reference)
        assert (answer.status_code, answer.json["code"]) == (400, "invalid_payment_method")
        assert answer.json["message"] == "Invalid payment method"

    @pytest.mark.parametrize(
        "reference", ["", "abc", "card_1", -1, 1.5, True, [1], {"id": 1}, "pm_", "pm_a/b", "1 "]
    )
    def test_what_is_no_reference_is_refused(self, still: Cast, reference) -> None:
        answer = upgrade(still, planSlug="starter", paymentMethodId=reference)
        assert (answer.status_code, answer.json["code"]) == (400, "invalid_field")
        assert "paymentMethodId" in answer.json["details"]["fields"]

    def test_a_foreign_card_is_refused_however_it_is_named(
        self, shop: Shop, still: Cast, neighbours: Cast
    ) -> None:
        before = shop.invoices(still.owner, still.workspace.slug)
        for card in shop.cards(neighbours.owner, neighbours.workspace.slug):
            for reference in (card["id"], str(card["id"]), card["stripePaymentMethodId"]):
                answer = upgrade(still, planSlug="starter", paymentMethodId=reference)
                assert (answer.status_code, answer.json["code"]) == (400, "invalid_payment_method")
        assert shop.invoices(still.owner, still.workspace.slug) == before

    def test_a_card_of_a_foreign_customer_is_refused(
        self, shop: Shop, still: Cast, neighbours: Cast
    ) -> None:
        """It was set up for the neighbours, and nobody has confirmed it with us yet."""
        setup = shop.set_up(neighbours.owner, neighbours.workspace.slug)
        method = shop.browser_confirms_setup(setup)["payment_method"]
        answer = upgrade(still, planSlug="starter", paymentMethodId=method)
        assert (answer.status_code, answer.json["code"]) == (400, "invalid_payment_method")

    def test_a_deleted_card_is_refused(self, shop: Shop, payer: Cast) -> None:
        (card,) = shop.cards(payer.owner, payer.workspace.slug)
        payer.owner.delete(f"{payer.workspace.payments}/payment-methods/{card['id']}")
        for reference in (card["id"], card["stripePaymentMethodId"]):
            answer = upgrade(payer, planSlug="starter", paymentMethodId=reference)
            assert (answer.status_code, answer.json["code"]) == (400, "invalid_payment_method")

    def test_a_card_detached_in_the_dashboard_is_refused(self, shop: Shop, payer: Cast) -> None:
        """Stripe will not charge it, and that is the card's fault, not ours."""
        (card,) = shop.cards(payer.owner, payer.workspace.slug)
        shop.stripe("POST", f"/v1/payment_methods/{card['stripePaymentMethodId']}/detach")
        answer = upgrade(payer, planSlug="starter")
        assert (answer.status_code, answer.json["code"]) == (400, "invalid_payment_method")
        assert plan_of(payer.owner, payer.workspace) == "free"
        (invoice,) = shop.invoices(payer.owner, payer.workspace.slug)
        assert invoice["status"] == "failed"

    def test_none_at_all(self, shop: Shop, cast: Cast) -> None:
        answer = upgrade(cast, planSlug="starter")
        assert (answer.status_code, answer.json["code"]) == (400, "no_payment_method")
        sentence = "No payment method provided and no default payment method found"
        assert answer.json["message"] == answer.json["error"] == sentence
        assert shop.invoices(cast.owner, cast.workspace.slug) == []


class TestWhichPlan:
    def test_the_same_plan_is_no_upgrade(self, shop: Shop, upgraded: Upgraded) -> None:
        payer, _ = upgraded
        answer = upgrade(payer, planSlug="starter")
        assert (answer.status_code, answer.json["code"]) == (400, "not_an_upgrade")
        assert "higher tier" in answer.json["message"]
        assert "downgrade" in answer.json["message"]
        assert len(shop.invoices(payer.owner, payer.workspace.slug)) == 1

    def test_a_lower_plan_is_no_upgrade(self, payer: Cast) -> None:
        upgrade(payer, planSlug="pro")
        for lower in ("free", "starter", "starter-yearly"):
            assert upgrade(payer, planSlug=lower).json["code"] == "not_an_upgrade"

    @pytest.mark.parametrize("slug", ["No Plan", "../free", "pro;", "-pro", "プロ"])
    def test_a_malformed_slug(self, still: Cast, slug: str) -> None:
        answer = upgrade(still, planSlug=slug)
        assert (answer.status_code, answer.json["code"]) == (400, "invalid_plan")

    def test_an_unknown_plan(self, still: Cast) -> None:
        answer = upgrade(still, planSlug="platinum")
        assert (answer.status_code, answer.json["code"]) == (404, "plan_not_found")
        assert answer.json["message"] == "Plan not found"

    def test_a_retired_plan(self, still: Cast) -> None:
        answer = upgrade(still, planSlug="enterprise")
        assert (answer.status_code, answer.json["code"]) == (400, "invalid_plan")
        assert answer.json["message"] == "The plan Enterprise is no longer offered"

    @pytest.mark.parametrize(
        ("body", "code"),
        [
            ({}, "missing_field"),
            ({"planSlug": None}, "invalid_field"),
            ({"planSlug": ""}, "invalid_field"),
            ({"planSlug": "   "}, "invalid_field"),
            ({"planSlug": 1}, "invalid_field"),
            ({"planSlug": ["starter"]}, "invalid_field"),
            ({"planSlug": "a" * 101}, "invalid_field"),
            ({"plan_slug": "starter"}, "missing_field"),
        ],
    )
    def test_a_body_without_a_plan(self, still: Cast, body, code: str) -> None:
        answer = still.owner.post(f"{still.workspace.plan_changes}/upgrade-plan", body)
        assert (answer.status_code, answer.json["code"]) == (400, code)
        if code == "missing_field":
            assert answer.json["message"] == "planSlug is required"

    def test_a_plan_without_a_price_needs_no_payment(
        self, app: Flask, shop: Shop, cast: Cast
    ) -> None:
        slug = add_plan(app, price_minor=0)
        answer = upgrade(cast, planSlug=slug)
        assert answer.status_code == 200
        assert answer.json["data"]["paymentIntent"] is None
        (invoice,) = shop.invoices(cast.owner, cast.workspace.slug)
        assert (invoice["type"], invoice["status"], invoice["amount"]) == (
            "plan_upgrade",
            "paid",
            0,
        )
        assert invoice["stripePaymentIntentId"] is None
        assert invoice["paymentMethodId"] is None
        assert invoice["paidAt"] is not None

    def test_a_plan_may_retire_while_a_workspace_is_on_it(
        self, app: Flask, shop: Shop, payer: Cast
    ) -> None:
        slug = add_plan(app, tier=1)
        upgrade(payer, planSlug=slug)
        with app.app_context(), transaction() as session:
            session.execute(
                sa.update(PricingPlan).where(PricingPlan.slug == slug).values(is_active=False)
            )
        assert upgrade(payer, planSlug="pro").status_code == 200
        assert shop.invoices(payer.owner, payer.workspace.slug)[1]["previousPlanSlug"] == slug


# The decline cards of https://docs.stripe.com/testing that can be attached: Stripe's answer to an
# off-session charge is played for those that cannot, so that each documented code is seen.
DECLINES = [
    ("card_declined", "generic_decline", "Your card was declined."),
    ("card_declined", "insufficient_funds", "Your card has insufficient funds."),
    ("card_declined", "lost_card", "Your card was declined."),
    ("card_declined", "stolen_card", "Your card was declined."),
    ("card_declined", "fraudulent", "Your card was declined."),
    ("expired_card", "expired_card", "Your card has expired."),
    ("incorrect_cvc", "incorrect_cvc", "Your card's security code is incorrect."),
    ("processing_error", "processing_error", "An error occurred while processing your card."),
]


@pytest.fixture(scope="module")
def debtor(new_payer: Callable[[], Cast]) -> Cast:
    """Somebody whose card is declined again and again."""
    return new_payer()


@pytest.fixture(scope="module")
def cardless(new_cast: Callable[[], Cast]) -> Cast:
    """Somebody whose cards are never taken."""
    return new_cast()


class TestDecline:
    def test_a_card_that_saves_and_then_declines(self, shop: Shop, cast: Cast) -> None:
        """4000 0000 0000 0341: Stripe's message reaches its holder, the plan stays."""
        shop.save_card(cast.owner, cast.workspace.slug, "pm_card_chargeCustomerFail")
        answer = upgrade(cast, planSlug="starter")
        assert answer.status_code == 402
        assert answer.json["code"] == "card_declined"
        assert answer.json["message"] == answer.json["error"] == "Your card was declined."
        (invoice,) = shop.invoices(cast.owner, cast.workspace.slug)
        details = answer.json["details"]
        assert details["declineCode"] == "generic_decline"
        assert details["invoiceId"] == invoice["id"]
        assert details["paymentIntentId"] == invoice["stripePaymentIntentId"]
        assert details["paymentIntentId"].startswith("pi_")
        assert (invoice["status"], invoice["paidAt"]) == ("failed", None)
        assert invoice["invoiceNumber"].startswith("INV-")
        assert plan_of(cast.owner, cast.workspace) == "free"

    def test_each_failed_try_has_its_own_invoice_and_charge(self, shop: Shop, cast: Cast) -> None:
        shop.save_card(cast.owner, cast.workspace.slug, "pm_card_chargeCustomerFail")
        tries = [upgrade(cast, planSlug="starter").json["details"] for _ in range(2)]
        assert len({t["paymentIntentId"] for t in tries}) == 2
        invoices = shop.invoices(cast.owner, cast.workspace.slug)
        assert [i["status"] for i in invoices] == ["failed", "failed"]
        assert len({i["invoiceNumber"] for i in invoices}) == 2

    def test_a_good_card_works_afterwards(self, shop: Shop, cast: Cast) -> None:
        bad = shop.save_card(cast.owner, cast.workspace.slug, "pm_card_chargeCustomerFail")
        good = shop.save_card(cast.owner, cast.workspace.slug)
        assert upgrade(cast, planSlug="starter", paymentMethodId=bad).status_code == 402
        assert upgrade(cast, planSlug="starter", paymentMethodId=good).status_code == 200
        invoices = shop.invoices(cast.owner, cast.workspace.slug)
        assert [i["status"] for i in invoices] == ["failed", "paid"]

    @pytest.mark.parametrize(("code", "decline_code", "message"), DECLINES)
    def test_the_issuers_reason_is_told(
        self, shop: Shop, debtor: Cast, code: str, decline_code: str, message: str
    ) -> None:
        error = {
            "type": "card_error",
            "code": code,
            "decline_code": decline_code,
            "message": message,
        }
        fault(shop, "error", status=402, error=error)
        answer = upgrade(debtor, planSlug="starter")
        assert (answer.status_code, answer.json["code"]) == (402, "card_declined")
        assert answer.json["message"] == message
        assert answer.json["details"]["declineCode"] == decline_code

    @pytest.mark.parametrize(
        ("card", "decline_code"),
        [
            ("pm_card_chargeDeclined", "generic_decline"),
            ("pm_card_chargeDeclinedInsufficientFunds", "insufficient_funds"),
            ("pm_card_chargeDeclinedLostCard", "lost_card"),
            ("pm_card_chargeDeclinedExpiredCard", "expired_card"),
            ("pm_card_radarBlock", "fraudulent"),
        ],
    )
    def test_a_raw_card_that_cannot_even_be_attached(
        self, shop: Shop, cardless: Cast, card: str, decline_code: str
    ) -> None:
        answer = upgrade(cardless, planSlug="starter", paymentMethodId=card)
        assert (answer.status_code, answer.json["code"]) == (402, "card_declined")
        assert answer.json["details"]["declineCode"] == decline_code
        assert shop.cards(cardless.owner, cardless.workspace.slug) == []
        assert shop.invoices(cardless.owner, cardless.workspace.slug) == []


class TestWhenStripeFails:
    @pytest.mark.parametrize("key", [None, "nonsense", "sk_test_"])
    def test_no_usable_key_is_a_500_and_no_charge(
        self, app: Flask, shop: Shop, payer: Cast, key: str | None
    ) -> None:
        with settings_of(app, stripe_secret_key=key):
            answer = upgrade(payer, planSlug="starter")
        assert (answer.status_code, answer.json["code"]) == (500, "stripe_not_configured")
        assert plan_of(payer.owner, payer.workspace) == "free"
        (invoice,) = shop.invoices(payer.owner, payer.workspace.slug)
        assert invoice["status"] == "failed"
        assert upgrade(payer, planSlug="starter").status_code == 200

    def test_a_refusal_is_a_500_and_its_words_stay_in_the_log(
        self, shop: Shop, payer: Cast
    ) -> None:
        error = {"type": "invalid_request_error", "message": "acct_secret may not do this"}
        fault(shop, "error", status=400, error=error)
        answer = upgrade(payer, planSlug="starter")
        assert (answer.status_code, answer.json["code"]) == (500, "stripe_error")
        assert answer.json["message"] == "Payment processing error"
        assert "acct_secret" not in answer.text


class TestTwoAtOnce:
    def test_a_double_click_is_charged_once(self, app: Flask, shop: Shop, payer: Cast) -> None:
        fault(shop, "delay", ms=300)
        path = f"{payer.workspace.plan_changes}/upgrade-plan"

        def click(_: int) -> int:
            options = as_json({"planSlug": "starter"})
            return app.test_client().post(path, headers=payer.owner.headers, **options).status_code

        with ThreadPoolExecutor(4) as pool:
            statuses = sorted(pool.map(click, range(4)))
        assert statuses[0] == 200
        assert set(statuses[1:]) <= {400, 409}
        assert len(shop.invoices(payer.owner, payer.workspace.slug)) == 1
        customer = column(app, Workspace, payer.workspace.id, "stripe_customer_id")
        paid = shop.stripe("GET", "/v1/payment_intents", customer=customer)["data"]
        assert len(paid) == 1

    def test_two_workspaces_do_not_wait_for_each_other(
        self, app: Flask, shop: Shop, payer: Cast
    ) -> None:
        other = new_workspace(payer.owner, "Other")
        shop.save_card(payer.owner, other.slug)

        def click(path: str) -> int:
            options = as_json({"planSlug": "starter"})
            answer = app.test_client().post(path, headers=payer.owner.headers, **options)
            return answer.status_code

        paths = [f"{p.plan_changes}/upgrade-plan" for p in (payer.workspace, other)]
        with ThreadPoolExecutor(2) as pool:
            assert list(pool.map(click, paths)) == [200, 200]
