"""Listing invoices page by page, and reading one."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from decimal import Decimal

import pytest

from tests.support.hostile import HUGE_IDS, NO_IDS
from tests.support.people import Cast, Person
from tests.support.shop import Shop

ISO_MILLIS = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
NOTHING = type(None)
NUMBER = (int, float)
FIELDS = {
    "id": int,
    "workspaceId": int,
    "stripePaymentIntentId": (str, NOTHING),
    "stripeInvoiceId": NOTHING,
    "invoiceNumber": str,
    "type": str,
    "status": str,
    "amount": NUMBER,
    "currency": str,
    "planId": int,
    "previousPlanId": int,
    "paymentMethodId": (int, NOTHING),
    "description": str,
    "billingPeriodStart": NOTHING,
    "billingPeriodEnd": NOTHING,
    "paidAt": str,
    "refundedAmount": NUMBER,
    "createdAt": str,
    "updatedAt": str,
    "planName": str,
    "planSlug": str,
    "previousPlanName": str,
    "previousPlanSlug": str,
    "cardBrand": (str, NOTHING),
    "cardLast4": (str, NOTHING),
    "dispute": NOTHING,
}


def up_and_down(cast: Cast, shop: Shop) -> Cast:
    shop.upgrade(cast.owner, cast.workspace.slug)
    down = f"{cast.workspace.plan_changes}/downgrade-plan"
    assert cast.owner.post(down, {"planSlug": "free"}).status_code == 200
    return cast


@pytest.fixture(scope="module")
def moved(open_shop: Shop, new_payer: Callable[[], Cast]) -> Cast:
    """A workspace that went up and down again: the two invoices of the documentation."""
    return up_and_down(new_payer(), open_shop)


@pytest.fixture(scope="module")
def many(open_shop: Shop, new_payer: Callable[[], Cast]) -> Cast:
    """Seven invoices of a workspace that went up and down."""
    cast = up_and_down(new_payer(), open_shop)
    down = f"{cast.workspace.plan_changes}/downgrade-plan"
    for plan in ("pro", "ultimate"):
        open_shop.upgrade(cast.owner, cast.workspace.slug, plan)
    for plan in ("pro", "starter", "free"):
        cast.owner.post(down, {"planSlug": plan})
    return cast


def listed(cast: Cast, person: Person | None = None, **query):
    path = f"{cast.workspace.payments}/invoices"
    return (person or cast.owner).get(path, query_string=query)


def got(cast: Cast, raw, person: Person | None = None):
    return (person or cast.owner).get(f"{cast.workspace.payments}/invoices/{raw}")


class TestObject:
    def test_an_upgrades_invoice_is_the_documented_one(self, moved: Cast) -> None:
        invoice = listed(moved).json["data"][0]
        assert set(invoice) == set(FIELDS)
        for name, kind in FIELDS.items():
            assert isinstance(invoice[name], kind), name
        assert re.fullmatch(r"INV-\d{8}-\d{4,}", invoice["invoiceNumber"])
        made = invoice["createdAt"][:10].replace("-", "")
        assert invoice["invoiceNumber"].split("-")[1] == made
        expected = {
            "workspaceId": moved.workspace.id,
            "stripeInvoiceId": None,
            "type": "plan_upgrade",
            "status": "paid",
            "currency": "usd",
            "planId": 2,
            "previousPlanId": 1,
            "description": 'Upgrade workspace "John\'s Workspace" from Free to Starter plan',
            "billingPeriodStart": None,
            "billingPeriodEnd": None,
            "refundedAmount": 0,
            "planName": "Starter",
            "planSlug": "starter",
            "previousPlanName": "Free",
            "previousPlanSlug": "free",
            "cardBrand": "visa",
            "cardLast4": "4242",
        }
        assert {name: invoice[name] for name in expected} == expected
        assert invoice["stripePaymentIntentId"].startswith("pi_")
        for name in ("paidAt", "createdAt", "updatedAt"):
            assert ISO_MILLIS.fullmatch(invoice[name])

    def test_a_downgrades_invoice_is_the_documented_one(self, moved: Cast) -> None:
        invoice = listed(moved).json["data"][1]
        assert set(invoice) == set(FIELDS)
        expected = {
            "stripePaymentIntentId": None,
            "type": "plan_downgrade",
            "status": "paid",
            "amount": 0,
            "planId": 1,
            "previousPlanId": 2,
            "paymentMethodId": None,
            "description": 'Downgrade workspace "John\'s Workspace" from Starter to Free plan',
            "refundedAmount": 0,
            "planName": "Free",
            "planSlug": "free",
            "previousPlanName": "Starter",
            "previousPlanSlug": "starter",
            "cardBrand": None,
            "cardLast4": None,
        }
        assert {name: invoice[name] for name in expected} == expected
        assert ISO_MILLIS.fullmatch(invoice["paidAt"])

    def test_the_amount_is_a_json_number_to_the_cent(self, still: Cast) -> None:
        raw = listed(still).text
        read = json.loads(raw, parse_float=Decimal)["data"][0]
        assert read["amount"] == Decimal("9.99")
        assert re.search(r'"amount":\s?9\.99[,}]', raw)

    def test_the_payment_method_is_the_database_id(self, shop: Shop, still: Cast) -> None:
        (card,) = shop.cards(still.owner, still.workspace.slug)
        assert listed(still).json["data"][0]["paymentMethodId"] == card["id"]

    def test_numbers_follow_each_other(self, many: Cast) -> None:
        numbers = [i["invoiceNumber"] for i in listed(many).json["data"]]
        assert numbers == sorted(numbers)
        assert len(set(numbers)) == len(numbers)

    def test_a_renamed_workspace_leaves_its_invoices_alone(self, shop: Shop, payer: Cast) -> None:
        shop.upgrade(payer.owner, payer.workspace.slug)
        payer.owner.patch(payer.workspace.path, {"name": "Another Name"})
        assert "John's Workspace" in listed(payer).json["data"][0]["description"]


class TestList:
    def test_the_envelope(self, still: Cast) -> None:
        answer = listed(still)
        assert answer.status_code == 200
        assert answer.content_type == "application/json"
        assert set(answer.json) == {"message", "count", "data", "pagination"}
        assert answer.json["message"] == "Invoices retrieved successfully"
        assert answer.json["count"] == 2
        assert answer.json["pagination"] == {
            "page": 1,
            "limit": 20,
            "total": 2,
            "totalPages": 1,
            "hasNextPage": False,
            "hasPrevPage": False,
        }

    def test_the_oldest_first(self, many: Cast) -> None:
        ids = [i["id"] for i in listed(many).json["data"]]
        assert ids == sorted(ids)

    def test_a_workspace_without_invoices(self, cast: Cast) -> None:
        answer = listed(cast)
        assert (answer.json["count"], answer.json["data"]) == (0, [])
        assert answer.json["pagination"]["total"] == 0
        assert answer.json["pagination"]["totalPages"] == 0
        assert answer.json["pagination"]["hasNextPage"] is False

    def test_members_may_look(self, still: Cast) -> None:
        assert listed(still, still.member).json["count"] == 2

    def test_neighbours_invoices_never_show(self, still: Cast, neighbours: Cast) -> None:
        for cast in (still, neighbours):
            rows = listed(cast, include_all="true", limit=100).json["data"]
            assert {row["workspaceId"] for row in rows} == {cast.workspace.id}


class TestPages:
    def test_go_through_all_rows_once(self, many: Cast) -> None:
        seen, flags = [], []
        for page in (1, 2, 3):
            answer = listed(many, page=page, limit=3).json
            seen += [row["id"] for row in answer["data"]]
            box = answer["pagination"]
            assert (box["page"], box["limit"], box["total"], box["totalPages"]) == (page, 3, 7, 3)
            assert answer["count"] == len(answer["data"])
            flags.append((box["hasPrevPage"], box["hasNextPage"]))
        assert seen == [row["id"] for row in listed(many).json["data"]]
        assert flags == [(False, True), (True, True), (True, False)]

    def test_past_the_end_is_empty(self, still: Cast) -> None:
        answer = listed(still, page=9).json
        assert (answer["count"], answer["data"]) == (0, [])
        box = answer["pagination"]
        assert (box["total"], box["hasNextPage"], box["hasPrevPage"]) == (2, False, True)

    @pytest.mark.parametrize(
        ("raw", "page"),
        [("0", 1), ("-1", 1), ("abc", 1), ("", 1), ("1.5", 1), ("٣", 1), ("+2", 2), (" 2 ", 2)],
    )
    def test_the_page_is_clamped(self, still: Cast, raw: str, page: int) -> None:
        answer = listed(still, page=raw)
        assert (answer.status_code, answer.json["pagination"]["page"]) == (200, page)

    @pytest.mark.parametrize("raw", ["1000000000", "1e9", "9" * 30, "9" * 5000, str(2**63)])
    def test_a_huge_page_breaks_nothing(self, still: Cast, raw: str) -> None:
        assert listed(still, page=raw).status_code == 200
        assert listed(still, page=raw, limit=100).status_code == 200

    @pytest.mark.parametrize(
        ("raw", "limit"),
        [
            ("0", 1), ("-5", 1), ("1", 1), ("100", 100), ("101", 100), ("1000000000", 100),
            ("9" * 30, 100), ("abc", 20), ("", 20), ("1e2", 20), ("NaN", 20),
        ],
    )  # fmt: skip
    def test_the_limit_is_clamped(self, still: Cast, raw: str, limit: int) -> None:
        answer = listed(still, limit=raw)
        assert (answer.status_code, answer.json["pagination"]["limit"]) == (200, limit)
        assert answer.json["count"] == min(limit, 2)


@pytest.fixture(scope="module")
def refunded(open_shop: Shop, new_payer: Callable[[], Cast], admin: Person) -> Cast:
    """A workspace that went up and down; the upgrade's invoice is refunded in full."""
    cast = up_and_down(new_payer(), open_shop)
    invoice = listed(cast).json["data"][0]["id"]
    assert admin.post(f"/api/admin/invoices/{invoice}/refund", {}).status_code == 200
    return cast


class TestIncludeAll:
    def test_refunded_ones_are_hidden_by_default(self, refunded: Cast) -> None:
        answer = listed(refunded).json
        assert [i["type"] for i in answer["data"]] == ["plan_downgrade"]
        assert (answer["count"], answer["pagination"]["total"]) == (1, 1)

    def test_true_shows_them(self, refunded: Cast) -> None:
        answer = listed(refunded, include_all="true").json
        assert [i["status"] for i in answer["data"]] == ["refunded", "paid"]
        assert answer["data"][0]["refundedAmount"] == answer["data"][0]["amount"] == 9.99
        assert answer["pagination"]["total"] == 2

    @pytest.mark.parametrize("value", ["false", "0", "1", "yes", "", "null"])
    def test_only_true_does(self, refunded: Cast, value: str) -> None:
        assert listed(refunded, include_all=value).json["count"] == 1

    def test_by_id_it_is_found_all_the_same(self, refunded: Cast) -> None:
        row = listed(refunded, include_all="true").json["data"][0]["id"]
        assert got(refunded, row).json["data"]["status"] == "refunded"

    def test_failed_ones_are_always_listed(self, shop: Shop, cast: Cast) -> None:
        shop.save_card(cast.owner, cast.workspace.slug, "pm_card_chargeCustomerFail")
        shop.upgrade(cast.owner, cast.workspace.slug)
        assert [i["status"] for i in listed(cast).json["data"]] == ["failed"]


class TestGet:
    def test_answers_the_same_object_as_the_list(self, still: Cast) -> None:
        for invoice in listed(still).json["data"]:
            answer = got(still, invoice["id"], still.member)
            assert answer.status_code == 200
            assert answer.json == {
                "message": "Invoice retrieved successfully",
                "data": invoice,
            }

    def test_another_workspaces_invoice_is_not_found(self, still: Cast, neighbours: Cast) -> None:
        foreign = listed(neighbours).json["data"][0]["id"]
        for tail in ("", "/download"):
            answer = got(still, f"{foreign}{tail}")
            assert (answer.status_code, answer.json["code"]) == (404, "invoice_not_found")
            assert answer.json["message"] == "Invoice not found"

    @pytest.mark.parametrize("raw", ["0", "999999999", *HUGE_IDS])
    def test_an_unknown_id_is_a_404(self, still: Cast, raw: str) -> None:
        assert got(still, raw).status_code == 404

    @pytest.mark.parametrize("raw", NO_IDS)
    def test_no_digits_are_a_400(self, still: Cast, raw: str) -> None:
        answer = got(still, raw)
        assert (answer.status_code, answer.json["code"]) == (400, "invalid_invoice_id")
        assert answer.json["message"] == "Invalid invoice ID"
