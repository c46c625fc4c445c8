"""`/api/v1/payments/stripe/projects/{id}`: a project's Stripe keys and webhook addresses."""

from __future__ import annotations

from typing import Any

from flask import Response, jsonify

from payments.extensions import settings
from payments.kit.blueprints import ProjectsBlueprint
from payments.projects import configs, validate
from payments.projects.guards import project_owner
from payments.projects.models import Project
from payments.projects.models.configs import MODES
from payments.projects.schemas.base import documented_errors
from payments.projects.schemas.configuration import (
    CheckKeySchema,
    ConfigChangeSchema,
    ConfigSchema,
    DestructionQuery,
    VerdictSchema,
    WebhookUrlsSchema,
)
from payments.projects.validate import Verdict

BASE = "/api/v1/payments/stripe"

blueprint = ProjectsBlueprint("stripe_configuration", __name__, url_prefix=BASE)


@blueprint.get("/projects/<uuid:project_id>/config")
@documented_errors(blueprint, 401, 403, 404, 422)
@project_owner
@blueprint.response(200, ConfigSchema)
def get_config(project: Project) -> dict[str, Any] | Response:
    """Return the configuration with its keys masked; null when there is none."""
    return configs.find(project) or jsonify(None)


@blueprint.put("/projects/<uuid:project_id>/config")
@documented_errors(blueprint, 401, 403, 404, 422)
@project_owner
@blueprint.arguments(ConfigChangeSchema)
@blueprint.response(200, ConfigSchema)
def put_config(body: dict[str, Any], project: Project) -> dict[str, Any]:
    """Store keys and switch the configuration on

    Only the given keys change. The webhook secret that is replaced is accepted for another day.
    """
    trials: bool | None = body.pop("allow_repeat_trials", None)
    return configs.save(project, trials, **body)


@blueprint.delete("/projects/<uuid:project_id>/config")
@documented_errors(blueprint, 401, 403, 404, 422)
@project_owner
@blueprint.arguments(DestructionQuery, location="query")
@blueprint.response(204)
def delete_config(query: dict[str, Any], project: Project) -> None:
    """Switch the configuration off; subscriptions at Stripe go on

    The keys are destroyed after KEY_DESTRUCTION_DAYS unless a PUT switches it on again before;
    with `destroy_keys` at once, also those of a configuration that is off already.
    """
    configs.switch_off(project, destroys_keys=query["destroy_keys"])


@blueprint.get("/projects/<uuid:project_id>/webhook-urls")
@documented_errors(blueprint, 401, 403, 404, 422)
@project_owner
@blueprint.response(200, WebhookUrlsSchema)
def webhook_urls(project: Project) -> dict[str, str]:
    """Return the addresses to register at Stripe, one a mode."""
    base = f"{settings().public_url}{BASE}/webhooks/{project.id}"
    return {f"{mode}_webhook_url": f"{base}/{mode}" for mode in MODES}


@blueprint.post("/projects/<uuid:project_id>/validate-credentials")
@documented_errors(blueprint, 401, 403, 404, 422, 502)
@project_owner
@blueprint.arguments(CheckKeySchema)
@blueprint.response(200, VerdictSchema)
def validate_credentials(body: dict[str, Any], project: Project) -> Verdict:  # noqa: ARG001
    """Try a secret key at Stripe; nothing is stored."""
    return validate.check(**body)
