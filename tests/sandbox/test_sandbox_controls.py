"""The request log, the clock, and starting afresh."""

import pytest
import stripe


class TestRequests:
    def test_tell_what_was_asked(self, v1, call, control):
        v1.customers.create({"name": "A"}, {"idempotency_key": "k"})
        with pytest.raises(stripe.InvalidRequestError):
            v1.customers.retrieve("cus_none")
        first, second = control("GET", "requests")["data"]
        assert (first["method"], first["path"], first["status"]) == ("POST", "/v1/customers", 200)
        assert (first["params"], first["idempotency_key"]) == ({"name": "A"}, "k")
        assert first["request_id"].startswith("req_")
        assert (second["status"], second["fault"], second["dropped"]) == (404, None, False)

    def test_hide_secrets(self, v1, browser, control):
        intent = v1.setup_intents.create()
        browser(
            "POST",
            f"/v1/setup_intents/{intent.id}/confirm",
            data={
                "key": browser.key,
                "client_secret": intent.client_secret,
                "payment_method_data[type]": "card",
                "payment_method_data[card][number]": "4242424242424242",
                "payment_method_data[card][cvc]": "987",
            },
        )
        text = str(control("GET", "requests"))
        for secret in (intent.client_secret, "4242424242424242", "987", browser.key):
            assert f"'{secret}'" not in text
        assert "****4242" in text

    def test_can_be_filtered_and_cleared(self, v1, control):
        v1.customers.create()
        v1.customers.list()
        v1.balance.retrieve()
        assert len(control("GET", "requests?path=/v1/customers*")["data"]) == 2
        assert len(control("GET", "requests?method=post")["data"]) == 1
        control("DELETE", "requests")
        assert control("GET", "requests")["data"] == []

    def test_note_drops_and_faults(self, call, fault, control):
        fault("drop_before", "/v1/balance", method="GET")
        with pytest.raises(Exception, match="Connection aborted"):
            call("GET", "/v1/balance")
        entry = control("GET", "requests")["data"][-1]
        assert (entry["fault"], entry["dropped"], entry["status"]) == ("drop_before", True, None)


class TestClock:
    def test_goes_forward(self, v1, control, other):
        before = control("GET", "clock")["now"]
        after = control("POST", "clock/advance", {"seconds": 3600})
        assert after["now"] >= before + 3600
        assert after["ahead"] == 3600
        assert v1.customers.create().created >= before + 3600
        assert other.customers.create().created < before + 3600

    def test_is_set_to_a_time(self, v1, control):
        control("POST", "clock", {"now": 2_000_000_000})
        assert 0 <= v1.customers.create().created - 2_000_000_000 <= 5

    @pytest.mark.parametrize(
        ("path", "body"),
        [("clock/advance", {"seconds": -1}), ("clock/advance", {}), ("clock", {"now": "x"})],
    )
    def test_refuses_other_things(self, call, path, body):
        assert call("POST", f"/_sandbox/{path}", json=body).status_code == 400


class TestReset:
    def test_forgets_one_account(self, v1, other, customer, control, fault):
        kept = other.customers.create()
        v1.customers.create({}, {"idempotency_key": "k"})
        fault("status")
        control("POST", "clock/advance", {"seconds": 99})
        assert control("POST", "reset") == {"reset": True}
        assert v1.customers.list().data == []
        assert v1.customers.create({}, {"idempotency_key": "k"}).id
        assert control("GET", "clock")["ahead"] == 0
        assert other.customers.retrieve(kept.id).id == kept.id

    def test_wipe_deletes_the_data_and_keeps_the_account(
        self, v1, call, control, fault, pay, endpoint, receiver, other
    ):
        kept = other.customers.create()
        control("POST", "clock/advance", {"seconds": 99})
        paid = pay(method="pm_card_pendingRefund")
        v1.refunds.create({"payment_intent": paid.id})
        gone = v1.customers.create({"name": "A"}, {"idempotency_key": "k"})
        fault("late", "/v1/customers", seconds=60)
        with pytest.raises(stripe.APIConnectionError):
            v1.customers.create({"name": "B"}, {"idempotency_key": "late"})
        assert control("POST", "wipe") == {"wiped": True}
        for path in ("customers", "payment_intents", "charges", "refunds", "events"):
            assert call("GET", f"/v1/{path}").json()["data"] == []
        with pytest.raises(stripe.InvalidRequestError, match="No such customer"):
            v1.customers.retrieve(gone.id)
        assert v1.customers.create({"name": "A"}, {"idempotency_key": "k"}).id == gone.id
        assert control("GET", "clock")["ahead"] == 99
        assert [each.id for each in v1.webhook_endpoints.list().data] == [endpoint.id]
        control("POST", "clock/advance", {"seconds": 600})
        assert [each.name for each in v1.customers.list().data] == ["B"]
        assert other.customers.retrieve(kept.id).id == kept.id

    def test_jobs_of_vanished_objects_do_no_harm(self, v1, pay, sandbox, control):
        refund = v1.refunds.create({"payment_intent": pay(method="pm_card_pendingRefund").id})
        with sandbox._app.parts.store.transaction() as connection:
            connection.execute("DELETE FROM objects WHERE id = ?", (refund.id,))
        control("POST", "clock/advance", {"seconds": 600})
        assert v1.balance.retrieve().object == "balance"


class TestInput:
    def test_needs_a_key(self, call):
        assert call("GET", "/_sandbox/clock", auth=("", "")).status_code == 401

    def test_unknown_control(self, call):
        assert call("GET", "/_sandbox/nothing").status_code == 404

    @pytest.mark.parametrize("body", ["{", "[1]", '"x"', "\xff", "[" * 100_000])
    def test_that_is_no_json_object(self, call, body):
        assert call("POST", "/_sandbox/faults", data=body.encode("latin-1")).status_code == 400
