"""The 3D Secure page, as a person with no JavaScript uses it."""

import pytest
import requests

CARD = "pm_card_authenticationRequired"


@pytest.fixture
def page(call):
    """Follow an intent's next action, relative to the sandbox."""

    def path(intent):
        action = intent.next_action
        url = (
            action.redirect_to_url.url
            if action.type == "redirect_to_url"
            else action.use_stripe_sdk["stripe_js"]
        )
        return url.removeprefix(call.url)

    return path


class TestPayment:
    def test_asks_with_merchant_and_amount(self, call, pay, page):
        shown = call("GET", page(pay(1999, CARD, description="Starter <plan>")))
        assert shown.status_code == 200
        assert shown.headers["Content-Type"].startswith("text/html")
        for text in (
            "Sandbox merchant",
            "$19.99 USD",
            "Starter &lt;plan&gt;",
            "Complete authentication",
            "Fail authentication",
            "prefers-color-scheme: dark",
            'lang="en"',
        ):
            assert text in shown.text
        assert "<script" not in shown.text

    def test_passed_leads_back(self, v1, call, pay, page, event_types):
        intent = pay(method=CARD, return_url="https://shop.example/bäck?x=1#end")
        answer = call("POST", page(intent), data={"outcome": "complete"}, allow_redirects=False)
        assert answer.status_code == 303
        assert answer.headers["Location"] == (
            f"https://shop.example/b%C3%A4ck?x=1&payment_intent={intent.id}"
            f"&payment_intent_client_secret={intent.client_secret}&redirect_status=succeeded#end"
        )
        assert v1.payment_intents.retrieve(intent.id).status == "succeeded"
        assert event_types()[-1] == "payment_intent.succeeded"

    def test_failed_leads_back_too(self, v1, call, pay, page):
        intent = pay(method=CARD, return_url="https://shop.example/")
        answer = call("POST", page(intent), data={"outcome": "fail"}, allow_redirects=False)
        assert answer.headers["Location"].endswith("redirect_status=failed")
        intent = v1.payment_intents.retrieve(intent.id)
        assert intent.status == "requires_payment_method"
        assert intent.last_payment_error.code == "payment_intent_authentication_failure"
        assert intent.last_payment_error.type == "card_error"

    def test_ends_here_without_a_return_url(self, call, pay, page):
        intent = pay(method=CARD)
        path = page(intent)
        assert "Authentication complete" in call("POST", path, data={"outcome": "complete"}).text
        assert "Nothing to do" in call("GET", path).text
        assert "Authentication complete" in call("POST", path, data={"outcome": "fail"}).text

    def test_holds_when_captured_by_hand(self, v1, call, pay, page):
        intent = pay(method=CARD, capture_method="manual")
        call("POST", page(intent), data={"outcome": "complete"})
        assert v1.payment_intents.retrieve(intent.id).status == "requires_capture"

    def test_needs_one_of_its_buttons(self, v1, call, pay, page):
        intent = pay(method=CARD)
        assert call("POST", page(intent), data={"outcome": "maybe"}).status_code == 400
        assert v1.payment_intents.retrieve(intent.id).status == "requires_action"


class TestSetup:
    @pytest.fixture
    def intent(self, v1, customer):
        return v1.setup_intents.create(
            {"customer": customer.id, "payment_method": CARD, "confirm": True}
        )

    def test_passed_saves_the_card(self, v1, call, customer, intent, page):
        assert "save this card" in call("GET", page(intent)).text
        call("POST", page(intent), data={"outcome": "complete"})
        assert v1.setup_intents.retrieve(intent.id).status == "succeeded"
        assert len(v1.customers.payment_methods.list(customer.id).data) == 1

    def test_failed_saves_nothing(self, v1, call, customer, intent, page):
        assert "Authentication failed" in call("POST", page(intent), data={"outcome": "fail"}).text
        intent = v1.setup_intents.retrieve(intent.id)
        assert intent.last_setup_error.code == "setup_intent_authentication_failure"
        assert v1.customers.payment_methods.list(customer.id).data == []


class TestSafety:
    @pytest.mark.parametrize("path", ["/3ds/pi_none?client_secret=x", "/3ds/", "/elsewhere"])
    def test_leads_nowhere(self, call, path):
        assert call("GET", path).status_code == 404

    def test_needs_the_right_secret(self, v1, call, pay, page, customer):
        path = page(pay(method=CARD))
        assert call("GET", f"{path}x").status_code == 404
        assert call("POST", path.split("?")[0], data={"outcome": "complete"}).status_code == 404
        assert call("GET", f"/3ds/{customer.id}?client_secret=").status_code == 404

    def test_links_to_the_host_that_was_called(self, sandbox, key):
        def next_url(host):
            answer = requests.post(
                f"{sandbox.url}/v1/setup_intents",
                auth=(key, ""),
                headers={"Host": host},
                data={"payment_method": CARD, "confirm": "true"},
                timeout=5,
            )
            return answer.json()["next_action"]["use_stripe_sdk"]["stripe_js"]

        assert next_url("sandbox.local:81").startswith("http://sandbox.local:81/3ds/")
        assert next_url('x"y').startswith(f"{sandbox.url}/3ds/")


def test_index_says_what_this_is(call):
    answer = call("GET", "/")
    assert "Payments sandbox" in answer.text
    assert call("POST", "/").status_code == 404
