"""`/api/payments/workspace/{slug}/...-plan`, and the charges behind upgrades."""

from __future__ import annotations

from typing import Any

from flask import Response, jsonify, request, url_for

from payments.idempotency.replay import idempotent, request_key
from payments.kit.blueprints import Blueprint
from payments.kit.db import db
from payments.kit.http import enveloped, parse_id
from payments.workspaces import answers, errors, queries, waiting
from payments.workspaces.charges import action, give_up
from payments.workspaces.guards import MANAGERS, Access, workspace_access
from payments.workspaces.models import Charge, Workspace
from payments.workspaces.models.charges import REQUIRES_ACTION
from payments.workspaces.plans.downgrade import NOTE, downgrade_plan
from payments.workspaces.plans.upgrade import upgrade_plan
from payments.workspaces.schemas.changes import (
    ChargeDataSchema,
    ChargeSchema,
    DowngradedSchema,
    DowngradeSchema,
    UpgradedSchema,
    UpgradeSchema,
)
from payments.workspaces.schemas.errors import documented_errors

blueprint = Blueprint("plan-changes", __name__, url_prefix="/api/payments")

ChargeAnswer = enveloped("ChargeAnswer", ChargeSchema)
RETRY_AFTER_SECONDS = "2"


@blueprint.post("/workspace/<string:slug>/upgrade-plan")
@workspace_access(*MANAGERS)
@idempotent
@documented_errors(blueprint, 400, 401, 402, 403, 404, 409, 500)
@blueprint.alt_response(202, schema=enveloped("ChargePending", ChargeDataSchema))
@blueprint.arguments(UpgradeSchema)
@blueprint.response(200, enveloped("UpgradeAnswer", UpgradedSchema))
def upgrade(body: dict[str, Any], access: Access) -> Any:
    """Charge the plan's full price and switch to it.

    402 for a declined card or one whose holder must authenticate; 202 with a charge to poll when
    it takes longer, or at once with `Prefer: respond-async`.
    """
    workspace_id, slug = access.workspace.id, access.workspace.slug
    charge = upgrade_plan(
        access,
        body["plan_slug"],
        body["payment_method_id"],
        expected=body["expected_amount"],
        wait=not prefers_async(),
        request_key=request_key(),
    )
    if charge is not None and not answers.settled(charge):
        return accepted({"charge": charge}, ChargeDataSchema(), _charge_url(slug, charge.id))
    workspace = db.session.get_one(Workspace, workspace_id, populate_existing=True)
    return {
        "message": "Plan upgraded successfully",
        "data": {"workspace": workspace, "payment_intent": charge},
    }


@blueprint.post("/workspace/<string:slug>/downgrade-plan")
@workspace_access(*MANAGERS)
@idempotent
@documented_errors(blueprint, 400, 401, 403, 404, 409)
@blueprint.arguments(DowngradeSchema)
@blueprint.response(200, enveloped("DowngradeAnswer", DowngradedSchema))
def downgrade(body: dict[str, Any], access: Access) -> dict[str, Any]:
    """Move to a lower plan at once, without a refund."""
    workspace = downgrade_plan(access, body["plan_slug"])
    return {
        "message": "Plan downgraded successfully",
        "data": {"workspace": workspace, "note": NOTE},
    }


@blueprint.get("/<string:slug>/charges/<string:charge_id>")
@workspace_access()
@documented_errors(blueprint, 400, 401, 403, 404)
@blueprint.response(200, ChargeAnswer)
def get_charge(charge_id: str, access: Access) -> Any:
    """Return a charge; while it waits for authentication, Stripe is asked how far that is."""
    charge, manages = _get_charge(access, charge_id), access.manages
    charge, secret = _looked_at(charge, actor=access.actor)
    data = ChargeSchema().dump(charge)
    if manages and secret is not None and charge.status == REQUIRES_ACTION:
        data["clientSecret"] = secret
    return _written("Charge retrieved successfully", data)


@blueprint.post("/<string:slug>/charges/<string:charge_id>/cancel")
@workspace_access(*MANAGERS)
@idempotent
@documented_errors(blueprint, 400, 401, 403, 404, 409, 500)
@blueprint.response(200, ChargeAnswer)
def cancel_charge(charge_id: str, access: Access) -> dict[str, Any]:
    """Give up a charge that is not settled, so that another card can be tried.

    Its PaymentIntent is canceled at Stripe first; 409 when it was paid meanwhile.
    """
    row_id = _get_charge(access, charge_id).id
    give_up.cancel(access, row_id)
    return {"message": "Charge canceled successfully", "data": waiting.current(Charge, row_id)}


def prefers_async() -> bool:
    """Read RFC 7240's `Prefer: respond-async`."""
    wishes = request.headers.get("Prefer", "").lower().split(",")
    return any(wish.strip().split(";")[0] == "respond-async" for wish in wishes)


def accepted(data: dict[str, Any], schema: Any, location: str) -> Response:
    """Answer 202: the work is under way, and `location` tells how far."""
    answer = jsonify({"message": "Payment is being processed", "data": schema.dump(data)})
    answer.status_code = 202
    answer.headers["Location"] = location
    answer.headers["Retry-After"] = RETRY_AFTER_SECONDS
    if prefers_async():
        answer.headers["Preference-Applied"] = "respond-async"
    return answer


def _written(message: str, data: Any) -> Any:
    return jsonify({"message": message, "data": data})


def _charge_url(slug: str, charge_id: int) -> str:
    return url_for("plan-changes.get_charge", slug=slug, charge_id=charge_id)


def _looked_at(charge: Charge, *, actor: str) -> tuple[Charge, str | None]:
    """Return the charge as it is now, and its client secret while it waits for its holder."""
    row_id, before = charge.id, charge.status
    secret = action.refresh(charge, actor=actor)
    charge = waiting.current(Charge, row_id)
    if charge.status == REQUIRES_ACTION != before:
        # The worker recorded it between our two reads: only now there is a secret to ask for.
        secret = action.refresh(charge, actor=actor)
        charge = waiting.current(Charge, row_id)
    return charge, secret


def _get_charge(access: Access, raw_id: str) -> Charge:
    charge_id = parse_id(raw_id)
    charge = None if charge_id is None else queries.find_charge(access.workspace.id, charge_id)
    if charge is None:
        raise errors.ChargeNotFound
    return charge
