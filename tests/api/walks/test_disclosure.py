"""No answer to anybody holds a stack trace, a place in the code, SQL, a version or a secret."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask, Response

from payments.config import Settings
from tests.api.walks.conftest import CALLERS, Stage, list_secrets_of
from tests.support.operations import Operation

INSIDES = re.compile(
    r"Traceback|File \"|\.py\b|site-packages|sqlalchemy|psycopg|sqlite3?\.|IntegrityError"
    r"|OperationalError|ProgrammingError|werkzeug|gunicorn|waitress|marshmallow|Python/\d"
    r"|\bSELECT .+ FROM\b|\bINSERT INTO\b|\bUPDATE .+ SET\b|scrypt:\d|\$argon2|object at 0x",
    re.IGNORECASE,
)
NONSENSE = "page=%00&limit=1e9&page_size=" + "x" * 300 + "&search=%ff'%22--&x="
# Answers of what stands before a view; 404 is what most of them say of a parameter.
STOPPED = {401, 403, 415, 429}
WAYS: dict[str, dict[str, Any]] = {
    "as documented": {},
    "without a body": {},
    "half a body": {"data": b'{"email": ', "content_type": "application/json"},
    "a body of another kind": {"data": b"<a/>", "content_type": "text/xml"},
    "nonsense around it": {
        "query_string": NONSENSE,
        "headers": {"X-Project-ID": "' OR 1=1", "Idempotency-Key": "\xe9" * 300, "Accept": "x/y"},
    },
}


def list_faults(answer: Response, secrets: dict[str, str]) -> list[str]:
    """Return what an answer holds that no answer may hold."""
    text = f"{answer.headers}\n{answer.get_data().decode(errors='replace')}"
    told = [f"{answer.status_code}"] if answer.status_code >= 500 else []
    told += [found.group() for found in [INSIDES.search(text)] if found]
    return told + [name for name, secret in secrets.items() if secret and secret in text]


def send(stage: Stage, operation: Operation, caller: str, way: str) -> Response:
    """Ask for an operation in one of the ways."""
    full = way == "as documented" and operation.body is not None
    body = {"json": operation.body} if full else {}
    return stage.send(operation, caller, **body, **WAYS[way])


@pytest.mark.slow
class TestWalk:
    @pytest.mark.parametrize("caller", CALLERS)
    def test_no_answer_tells_what_it_must_not(
        self, stage: Stage, operations: list[Operation], caller: str
    ) -> None:
        told = [
            f"{operation}, {way}: {fault}"
            for operation in operations
            for way in WAYS
            for fault in list_faults(send(stage, operation, caller, way), stage.secrets)
        ]
        assert told == []

    def test_somebody_gets_through_everywhere(
        self, make_stage: Callable[[], Stage], operations: list[Operation]
    ) -> None:
        """Else a view is never reached, and its answers are not looked at."""
        stage = make_stage()
        closed = [
            str(operation)
            for operation in operations
            if all(
                send(stage, operation, caller, way).status_code in STOPPED
                for caller in reversed(CALLERS)
                for way in WAYS
            )
        ]
        assert closed == []


class TestSearch:
    """What is looked for would be found."""

    @pytest.mark.parametrize(
        "text",
        [
            'Traceback (most recent call last):\n  File "/app/x.py", line 1',
            "(psycopg.errors.UniqueViolation) duplicate key",
            "SELECT users.id FROM users",
            "$argon2id$v=19$m=19456",
            "<User object at 0x7f>",
        ],
    )
    def test_insides(self, text: str) -> None:
        assert INSIDES.search(text)

    def test_a_secret_and_an_error(self, settings: Settings) -> None:
        secrets = list_secrets_of(settings)
        assert len(secrets) >= 4
        secret = secrets["stripe_secret_key 0"]
        assert list_faults(Response(secret, 500), secrets) == ["500", "stripe_secret_key 0"]


# Pages that are in no OpenAPI document, and why a walk over operations need not see them.
PAGES = {
    "/static/<path:filename>": "Flask's own; there is no such folder",
    "/openapi.json": "the document itself",
    "/docs": "the document's page",
    "/docs/<string:name>": "its three files, named in the code",
    "/healthz": "one word",
    "/readyz": "names of parts and whether they work",
    "/metrics": "figures",
}


def test_every_route_is_walked_or_is_a_page(app: Flask, operations: list[Operation]) -> None:
    walked = {each.path for each in operations}
    rules = {rule.rule for rule in app.url_map.iter_rules()}
    paths = {rule: re.sub(r"<(?:[^:<>]+:)?(\w+)>", r"{\1}", rule) for rule in rules}
    unknown = {rule for rule in rules if paths[rule] not in walked}
    assert unknown == PAGES.keys() & rules, "say in PAGES why nobody walks it, or document it"


@pytest.mark.parametrize("page", ["/healthz", "/readyz", "/metrics", "/docs", "/nothing", "/"])
def test_a_page_tells_nothing_either(stage: Stage, page: str) -> None:
    for method in ("GET", "POST", "DELETE", "TRACE"):
        answer = stage.client.open(page, method=method)
        faults = list_faults(answer, stage.secrets)
        # Without a worker's mark, a 503 of /readyz is right.
        assert [each for each in faults if each != "503"] == [], (method, answer.text[:300])
