"""Every operation of the OpenAPI document, asked at random: no 5xx, answers as documented."""

from __future__ import annotations

import contextlib
import re

import hypothesis
import pytest
import schemathesis
from flask import Flask
from hypothesis import HealthCheck, strategies
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import (
    content_type_conformance,
    not_a_server_error,
    response_schema_conformance,
    status_code_conformance,
)

from payments.config import Settings
from tests.support.logins import WORKSPACES
from tests.support.people import Cast, bearer, workspace_with_roles
from tests.support.shop import Shop
from tests.support.till import find_charge_id, make_platform_admin

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
EXAMPLES = 10


@pytest.fixture(scope="module")
def cast(app: Flask, worker: None, settings: Settings) -> Cast:
    """A workspace whose owner is a platform administrator too: every door is open to him."""
    shop = Shop(app.test_client(), settings)
    cast = workspace_with_roles(shop.client, "Fuzz").complete()
    make_platform_admin(app, cast.owner)
    shop.save_card(cast.owner, cast.workspace.slug)
    assert shop.upgrade(cast.owner, cast.workspace.slug).status_code == 200
    return cast


@pytest.fixture(scope="module")
def known(app: Flask, cast: Cast, settings: Settings) -> dict[str, str]:
    """Path parameters that lead somewhere."""
    shop = Shop(app.test_client(), settings)
    (invoice,) = shop.invoices(cast.owner, cast.workspace.slug)
    return {
        "slug": cast.workspace.slug,
        "invoice_id": str(invoice["id"]),
        "charge_id": str(find_charge_id(app, invoice["stripePaymentIntentId"])),
        "user_id": str(cast.member.id),
    }


def operations(app: Flask):
    schema = schemathesis.openapi.from_wsgi("/openapi.json", app)
    return [result.ok() for result in schema.get_all_operations()]


@pytest.mark.parametrize("mode", list(GenerationMode))
def test_answers_are_as_documented(
    app: Flask, cast: Cast, known: dict[str, str], subtests: pytest.Subtests, mode: GenerationMode
) -> None:
    for operation in operations(app):
        # A session each: some operations end it.
        headers = bearer(WORKSPACES.start(app.test_client(), cast.owner).access)
        with subtests.test(operation=operation.label):
            _ask(operation, mode, headers, known)


def _ask(operation, mode: GenerationMode, headers: dict[str, str], known: dict[str, str]) -> None:
    @hypothesis.given(
        case=operation.as_strategy(generation_mode=mode), somewhere=strategies.booleans()
    )
    @hypothesis.settings(
        max_examples=EXAMPLES,
        derandomize=True,
        deadline=None,
        database=None,
        phases=[hypothesis.Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def ask(case, somewhere: bool) -> None:
        if somewhere:
            # `slug` also names a pricing plan: there a workspace's leads nowhere, which is fine.
            case.path_parameters = {
                name: known.get(name, value) for name, value in (case.path_parameters or {}).items()
            }
        case.call_and_validate(headers=headers, checks=CHECKS)

    # Where any text will do, there is no wrong one to be made up.
    with contextlib.suppress(Unsatisfiable):
        ask()


def test_the_document_knows_every_route_of_the_api(app: Flask) -> None:
    """A view without a line in the document is one that nobody fuzzes."""
    documented = {(op.method.upper(), op.path) for op in operations(app)}
    for rule in app.url_map.iter_rules():
        if not rule.rule.startswith("/api/"):
            continue
        path = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule)
        for method in rule.methods - {"HEAD", "OPTIONS"}:
            assert (method, path) in documented
