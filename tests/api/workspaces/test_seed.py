"""The published contract, line by line: every sentence names the tests that hold it.

The examples are written down here as the documentation shows them; answers are compared with
them key by key and type by type.
"""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from payments.workspaces.plans import downgrade
from tests.support.people import Cast, Place, sign_up
from tests.support.shop import Shop
from tests.support.till import browser_authenticates, pdf_of, plan_of

# Every "Endpoint:" line, with the message of its answer and the statuses that it lists.
ENDPOINTS: dict[str, tuple[str | None, tuple[int, ...]]] = {
    "POST /api/payments/:workspaceSlug/payment-method": ("Payment method setup initialized", ()),
    "POST /api/payments/:workspaceSlug/payment-method/confirm": (
        "Payment method confirmed and saved", (400, 404, 403, 401, 500),
    ),
    "GET /api/payments/:workspaceSlug/payment-methods": (
        "Payment methods retrieved successfully", (401, 400, 404, 403),
    ),
    "PATCH /api/payments/:workspaceSlug/payment-methods/:paymentMethodId/set-default": (
        "Default payment method set successfully", (401, 400, 404, 403),
    ),
    "DELETE /api/payments/:workspaceSlug/payment-methods/:paymentMethodId": (
        "Payment method deleted successfully", (401, 400, 404, 403),
    ),
    "POST /api/payments/workspace/:workspaceSlug/upgrade-plan": (
        "Plan upgraded successfully", (400, 401, 403, 404, 500),
    ),
    "POST /api/payments/workspace/:workspaceSlug/downgrade-plan": (
        "Plan downgraded successfully", (400, 401, 403, 404, 500),
    ),
    "GET /api/payments/:workspaceSlug/invoices": ("Invoices retrieved successfully", ()),
    "GET /api/payments/:workspaceSlug/invoices/:invoiceId": ("Invoice retrieved successfully", ()),
    "GET /api/payments/:workspaceSlug/invoices/:invoiceId/download": (None, ()),
}  # fmt: skip
# The paths of the workflow and of the integration guide, which name no workspace.
WITHOUT_SLUG = (
    "POST /api/payments/payment-method",
    "GET /api/payments/payment-method",
    "GET /api/payments/:workspaceSlug/payment-method",
    "POST /api/payments/payment-method/confirm",
)

METHOD = {
    "id": 1,
    "workspaceId": 1,
    "stripePaymentMethodId": "pm_123abc",
    "stripeCustomerId": "cus_123abc",
    "type": "card",
    "cardBrand": "Visa",
    "cardLast4": "4242",
    "cardExpMonth": 12,
    "cardExpYear": 2025,
    "isDefault": True,
    "isActive": True,
    "createdAt": "2024-01-15T10:30:00.000Z",
    "updatedAt": "2024-01-15T10:30:00.000Z",
}
WORKSPACE = {
    "id": 1,
    "name": "John's Workspace",
    "slug": "johns-workspace",
    "planId": 2,
    "isActive": True,
}
PAYMENT_INTENT = {"id": "pi_xxx", "amount": 999, "currency": "usd", "status": "succeeded"}
UPGRADE = {
    "id": 1,
    "workspaceId": 1,
    "stripePaymentIntentId": "pi_xxxxxxxxxxxxx",
    "stripeInvoiceId": None,
    "invoiceNumber": "INV-20240115-0001",
    "type": "plan_upgrade",
    "status": "paid",
    "amount": 9.99,
    "currency": "usd",
    "planId": 2,
    "previousPlanId": 1,
    "paymentMethodId": 1,
    "description": 'Upgrade workspace "John\'s Workspace" from Free to Starter plan',
    "billingPeriodStart": None,
    "billingPeriodEnd": None,
    "paidAt": "2024-01-15T10:30:00.000Z",
    "refundedAmount": 0.0,
    "createdAt": "2024-01-15T10:30:00.000Z",
    "updatedAt": "2024-01-15T10:30:00.000Z",
    "planName": "Starter",
    "planSlug": "starter",
    "previousPlanName": "Free",
    "previousPlanSlug": "free",
    "cardBrand": "visa",
    "cardLast4": "4242",
}
DOWNGRADE = {
    **UPGRADE,
    "stripePaymentIntentId": None,
    "type": "plan_downgrade",
    "amount": 0.0,
    "planId": 1,
    "previousPlanId": 2,
    "paymentMethodId": None,
    "description": 'Downgrade workspace "John\'s Workspace" from Starter to Free plan',
    "planName": "Free",
    "planSlug": "free",
    "previousPlanName": "Starter",
    "previousPlanSlug": "starter",
    "cardBrand": None,
    "cardLast4": None,
}
PAGINATION = {
    "page": 1, "limit": 20, "total": 2, "totalPages": 1, "hasNextPage": False, "hasPrevPage": False,
}  # fmt: skip
NOTE = (
    "Downgrade takes effect immediately. No refund will be issued for the current billing period."
)
# Values of the examples that are the same on every run.
SAME = {
    "type", "status", "amount", "currency", "planId", "previousPlanId", "description", "planName",
    "planSlug", "previousPlanName", "previousPlanSlug", "cardBrand", "cardLast4", "isDefault",
    "isActive", "name", "note", "message", "refundedAmount", "page", "limit", "total",
    "totalPages", "hasNextPage", "hasPrevPage", "deleted", "count", "stripeInvoiceId",
    "billingPeriodStart", "billingPeriodEnd",
}  # fmt: skip
SHAPES = {
    "createdAt": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z",
    "updatedAt": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z",
    "paidAt": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z",
    "invoiceNumber": r"INV-\d{8}-\d{4,}",
    "stripePaymentMethodId": r"pm_\w+",
    "stripeCustomerId": r"cus_\w+",
    "stripePaymentIntentId": r"pi_\w+",
    "paymentMethodId": r"pm_\w+",
    "setupIntentId": r"seti_\w+",
    "clientSecret": r"seti_\w+_secret_\w+",
}

# Sentence -> the tests that hold it, as `module::name` or `module::Class::name`.
SENTENCES: dict[str, tuple[str, ...]] = {
    # Authentication, configuration
    "All payment endpoints require authentication": (
        "roles::test_without_a_token_it_is_a_401",
        "roles::test_paths_without_a_slug_need_a_token",
    ),
    "Authorization: Bearer YOUR_JWT_TOKEN": (
        "roles::test_members_by_role",
        "roles::test_a_token_that_must_not_be_believed_is_a_401",
        "roles::test_an_expired_token_is_a_401",
    ),
    "Required Configuration: STRIPE_SECRET_KEY": (
        "setup::TestSetupWhenStripeFails::test_no_usable_key_is_a_500",
        "upgrade::TestWhenStripeFails::test_no_usable_key_is_a_500_and_no_charge",
    ),
    # Setup
    "Initialize a payment method setup": ("setup::TestSetup::test_answers_what_the_browser_needs",),
    "Only workspace owners and admins can manage payment methods": (
        "roles::test_members_by_role",
        "roles::test_outsiders_get_a_403",
    ),
    "curl -X POST .../payment-method with no body": (
        "setup::TestSetup::test_an_empty_json_body_is_fine",
    ),
    "fetch without a method is a GET": (
        "setup::TestSetup::test_get_works_as_the_javascript_examples_call_it",
        "setup::TestSetupWithoutSlug::test_takes_the_callers_only_workspace",
    ),
    "Frontend Integration: use Stripe.js to collect the payment method": (
        "seed::TestExamples::test_create_setup_and_confirm",
    ),
    # Confirm
    "setupIntentId string Yes; paymentMethodId string Yes": (
        "confirm::TestConfirmRefuses::test_a_missing_field",
        "confirm::TestConfirmRefuses::test_a_field_of_odd_shape",
    ),
    "billingName and billingPostalCode: not required, sent to Stripe and stored": (
        "confirm::TestConfirm::test_billing_fields_go_to_stripe_and_are_stored",
        "confirm::TestConfirm::test_billing_fields_are_optional",
    ),
    "confirm 400: missing fields, invalid workspace slug, or setup incomplete": (
        "confirm::TestConfirmRefuses::test_a_missing_field",
        "roles::TestOrderOfChecks::test_a_malformed_slug_is_a_400",
        "confirm::TestConfirmRefuses::test_a_setup_that_is_not_complete",
    ),
    "confirm 404: workspace does not exist": (
        "roles::TestOrderOfChecks::test_an_unknown_workspace_is_a_404",
    ),
    "confirm 403: user is not an owner or admin": ("roles::test_members_by_role",),
    "confirm 401: missing or invalid token": ("roles::test_without_a_token_it_is_a_401",),
    "confirm 500: Stripe configuration error or confirmation failed": (
        "confirm::TestConfirmRefuses::test_without_a_key_it_is_a_500",
        "confirm::TestConfirmRefuses::test_when_stripe_fails_it_is_a_500",
    ),
    # List
    "include_inactive: true/false, default false": (
        "payment_methods::TestList::test_inactive_ones_only_on_demand",
    ),
    "list: count and data": (
        "payment_methods::TestList::test_answers_the_documented_object",
        "payment_methods::TestList::test_count_is_the_number_of_cards",
    ),
    "list 401: User ID not found": ("roles::test_an_end_user_of_a_project_is_nobody_here",),
    "list 400: invalid workspace slug": (
        "roles::TestOrderOfChecks::test_a_malformed_slug_is_a_400",
    ),
    "list 404: workspace does not exist": (
        "roles::TestOrderOfChecks::test_an_unknown_workspace_is_a_404",
    ),
    "list 403: user does not have access to this workspace": ("roles::test_outsiders_get_a_403",),
    # Default and delete
    "Set a payment method as the default": (
        "payment_methods::TestSetDefault::test_moves_the_default",
    ),
    "paymentMethodId (path): the database ID": (
        "payment_methods::TestIds::test_no_digits_are_a_400",
        "payment_methods::TestIds::test_an_unknown_id_is_a_404",
    ),
    "Request Body: (Empty)": ("payment_methods::TestSetDefault::test_an_empty_json_body_is_fine",),
    "set-default 401, delete 401": ("roles::test_without_a_token_it_is_a_401",),
    "set-default 400, delete 400: invalid slug or payment method ID": (
        "roles::TestOrderOfChecks::test_a_malformed_slug_is_a_400",
        "payment_methods::TestIds::test_no_digits_are_a_400",
    ),
    "set-default 404, delete 404: workspace or payment method does not exist": (
        "roles::TestOrderOfChecks::test_an_unknown_workspace_is_a_404",
        "payment_methods::TestIds::test_an_unknown_id_is_a_404",
        "payment_methods::TestDelete::test_a_second_time_it_is_not_found",
    ),
    "set-default 403, delete 403: not an owner/admin, or another workspace's method": (
        "roles::test_members_by_role",
        "payment_methods::TestIds::test_another_workspaces_card_is_a_403",
    ),
    "Delete a payment method (soft delete)": (
        "payment_methods::TestDelete::test_it_is_a_soft_delete",
        "payment_methods::TestDelete::test_answers_id_and_deleted",
    ),
    "the next available payment method will be set as default": (
        "payment_methods::TestDelete::test_the_longest_held_card_takes_over",
    ),
    # Upgrade
    "upgrade: immediately charge and update the workspace plan": (
        "upgrade::TestUpgrade::test_charges_the_card_and_switches_the_plan",
        "upgrade::TestUpgrade::test_stripe_holds_what_we_say",
    ),
    "planSlug required": ("upgrade::TestWhichPlan::test_a_body_without_a_plan",),
    "paymentMethodId: database ID or Stripe pm_xxx": (
        "upgrade::TestWhichCard::test_by_database_id_as_number_and_as_digits",
        "upgrade::TestWhichCard::test_by_stripes_id",
        "upgrade::TestWhichCard::test_a_raw_stripe_id_is_attached_and_saved",
    ),
    "If not provided, uses default payment method": (
        "upgrade::TestWhichCard::test_the_default_when_none_is_named",
    ),
    "upgrade 400: missing fields": ("upgrade::TestWhichPlan::test_a_body_without_a_plan",),
    "upgrade 400: invalid plan": (
        "upgrade::TestWhichPlan::test_a_malformed_slug",
        "upgrade::TestWhichPlan::test_a_retired_plan",
    ),
    "upgrade 400: invalid payment method": (
        "upgrade::TestWhichCard::test_an_unknown_one_is_refused",
        "upgrade::TestWhichCard::test_what_is_no_reference_is_refused",
        "upgrade::TestWhichCard::test_a_foreign_card_is_refused_however_it_is_named",
        "upgrade::TestWhichCard::test_a_deleted_card_is_refused",
        "upgrade::TestWhichCard::test_a_card_detached_in_the_dashboard_is_refused",
    ),
    "upgrade 400: not an upgrade": (
        "upgrade::TestWhichPlan::test_the_same_plan_is_no_upgrade",
        "upgrade::TestWhichPlan::test_a_lower_plan_is_no_upgrade",
    ),
    "upgrade 400: no payment method provided and no default payment method found": (
        "upgrade::TestWhichCard::test_none_at_all",
    ),
    "upgrade 401, downgrade 401": ("roles::test_without_a_token_it_is_a_401",),
    "upgrade 403, downgrade 403: not an owner or admin": ("roles::test_members_by_role",),
    "upgrade 404: workspace or plan not found": (
        "roles::TestOrderOfChecks::test_an_unknown_workspace_is_a_404",
        "upgrade::TestWhichPlan::test_an_unknown_plan",
    ),
    "upgrade 500: payment processing error or Stripe configuration error": (
        "upgrade::TestWhenStripeFails::test_a_refusal_is_a_500_and_its_words_stay_in_the_log",
        "upgrade::TestWhenStripeFails::test_no_usable_key_is_a_500_and_no_charge",
    ),
    "use downgrade endpoint for downgrades": (
        "upgrade::TestWhichPlan::test_the_same_plan_is_no_upgrade",
    ),
    "Payment is charged immediately for the full month": (
        "upgrade::TestUpgrade::test_the_full_price_is_charged_each_time",
    ),
    "Payment method is automatically attached to a Stripe customer": (
        "upgrade::TestWhichCard::test_a_raw_stripe_id_is_attached_and_saved",
    ),
    "Workspace plan is updated immediately upon successful payment": (
        "upgrade::TestUpgrade::test_charges_the_card_and_switches_the_plan",
        "upgrade::TestDecline::test_a_card_that_saves_and_then_declines",
    ),
    # Downgrade
    "downgrade is immediate": ("downgrade::TestDowngrade::test_switches_at_once",),
    "No refund is issued for the current billing period": (
        "downgrade::TestDowngrade::test_nothing_is_given_back",
    ),
    "downgrade 400: missing planSlug": ("downgrade::TestDowngradeRefuses::test_a_missing_plan",),
    "downgrade 400: not a downgrade; use upgrade endpoint for upgrades": (
        "downgrade::TestDowngradeRefuses::test_the_same_plan",
        "downgrade::TestDowngradeRefuses::test_a_higher_plan",
    ),
    "downgrade 404: workspace or plan not found": (
        "roles::TestOrderOfChecks::test_an_unknown_workspace_is_a_404",
        "downgrade::TestDowngradeRefuses::test_an_unknown_plan",
    ),
    "downgrade 500: update error": ("seed::test_an_update_error_is_a_500_and_changes_nothing",),
    "No payment method is required for downgrades": (
        "downgrade::TestDowngrade::test_no_card_and_no_stripe_are_needed",
    ),
    # Workflow, guide
    "Complete Workflow Example: upgrade, then downgrade": (
        "seed::TestWorkflow::test_as_it_stands",
    ),
    "Frontend Integration Guide": ("seed::TestWorkflow::test_the_integration_guide",),
    # Invoices
    "Invoices are automatically created when plans are upgraded": (
        "upgrade::TestUpgrade::test_it_leaves_one_paid_invoice",
    ),
    "Only workspace members can view invoices": (
        "invoices::TestList::test_members_may_look",
        "roles::test_outsiders_get_a_403",
    ),
    "include_all: true includes refunded ones, default false": (
        "invoices::TestIncludeAll::test_refunded_ones_are_hidden_by_default",
        "invoices::TestIncludeAll::test_true_shows_them",
        "invoices::TestIncludeAll::test_only_true_does",
    ),
    "page: default 1, minimum 1": ("invoices::TestPages::test_the_page_is_clamped",),
    "limit: default 20, maximum 100, minimum 1": (
        "invoices::TestPages::test_the_limit_is_clamped",
    ),
    "page, limit, total, totalPages, hasNextPage, hasPrevPage": (
        "invoices::TestPages::test_go_through_all_rows_once",
        "invoices::TestList::test_the_envelope",
    ),
    "the invoice objects": (
        "invoices::TestObject::test_an_upgrades_invoice_is_the_documented_one",
        "invoices::TestObject::test_a_downgrades_invoice_is_the_documented_one",
    ),
    "refundedAmount: 0 if none, updated by full or partial refunds": (
        "refunds::TestRefund::test_in_parts_until_nothing_is_left",
    ),
    "When this equals amount, status is typically refunded": (
        "refunds::TestRefund::test_in_full",
        "refunds::TestRefund::test_in_parts_until_nothing_is_left",
    ),
    "Get details of a specific invoice": (
        "invoices::TestGet::test_answers_the_same_object_as_the_list",
        "invoices::TestGet::test_another_workspaces_invoice_is_not_found",
    ),
    "plan_upgrade: charged immediately; plan_downgrade: no charge, logged for records": (
        "upgrade::TestUpgrade::test_it_leaves_one_paid_invoice",
        "downgrade::TestDowngrade::test_it_is_logged_as_an_invoice_over_nothing",
    ),
    "pending: payment is pending": (
        "authentication::TestAsked::test_the_browser_gets_what_it_needs",
    ),
    "paid: payment completed successfully": (
        "upgrade::TestUpgrade::test_it_leaves_one_paid_invoice",
    ),
    "failed: payment failed": ("upgrade::TestDecline::test_a_card_that_saves_and_then_declines",),
    "refunded: payment was refunded": ("refunds::TestRefund::test_in_full",),
    "INV-YYYYMMDD-XXXX": (
        "invoices::TestObject::test_an_upgrades_invoice_is_the_documented_one",
        "invoices::TestObject::test_numbers_follow_each_other",
    ),
    # PDF
    "Returns the invoice PDF as the response body; not a presigned URL": (
        "download::TestDownload::test_returns_the_pdf_itself",
    ),
    "stored at invoices/{workspaceId}/{invoiceNumber}.pdf": (
        "download::TestDownload::test_the_stored_copy_lies_where_the_contract_says",
    ),
    "Otherwise the server generates the PDF on the fly": (
        "download::TestDownload::test_a_lost_or_broken_copy_is_made_again",
    ),
    "The PDF includes refund data when applicable": (
        "refunds::TestDocument::test_a_partial_refund_shows_in_the_pdf",
        "refunds::TestDocument::test_a_full_refund_shows_in_the_pdf",
    ),
    "Bill to shows the workspace name and the billing address": (
        "download::TestDownload::test_bill_to_shows_the_billing_address",
    ),
    # Error codes
    "200 Success": ("seed::TestExamples::test_create_setup_and_confirm",),
    "400 missing fields, invalid data, wrong plan tier": (
        "bad_input::TestBodies::test_what_is_no_json_object_is_a_400",
        "upgrade::TestWhichPlan::test_a_lower_plan_is_no_upgrade",
    ),
    "503 maintenance mode": ("roles::TestOrderOfChecks::test_maintenance_comes_before_all",),
    # Stripe integration notes
    "A Stripe customer is automatically created for each workspace": (
        "setup::TestSetup::test_the_customer_is_made_once_with_the_contracts_email",
        "setup::test_a_second_workspace_gets_a_customer_of_its_own",
    ),
    "The customer email is set to workspace-{workspaceId}@gateways.app": (
        "setup::TestSetup::test_the_customer_is_made_once_with_the_contracts_email",
    ),
    "Payment methods are attached and set as default for future charges": (
        "confirm::TestConfirm::test_the_first_card_becomes_the_default_also_at_stripe",
    ),
    "Failed payments return detailed error messages": (
        "upgrade::TestDecline::test_the_issuers_reason_is_told",
    ),
    "Payment method details are never stored directly in the database": (
        "confirm::test_card_numbers_are_never_stored",
    ),
    # Testing
    "4242 4242 4242 4242 succeeds": ("seed::TestCards::test_success",),
    "4000 0000 0000 0002 declines": ("seed::TestCards::test_decline",),
    "4000 0025 0000 3155 requires authentication": (
        "seed::TestCards::test_requires_authentication",
    ),
}  # fmt: skip


def resembles(example: Any, live: Any, name: str = "") -> None:
    """Compare an answer with an example: the keys, the JSON types, and what never changes."""
    if isinstance(example, dict):
        _same_keys(example, live, name)
    elif isinstance(example, list):
        assert len(example) == len(live), name
        for part, other in zip(example, live, strict=True):
            resembles(part, other, name)
    else:
        _same_value(example, live, name)


def _same_keys(example: dict[str, Any], live: Any, name: str) -> None:
    assert isinstance(live, dict), name
    shown = set(live)
    if set(example) == set(WORKSPACE):  # that example ends with "..."
        shown &= set(example)
    assert set(example) == shown, name
    for key, value in example.items():
        resembles(value, live[key], key)


def _same_value(example: Any, live: Any, name: str) -> None:
    kinds = {int, float} if isinstance(example, float) else {type(example)}
    assert type(live) in kinds, name
    if name in SAME:
        assert live == example, name
    if name in SHAPES and isinstance(example, str):
        assert re.fullmatch(SHAPES[name], live), (name, live)


@pytest.fixture
def john(shop: Shop, neighbours: Cast) -> tuple[Any, Place]:
    """John, whose first workspace is the one of the documentation."""
    person = sign_up(shop.client, "John")
    assert person.home.name == "John's Workspace"
    return person, person.home


def typed_in(shop: Shop, data: dict[str, str], number: str, **billing: str) -> dict[str, Any]:
    """Do what confirmCardSetup does with a card that the customer types in."""
    form = {
        "client_secret": data["clientSecret"],
        "payment_method_data[type]": "card",
        "payment_method_data[card][number]": number.replace(" ", ""),
        "payment_method_data[card][exp_month]": "12",
        "payment_method_data[card][exp_year]": "2035",
        "payment_method_data[card][cvc]": "123",
        **billing,
    }
    return shop.as_browser(
        f"/v1/setup_intents/{data['clientSecret'].split('_secret_')[0]}/confirm", form
    )


class TestExamples:
    """Each example of the documentation against the real answer."""

    def test_create_setup_and_confirm(self, shop: Shop, john: tuple[Any, Place]) -> None:
        person, place = john
        answer = person.post(f"/api/payments/{place.slug}/payment-method")
        setup = {"clientSecret": "seti_x_secret_x", "setupIntentId": "seti_x"}
        message = "Payment method setup initialized"
        resembles({"message": message, "data": setup}, answer.json)
        intent = typed_in(
            shop, answer.json["data"], "4242 4242 4242 4242",
            **{
                "payment_method_data[billing_details][name]": "User Name",
                "payment_method_data[billing_details][address][postal_code]": "94102",
            },
        )  # fmt: skip
        body = {
            "setupIntentId": intent["id"],
            "paymentMethodId": intent["payment_method"],
            "billingName": "User Name",
            "billingPostalCode": "94102",
        }
        answer = person.post(f"/api/payments/{place.slug}/payment-method/confirm", body)
        data = {
            "paymentMethodId": "pm_x", "setupIntentId": "seti_x", "workspaceId": 1,
            "workspaceSlug": "johns-workspace",
        }  # fmt: skip
        message = "Payment method confirmed and saved"
        resembles({"message": message, "data": data}, answer.json)

    def test_list_default_delete(self, shop: Shop, john: tuple[Any, Place]) -> None:
        person, place = john
        shop.save_card(person, place.slug)
        base = f"/api/payments/{place.slug}/payment-methods"
        answer = person.get(base).json
        message = "Payment methods retrieved successfully"
        resembles({"message": message, "count": 1, "data": [METHOD]}, answer)
        row = answer["data"][0]["id"]
        message = "Default payment method set successfully"
        answer = person.patch(f"{base}/{row}/set-default").json
        resembles({"message": message, "data": METHOD}, answer)
        message = "Payment method deleted successfully"
        answer = person.delete(f"{base}/{row}").json
        resembles({"message": message, "data": {"id": 1, "deleted": True}}, answer)

    def test_upgrade_downgrade_and_invoices(self, shop: Shop, john: tuple[Any, Place]) -> None:
        person, place = john
        shop.save_card(person, place.slug)
        row = shop.cards(person, place.slug)[0]["id"]
        body = {"planSlug": "starter", "paymentMethodId": row}
        answer = person.post(f"/api/payments/workspace/{place.slug}/upgrade-plan", body).json
        data = {"workspace": WORKSPACE, "paymentIntent": PAYMENT_INTENT}
        resembles({"message": "Plan upgraded successfully", "data": data}, answer)
        body = {"planSlug": "free"}
        answer = person.post(f"/api/payments/workspace/{place.slug}/downgrade-plan", body).json
        data = {"workspace": {**WORKSPACE, "planId": 1}, "note": NOTE}
        resembles({"message": "Plan downgraded successfully", "data": data}, answer)
        answer = person.get(f"/api/payments/{place.slug}/invoices").json
        expected = {
            "message": "Invoices retrieved successfully",
            "count": 2,
            "data": [{**UPGRADE, "dispute": None}, {**DOWNGRADE, "dispute": None}],
            "pagination": PAGINATION,
        }
        resembles(expected, answer)
        one = answer["data"][0]["id"]
        message = "Invoice retrieved successfully"
        answer = person.get(f"/api/payments/{place.slug}/invoices/{one}").json
        resembles({"message": message, "data": {**UPGRADE, "dispute": None}}, answer)
        assert pdf_of(person, place, one).content_type == "application/pdf"


class TestWorkflow:
    def test_as_it_stands(self, shop: Shop, john: tuple[Any, Place]) -> None:
        """The four curls of the upgrade and the one of the downgrade."""
        person, place = john
        answer = person.post("/api/payments/payment-method")
        intent = typed_in(shop, answer.json["data"], "4242424242424242")
        body = {"setupIntentId": intent["id"], "paymentMethodId": intent["payment_method"]}
        answer = person.post("/api/payments/payment-method/confirm", body)
        assert answer.json["data"]["workspaceSlug"] == place.slug
        body = {"planSlug": "starter", "paymentMethodId": intent["payment_method"]}
        answer = person.post(f"/api/payments/workspace/{place.slug}/upgrade-plan", body)
        assert (answer.status_code, plan_of(person, place)) == (200, "starter")
        body = {"planSlug": "free"}
        answer = person.post(f"/api/payments/workspace/{place.slug}/downgrade-plan", body)
        assert (answer.status_code, plan_of(person, place)) == (200, "free")

    def test_the_integration_guide(self, shop: Shop, john: tuple[Any, Place]) -> None:
        """`fetch` without a method, billing details with a name only, no slug in the paths."""
        person, place = john
        answer = person.get("/api/payments/payment-method")
        intent = typed_in(
            shop, answer.json["data"], "4242424242424242",
            **{"payment_method_data[billing_details][name]": "User Name"},
        )  # fmt: skip
        body = {"setupIntentId": intent["id"], "paymentMethodId": intent["payment_method"]}
        assert person.post("/api/payments/payment-method/confirm", body).status_code == 200
        body = {"planSlug": "starter", "paymentMethodId": intent["payment_method"]}
        answer = person.post(f"/api/payments/workspace/{place.slug}/upgrade-plan", body)
        assert answer.json["data"]["paymentIntent"]["status"] == "succeeded"


class TestCards:
    """The three cards of the page's last section, typed in with any expiry, CVC and postal code."""

    def test_success(self, shop: Shop, john: tuple[Any, Place]) -> None:
        person, place = john
        intent = typed_in(shop, shop.set_up(person, place.slug), "4242 4242 4242 4242")
        assert intent["status"] == "succeeded"
        answer = shop.upgrade(person, place.slug, card=intent["payment_method"])
        assert answer.status_code == 200

    def test_decline(self, shop: Shop, john: tuple[Any, Place]) -> None:
        person, place = john
        refused = typed_in(shop, shop.set_up(person, place.slug), "4000 0000 0000 0002")
        assert refused["error"]["message"] == "Your card was declined."
        answer = shop.upgrade(person, place.slug, card="pm_card_chargeDeclined")
        assert (answer.status_code, answer.json["message"]) == (402, "Your card was declined.")
        assert plan_of(person, place) == "free"

    def test_requires_authentication(self, shop: Shop, john: tuple[Any, Place]) -> None:
        person, place = john
        setup = shop.set_up(person, place.slug)
        waiting = typed_in(shop, setup, "4000 0025 0000 3155")
        assert waiting["status"] == "requires_action"
        browser_authenticates(shop, setup["clientSecret"], waiting["payment_method"])
        answer = shop.upgrade(person, place.slug, card=waiting["payment_method"])
        assert answer.status_code == 200


def test_an_update_error_is_a_500_and_changes_nothing(
    shop: Shop, payer: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.upgrade(payer.owner, payer.workspace.slug)

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("the disk is full")

    monkeypatch.setattr(downgrade, "issue", fail)
    path = f"{payer.workspace.plan_changes}/downgrade-plan"
    answer = payer.owner.post(path, {"planSlug": "free"})
    assert (answer.status_code, answer.json["code"]) == (500, "internal_error")
    assert "disk" not in answer.text
    assert plan_of(payer.owner, payer.workspace) == "starter"


class TestTable:
    @pytest.mark.parametrize("sentence", SENTENCES)
    def test_each_sentence_has_its_tests(self, sentence: str) -> None:
        for name in SENTENCES[sentence]:
            module, _, test = name.partition("::")
            assert test in _tests_of(module), name

    @pytest.mark.parametrize("line", [*ENDPOINTS, *WITHOUT_SLUG])
    def test_each_endpoint_is_there(self, app: Flask, line: str) -> None:
        method, _, path = line.partition(" ")
        wanted = re.sub(r":\w+", "<>", path)
        found = {
            (verb, re.sub(r"<[^>]+>", "<>", rule.rule))
            for rule in app.url_map.iter_rules()
            for verb in rule.methods or ()
        }
        assert (method, wanted) in found

    @pytest.mark.parametrize("line", ENDPOINTS)
    def test_each_listed_status_is_documented_and_tested(self, app: Flask, line: str) -> None:
        method, _, path = line.partition(" ")
        document = app.test_client().get("/openapi.json").json
        shape = re.sub(r":\w+", "{}", path)
        views = {re.sub(r"{[^}]+}", "{}", key): value for key, value in document["paths"].items()}
        held = {int(status) for status in views[shape][method.lower()]["responses"]}
        assert set(ENDPOINTS[line][1]) <= held | {500}
        verb = {
            "confirm": "confirm", "payment-methods": "list", "set-default": "set-default",
            ":paymentMethodId": "delete", "upgrade-plan": "upgrade", "downgrade-plan": "downgrade",
        }.get(path.rsplit("/", 1)[1])  # fmt: skip
        for status in ENDPOINTS[line][1]:
            assert any(f"{verb} {status}" in sentence for sentence in SENTENCES), (verb, status)

    @pytest.mark.parametrize("message", [m for m, _ in ENDPOINTS.values() if m])
    def test_each_message_is_held_by_a_test(self, message: str) -> None:
        texts = [path.read_text() for path in Path(__file__).parent.glob("test_*.py")]
        assert sum(f'"{message}"' in text for text in texts) >= 2


@cache
def _tests_of(module: str) -> set[str]:
    tree = ast.parse((Path(__file__).parent / f"test_{module}.py").read_text())
    names = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            names |= {f"{node.name}::{n.name}" for n in node.body if isinstance(n, ast.FunctionDef)}
    return names
