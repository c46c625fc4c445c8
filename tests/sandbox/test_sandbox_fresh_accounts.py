"""An account whose owner has not yet been to the dashboard."""

import pytest
import stripe


class TestBusinessName:
    def test_is_needed_for_checkout(self, v1, control, check_out):
        assert control("GET", "account") == {"business_name_set": True, "portal_saved": True}
        control("POST", "account", {"business_name_set": False})
        assert v1.accounts.retrieve_current().business_profile.name is None
        with pytest.raises(stripe.InvalidRequestError) as refusal:
            check_out("payment")
        assert refusal.value.user_message == (
            "In order to use Checkout, you must set an account or business name at"
            " https://dashboard.stripe.com/account."
        )
        control("POST", "account", {"business_name_set": True})
        assert check_out("payment").url


class TestPortal:
    def test_has_to_be_saved_once(self, v1, control, customer):
        control("POST", "account", {"portal_saved": False})
        with pytest.raises(stripe.InvalidRequestError) as refusal:
            v1.billing_portal.sessions.create({"customer": customer.id})
        assert refusal.value.user_message == (
            "No configuration provided and your test mode default configuration has not been"
            " created. Provide a configuration or create your default by saving your customer"
            " portal settings in test mode at"
            " https://dashboard.stripe.com/test/settings/billing/portal."
        )
        own = v1.billing_portal.configurations.create(
            {"features": {"invoice_history": {"enabled": True}}}
        )
        made = {"customer": customer.id, "configuration": own.id}
        assert v1.billing_portal.sessions.create(made).url

    def test_is_a_setting_of_each_mode(self, client_for, control, suffix):
        control("POST", "account", {"portal_saved": False})
        live = client_for(f"sk_live_{suffix}")
        owner = live.customers.create({}).id
        assert live.billing_portal.sessions.create({"customer": owner}).url

    def test_misspelt_settings_are_told(self, call):
        for body in ({"portal": False}, {"portal_saved": "no"}):
            assert call("POST", "/_sandbox/account", json=body).status_code == 400
