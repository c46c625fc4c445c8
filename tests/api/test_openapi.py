"""The OpenAPI document: complete, valid, and true to the dialect."""

from __future__ import annotations

from typing import Any

from flask.testing import FlaskClient
from openapi_spec_validator import validate

from payments.config import Settings
from tests.support.apps import another_app

METHODS = {"get", "post", "put", "patch", "delete"}

# What a mailed link, or the challenge of a log-in, proves by itself.
RECOVERY = {
    "POST /api/auth/verify-email", "POST /api/auth/forgot-password",
    "POST /api/auth/reset-password", "POST /api/auth/login/verify-2fa",
}  # fmt: skip


def operations(client: FlaskClient) -> dict[str, dict[str, Any]]:
    """Return the operations of the workspaces room's own nouns by "METHOD /path"."""
    paths = client.get("/openapi.json").json["paths"]
    return {
        f"{method.upper()} {path}": operation
        for path, methods in paths.items()
        for method, operation in methods.items()
        if method in METHODS and path.startswith(("/api/auth", "/api/workspaces", "/api/pricing"))
    }


class TestOpenApi:
    def test_the_document_is_valid(self, client: FlaskClient) -> None:
        document = client.get("/openapi.json").json
        assert document["openapi"] == "3.1.0"
        validate(document)

    def test_the_same_document_from_a_second_app(
        self, settings: Settings, client: FlaskClient
    ) -> None:
        first = client.get("/openapi.json").json
        with another_app(settings) as other:
            assert other.test_client().get("/openapi.json").json == first

    def test_our_operations_are_all_there(self, client: FlaskClient) -> None:
        assert set(operations(client)) == {
            "POST /api/auth/signup", "POST /api/auth/login", "POST /api/auth/refresh",
            "POST /api/auth/logout", "POST /api/auth/logout-all", "POST /api/auth/change-password",
            "GET /api/auth/me", "GET /api/workspaces", "POST /api/workspaces",
            "GET /api/workspaces/check-name", "GET /api/workspaces/{slug}",
            "PATCH /api/workspaces/{slug}", "GET /api/workspaces/{slug}/members",
            "POST /api/workspaces/{slug}/members", "PATCH /api/workspaces/{slug}/members/{user_id}",
            "DELETE /api/workspaces/{slug}/members/{user_id}", "GET /api/pricing-plans",
            "GET /api/pricing-plans/{slug}", *RECOVERY,
            "GET /api/workspaces/{slug}/invitations",
            "DELETE /api/workspaces/{slug}/invitations/{invitation_id}",
            "POST /api/auth/resend-verification", "POST /api/auth/accept-invitation",
            "POST /api/auth/2fa/setup", "POST /api/auth/2fa/enable", "POST /api/auth/2fa/disable",
        }  # fmt: skip

    def test_every_operation_has_a_summary_a_tag_and_its_errors(self, client: FlaskClient) -> None:
        for name, operation in operations(client).items():
            assert operation["summary"], name
            assert len(operation["tags"]) == 1, name
            assert {"200", "429", "503"} <= set(operation["responses"]), name
            assert not {"default", "422"} & set(operation["responses"]), name

    def test_errors_have_the_dialects_body(self, client: FlaskClient) -> None:
        for name, operation in operations(client).items():
            for status, response in operation["responses"].items():
                if status != "200":
                    schema = response["content"]["application/json"]["schema"]
                    assert schema == {"$ref": "#/components/schemas/Error"}, (name, status)
        error = client.get("/openapi.json").json["components"]["schemas"]["Error"]
        assert set(error["required"]) == {"message", "error", "code", "requestId"}

    def test_only_public_operations_need_no_token(self, client: FlaskClient) -> None:
        document = client.get("/openapi.json").json
        assert document["security"] == [{"bearerAuth": []}]
        public = {
            n for n, operation in operations(client).items() if operation.get("security") == []
        }
        assert public == {
            "POST /api/auth/signup", "POST /api/auth/login", "GET /api/pricing-plans",
            "GET /api/pricing-plans/{slug}", *RECOVERY,
        }  # fmt: skip
        for name, operation in operations(client).items():
            assert (name in public) or "401" in operation["responses"], name

    def test_whoever_looks_up_a_workspace_may_fail_in_four_ways(self, client: FlaskClient) -> None:
        for name, operation in operations(client).items():
            if "/api/workspaces/{slug}" in name:
                assert {"400", "401", "403", "404"} <= set(operation["responses"]), name

    def test_lengths_and_moments_are_told(self, client: FlaskClient) -> None:
        schemas = client.get("/openapi.json").json["components"]["schemas"]
        name = schemas["CreateWorkspace"]["properties"]["name"]
        assert (name["minLength"], name["maxLength"]) == (1, 100)
        made = schemas["OwnWorkspace"]["properties"]["createdAt"]
        assert (made["type"], made["format"]) == ("string", "date-time")
