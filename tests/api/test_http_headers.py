"""What every answer says to browsers and caches, and which pages are open to whom."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from payments.config import Settings
from tests.support.apps import another_app
from tests.support.people import sign_up

# In production mode as far as an app of a test goes: the rest is the settings' own test.
PRODUCTION: dict[str, Any] = {"env": "production", "api_docs": False}
PAGES = ("/healthz", "/docs", "/docs/page.js", "/openapi.json", "/api/pricing-plans", "/nothing")


@pytest.mark.parametrize("path", [*PAGES, "/api/auth/me", "/api/v1/auth/me", "/metrics"])
def test_every_answer(client: FlaskClient, path: str) -> None:
    headers = client.get(path).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert "Strict-Transport-Security" not in headers
    assert "Server" not in headers


def test_nothing_of_the_api_is_kept(client: FlaskClient) -> None:
    person = sign_up(client)
    body = {"email": person.email, "password": person.password}
    answers = [
        client.post("/api/auth/login", json=body),
        client.post("/api/auth/login", json={**body, "password": "x"}),
        person.get("/api/auth/me"),
        person.get(f"{person.home.payments}/invoices"),
    ]
    assert {answer.headers["Cache-Control"] for answer in answers} == {"no-store"}


def test_files_of_the_documentation_may_be_kept(client: FlaskClient) -> None:
    answer = client.get("/docs/swagger-ui.css", buffered=True)
    assert "max-age=3600" in answer.headers["Cache-Control"]


@pytest.mark.parametrize(("scheme", "told"), [("https", "max-age=31536000"), ("http", None)])
def test_production_asks_for_https_over_https(
    settings: Settings, scheme: str, told: str | None
) -> None:
    with another_app(settings, **PRODUCTION) as app:
        answer = app.test_client().get("/healthz", base_url=f"{scheme}://payments.example")
        assert answer.headers.get("Strict-Transport-Security") == told


class TestDocumentation:
    @pytest.mark.parametrize("path", ["/docs", "/docs/page.js", "/openapi.json"])
    def test_without_api_docs_there_is_none(self, settings: Settings, path: str) -> None:
        with another_app(settings, api_docs=False) as app:
            answer = app.test_client().get(path)
            assert (answer.status_code, answer.json["code"]) == (404, "not_found")


class TestMetrics:
    def test_in_development_they_are_open(self, client: FlaskClient) -> None:
        assert client.get("/metrics").status_code == 200

    def test_in_production_there_are_none_without_a_token(self, settings: Settings) -> None:
        with another_app(settings, **PRODUCTION) as app:
            headers = {"Authorization": "Bearer None"}
            assert app.test_client().get("/metrics", headers=headers).status_code == 404

    @pytest.mark.parametrize("changes", [{}, PRODUCTION])
    def test_the_token_opens_them(self, settings: Settings, changes: dict[str, Any]) -> None:
        token = "scrape-me-0123456789"
        with another_app(settings, metrics_token=token, **changes) as app:

            def get(given: str | None) -> Any:
                headers = {} if given is None else {"Authorization": given}
                return app.test_client().get("/metrics", headers=headers)

            assert get(f"Bearer {token}").status_code == 200
            for wrong in (None, "", token, f"Bearer {token}x", f"Basic {token}", "Bearer \xe9"):
                answer = get(wrong)
                assert (answer.status_code, answer.json["code"]) == (401, "unauthorized")
                assert answer.headers["WWW-Authenticate"] == "Bearer"

    def test_many_scrapers_cost_one_look(
        self, settings: Settings, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from payments.pages import exposition

        made: list[int] = []
        make = exposition.generate_latest
        monkeypatch.setattr(
            exposition, "generate_latest", lambda registry: made.append(1) or make(registry)
        )
        with another_app(settings) as app:
            texts = {app.test_client().get("/metrics").data for _ in range(32)}
        assert (len(texts), made) == (1, [1])

    def test_who_asks_meanwhile_gets_the_former_numbers(
        self, settings: Settings, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from payments.kit import clock

        with another_app(settings) as app:
            client, held = app.test_client(), app.extensions["payments.metrics"]
            first = client.get("/metrics").data
            now = clock.monotonic()
            monkeypatch.setattr(clock, "monotonic", lambda: now + 10)
            with held._making:  # as if another thread were at it
                assert client.get("/metrics").data == first


class TestBodies:
    FORM = {"data": {"email": "a@b.co", "password": "x"}}  # noqa: RUF012

    @pytest.mark.parametrize(
        "sent",
        [FORM, {"data": "{}"}, {"data": "{}", "content_type": "text/plain"}],
        ids=["form", "none", "text"],
    )
    def test_a_body_of_another_type(self, client: FlaskClient, sent: dict[str, Any]) -> None:
        ours, theirs = (client.post(f"{place}/auth/login", **sent) for place in ("/api", "/api/v1"))
        sentence = "The body must be JSON: Content-Type: application/json"
        assert (ours.status_code, theirs.status_code) == (415, 415)
        assert ours.json == {
            "message": sentence, "error": sentence, "code": "unsupported_media_type",
        }  # fmt: skip
        assert theirs.json == {"detail": sentence}

    @pytest.mark.parametrize(
        "kind", ["application/json", "application/json; charset=utf-8", "application/x+json"]
    )
    def test_json_by_any_of_its_names(self, client: FlaskClient, kind: str) -> None:
        answer = client.post("/api/auth/login", data='{"email": "a@b.co"}', content_type=kind)
        assert (answer.status_code, answer.json["code"]) == (400, "missing_field")

    @pytest.mark.parametrize("kind", ["application/json", "text/plain", ""])
    def test_no_body_at_all_is_of_any_type(self, client: FlaskClient, kind: str) -> None:
        person = sign_up(client)
        path = f"{person.home.payments}/payment-method"
        assert person.post(path, content_type=kind).status_code == 200
        assert client.post("/api/auth/login", data="", content_type=kind).status_code == 400

    def test_the_document_says_so(self, client: FlaskClient) -> None:
        paths = client.get("/openapi.json").json["paths"]
        for path, methods in paths.items():
            for method, operation in methods.items():
                if isinstance(operation, dict) and "requestBody" in operation:
                    assert "415" in operation["responses"], (method, path)
