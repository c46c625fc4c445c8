"""Events on their way to the application: signed, repeated, held, lost, doubled, turned round."""

import json

import pytest
import stripe

from payments.sandbox.server import Sandbox
from payments.sandbox.settings import Settings


class TestEndpoints:
    def test_show_their_secret_only_once(self, v1, endpoint):
        assert endpoint.secret.startswith("whsec_")
        shown = v1.webhook_endpoints.retrieve(endpoint.id)
        assert not hasattr(shown, "secret")
        assert (shown.status, shown.enabled_events) == ("enabled", ["*"])

    def test_update_and_delete(self, v1, endpoint):
        changed = v1.webhook_endpoints.update(
            endpoint.id,
            {
                "disabled": True,
                "enabled_events": ["a.b"],
                "metadata": {"a": "1"},
                "description": "d",
            },
        )
        assert (changed.status, changed.enabled_events) == ("disabled", ["a.b"])
        assert v1.webhook_endpoints.update(endpoint.id, {"disabled": False}).status == "enabled"
        assert v1.webhook_endpoints.delete(endpoint.id).deleted is True
        assert v1.webhook_endpoints.list().data == []

    @pytest.mark.parametrize(
        "params",
        [
            {"url": "ftp://x.com", "enabled_events": ["*"]},
            {"url": "http://x.com", "enabled_events": []},
            {"url": "http://x.com"},
        ],
    )
    def test_need_an_address_and_events(self, v1, params):
        with pytest.raises(stripe.InvalidRequestError):
            v1.webhook_endpoints.create(params)

    def test_cannot_be_emptied_of_events(self, v1, endpoint):
        with pytest.raises(stripe.InvalidRequestError, match="at least one event"):
            v1.webhook_endpoints.update(endpoint.id, {"enabled_events": ""})

    def test_are_sixteen_at_most(self, v1):
        params = {"url": "http://127.0.0.1:9/", "enabled_events": ["never"]}
        for _ in range(16):
            v1.webhook_endpoints.create(params)
        with pytest.raises(stripe.InvalidRequestError, match="maximum of 16"):
            v1.webhook_endpoints.create(params)


class TestDelivery:
    def test_is_signed(self, v1, endpoint, receiver, eventually):
        made = v1.customers.create()
        eventually(lambda: receiver.raw)
        body, header = receiver.raw[0]
        assert stripe.WebhookSignature.verify_header(body, header, endpoint.secret, 300)
        event = stripe.Webhook.construct_event(body, header, endpoint.secret)
        assert (event.type, event.data.object.id) == ("customer.created", made.id)
        with pytest.raises(stripe.SignatureVerificationError):
            stripe.WebhookSignature.verify_header(body, header, "whsec_other", 300)

    def test_brings_only_what_was_asked_for(self, v1, receiver, eventually):
        v1.webhook_endpoints.create({"url": receiver.url, "enabled_events": ["customer.deleted"]})
        v1.customers.delete(v1.customers.create().id)
        eventually(lambda: receiver.got)
        assert receiver.types == ["customer.deleted"]

    def test_is_repeated_until_accepted(self, v1, endpoint, receiver, eventually):
        receiver.statuses = [500, 302, 400]
        v1.customers.create()
        eventually(lambda: len(receiver.got) == 4)
        assert len({event["id"] for event in receiver.got}) == 1
        event_id = receiver.got[0]["id"]
        eventually(lambda: v1.events.retrieve(event_id).pending_webhooks == 0)
        assert v1.events.list({"delivery_success": False}).data == []
        assert v1.events.list({"delivery_success": True}).data[0].id == event_id

    def test_never_holds_up_the_api(self, v1, control):
        v1.webhook_endpoints.create({"url": "http://127.0.0.1:9/", "enabled_events": ["*"]})
        made = v1.customers.create()
        undelivered = v1.events.list({"delivery_success": False}).data
        assert [each.data.object["id"] for each in undelivered] == [made.id]
        assert undelivered[0].pending_webhooks == 1

    def test_gives_up_when_the_endpoint_is_gone(self, v1, endpoint, control, receiver):
        control("POST", "webhooks", {"pause": True})
        v1.customers.create()
        v1.webhook_endpoints.delete(endpoint.id)
        assert control("POST", "webhooks/flush") == {"delivered": 0, "failed": 1}
        assert control("GET", "webhooks")["deliveries"][0]["state"] == "abandoned"
        assert receiver.got == []

    def test_survives_a_restart(self, tmp_path, receiver, transport, eventually):
        database = str(tmp_path / "deep" / "sandbox.sqlite3")
        slow = Settings(retry_schedule=(3600,))

        def client(running):
            addresses = {"api": running.url}
            return stripe.StripeClient(
                "sk_test_12345678", http_client=transport, base_addresses=addresses
            ).v1

        with Sandbox(database=database, settings=slow) as first:
            v1 = client(first)
            v1.webhook_endpoints.create({"url": receiver.url, "enabled_events": ["*"]})
            first._app.parts.switches.set(v1_scope(first), {"pause": True})
            made = v1.customers.create({}, {"idempotency_key": "k"})
        assert receiver.got == []
        with Sandbox(database=database, settings=slow) as second:
            eventually(lambda: receiver.types == ["customer.created"])
            assert client(second).customers.create({}, {"idempotency_key": "k"}).id == made.id


def v1_scope(running):
    with running._app.parts.store.transaction() as connection:
        return connection.execute("SELECT scope FROM objects LIMIT 1").fetchone()[0]


class TestControls:
    def test_pause_and_go_on(self, v1, endpoint, receiver, control, eventually):
        assert control("POST", "webhooks", {"pause": True})["pause"] is True
        v1.customers.create()
        assert control("GET", "webhooks")["deliveries"][0]["state"] == "waiting"
        assert receiver.got == []
        control("POST", "webhooks", {"pause": False})
        eventually(lambda: receiver.types == ["customer.created"])

    def test_flush_delivers_what_is_held(self, v1, endpoint, receiver, control):
        control("POST", "webhooks", {"pause": True})
        for name in "abc":
            v1.customers.create({"name": name})
        assert control("POST", "webhooks/flush") == {"delivered": 3, "failed": 0}
        assert [event["data"]["object"]["name"] for event in receiver.got] == ["a", "b", "c"]
        assert control("POST", "webhooks/flush") == {"delivered": 0, "failed": 0}
        assert control("GET", "webhooks")["pause"] is True

    def test_reverse(self, v1, endpoint, receiver, control):
        control("POST", "webhooks", {"pause": True, "reverse": True})
        for name in "abc":
            v1.customers.create({"name": name})
        control("POST", "webhooks/flush")
        assert [event["data"]["object"]["name"] for event in receiver.got] == ["c", "b", "a"]

    def test_reverse_on_release(self, v1, endpoint, receiver, control, eventually):
        control("POST", "webhooks", {"pause": True, "reverse": True})
        for name in "abc":
            v1.customers.create({"name": name})
        control("POST", "webhooks", {"pause": False})
        eventually(lambda: len(receiver.got) == 3)
        assert [event["data"]["object"]["name"] for event in receiver.got] == ["c", "b", "a"]

    def test_drop(self, v1, endpoint, receiver, control):
        control("POST", "webhooks", {"pause": True, "drop": 1})
        v1.customers.create({"name": "lost"})
        v1.customers.create({"name": "kept"})
        assert control("POST", "webhooks/flush") == {"delivered": 1, "failed": 1}
        assert [event["data"]["object"]["name"] for event in receiver.got] == ["kept"]
        assert len(v1.events.list({"delivery_success": False}).data) == 1
        assert control("GET", "webhooks")["drop"] == 0

    def test_duplicate(self, v1, endpoint, receiver, control):
        control("POST", "webhooks", {"pause": True, "duplicate": 1})
        v1.customers.create()
        control("POST", "webhooks/flush")
        assert len(receiver.got) == 2
        assert receiver.got[0]["id"] == receiver.got[1]["id"]

    @pytest.mark.parametrize("body", [{"pause": 1}, {"drop": -1}, {"drop": True}, {"halt": True}])
    def test_refuse_what_they_do_not_understand(self, call, body):
        assert call("POST", "/_sandbox/webhooks", json=body).status_code == 400


def test_the_body_is_the_event_as_the_api_shows_it(v1, endpoint, receiver, eventually):
    v1.customers.create()
    eventually(lambda: receiver.raw)
    sent = json.loads(receiver.raw[0][0])
    assert sent["data"] == v1.events.retrieve(sent["id"]).to_dict()["data"]
    assert sent["pending_webhooks"] == 1


class TestMishaps:
    """What should never happen does not end deliveries for good."""

    def test_a_failing_delivery(self, v1, endpoint, receiver, control, monkeypatch):
        from payments.sandbox.courier import Courier

        control("POST", "webhooks", {"pause": True})
        v1.customers.create()
        with monkeypatch.context() as broken:
            broken.setattr(Courier, "_address", lambda *_: 1 // 0)
            assert control("POST", "webhooks/flush") == {"delivered": 0, "failed": 1}
        assert control("POST", "webhooks/flush") == {"delivered": 1, "failed": 0}

    def test_a_failing_round(self, v1, endpoint, receiver, sandbox, monkeypatch, eventually):
        courier = sandbox._app.parts.courier
        failed = []

        def fail():
            failed.append(1)
            raise RuntimeError

        with monkeypatch.context() as broken:
            broken.setattr(courier, "_on_beat", fail)
            eventually(lambda: failed)
        v1.customers.create()
        eventually(lambda: receiver.got)


def test_endpoints_know_the_released_versions_only(v1):
    about = {"url": "https://shop.example/hook", "enabled_events": ["*"]}
    with pytest.raises(stripe.InvalidRequestError, match="Invalid Stripe API version"):
        v1.webhook_endpoints.create({**about, "api_version": "2099-01-01"})
    assert v1.webhook_endpoints.create({**about, "api_version": "2026-10-28.endive"}).id
