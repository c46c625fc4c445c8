"""`POST /api/v1/payments/stripe/webhooks/{project_id}/{mode}`: where projects' accounts deliver."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import request

from payments.gateway.webhooks import BadEvent, BadSignature, verified
from payments.kit import clock, logs
from payments.kit.blueprints import ProjectsBlueprint
from payments.kit.errors import BadInput, Missing
from payments.projects.credentials import webhook_secrets
from payments.projects.models.configs import MODES
from payments.projects.schemas.base import documented_errors
from payments.webhooks import inbox, tally
from payments.webhooks.deliveries import QuotaUsedUp
from payments.webhooks.refusals import counted
from payments.webhooks.schemas import ReceivedSchema
from payments.webhooks.wake import wake

blueprint = ProjectsBlueprint("project_webhooks", __name__, url_prefix="/api/v1/payments/stripe")


class NoWebhook(Missing):
    sentence = "No webhook is configured for this project and mode"


class InvalidSignature(BadInput):
    sentence = "Invalid Stripe signature"


class InvalidEvent(BadInput):
    sentence = "The body is not a Stripe event"


@blueprint.post("/webhooks/<uuid:project_id>/<mode>")
@blueprint.doc(security=[{"stripeSignature": []}])
@documented_errors(blueprint, 400, 404, 413, 422)
@counted
@blueprint.response(200, ReceivedSchema)
def receive_project_event(project_id: UUID, mode: str) -> dict[str, bool]:
    """Take an event of a project's Stripe account; `mode` is test or live.

    200 once it is stored, also when it was stored before; the work is done by a worker. Whatever
    Stripe signs for this address is taken; what cannot mean anything here is shown with a note.
    503 once the project's quota of stored events is used up: Stripe delivers again.
    """
    owner = str(project_id)
    if mode not in MODES:
        raise NoWebhook
    logs.bind(project=owner)
    raw = request.get_data(cache=False)
    event = _verified(owner, mode, raw)
    try:
        if inbox.store(owner, event, raw.decode(), mode=mode):
            wake()
    except QuotaUsedUp as error:
        tally.refuse(error)
        raise
    return {"received": True}


def _verified(owner: str, mode: str, raw: bytes) -> dict[str, Any]:
    try:
        return _signed(owner, mode, raw)
    except BadSignature as error:
        tally.refuse(error)
        raise InvalidSignature from error
    except BadEvent as error:
        tally.refuse(error)
        raise InvalidEvent from error


def _signed(owner: str, mode: str, raw: bytes) -> dict[str, Any]:
    """Check the signature; what the secrets kept in this process do not fit, fresh ones may."""
    header, now = request.headers.get("Stripe-Signature"), clock.timestamp()
    kept = webhook_secrets(owner, mode)
    if not kept:
        raise NoWebhook
    try:
        return verified(raw, header, kept, now=now)
    except BadSignature:
        fresh = webhook_secrets(owner, mode, fresh=True)
        if set(fresh) <= set(kept):
            raise
    return verified(raw, header, fresh, now=now)
