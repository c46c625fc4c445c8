"""Checkout sessions and their hosted page, as a customer without a browser uses it."""

import pytest
import stripe

from .conftest import DAY, NEW_YEAR

DONE = "https://shop.example/done?session="
DECLINED, CAUTIOUS = "4000000000000002", "4000002760003184"


@pytest.fixture
def read(v1):
    def retrieve(session, *expand):
        return v1.checkout.sessions.retrieve(session.id, {"expand": list(expand)})

    return retrieve


class TestSessions:
    def test_have_the_shape_of_the_pinned_version(self, check_out, price):
        made = check_out(
            "subscription",
            price(1500),
            client_reference_id="user-7",
            metadata={"user": "7"},
            customer_email="a@gateways.app",
            allow_promotion_codes=True,
            expand=["line_items"],
        )
        assert made.id.startswith("cs_test_")
        assert (made.status, made.payment_status, made.ui_mode) == ("open", "unpaid", "hosted_page")
        assert (made.amount_total, made.currency, made.mode) == (1500, "usd", "subscription")
        assert (made.client_reference_id, made.metadata["user"]) == ("user-7", "7")
        assert (made.customer, made.customer_details.email) == (None, "a@gateways.app")
        assert made.expires_at == made.created + DAY
        line = made.line_items.data[0]
        assert (line.description, line.amount_total, line.quantity) == ("Plan 1500", 1500, 1)

    def test_take_inline_prices(self, v1, check_out):
        inline = {"currency": "eur", "unit_amount": 700, "product_data": {"name": "Mug"}}
        made = check_out("payment", line_items=[{"price_data": inline, "quantity": 3}])
        assert (made.amount_total, made.currency) == (2100, "eur")
        assert v1.checkout.sessions.line_items.list(made.id).data[0].description == "Mug"

    @pytest.mark.parametrize(
        ("mode", "params", "message"),
        [
            ("payment", {"subscription_data": {"trial_period_days": 3}}, "can not pass"),
            ("subscription", {"payment_intent_data": {"description": "d"}}, "can not pass"),
            ("subscription", {"customer_creation": "always"}, "can not pass"),
            ("payment", {"line_items": ""}, "line_items"),
            ("setup", {"line_items": [{"price": "p"}]}, "can not pass"),
            ("payment", {"customer": "cus_1", "customer_email": "a@b.co"}, "only specify one"),
            ("payment", {"customer": "cus_1"}, "No such customer"),
            ("payment", {"expires_at": 5}, "30 minutes and 24 hours"),
            ("payment", {"success_url": "javascript:alert(1)"}, "Not a valid URL"),
            ("payment", {"ui_mode": "elements"}, "ui_mode"),
            ("payment", {"allowed_payment_method_types": ["pix"]}, "No valid payment method"),
            ("subscription", {"subscription_data": {"trial_end": 5}}, "in the future"),
        ],
    )
    def test_are_refused(self, check_out, mode, params, message):
        with pytest.raises(stripe.InvalidRequestError, match=message):
            check_out(mode, **params)

    def test_prices_have_to_fit_the_mode(self, check_out, price):
        monthly, once = price(), price(500, None)
        for mode, prices, message in [
            ("payment", [monthly], "recurring price"),
            ("subscription", [once], "at least one recurring"),
            ("payment", [once, price(5, None, currency="eur")], "same currency"),
            ("payment", [price(1, None)], "at least"),
        ]:
            with pytest.raises(stripe.InvalidRequestError, match=message):
                check_out(mode, *prices)

    def test_are_listed(self, v1, check_out, customer, visitor):
        mine, guest = check_out(customer=customer.id), check_out("payment")
        visitor.check_out(mine.url)
        done = v1.checkout.sessions.retrieve(mine.id)

        def ids(**filters):
            return [each.id for each in v1.checkout.sessions.list(filters).data]

        assert ids() == [guest.id, mine.id]
        assert ids(customer=customer.id) == ids(status="complete") == [mine.id]
        assert ids(subscription=done.subscription) == [mine.id]
        assert ids(customer_details={"email": customer.email}) == [mine.id]
        assert ids(payment_intent="pi_none") == []

    def test_change_their_metadata_only(self, v1, check_out):
        made = check_out()
        changed = v1.checkout.sessions.update(made.id, {"metadata": {"a": "1"}})
        assert changed.metadata["a"] == "1"

    def test_expire_by_hand_and_by_time(self, v1, check_out, control, call, read, event_types):
        first, second = check_out(), check_out()
        assert v1.checkout.sessions.expire(first.id).url is None
        with pytest.raises(stripe.InvalidRequestError, match="can be expired"):
            v1.checkout.sessions.expire(first.id)
        control("POST", "clock/advance", {"seconds": DAY})
        assert read(second).status == "expired"
        assert event_types()[-2:] == ["checkout.session.expired"] * 2
        page = call("GET", second.url.removeprefix(call.url))
        assert page.status_code == 410
        assert "https://shop.example/cart" in page.text


class TestSubscribing:
    def test_ends_in_the_shop(self, v1, check_out, visitor, price, read, event_types):
        made = check_out(
            "subscription",
            price(1500),
            price(250, None),
            subscription_data={"metadata": {"a": "1"}},
        )
        known = len(event_types())
        visit = visitor.check_out(made.url, email="new@gateways.app", name="New")
        assert (visit.status, visit.location) == (303, DONE + made.id)
        done = read(made, "subscription", "invoice", "customer")
        assert (done.status, done.payment_status, done.url) == ("complete", "paid", None)
        assert (done.customer.email, done.customer_details.name) == ("new@gateways.app", "New")
        assert (done.subscription.status, done.subscription.metadata["a"]) == ("active", "1")
        assert done.subscription.default_payment_method.startswith("pm_")
        assert (done.invoice.amount_paid, done.amount_total) == (1750, 1750)
        assert event_types()[known:] == [
            "customer.created",
            "invoiceitem.created",
            "invoice.created",
            "invoice.finalized",
            "payment_intent.created",
            "customer.subscription.created",
            "charge.succeeded",
            "payment_method.attached",
            "payment_intent.succeeded",
            "customer.subscription.updated",
            "invoice.updated",
            "invoice.paid",
            "invoice.payment_succeeded",
            "invoice_payment.paid",
            "customer.subscription.updated",
            "checkout.session.completed",
        ]

    def test_starts_trials(self, v1, check_out, visitor, read, call):
        made = check_out(subscription_data={"trial_period_days": 14})
        assert (made.amount_total, made.payment_status) == (0, "no_payment_required")
        page = call("GET", made.url.removeprefix(call.url)).text
        for text in ("14 days free", "Start trial", "Then $20.00 from"):
            assert text in page
        assert visitor.check_out(made.url, DECLINED).problem == "Your card was declined."
        visitor.check_out(made.url, CAUTIOUS)
        done = read(made, "subscription")
        assert (done.subscription.status, done.payment_status) == (
            "trialing",
            "no_payment_required",
        )
        assert done.subscription.trial_end == done.subscription.created + 14 * DAY

    def test_trials_may_do_without_a_card(self, check_out, visitor, read):
        trial = {"trial_end": NEW_YEAR * 2, "trial_settings": {"end_behavior": {
            "missing_payment_method": "cancel"}}}  # fmt: skip
        with pytest.raises(stripe.InvalidRequestError, match="five years"):
            check_out(subscription_data=trial)
        made = check_out(
            subscription_data={**trial, "trial_end": NEW_YEAR + 600 * DAY},
            payment_method_collection="if_required",
        )
        visitor.check_out(made.url, "")
        done = read(made, "subscription")
        assert done.subscription.status == "trialing"
        assert done.subscription.default_payment_method is None

    def test_declined_stays_on_the_page(self, v1, check_out, visitor, read, event_types):
        made = check_out()
        visit = visitor.check_out(made.url, DECLINED)
        assert (visit.status, visit.problem) == (402, "Your card was declined.")
        assert read(made).status == "open"
        assert event_types()[-1] == "invoice.payment_failed"
        visitor.check_out(made.url)
        assert read(made, "subscription").subscription.status == "active"
        assert event_types().count("customer.subscription.created") == 1

    def test_given_up_expires_what_was_begun(self, v1, check_out, visitor, customer):
        made = check_out(customer=customer.id)
        visitor.check_out(made.url, DECLINED)
        begun = v1.subscriptions.list({"customer": customer.id}).data[0]
        assert begun.status == "incomplete"
        v1.checkout.sessions.expire(made.id)
        assert v1.subscriptions.retrieve(begun.id).status == "incomplete_expired"

    @pytest.mark.parametrize("passes", [True, False])
    def test_goes_through_3d_secure(self, check_out, visitor, read, passes):
        made = check_out()
        visit = visitor.check_out(made.url, CAUTIOUS, passes=passes)
        if passes:
            assert visit.location == DONE + made.id
            assert read(made, "subscription").subscription.status == "active"
        else:
            assert "unable to authenticate" in visit.problem
            assert read(made).status == "open"

    def test_on_a_test_clock(self, v1, check_out, visitor, subscriber, until, read):
        made = check_out(customer=subscriber.id)
        assert made.created == NEW_YEAR
        visitor.check_out(made.url)
        done = read(made, "subscription")
        assert done.subscription.created == NEW_YEAR
        until(32 * DAY)
        assert len(v1.invoices.list({"subscription": done.subscription.id}).data) == 2


class TestPaying:
    def test_once_as_a_guest(self, v1, check_out, visitor, read):
        data = {"metadata": {"order": "5"}, "description": "Order 5"}
        made = check_out("payment", payment_intent_data=data)
        assert visitor.check_out(made.url, DECLINED).problem == "Your card was declined."
        visitor.check_out(made.url)
        done = read(made, "payment_intent")
        intent = done.payment_intent
        assert (done.status, done.payment_status, done.customer) == ("complete", "paid", None)
        assert (intent.status, intent.description) == ("succeeded", "Order 5")
        assert intent.metadata["order"] == "5"
        assert v1.events.list({"limit": 1}).data[0].type == "checkout.session.completed"

    def test_once_as_a_new_customer(self, v1, check_out, visitor, read):
        made = check_out("payment", customer_creation="always")
        visitor.check_out(made.url)
        owner = read(made, "customer").customer
        assert owner.email == "visitor@example.com"

    def test_nothing_at_all(self, check_out, visitor, price, read):
        made = check_out("payment", price(0, None))
        visitor.check_out(made.url, "")
        assert read(made).payment_status == "no_payment_required"

    @pytest.mark.parametrize("settles", [True, False])
    def test_later_by_bank_debit(self, v1, check_out, visitor, read, control, settles):
        made = check_out("payment", customer_creation="always")
        assert visitor.debit(made.url, settles=settles).location == DONE + made.id
        assert (read(made).status, read(made).payment_status) == ("complete", "unpaid")
        control("POST", "clock/advance", {"seconds": 3 * DAY})
        assert read(made).payment_status == ("paid" if settles else "unpaid")
        outcome = "succeeded" if settles else "failed"
        told = v1.events.list({"limit": 1}).data[0]
        assert told.type == f"checkout.session.async_payment_{outcome}"

    @pytest.mark.parametrize("settles", [True, False])
    def test_a_subscription_by_bank_debit(self, v1, check_out, visitor, read, control, settles):
        made = check_out()
        visitor.debit(made.url, settles=settles)
        done = read(made, "subscription")
        assert (done.subscription.status, done.payment_status) == ("active", "unpaid")
        method = v1.payment_methods.retrieve(done.subscription.default_payment_method)
        assert method.type == "us_bank_account"
        control("POST", "clock/advance", {"seconds": 3 * DAY})
        now = v1.subscriptions.retrieve(done.subscription.id)
        assert now.status == ("active" if settles else "past_due")
        if settles:
            charge = v1.charges.list({"customer": done.customer}).data[0]
            assert charge.payment_method_details.type == "us_bank_account"
            changed = v1.payment_methods.update(method.id, {"metadata": {"a": "1"}})
            assert changed.metadata["a"] == "1"

    def test_methods_can_be_limited(self, check_out, visitor):
        others = ["klarna", "link", "us_bank_account"]
        assert check_out().payment_method_types == ["card", *others]
        cards = check_out(excluded_payment_method_types=others)
        assert cards.payment_method_types == ["card"]
        once = check_out("payment").payment_method_types
        assert {"afterpay_clearpay", "alipay", "wechat_pay"} < set(once)
        debits = check_out("payment", allowed_payment_method_types=["us_bank_account"])
        assert visitor.check_out(debits.url).problem == "Cards are not accepted here."


class TestSettingUp:
    def test_saves_a_card(self, v1, check_out, visitor, customer, read):
        made = check_out("setup", customer=customer.id, setup_intent_data={"description": "d"})
        assert made.payment_status == "no_payment_required"
        visitor.check_out(made.url, CAUTIOUS)
        done = read(made, "setup_intent")
        assert (done.status, done.setup_intent.status) == ("complete", "succeeded")
        assert done.setup_intent.description == "d"
        assert len(v1.customers.payment_methods.list(customer.id).data) == 1

    def test_failed_authentication_shows(self, check_out, visitor):
        made = check_out("setup")
        assert "unable" in visitor.check_out(made.url, CAUTIOUS, passes=False).problem


class TestPage:
    def test_shows_what_is_bought(self, call, check_out, price):
        made = check_out("subscription", price(1500), customer_email="a@gateways.app")
        page = call("GET", made.url.removeprefix(call.url)).text
        for text in (
            "Sandbox merchant",
            "Plan 1500",
            "$15.00 / month",
            "Total due today",
            'value="a@gateways.app" readonly',
            "https://shop.example/cart",
            "prefers-color-scheme: dark",
            ">Subscribe<",
            'lang="en"',
        ):
            assert text in page
        assert "<script" not in page

    def test_escapes(self, v1, call, check_out):
        inline = {"currency": "usd", "unit_amount": 700, "product_data": {"name": "<b>x</b>"}}
        made = check_out("payment", line_items=[{"price_data": inline, "quantity": 1}])
        assert "&lt;b&gt;x" in call("GET", made.url.removeprefix(call.url)).text

    @pytest.mark.parametrize(
        ("form", "problem"),
        [
            ({"number": ""}, "Your card number is incomplete."),
            ({"number": "4242424242424241"}, "Your card number is incorrect."),
            ({"expiry": "12"}, "Your card's expiration date is incomplete."),
            ({"expiry": "12/20"}, "Your card's expiration year is invalid."),
            ({"expiry": "13/40"}, "Your card's expiration month is invalid."),
            ({"cvc": ""}, "Your card's security code is incomplete."),
            ({"cvc": "x"}, "Your card's security code is invalid."),
            ({"email": ""}, "Enter your email address."),
            ({"email": "nobody"}, "Invalid email address: nobody"),
        ],
    )
    def test_tells_what_is_wrong(self, check_out, visitor, form, problem, v1):
        made = check_out("payment")
        visit = visitor.check_out(made.url, form.pop("number", "4242424242424242"), **form)
        assert visit.problem == problem
        assert visit.status in (400, 402)
        assert v1.payment_methods.list({"type": "card"}).data == []

    def test_is_done_only_once(self, call, check_out, visitor, v1):
        made = check_out("payment")
        visitor.check_out(made.url)
        assert visitor.check_out(made.url).status == 200
        assert "All done here" in call("GET", made.url.removeprefix(call.url)).text
        assert len(v1.charges.list().data) == 1

    @pytest.mark.parametrize("path", ["/c/pay/cs_none", "/c/else/x", "/c/pay/cs_none/other"])
    def test_leads_nowhere(self, call, path):
        assert call("GET", path).status_code == 404

    def test_coming_back_without_an_attempt_is_harmless(self, check_out, call):
        made = check_out()
        page = call("GET", made.url.removeprefix(call.url) + "/return")
        assert page.status_code == 200
        assert 'role="alert"' not in page.text
