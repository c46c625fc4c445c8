"""Opening a SetupIntent: with and without a slug in the path, by POST and by GET."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from flask import Flask

from payments.kit.transactions import transaction
from payments.workspaces.models import Membership, Workspace
from tests.support.people import Cast, join, new_workspace, sign_up
from tests.support.shop import Shop
from tests.support.till import column, fault, installation_of, sent, settings_of

SLUGLESS = "/api/payments/payment-method"


def own_metadata(app: Flask, workspace_id: int) -> dict[str, str]:
    """Return how Stripe's objects name a workspace: never by its number."""
    reference = column(app, Workspace, workspace_id, "reference")
    return {"installation": installation_of(app), "workspace": reference}


class TestSetup:
    def test_answers_what_the_browser_needs(self, shop: Shop, cast: Cast) -> None:
        answer = cast.owner.post(f"{cast.workspace.payments}/payment-method")
        assert answer.status_code == 200
        assert answer.content_type == "application/json"
        assert answer.json["message"] == "Payment method setup initialized"
        assert set(answer.json) == {"message", "data"}
        data = answer.json["data"]
        assert set(data) == {"clientSecret", "setupIntentId"}
        assert data["setupIntentId"].startswith("seti_")
        assert data["clientSecret"].startswith(f"{data['setupIntentId']}_secret_")

    def test_get_works_as_the_javascript_examples_call_it(self, cast: Cast) -> None:
        answer = cast.owner.get(f"{cast.workspace.payments}/payment-method")
        assert answer.status_code == 200
        assert answer.json["data"]["clientSecret"].startswith("seti_")

    def test_an_empty_json_body_is_fine(self, cast: Cast) -> None:
        """The documentation's curl sends the content type and nothing else."""
        answer = cast.owner.post(
            f"{cast.workspace.payments}/payment-method", content_type="application/json"
        )
        assert answer.status_code == 200

    def test_client_secrets_stay_out_of_caches(self, cast: Cast) -> None:
        for method in ("get", "post"):
            answer = getattr(cast.owner, method)(f"{cast.workspace.payments}/payment-method")
            assert answer.headers["Cache-Control"] == "no-store"

    def test_the_customer_is_made_once_with_the_contracts_email(
        self, app: Flask, shop: Shop, cast: Cast
    ) -> None:
        for _ in range(2):
            shop.set_up(cast.owner, cast.workspace.slug)
        email = f"workspace-{cast.workspace.id}@gateways.app"
        customers = shop.stripe("GET", "/v1/customers", email=email)["data"]
        assert [c["email"] for c in customers] == [email]
        assert customers[0]["metadata"] == own_metadata(app, cast.workspace.id)
        held = column(app, Workspace, cast.workspace.id, "stripe_customer_id")
        assert held == customers[0]["id"]

    def test_stripe_is_asked_for_a_card_to_charge_later(
        self, app: Flask, shop: Shop, cast: Cast
    ) -> None:
        setup = shop.set_up(cast.owner, cast.workspace.slug)
        intent = shop.stripe("GET", f"/v1/setup_intents/{setup['setupIntentId']}")
        assert intent["usage"] == "off_session"
        assert intent["payment_method_types"] == ["card"]
        assert intent["metadata"] == own_metadata(app, cast.workspace.id)

    def test_each_call_opens_a_new_one(self, shop: Shop, cast: Cast) -> None:
        ids = {shop.set_up(cast.owner, cast.workspace.slug)["setupIntentId"] for _ in range(3)}
        assert len(ids) == 3


class TestSetupWithoutSlug:
    """The workflow example and the Elements guide name no workspace in the path."""

    @pytest.mark.parametrize("method", ["GET", "POST"])
    def test_takes_the_callers_only_workspace(
        self, app: Flask, shop: Shop, client, method: str
    ) -> None:
        person = sign_up(client, "Solo")
        answer = shop.call(method, SLUGLESS, person)
        assert answer.status_code == 200
        assert answer.json["message"] == "Payment method setup initialized"
        setup = shop.stripe("GET", f"/v1/setup_intents/{answer.json['data']['setupIntentId']}")
        assert setup["metadata"] == own_metadata(app, person.home.id)

    def test_several_workspaces_need_a_name(self, cast: Cast) -> None:
        answer = cast.owner.post(SLUGLESS)
        assert answer.status_code == 400
        assert answer.json["code"] == "missing_field"
        assert answer.json["message"] == "workspaceSlug is required"

    def test_the_body_may_name_it(self, app: Flask, shop: Shop, cast: Cast) -> None:
        answer = cast.owner.post(SLUGLESS, {"workspaceSlug": cast.workspace.slug})
        intent = shop.stripe("GET", f"/v1/setup_intents/{answer.json['data']['setupIntentId']}")
        assert intent["metadata"] == own_metadata(app, cast.workspace.id)

    @pytest.mark.parametrize("method", ["get", "post"])
    def test_the_query_may_name_it(self, app: Flask, shop: Shop, cast: Cast, method: str) -> None:
        call = getattr(cast.owner, method)
        answer = call(SLUGLESS, query_string={"workspaceSlug": cast.workspace.slug})
        intent = shop.stripe("GET", f"/v1/setup_intents/{answer.json['data']['setupIntentId']}")
        assert intent["metadata"] == own_metadata(app, cast.workspace.id)

    def test_membership_alone_does_not_count(self, client) -> None:
        """Somebody who manages one workspace and is a member of another needs no name."""
        person, other = sign_up(client, "Both"), sign_up(client, "Other")
        join(other.home, other, person, "member")
        assert person.post(SLUGLESS).status_code == 200

    def test_nobodys_manager_finds_none(self, app: Flask, client) -> None:
        person = sign_up(client, "Nobody")
        with app.app_context(), transaction() as session:
            session.execute(sa.delete(Membership).where(Membership.user_id == person.id))
        answer = person.post(SLUGLESS)
        assert (answer.status_code, answer.json["code"]) == (404, "workspace_not_found")

    def test_the_named_workspace_is_guarded(self, cast: Cast, neighbours: Cast) -> None:
        for slug, status in (
            (neighbours.workspace.slug, 403),
            ("no-such-workspace", 404),
            ("Not A Slug", 400),
        ):
            assert cast.owner.post(SLUGLESS, {"workspaceSlug": slug}).status_code == status
        slug = cast.workspace.slug
        assert cast.member.post(SLUGLESS, {"workspaceSlug": slug}).status_code == 403

    @pytest.mark.parametrize("slug", [1, ["a"], {"a": 1}, True])
    def test_the_name_must_be_a_text(self, still: Cast, slug) -> None:
        answer = still.owner.post(SLUGLESS, {"workspaceSlug": slug})
        assert (answer.status_code, answer.json["code"]) == (400, "invalid_slug")

    def test_needs_a_token(self, client) -> None:
        for method in ("get", "post"):
            assert getattr(client, method)(SLUGLESS).status_code == 401


class TestSetupWhenStripeFails:
    @pytest.mark.parametrize("key", [None, "sk_test_", "nonsense"])
    def test_no_usable_key_is_a_500(self, app: Flask, still: Cast, key: str | None) -> None:
        with settings_of(app, stripe_secret_key=key):
            answer = still.owner.post(f"{still.workspace.payments}/payment-method")
        assert (answer.status_code, answer.json["code"]) == (500, "stripe_not_configured")

    def test_errors_of_stripe_are_a_500_without_its_words(self, shop: Shop, cast: Cast) -> None:
        for action, more in (
            ("status", {"status": 500}),
            ("status", {"status": 429}),
            ("drop_before", {}),
        ):
            fault(shop, action, "/v1/setup_intents", **more)
            shop.control("DELETE", "requests")
            answer = cast.owner.post(f"{cast.workspace.payments}/payment-method")
            assert (answer.status_code, answer.json["code"]) == (500, "stripe_error")
            assert answer.json["message"] == "Payment processing error"
            assert len(sent(shop, "/v1/setup_intents")) == 1
        assert cast.owner.post(f"{cast.workspace.payments}/payment-method").status_code == 200

    def test_a_lost_answer_does_not_make_a_second_customer(self, shop: Shop, client) -> None:
        person = sign_up(client, "Lost")
        fault(shop, "drop_after", "/v1/customers")
        path = f"{person.home.payments}/payment-method"
        assert person.post(path).status_code == 500
        assert person.post(path).status_code == 200
        email = f"workspace-{person.home.id}@gateways.app"
        assert len(shop.stripe("GET", "/v1/customers", email=email)["data"]) == 1


def test_a_second_workspace_gets_a_customer_of_its_own(shop: Shop, client) -> None:
    person = sign_up(client, "Two")
    places = [person.home, new_workspace(person, "Second")]
    customers = set()
    for place in places:
        setup = shop.set_up(person, place.slug)
        intent = shop.stripe("GET", f"/v1/setup_intents/{setup['setupIntentId']}")
        customers.add(intent["customer"])
    assert len(customers) == 2
