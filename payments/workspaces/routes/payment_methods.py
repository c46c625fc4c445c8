"""`/api/payments/{slug}/payment-method(s)`: save cards, list them, choose the default, delete."""

from __future__ import annotations

from typing import Any

from flask import Response

from payments.auth.guards import signed_in
from payments.auth.models import User
from payments.idempotency.replay import idempotent
from payments.kit.blueprints import Blueprint
from payments.kit.db import db
from payments.kit.http import enveloped, listing, query_flag
from payments.workspaces import queries
from payments.workspaces.guards import MANAGERS, Access, workspace_access
from payments.workspaces.models import PaymentMethod
from payments.workspaces.payment_methods import manage, setup
from payments.workspaces.routes.slugless import resolved
from payments.workspaces.schemas.errors import documented_errors
from payments.workspaces.schemas.payment_methods import (
    ConfirmedSchema,
    ConfirmSchema,
    DeletedSchema,
    PaymentMethodSchema,
    SetupSchema,
)

blueprint = Blueprint("payment-methods", __name__, url_prefix="/api/payments")

SetupAnswer = enveloped("SetupAnswer", SetupSchema)
ConfirmedAnswer = enveloped("ConfirmedAnswer", ConfirmedSchema)
MethodAnswer = enveloped("PaymentMethodAnswer", PaymentMethodSchema)


def _initialized(access: Access) -> dict[str, Any]:
    return {"message": "Payment method setup initialized", "data": setup.initialize(access)}


def _confirmed(body: dict[str, Any], access: Access) -> dict[str, Any]:
    workspace_id, slug = access.workspace.id, access.workspace.slug
    setup_id, method_id = body["setup_intent_id"], body["payment_method_id"]
    setup.confirm(
        access,
        setup_id,
        method_id,
        name=body["billing_name"],
        postal_code=body["billing_postal_code"],
    )
    data = {
        "payment_method_id": method_id,
        "setup_intent_id": setup_id,
        "workspace_id": workspace_id,
        "workspace_slug": slug,
    }
    return {"message": "Payment method confirmed and saved", "data": data}


@blueprint.after_request
def forbid_caching(response: Response) -> Response:
    """Keep client secrets and cards out of every cache."""
    response.headers["Cache-Control"] = "no-store"
    return response


@blueprint.route("/<string:slug>/payment-method", methods=["GET", "POST"])
@workspace_access(*MANAGERS)
@idempotent
@documented_errors(blueprint, 400, 401, 403, 404, 409, 500)
@blueprint.response(200, SetupAnswer)
def initialize_setup(access: Access) -> dict[str, Any]:
    """Open a SetupIntent whose client secret goes to Stripe.js."""
    return _initialized(access)


@blueprint.route("/payment-method", methods=["GET", "POST"])
@signed_in
@idempotent
@documented_errors(blueprint, 400, 401, 403, 404, 409, 500)
@blueprint.response(200, SetupAnswer)
def initialize_setup_without_slug(user: User) -> dict[str, Any]:
    """The same without a slug in the path: `workspaceSlug`, or the caller's only workspace."""
    return _initialized(resolved(user))


@blueprint.post("/<string:slug>/payment-method/confirm")
@workspace_access(*MANAGERS)
@idempotent
@documented_errors(blueprint, 400, 401, 403, 404, 409, 500)
@blueprint.arguments(ConfirmSchema)
@blueprint.response(200, ConfirmedAnswer)
def confirm_setup(body: dict[str, Any], access: Access) -> dict[str, Any]:
    """Save the card of a completed SetupIntent."""
    return _confirmed(body, access)


@blueprint.post("/payment-method/confirm")
@signed_in
@idempotent
@documented_errors(blueprint, 400, 401, 403, 404, 409, 500)
@blueprint.arguments(ConfirmSchema)
@blueprint.response(200, ConfirmedAnswer)
def confirm_setup_without_slug(body: dict[str, Any], user: User) -> dict[str, Any]:
    """The same without a slug in the path: the SetupIntent knows its workspace."""
    return _confirmed(body, resolved(user, setup_id=body["setup_intent_id"]))


@blueprint.get("/<string:slug>/payment-methods")
@workspace_access()
@documented_errors(blueprint, 400, 401, 403, 404)
@blueprint.response(200, enveloped("PaymentMethodList", PaymentMethodSchema, many=True))
def list_methods(access: Access) -> dict[str, Any]:
    """List the saved cards, the default first; `include_inactive=true` adds deleted ones."""
    methods = queries.payment_methods(access.workspace.id, inactive=query_flag("include_inactive"))
    return listing("Payment methods retrieved successfully", methods)


@blueprint.route("/<string:slug>/payment-methods/<string:method_id>/set-default", methods=["PATCH"])
@workspace_access(*MANAGERS)
@documented_errors(blueprint, 400, 401, 403, 404)
@blueprint.response(200, MethodAnswer)
def set_default_method(method_id: str, access: Access) -> dict[str, Any]:
    """Make a card the workspace's default."""
    row_id = manage.set_default(access, method_id)
    method = db.session.get_one(PaymentMethod, row_id)
    return {"message": "Default payment method set successfully", "data": method}


@blueprint.delete("/<string:slug>/payment-methods/<string:method_id>")
@workspace_access(*MANAGERS)
@documented_errors(blueprint, 400, 401, 403, 404)
@blueprint.response(200, enveloped("DeletedAnswer", DeletedSchema))
def delete_method(method_id: str, access: Access) -> dict[str, Any]:
    """Take a card out of use; the one that has been there longest becomes the default."""
    data = {"id": manage.delete(access, method_id), "deleted": True}
    return {"message": "Payment method deleted successfully", "data": data}
