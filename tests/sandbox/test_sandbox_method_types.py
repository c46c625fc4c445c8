"""Payment methods other than cards, and what an account with dynamic payment methods offers."""

import pytest
import stripe

ALL_FOR_DOLLARS = [
    "card", "acss_debit", "afterpay_clearpay", "alipay", "klarna", "link", "us_bank_account",
    "wechat_pay",
]  # fmt: skip


@pytest.fixture
def pay(v1):
    def make(**params):
        return v1.payment_intents.create({"amount": 2900, "currency": "usd", **params})

    return make


class TestChoice:
    def test_is_what_the_account_has_turned_on(self, pay):
        intent = pay()
        assert intent.payment_method_types == ALL_FOR_DOLLARS
        assert list(intent.payment_method_options.to_dict()) == sorted(ALL_FOR_DOLLARS)
        assert intent.automatic_payment_methods.enabled is True
        assert intent.payment_method_configuration_details.id.startswith("pmc_")

    @pytest.mark.parametrize(
        ("params", "types"),
        [
            ({"capture_method": "manual"}, ["card", "afterpay_clearpay", "klarna", "link"]),
            (
                {"currency": "eur"},
                ["card", "bancontact", "ideal", "sepa_debit", "klarna", "link"],
            ),
            ({"currency": "jpy"}, ["card", "link"]),
            (
                {"setup_future_usage": "off_session"},
                ["card", "acss_debit", "klarna", "link", "us_bank_account"],
            ),
            (
                {"automatic_payment_methods": {"enabled": True, "allow_redirects": "never"}},
                ["card", "acss_debit", "link", "us_bank_account"],
            ),
            ({"allowed_payment_method_types": ["link", "pix", "card"]}, ["card", "link"]),
            (
                {"excluded_payment_method_types": ["acss_debit", "klarna", "alipay"]},
                ["card", "afterpay_clearpay", "link", "us_bank_account", "wechat_pay"],
            ),
            ({"automatic_payment_methods": {"enabled": False}}, ["card"]),
        ],
    )
    def test_follows_the_parameters(self, pay, params, types):
        assert pay(**params).payment_method_types == types

    def test_of_allowed_types_is_no_automatic_one(self, pay):
        intent = pay(allowed_payment_method_types=["card"])
        assert intent.automatic_payment_methods is None
        assert intent.payment_method_configuration_details is None
        assert intent.allowed_payment_method_types == ["card"]
        assert list(intent.payment_method_options.to_dict()) == ["card"]

    @pytest.mark.parametrize(
        ("other", "value"),
        [
            ("automatic_payment_methods", {"enabled": True}),
            ("excluded_payment_method_types", ["klarna"]),
            ("payment_method_configuration", "pmc_1"),
        ],
    )
    def test_is_made_in_one_way_only(self, pay, other, value):
        with pytest.raises(stripe.InvalidRequestError, match="only specify one") as refusal:
            pay(**{"allowed_payment_method_types": ["card"], other: value})
        assert refusal.value.code == "parameters_exclusive"

    def test_was_the_card_before_2023(self, v1):
        old = {"stripe_version": "2022-11-15"}
        intent = v1.payment_intents.create({"amount": 2900, "currency": "usd"}, old)
        assert intent.payment_method_types == ["card"]
        assert intent.automatic_payment_methods is None

    def test_on_an_invoice_is_the_invoices_own(self, v1, customer, saved_card):
        saved_card()
        v1.invoice_items.create({"customer": customer.id, "amount": 900, "currency": "usd"})
        invoice = v1.invoices.create(
            {"customer": customer.id, "pending_invoice_items_behavior": "include"}
        )
        v1.invoices.finalize_invoice(invoice.id)
        payment = v1.invoice_payments.list({"invoice": invoice.id}).data[0].payment
        intent = v1.payment_intents.retrieve(payment.payment_intent)
        types = ["acss_debit", "card", "cashapp", "link", "us_bank_account"]
        assert intent.payment_method_types == types
        assert (intent.automatic_payment_methods, intent.capture_method) == (None, "automatic")


ACSS = {"account_number": "000123456789", "institution_number": "000", "transit_number": "11000"}
KINDS = [
    ("acss_debit", ACSS, {"last4": "6789", "transit_number": "11000"}),
    ("afterpay_clearpay", {}, {}),
    ("boleto", {"tax_id": "000.000.000-00"}, {"tax_id": "000.000.000-00"}),
    ("eps", {"bank": "bank_austria"}, {"bank": "bank_austria"}),
    ("fpx", {"bank": "affin_bank"}, {"account_holder_type": "individual"}),
    ("ideal", {"bank": "abn_amro"}, {"bank": "abn_amro", "bic": "ABNANL2A"}),
    ("p24", {"bank": "ing"}, {"bank": "ing"}),
    (
        "sepa_debit",
        {"iban": "DK5000400440116243"},
        {"bank_code": "0040", "branch_code": "", "country": "DK", "last4": "6243"},
    ),
    ("sofort", {"country": "DE"}, {"country": "DE"}),
    (
        "us_bank_account",
        {"account_number": "000123456789", "routing_number": "110000000"},
        {"last4": "6789", "routing_number": "110000000"},
    ),
    ("wechat_pay", {}, {}),
]


class TestKinds:
    @pytest.mark.parametrize(("kind", "given", "shown"), KINDS)
    def test_are_kept_as_told(self, v1, kind, given, shown):
        made = v1.payment_methods.create(
            {"type": kind, kind: given, "billing_details": {"name": "A"}}
        )
        assert (made.type, made.billing_details.name, made.customer) == (kind, "A", None)
        told = made.to_dict()[kind]
        assert {name: told[name] for name in shown} == shown
        assert v1.payment_methods.retrieve(made.id).to_dict()[kind] == told

    def test_cannot_do_without_their_numbers(self, v1):
        with pytest.raises(stripe.InvalidRequestError, match="sepa_debit") as refusal:
            v1.payment_methods.create({"type": "sepa_debit"})
        assert refusal.value.code == "parameter_missing"

    def test_that_serve_once_are_not_kept(self, v1, customer):
        method = v1.payment_methods.create({"type": "ideal"})
        with pytest.raises(stripe.InvalidRequestError, match="`ideal` cannot be saved"):
            v1.payment_methods.attach(method.id, {"customer": customer.id})

    def test_must_be_among_those_of_the_intent(self, v1, pay):
        method = v1.payment_methods.create({"type": "boleto", "boleto": {"tax_id": "1"}})
        with pytest.raises(stripe.InvalidRequestError, match="with one of the following types"):
            pay(payment_method=method.id)


class TestPayments:
    def test_of_a_debit_take_days(self, v1, pay, customer, call):
        method = v1.payment_methods.create(
            {"type": "us_bank_account", "us_bank_account": {"account_number": "000123456789"}}
        )
        v1.payment_methods.attach(method.id, {"customer": customer.id})
        intent = pay(customer=customer.id, payment_method=method.id, confirm=True)
        assert intent.status == "processing"
        call("POST", "/_sandbox/clock/advance", json={"seconds": 3 * 86400})
        intent = v1.payment_intents.retrieve(intent.id, {"expand": ["latest_charge"]})
        assert intent.status == "succeeded"
        assert intent.latest_charge.payment_method_details.us_bank_account.last4 == "6789"

    def test_of_a_debit_may_come_back(self, v1, pay, call):
        data = {"type": "us_bank_account", "us_bank_account": {"account_number": "000111111116"}}
        intent = pay(payment_method_data=data, confirm=True)
        call("POST", "/_sandbox/clock/advance", json={"seconds": 3 * 86400})
        assert v1.payment_intents.retrieve(intent.id).status == "requires_payment_method"

    def test_by_redirect_wait_for_the_customer(self, v1, pay, call):
        shop = "https://shop.example/done"
        data = {"type": "klarna"}
        intent = pay(payment_method_data=data, confirm=True, return_url=shop)
        assert intent.status == "requires_action"
        page = intent.next_action.redirect_to_url.url.removeprefix(call.url)
        call("POST", page, data={"outcome": "complete"}, allow_redirects=False)
        intent = v1.payment_intents.retrieve(intent.id, {"expand": ["latest_charge"]})
        assert intent.status == "succeeded"
        assert intent.latest_charge.payment_method_details.type == "klarna"
        details = intent.latest_charge.payment_method_details.klarna.to_dict()
        assert details.keys() == {"payer_details", "payment_method_category", "preferred_locale"}

    def test_by_link_go_through_at_once(self, v1, pay):
        details = {"email": "a@shop.example"}
        data = {"type": "link", "billing_details": details}
        intent = pay(payment_method_data=data, confirm=True)
        assert intent.status == "succeeded"
        method = v1.payment_methods.retrieve(intent.payment_method)
        assert method.link.email == "a@shop.example"
