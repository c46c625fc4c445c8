"""Where a browser may be sent back to: no trick of writing leads to a foreign place."""

from __future__ import annotations

from typing import Any

import pytest

from payments.config import Settings
from payments.projects import urls
from tests.support.developers import ProjectSeat, developer_with_project
from tests.support.ledger_rows import new_price

FINE = {
    "plain": "https://shop.example/thanks",
    "placeholder": "https://shop.example/ok?session={CHECKOUT_SESSION_ID}",
    "local": "http://localhost:3000/back",
    "address": "http://127.0.0.1:5000/",
    "ipv6": "http://[::1]:5000/",
    "upper case": "HTTPS://SHOP.EXAMPLE/Thanks",
    "fragment": "https://shop.example/#/thanks",
    "at in the path": "https://shop.example/@me?to=a@b.example",
}

UNFIT = {
    "script": "javascript:alert(1)",
    "data": "data:text/html,hello",
    "file": "file:///etc/passwd",
    "app": "shop://thanks",
    "no scheme": "shop.example/thanks",
    "path": "/thanks",
    "two slashes": "//evil.example",
    "slash and backslash": "/\\evil.example",
    "backslashes": "https:\\\\evil.example",
    "backslash before user": "https://shop.example\\@evil.example/",
    "one slash": "https:/evil.example",
    "no slash": "https:evil.example",
    "three slashes": "https:///evil.example",
    "no host": "https://",
    "only a port": "https://:443/",
    "user": "https://shop.example@evil.example/",
    "user and password": "https://a:b@shop.example/",
    "empty user": "https://@shop.example/",
    "tab": "https://shop.exam\tple/",
    "line break": "https://shop.example/\r\nSet-Cookie: a=b",
    "space": "https://shop.example/a b",
    "turned around": "https://shop.example/\u202egpj.exe",
    "no width": "https://sh\u200bop.example/",
    "port too high": "https://shop.example:99999/",
    "no port": "https://shop.example:x/",
    "port zero": "https://shop.example:0/",
    "percent in the host": "https://shop%2eexample/",
    "two dots": "https://shop..example/",
    "bracket": "https://[::1]evil.example/",
    "open bracket": "https://[::1/",
    "placeholder as host": "https://{CHECKOUT_SESSION_ID}.example/",
    "no letters": "https://\u2024\u2024/",
    "not normal": "https://shop\u2100.example/",
    "too long": "https://shop.example/" + "a" * 2048,
}

# Origins that are allowed, and addresses that only look as if they were.
ALLOWED = ["https://shop.example", "https://bücher.example:8443/anything"]
WITHIN = {
    "same": "https://shop.example/thanks?a=b#c",
    "port said": "https://shop.example:443/",
    "case": "https://Shop.EXAMPLE/",
    "wide letters": "https://ｓhop.example/",
    "letters": "https://bücher.example:8443/",
    "punycode": "https://xn--bcher-kva.example:8443/",
}
OUTSIDE = {
    "foreign": "https://evil.example/",
    "http": "http://shop.example/",
    "port": "https://shop.example:8443/",
    "sub-domain": "https://www.shop.example/",
    "suffix": "https://shop.example.evil.example/",
    "prefix": "https://evilshop.example/",
    "trailing dot": "https://shop.example./",
    "cyrillic": "https://sh\u043ep.example/",
    "sharp s for ss": "https://\u017fhop.example.\u00df/",
    "other letters": "https://bucher.example:8443/",
    "name in the path": "https://evil.example/https://shop.example/",
    "name in the query": "https://evil.example?https://shop.example/",
    "name in the fragment": "https://evil.example#shop.example",
}


def verdict(url: str, allowed: list[str] | None = None) -> str | None:
    try:
        return urls.checked(url, allowed or [])
    except urls.UnfitUrl:
        return None


class TestChecked:
    @pytest.mark.parametrize("url", FINE.values(), ids=FINE)
    def test_a_web_address_is_given_on_as_it_is(self, url: str) -> None:
        assert verdict(url) == url

    @pytest.mark.parametrize("url", UNFIT.values(), ids=UNFIT)
    def test_anything_else_is_refused(self, url: str) -> None:
        assert verdict(url) is None

    def test_letters_of_a_host_leave_as_punycode(self) -> None:
        assert verdict("https://bücher.example:81/ä") == "https://xn--bcher-kva.example:81/ä"

    def test_an_address_of_2048_characters_is_not_too_long(self) -> None:
        longest = "https://shop.example/".ljust(2048, "a")
        assert verdict(longest) == longest
        assert verdict(longest + "a") is None


class TestAllowedOrigins:
    @pytest.mark.parametrize("url", WITHIN.values(), ids=WITHIN)
    def test_the_projects_own_places_will_do(self, url: str) -> None:
        assert verdict(url, ALLOWED) is not None

    @pytest.mark.parametrize("url", OUTSIDE.values(), ids=OUTSIDE)
    def test_no_other_place_will(self, url: str) -> None:
        assert verdict(url, ALLOWED) is None
        assert verdict(url) is not None

    def test_an_allowance_that_names_no_place_allows_none(self) -> None:
        assert verdict("https://shop.example", ["shop.example"]) is None


@pytest.fixture
def guarded(client: Any, settings: Settings, neighbours: ProjectSeat) -> ProjectSeat:
    """A project that allows one origin."""
    return developer_with_project(client, settings, allowed_origins=["https://shop.example"])


CASES = [
    ("checkout-session", "success_url"),
    ("checkout-session", "cancel_url"),
    ("customer-portal", "return_url"),
]
GOOD = "https://shop.example/back"


class TestOverHttp:
    def body(self, **changes: str) -> dict[str, str]:
        good = {"price_id": "price_1", "success_url": GOOD, "cancel_url": GOOD, "return_url": GOOD}
        return {**good, **changes}

    @pytest.mark.parametrize(("path", "field"), CASES)
    def test_an_unfit_url_is_422_in_the_list_form(
        self, seat: ProjectSeat, path: str, field: str
    ) -> None:
        body = self.body(**{field: "https://a@evil.example/"})
        answer = seat.end_user.post(f"/api/v1/payments/stripe/{path}", body)
        assert answer.status_code == 422
        (fault,) = answer.json["detail"]
        assert fault["loc"] == ["body", field]
        assert fault["type"] == "value_error"
        assert "user name" in fault["msg"]

    @pytest.mark.parametrize(("path", "field"), CASES)
    def test_a_foreign_origin_is_422(self, guarded: ProjectSeat, path: str, field: str) -> None:
        body = self.body(**{field: "https://evil.example/"})
        answer = guarded.end_user.post(f"/api/v1/payments/stripe/{path}", body)
        assert answer.status_code == 422
        assert [fault["loc"] for fault in answer.json["detail"]] == [["body", field]]

    @pytest.mark.parametrize(("path", "field"), CASES)
    @pytest.mark.parametrize("bad", ["", "   ", None, 7, ["https://shop.example"], "a\x00b"])
    def test_no_text_is_422(self, seat: ProjectSeat, path: str, field: str, bad: Any) -> None:
        body = self.body(**{field: bad})
        answer = seat.end_user.post(f"/api/v1/payments/stripe/{path}", body)
        assert answer.status_code == 422
        assert [fault["loc"] for fault in answer.json["detail"]] == [["body", field]]

    @pytest.mark.parametrize(("path", "field"), CASES)
    def test_it_is_required(self, seat: ProjectSeat, path: str, field: str) -> None:
        body = self.body()
        del body[field]
        answer = seat.end_user.post(f"/api/v1/payments/stripe/{path}", body)
        assert answer.status_code == 422
        assert answer.json["detail"][0]["type"] == "missing"

    def test_both_faults_are_told_at_once(self, seat: ProjectSeat) -> None:
        body = self.body(success_url="//evil", cancel_url="/back")
        answer = seat.end_user.post("/api/v1/payments/stripe/checkout-session", body)
        assert [fault["loc"][1] for fault in answer.json["detail"]] == ["success_url", "cancel_url"]

    def test_an_allowed_origin_passes(self, guarded: ProjectSeat) -> None:
        body = self.body(price_id=new_price(guarded.shop))
        answer = guarded.end_user.post("/api/v1/payments/stripe/checkout-session", body)
        assert answer.status_code == 200, answer.text
