"""Every operation of the OpenAPI document, asked for by everybody who has no business there.

What is not listed here as public, as an end user's or as without a subject of its own is taken
for a developer's or a member's: a new operation is tried by all the others without a word here.
"""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from payments.config import Settings
from tests.support.developers import ProjectSeat, new_api_key
from tests.support.hostile import forged_tokens
from tests.support.ledger_rows import add_payment, add_subscription
from tests.support.operations import METHODS, Operation, operations_of
from tests.support.people import Cast, bearer, sign_up, workspace_with_roles

# Open to everybody, each with its reason.
PUBLIC = {
    "POST /api/auth/login": "it makes the tokens; a password is the proof",
    "POST /api/auth/signup": "anybody may open an account",
    "POST /api/auth/refresh": "a refresh token is the proof",
    "GET /api/pricing-plans": "prices are shown to strangers",
    "GET /api/pricing-plans/{slug}": "prices are shown to strangers",
    "POST /api/payments/webhook": "Stripe has no token; its signature is the proof",
    "POST /api/v1/auth/login": "it makes the tokens; a password is the proof",
    **{
        f"POST /api{version}/auth/{path}": reason
        for version in ("", "/v1")
        for path, reason in {
            "verify-email": "the mailed link is the proof",
            "forgot-password": "the answer is the same for everybody",
            "reset-password": "the mailed link is the proof",
            "login/verify-2fa": "the challenge and the code are the proof",
        }.items()
    },
    "POST /api/v1/auth/register": "an operator's or project's key is the proof",
    "POST /api/v1/auth/refresh": "a refresh token is the proof",
    "POST /api/v1/payments/stripe/webhooks/{project_id}/{mode}": "a signature is the proof",
}

# An end user's own, in the project of his token.
END_USERS = {
    "POST /api/v1/payments/stripe/checkout-session",
    "GET /api/v1/payments/stripe/my-subscription",
    "GET /api/v1/payments/stripe/my-payments",
    "POST /api/v1/payments/stripe/customer-portal",
    "POST /api/v1/payments/stripe/cancel-subscription",
    "POST /api/v1/payments/stripe/update-subscription",
}

# About the caller himself: whoever is signed in may ask, and hears of nobody else.
ABOUT_ONESELF = {
    "GET /api/auth/me": "the caller",
    "POST /api/auth/logout": "the caller's session",
    "POST /api/auth/logout-all": "sessions of the caller",
    "POST /api/auth/change-password": "the caller's password, which is asked for",
    "GET /api/v1/auth/me": "the caller",
    "POST /api/auth/resend-verification": "a mail to the caller",
    "POST /api/auth/accept-invitation": "an invitation of the caller's address",
    "POST /api/auth/2fa/setup": "the caller's second factor",
    "POST /api/auth/2fa/enable": "the caller's second factor",
    "POST /api/auth/2fa/disable": "the caller's second factor",
    "POST /api/v1/auth/logout": "the caller's session",
    "POST /api/v1/auth/logout-all": "sessions of the caller",
    "POST /api/v1/auth/change-password": "the caller's password, which is asked for",
    "GET /api/payments/payment-method": "cards of the caller's own workspace",
    "POST /api/payments/payment-method": "a card for the caller's own workspace",
    "POST /api/payments/payment-method/confirm": "a card for the caller's own workspace",
    "GET /api/workspaces": "workspaces of the caller",
    "POST /api/workspaces": "a workspace of the caller's own",
    "GET /api/workspaces/check-name": "only whether a name is free",
    "GET /api/v1/payments/projects": "projects of the caller",
    "GET /api/v1/payments/stats": "projects of the caller",
    "GET /api/v1/payments/subscriptions": "projects of the caller",
    "GET /api/v1/payments/transactions": "projects of the caller",
    "GET /api/v1/projects/": "projects of the caller",
    "POST /api/v1/projects/": "a project of the caller's own",
}


# Those of them that every kind of user may ask in this dialect.
ANYBODYS = {name for name in ABOUT_ONESELF if "/api/v1/auth/" in name}


@pytest.fixture(scope="session")
def operations(app: Flask) -> list[Operation]:
    document = app.test_client().get("/openapi.json").json
    found = operations_of(document)
    assert len(found) > 60
    return found


@pytest.fixture(scope="session")
def cast(app: Flask, worker: None) -> Cast:
    return workspace_with_roles(app.test_client(), "Isolated").complete()


@pytest.fixture(scope="session")
def victim(app: Flask, neighbours: ProjectSeat) -> ProjectSeat:
    """A project with rows of both modes and a live key: whatever leaks has something to leak."""
    for test_mode in (True, False):
        add_subscription(app, neighbours, neighbours.end_user, test_mode=test_mode)
        add_payment(app, neighbours, neighbours.end_user, test_mode=test_mode)
    return neighbours


@pytest.fixture(scope="session")
def subjects(victim: ProjectSeat, cast: Cast) -> dict[str, str]:
    """What stands for the parameters of paths: the victims' own things."""
    new_api_key(victim.developer, victim.project_id)
    keys = victim.developer.get(f"/api/v1/projects/{victim.project_id}/api-keys").json
    return {
        "project_id": victim.project_id,
        "api_key_id": keys[0]["id"],
        "event_id": "evt_1",
        "mode": "test",
        "slug": cast.workspace.slug,
        "user_id": str(cast.member.id),
        "charge_id": "1",
        "invitation_id": "1",
        "invoice_id": "1",
        "refund_id": "1",
        "run_id": "1",
        "method_id": "1",
    }


@pytest.fixture
def attempt(client: FlaskClient, subjects: dict[str, str], victim: ProjectSeat, cast: Cast) -> Any:
    """Ask for operations with a header; return those that were granted, failed or leaked."""
    secrets = _known_of(victim, cast)

    def tried(wanted: list[Operation], headers: dict[str, str]) -> list[str]:
        told = []
        for operation in wanted:
            for full in (True, False):
                answer = operation.send(client, subjects, headers, full=full)
                if answer.status_code < 400 or answer.status_code >= 500:
                    told.append(f"{operation}: {answer.status_code} {answer.text[:200]}")
                if any(secret in answer.text for secret in secrets):
                    told.append(f"{operation}: tells {answer.text[:200]}")
        return told

    return tried


class TestWithoutStanding:
    """Callers who may not even do what everybody may: nothing but the public operations."""

    def closed(self, operations: list[Operation]) -> list[Operation]:
        return [operation for operation in operations if str(operation) not in PUBLIC]

    def test_anonymous(self, attempt: Any, operations: list[Operation]) -> None:
        assert attempt(self.closed(operations), {}) == []

    @pytest.mark.parametrize(
        "header", ["", "Bearer", "Bearer ", "Basic YTpi", "bearer nonsense", "Bearer a b c"]
    )
    def test_no_token_in_the_header(
        self, attempt: Any, operations: list[Operation], header: str
    ) -> None:
        assert attempt(self.closed(operations), {"Authorization": header}) == []

    @pytest.mark.parametrize(
        "kind",
        ["other secret", "expired", "alg none", "swapped claims", "no signature", "unknown user"],
    )
    @pytest.mark.parametrize("whose", ["developer", "end_user"])
    def test_forged_tokens(
        self, attempt: Any, operations: list[Operation], settings: Settings,
        victim: ProjectSeat, kind: str, whose: str,
    ) -> None:  # fmt: skip
        token = forged_tokens(settings.jwt_secret_key, getattr(victim, whose).token)[kind]
        assert attempt(self.closed(operations), bearer(token)) == []

    @pytest.mark.parametrize("whose", ["developer", "end_user"])
    def test_refresh_tokens(
        self, attempt: Any, operations: list[Operation], victim: ProjectSeat, whose: str
    ) -> None:
        token = getattr(victim, whose).refresh_token
        # Trading itself in is all that it is for.
        wanted = [each for each in self.closed(operations) if "/refresh" not in each.path]
        assert attempt(wanted, bearer(token)) == []

    @pytest.mark.parametrize("header", ["X-Developer-Key", "X-API-Key"])
    def test_a_projects_key_is_no_token(
        self, attempt: Any, operations: list[Operation], victim: ProjectSeat, header: str
    ) -> None:
        headers = {header: victim.api_key, "X-Project-ID": victim.project_id}
        assert attempt(self.closed(operations), headers) == []


class TestOfAnotherKind:
    """Callers with a good token, on operations that are not for their kind."""

    def test_a_member_of_a_workspace_in_the_projects_room(
        self, attempt: Any, operations: list[Operation], client: FlaskClient
    ) -> None:
        wanted = [each for each in _closed(operations) if each.is_projects]
        wanted = [each for each in wanted if str(each) not in ANYBODYS]
        assert attempt(wanted, sign_up(client).headers) == []

    def test_an_end_user_on_a_developers(
        self, attempt: Any, operations: list[Operation], victim: ProjectSeat, seat: ProjectSeat
    ) -> None:
        for user in (victim.end_user, seat.end_user):
            wanted = [
                each
                for each in _closed(operations)
                if str(each) not in END_USERS and str(each) not in ANYBODYS
            ]
            assert attempt(wanted, user.headers) == []

    def test_a_developer_on_an_end_users(
        self, attempt: Any, operations: list[Operation], victim: ProjectSeat, seat: ProjectSeat
    ) -> None:
        wanted = [each for each in operations if str(each) in END_USERS]
        assert len(wanted) == len(END_USERS)
        for developer in (victim.developer, seat.developer):
            assert attempt(wanted, developer.headers) == []
            named = {**developer.headers, "X-Project-ID": victim.project_id}
            assert attempt(wanted, named) == []


class TestOfAnotherTenant:
    """Callers of the right kind, with the things of somebody else."""

    def test_another_developer(
        self, attempt: Any, operations: list[Operation], seat: ProjectSeat
    ) -> None:
        wanted = [
            each
            for each in _closed(operations)
            if str(each) not in ABOUT_ONESELF and str(each) not in END_USERS
        ]
        assert attempt(wanted, seat.developer.headers) == []

    def test_a_stranger_to_the_workspace(
        self, attempt: Any, operations: list[Operation], cast: Cast
    ) -> None:
        wanted = [
            each
            for each in _closed(operations)
            if not each.is_projects and str(each) not in ABOUT_ONESELF
        ]
        assert attempt(wanted, cast.outsider.headers) == []

    def test_an_end_user_who_names_another_project(
        self, attempt: Any, operations: list[Operation], victim: ProjectSeat, seat: ProjectSeat
    ) -> None:
        wanted = [each for each in operations if str(each) in END_USERS]
        headers = {**seat.end_user.headers, "X-Project-ID": victim.project_id}
        assert attempt(wanted, headers) == []

    def test_what_is_about_oneself_tells_of_nobody_else(
        self, client: FlaskClient, operations: list[Operation], subjects: dict[str, str],
        victim: ProjectSeat, cast: Cast, seat: ProjectSeat,
    ) -> None:  # fmt: skip
        secrets, told = [*_known_of(victim, cast), victim.project_id], []
        wanted = [each for each in operations if str(each) in ABOUT_ONESELF.keys() | END_USERS]
        # Nobody is known any more after these.
        wanted.sort(key=lambda each: "logout" in each.path)
        callers = (seat.developer, seat.end_user, sign_up(client))
        for operation in wanted:
            for caller in callers:
                answer = operation.send(client, subjects, caller.headers, full=True)
                if answer.status_code == 500 or any(each in answer.text for each in secrets):
                    told.append(f"{operation}: {answer.status_code} {answer.text[:200]}")
        assert told == []


class TestTheListsAbove:
    def test_they_name_what_exists(self, operations: list[Operation]) -> None:
        known = {str(operation) for operation in operations}
        assert (PUBLIC.keys() | END_USERS | ABOUT_ONESELF.keys()) - known == set()

    def test_a_public_operation_says_so_in_the_document(self, app: Flask) -> None:
        document = app.test_client().get("/openapi.json").json
        open_ = {
            f"{method.upper()} {path}"
            for path, methods in document["paths"].items()
            for method, operation in methods.items()
            if method in METHODS and operation.get("security") is not None
        }
        assert open_ <= PUBLIC.keys()

    def test_a_hole_would_be_found(
        self, attempt: Any, operations: list[Operation], victim: ProjectSeat
    ) -> None:
        """The same attempts, by somebody who may: what he is granted and told are breaches."""
        wanted = [each for each in operations if each.path.endswith("{project_id}/users")]
        assert len(attempt(wanted, victim.developer.headers)) == 4


def _closed(operations: list[Operation]) -> list[Operation]:
    return [operation for operation in operations if str(operation) not in PUBLIC]


def _known_of(victim: ProjectSeat, cast: Cast) -> list[str]:
    """Return what no answer to anybody else may hold."""
    return [
        victim.developer.email,
        victim.end_user.email,
        victim.end_user.user_id,
        victim.secret_key,
        victim.webhook_secret,
        cast.owner.email,
        cast.member.email,
    ]
