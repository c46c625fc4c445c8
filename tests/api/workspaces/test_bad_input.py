"""What nobody asked for: broken bodies, odd types, texts that no database keeps."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask

from tests.support.hostile import BROKEN_BODIES, HUGE_IDS, LITERAL, NO_TEXTS, UNSTORABLE
from tests.support.people import Cast, Person, new_workspace
from tests.support.shop import Shop
from tests.support.till import add_plan, pdf_of

GOOD: dict[str, dict[str, Any]] = {
    "confirm": {"setupIntentId": "seti_1", "paymentMethodId": "pm_1"},
    "confirm without slug": {"setupIntentId": "seti_1", "paymentMethodId": "pm_1"},
    "upgrade": {"planSlug": "starter"},
    "downgrade": {"planSlug": "free"},
    "refund": {"amount": 1, "reason": "why"},
}
TEXT_FIELDS = [
    (name, field)
    for name, fields in {
        "confirm": ("setupIntentId", "paymentMethodId", "billingName", "billingPostalCode"),
        "confirm without slug": ("setupIntentId", "paymentMethodId", "workspaceSlug"),
        "upgrade": ("planSlug", "paymentMethodId"),
        "downgrade": ("planSlug",),
        "refund": ("reason",),
    }.items()
    for field in fields
]
# Bodies that are as good as none where every field is optional or unknown ones are ignored.
HARMLESS = {"nothing"}


def path_of(cast: Cast, name: str) -> str:
    return {
        "confirm": f"{cast.workspace.payments}/payment-method/confirm",
        "confirm without slug": "/api/payments/payment-method/confirm",
        "upgrade": f"{cast.workspace.plan_changes}/upgrade-plan",
        "downgrade": f"{cast.workspace.plan_changes}/downgrade-plan",
        "refund": "/api/admin/invoices/999999999/refund",
        "setup": f"{cast.workspace.payments}/payment-method",
        "setup without slug": "/api/payments/payment-method",
        "set default": f"{cast.workspace.payments}/payment-methods/999999999/set-default",
        "cancel": f"{cast.workspace.payments}/charges/999999999/cancel",
    }[name]


@pytest.fixture(scope="module")
def stage(app: Flask, neighbours: Cast) -> tuple[Cast, Person]:
    """A workspace and a platform administrator that no test of this module changes."""
    from tests.support.people import sign_up, workspace_with_roles
    from tests.support.till import make_platform_admin

    client = app.test_client()
    return workspace_with_roles(client, "Stage").complete(), make_platform_admin(
        app, sign_up(client, "Pat")
    )


def send(stage: tuple[Cast, Person], name: str, method: str = "POST", **options: Any):
    cast, admin = stage
    person = admin if name == "refund" else cast.owner
    return person.client.open(path_of(cast, name), method=method, headers=person.headers, **options)


class TestBodies:
    @pytest.mark.parametrize("name", GOOD)
    @pytest.mark.parametrize("broken", BROKEN_BODIES)
    def test_what_is_no_json_object_is_a_400(self, stage, name: str, broken: str) -> None:
        if name == "refund" and broken in HARMLESS:
            pytest.skip("every field of a refund is optional")
        answer = send(stage, name, data=BROKEN_BODIES[broken], content_type="application/json")
        assert answer.status_code == 400, answer.text
        assert answer.json["message"] == answer.json["error"]
        assert answer.json["code"] in {"invalid_json", "missing_field", "invalid_request"}

    @pytest.mark.parametrize("name", ["setup", "setup without slug", "set default", "cancel"])
    @pytest.mark.parametrize("broken", BROKEN_BODIES)
    def test_where_no_body_is_read_none_hurts(self, stage, name: str, broken: str) -> None:
        method = "PATCH" if name == "set default" else "POST"
        answer = send(
            stage, name, method, data=BROKEN_BODIES[broken], content_type="application/json"
        )
        assert answer.status_code in {200, 400, 404}, answer.text

    @pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "x", ""])
    @pytest.mark.parametrize("name", ["confirm", "upgrade", "downgrade"])
    def test_a_body_of_another_type_is_a_415(self, stage, name: str, kind: str) -> None:
        answer = send(stage, name, data=b'{"planSlug": "pro"}', content_type=kind)
        assert (answer.status_code, answer.json["code"]) == (415, "unsupported_media_type")

    @pytest.mark.parametrize("name", GOOD)
    def test_a_body_above_a_mebibyte_is_a_413(self, stage, name: str) -> None:
        data = b'{"a": "' + b"a" * (1024 * 1024) + b'"}'
        answer = send(stage, name, data=data, content_type="application/json")
        assert (answer.status_code, answer.json["code"]) == (413, "too_large")

    @pytest.mark.parametrize("name", GOOD)
    def test_a_body_that_lies_about_its_encoding(self, stage, name: str) -> None:
        answer = send(
            stage, name, data="{}".encode("utf-16"), content_type="application/json; charset=utf-16"
        )
        assert answer.status_code in {400, 404}

    @pytest.mark.parametrize("name", ["confirm", "upgrade", "downgrade"])
    def test_doubled_and_strange_keys(self, stage, name: str) -> None:
        data = b'{"__proto__": {}, "planSlug": 1, "planSlug": [], "\\u0000": 1, "": {}}'
        assert send(stage, name, data=data, content_type="application/json").status_code == 400


class TestTexts:
    @pytest.mark.parametrize(("name", "field"), TEXT_FIELDS)
    @pytest.mark.parametrize("kind", NO_TEXTS)
    def test_another_type_is_a_400(self, stage, name: str, field: str, kind: str) -> None:
        optional = field in {"billingName", "billingPostalCode", "reason", "paymentMethodId"}
        answer = self.sent(stage, name, field, NO_TEXTS[kind])
        if kind == "null" and (optional or field == "workspaceSlug"):
            assert answer.status_code < 500
        else:
            assert answer.status_code == 400, answer.text

    @pytest.mark.parametrize(("name", "field"), TEXT_FIELDS)
    @pytest.mark.parametrize("kind", UNSTORABLE)
    def test_unstorable_ones_are_a_400(self, stage, name: str, field: str, kind: str) -> None:
        assert self.sent(stage, name, field, UNSTORABLE[kind]).status_code == 400

    @pytest.mark.parametrize(("name", "field"), TEXT_FIELDS)
    def test_a_hundred_kilobytes_are_a_400(self, stage, name: str, field: str) -> None:
        answer = self.sent(stage, name, field, "a" * 100_000)
        assert answer.status_code == 400
        assert len(answer.data) < 2000

    @pytest.mark.parametrize("kind", LITERAL)
    def test_a_billing_name_is_kept_letter_by_letter(
        self, shop: Shop, cast: Cast, kind: str
    ) -> None:
        method = shop.save_card(
            cast.owner, cast.workspace.slug, billingName=LITERAL[kind], billingPostalCode="EC1A 1BB"
        )
        held = shop.stripe("GET", f"/v1/payment_methods/{method}")["billing_details"]
        assert held["name"] == LITERAL[kind]

    def sent(self, stage, name: str, field: str, value: Any):
        from tests.support.people import as_json

        return send(stage, name, **as_json({**GOOD[name], field: value}))


class TestPaths:
    @pytest.mark.parametrize("raw", [*HUGE_IDS, "-1", "1.0", "%2e%2e", "1%00", "..%2f1", "1;a=b"])
    def test_ids(self, stage, raw: str) -> None:
        pay = stage[0].workspace.payments
        for method, path in (
            ("PATCH", f"{pay}/payment-methods/{raw}/set-default"),
            ("DELETE", f"{pay}/payment-methods/{raw}"),
            ("GET", f"{pay}/invoices/{raw}"),
            ("GET", f"{pay}/invoices/{raw}/download"),
            ("GET", f"{pay}/charges/{raw}"),
            ("POST", f"{pay}/charges/{raw}/cancel"),
        ):
            answer = stage[0].owner.client.open(path, method=method, headers=stage[0].owner.headers)
            assert answer.status_code in {400, 404, 405}, path
            assert answer.json["message"]

    @pytest.mark.parametrize(
        "slug",
        ["payment-method", "workspace", "webhook", "..", "%2e%2e", "a'--", "<script>", "%F0%9F"],
    )
    def test_slugs_that_mean_something_elsewhere(self, stage, slug: str) -> None:
        for tail in ("invoices", "payment-methods", "payment-method"):
            answer = stage[0].owner.get(f"/api/payments/{slug}/{tail}")
            assert answer.status_code in {308, 400, 404, 405}, answer.text

    @pytest.mark.parametrize("path", ["/api/payments", "/api/payments/", "/api/payments/a/b/c/d"])
    def test_unknown_routes_speak_the_same_dialect(self, stage, path: str) -> None:
        answer = stage[0].owner.get(path)
        assert answer.status_code == 404
        assert set(answer.json) == {"message", "error", "code"}

    def test_wrong_methods_speak_the_same_dialect(self, stage) -> None:
        answer = stage[0].owner.client.put(stage[0].workspace.payments + "/invoices")
        assert (answer.status_code, answer.json["code"]) == (405, "method_not_allowed")
        assert "GET" in answer.headers["Allow"]


class TestNames:
    """A workspace's name reaches descriptions, Stripe and a PDF, but no header."""

    @pytest.mark.parametrize(
        "name",
        [
            'a"; filename="evil.exe', "a\\", "../../etc/passwd", "<b>bold</b>", "&amp;",
            "<img src='file:///etc/passwd'>", "{{ config }}", "a;b=c", "Zoë’s “Café”",
        ],
    )  # fmt: skip
    def test_odd_ones(self, app: Flask, shop: Shop, cast: Cast, name: str) -> None:
        place = new_workspace(cast.owner, name)
        answer = shop.upgrade(cast.owner, place.slug, add_plan(app, price_minor=0))
        assert answer.json["data"]["workspace"]["name"] == name
        (invoice,) = shop.invoices(cast.owner, place.slug)
        assert f'workspace "{name}"' in invoice["description"]
        pdf = pdf_of(cast.owner, place, invoice["id"])
        expected = f'attachment; filename="{invoice["invoiceNumber"]}.pdf"'
        assert pdf.headers["Content-Disposition"] == expected

    @pytest.mark.parametrize("name", ["a\r\nX-Evil: 1", "a\nb"])
    def test_line_breaks_stay_out_of_headers(
        self, app: Flask, shop: Shop, cast: Cast, name: str
    ) -> None:
        answer = cast.owner.post("/api/workspaces", {"name": name})
        if answer.status_code == 400:
            return
        slug = answer.json["data"]["slug"]
        shop.upgrade(cast.owner, slug, add_plan(app, price_minor=0))
        (invoice,) = shop.invoices(cast.owner, slug)
        pdf = cast.owner.get(f"/api/payments/{slug}/invoices/{invoice['id']}/download")
        assert pdf.status_code == 200
        assert "X-Evil" not in pdf.headers

    def test_the_longest_name_fits_stripe_and_the_description(
        self, app: Flask, shop: Shop, cast: Cast
    ) -> None:
        place = new_workspace(cast.owner, "W" * 100)
        shop.save_card(cast.owner, place.slug)
        long_plan = add_plan(app, name="P" * 100, tier=1)
        assert shop.upgrade(cast.owner, place.slug, long_plan).status_code == 200
        longer = add_plan(app, name="Q" * 100, tier=2)
        assert shop.upgrade(cast.owner, place.slug, longer).status_code == 200


class TestHeaders:
    @pytest.mark.parametrize("prefer", ["", ";", "respond-async=\xe9", "a" * 5000, ",,,"])
    def test_odd_wishes(self, stage, prefer: str) -> None:
        cast = stage[0]
        answer = cast.owner.post(
            path_of(cast, "upgrade"), {"planSlug": "starter"}, headers={"Prefer": prefer}
        )
        assert (answer.status_code, answer.json["code"]) == (400, "no_payment_method")

    @pytest.mark.parametrize(
        "header",
        ["Bearer", "Bearer ", "bearer x y", "Bearer \xe9", "Token x", "Bearer " + "a" * 9000],
    )
    def test_odd_authorizations(self, stage, header: str) -> None:
        cast = stage[0]
        answer = cast.owner.client.get(
            f"{cast.workspace.payments}/invoices", headers={"Authorization": header}
        )
        assert (answer.status_code, answer.json["code"]) == (401, "unauthorized")
