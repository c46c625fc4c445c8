"""Refusals in Stripe's own shape, and nothing a client sends ever a 500."""

import pytest
import stripe


def error_of(answer):
    return answer.json()["error"]


class TestKeys:
    @pytest.mark.parametrize(
        ("key", "shown"),
        [
            ("sk_test_1234567", "sk_test_***4567"),
            ("nonsense", "****ense"),
            ("sk_prod_abcdefgh", "************efgh"),
            ("sk_test_with-dashes", "sk_test_*******shes"),
        ],
    )
    def test_invalid(self, call, key, shown):
        answer = call("GET", "/v1/balance", auth=(key, ""))
        assert answer.status_code == 401
        assert error_of(answer) == {
            "type": "invalid_request_error",
            "message": f"Invalid API Key provided: {shown}",
        }

    @pytest.mark.parametrize(
        "headers",
        [{}, {"Authorization": "Digest x"}, {"Authorization": "Basic !!"}, {"Authorization": ""}],
    )
    def test_missing(self, http, call, headers):
        answer = http.get(f"{call.url}/v1/balance", headers=headers, timeout=5)
        assert answer.status_code == 401
        assert "You did not provide an API key" in error_of(answer)["message"]

    def test_raise_the_sdks_own_error(self, client_for):
        with pytest.raises(stripe.AuthenticationError):
            client_for("sk_test_short").balance.retrieve()

    def test_restricted_and_live_keys_work(self, client_for, suffix):
        assert client_for(f"rk_test_{suffix}").balance.retrieve().livemode is False
        assert client_for(f"sk_live_{suffix}").balance.retrieve().livemode is True


class TestBooleans:
    @pytest.mark.parametrize(
        ("text", "meaning"),
        [
            ("true", True), ("True", True), ("TRUE", True), ("1", True),
            ("false", False), ("False", False), ("0", False),
        ],
    )  # fmt: skip
    def test_are_taken_as_any_library_writes_them(self, call, text, meaning):
        answer = call("POST", "/v1/products", data={"name": "A", "active": text})
        assert answer.json()["active"] is meaning

    @pytest.mark.parametrize("text", ["yes", "", "2", "truE "])
    def test_that_are_none(self, call, text):
        answer = call("POST", "/v1/products", data={"name": "A", "active": text})
        assert (answer.status_code, error_of(answer)["param"]) == (400, "active")


class TestVersions:
    @pytest.mark.parametrize(
        "version",
        ["2026-10-28.endive", "2025-02-24.acacia", "2020-08-27", "2015-10-16",
         "2026-08-26.preview", "2024-06-20; custom_checkout_beta=v1"],
    )  # fmt: skip
    def test_that_were_released(self, call, version):
        answer = call("GET", "/v1/balance", headers={"Stripe-Version": version})
        assert answer.status_code == 200
        assert answer.headers["Stripe-Version"] == version.partition(";")[0]

    @pytest.mark.parametrize(
        "version", ["foo", "1999-01-01", "2026-99-99.nope", "2019-2-19", "2025-09-30.acacia"]
    )
    def test_that_never_were(self, call, version):
        answer = call("GET", "/v1/balance", headers={"Stripe-Version": version})
        assert answer.status_code == 400
        assert error_of(answer)["message"] == f"Invalid Stripe API version: {version}"


def test_json_is_no_form(call):
    answer = call("POST", "/v1/customers", json={"name": "A"})
    assert answer.status_code == 400
    assert "check that your POST content type" in error_of(answer)["message"]


class TestAccounts:
    def test_do_not_see_each_other(self, v1, other, customer):
        with pytest.raises(stripe.InvalidRequestError) as refusal:
            other.customers.retrieve(customer.id)
        assert (refusal.value.http_status, refusal.value.code) == (404, "resource_missing")
        assert f"No such customer: '{customer.id}'" in str(refusal.value)
        assert other.customers.list().data == []
        assert other.events.list().data == []

    def test_keep_test_and_live_data_apart(self, client_for, suffix, customer):
        live = client_for(f"sk_live_{suffix}")
        with pytest.raises(stripe.InvalidRequestError, match="exists in test mode, but a live"):
            live.customers.retrieve(customer.id)
        made = live.customers.create()
        assert made.livemode is True
        with pytest.raises(stripe.InvalidRequestError, match="exists in live mode, but a test"):
            client_for(f"sk_test_{suffix}").customers.retrieve(made.id)

    def test_are_the_same_for_all_keys_with_one_end(self, client_for, suffix, v1):
        account = v1.accounts.retrieve_current()
        assert account.id.startswith("acct_")
        assert client_for(f"rk_live_{suffix}").accounts.retrieve_current().id == account.id


class TestParameters:
    def test_unknown(self, v1):
        with pytest.raises(stripe.InvalidRequestError) as refusal:
            v1.customers.create({"foo": "1"})
        assert (refusal.value.code, refusal.value.param) == ("parameter_unknown", "foo")
        assert "Received unknown parameter: foo" in str(refusal.value)

    def test_several_unknown(self, v1):
        with pytest.raises(stripe.InvalidRequestError, match="unknown parameters: foo, bar"):
            v1.customers.create({"foo": "1", "bar": "2"})

    def test_unknown_inside(self, v1):
        with pytest.raises(stripe.InvalidRequestError) as refusal:
            v1.customers.create({"address": {"planet": "Mars"}})
        assert refusal.value.param == "address[planet]"

    def test_missing(self, v1):
        with pytest.raises(stripe.InvalidRequestError) as refusal:
            v1.payment_intents.create({"amount": 100})
        assert (refusal.value.code, refusal.value.param) == ("parameter_missing", "currency")

    @pytest.mark.parametrize(
        ("params", "code"),
        [
            ({"amount": "12.5", "currency": "usd"}, "parameter_invalid_integer"),
            ({"amount": "", "currency": "usd"}, "parameter_invalid_empty"),
            ({"amount": 100, "currency": ""}, "parameter_invalid_empty"),
            ({"amount": 10**18, "currency": "usd"}, "parameter_invalid_integer"),
            ({"amount": 10**17, "currency": "usd"}, "parameter_invalid_integer"),
            ({"amount": 100, "currency": "usd", "confirm": "yes"}, "parameter_invalid_boolean"),
            ({"amount": 100, "currency": "usd", "return_url": "x"}, "url_invalid"),
            ({"amount": 100, "currency": "usd", "return_url": "http://[x"}, "url_invalid"),
            ({"amount": 100, "currency": {"a": "b"}}, "parameter_invalid_string"),
            ({"amount": 100, "currency": "u" * 5001}, "parameter_invalid_string"),
        ],
    )
    def test_of_the_wrong_kind(self, call, params, code):
        form = {}
        for name, value in params.items():
            form |= {f"{name}[a]": "b"} if isinstance(value, dict) else {name: value}
        answer = call("POST", "/v1/payment_intents", data=form)
        assert (answer.status_code, error_of(answer)["code"]) == (400, code)

    @pytest.mark.parametrize(
        "form",
        [
            "metadata=1",
            "payment_method=pm_card_visa&address[]=1",
            "metadata[a][b]=1",
            "address=1",
            "expand=1",
            "expand[x]=1",
            "a[b=1",
            "[a]=1",
            "name=1&name[a]=2",
            "name[a]=2&name=1",
            "a[b][c][d][e][f][g][h][i]=1",
            "name=%ff",
            "&".join(f"metadata[k{number}]=1" for number in range(2100)),
            "&".join(f"expand[{number}]=x" for number in range(101)),
            "tax_exempt=perhaps",
            "tax_exempt[a]=b",
            "balance[a]=1",
            "address[city][deep]=1",
            "email[a]=1",
            "address[city]=1&address=2",
        ],
    )
    def test_that_make_no_sense(self, call, form):
        answer = call("POST", "/v1/customers", data=form)
        assert answer.status_code == 400, answer.text
        assert error_of(answer)["type"] == "invalid_request_error"

    def test_not_utf8(self, call):
        assert call("POST", "/v1/customers", data=b"name=\xff").status_code == 400

    @pytest.mark.parametrize(
        ("form", "field", "value"),
        [
            ("tax_exempt=", "tax_exempt", None),
            ("address=", "address", None),
            ("preferred_locales=", "preferred_locales", []),
            ("preferred_locales[]=de&preferred_locales[]=en", "preferred_locales", ["de", "en"]),
            ("preferred_locales[1]=b&preferred_locales[0]=a", "preferred_locales", ["a", "b"]),
            ("name=%00%E2%82%AC", "name", "\x00€"),
            ("email=", "email", None),
        ],
    )
    def test_that_are_unusual_but_fine(self, call, form, field, value):
        answer = call("POST", "/v1/customers", data=form)
        assert (answer.status_code, answer.json()[field]) == (200, value)

    def test_an_address_cannot_be_unset(self, v1, endpoint):
        with pytest.raises(stripe.InvalidRequestError) as refusal:
            v1.webhook_endpoints.update(endpoint.id, {"url": ""})
        assert refusal.value.code == "parameter_invalid_empty"


class TestAddresses:
    @pytest.mark.parametrize(
        ("method", "path"),
        [("GET", "/v1/unknown"), ("PUT", "/v1/customers"), ("GET", "/v1"), ("GET", "/v2/core/x")],
    )
    def test_unknown(self, call, method, path):
        answer = call(method, path)
        assert answer.status_code == 404
        message = f"Unrecognized request URL ({method}: {path})."
        assert error_of(answer)["message"].startswith(message)

    @pytest.mark.parametrize(
        ("path", "param"),
        [
            ("/v1/payment_intents/pi_x", "intent"),
            ("/v1/setup_intents/seti_x", "intent"),
            ("/v1/charges/ch_x", "id"),
            ("/v1/events/evt_x", "id"),
            ("/v1/refunds/re_x", "id"),
            ("/v1/webhook_endpoints/we_x", "id"),
            ("/v1/payment_methods/pm_x", "payment_method"),
            ("/v1/payment_methods/pm_card_unheard", "payment_method"),
            ("/v1/customers/%00%FF", "id"),
        ],
    )
    def test_of_unknown_objects(self, call, path, param):
        answer = call("GET", path)
        assert (answer.status_code, error_of(answer)["code"]) == (404, "resource_missing")
        assert error_of(answer)["param"] == param


class TestHeaders:
    def test_of_every_answer(self, call):
        answer = call(
            "POST",
            "/v1/customers",
            headers={"Idempotency-Key": "kö\x09y".encode("latin-1"), "Stripe-Version": "x"},
        )
        assert answer.headers["Request-Id"].startswith("req_")
        assert answer.headers["Stripe-Version"] == stripe.api_version
        assert answer.headers["Idempotency-Key"] == "k??y"

    def test_tell_not_to_retry_a_refusal(self, call):
        answer = call("GET", "/v1/customers/cus_none")
        assert answer.headers["Stripe-Should-Retry"] == "false"


def test_a_bug_in_a_resource_is_a_500_that_undoes_everything(v1, call, monkeypatch):
    from payments.sandbox.resources import payments

    monkeypatch.setattr(payments, "confirm", lambda *_: 1 // 0)
    with pytest.raises(stripe.APIError) as failure:
        v1.payment_intents.create(
            {"amount": 100, "currency": "usd", "payment_method": "pm_card_visa", "confirm": True}
        )
    assert failure.value.http_status == 500
    assert v1.payment_intents.list().data == []
