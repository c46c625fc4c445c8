"""`POST /api/payments/webhook`: verify, store once, wake a worker, answer."""

from __future__ import annotations

from flask import Response, jsonify, request
from flask_smorest import Blueprint

from payments.extensions import settings
from payments.gateway.webhooks import BadEvent, BadSignature, verified
from payments.kit import clock
from payments.kit.errors import BadInput, Missing
from payments.webhooks import inbox, tally
from payments.webhooks.models import PLATFORM
from payments.webhooks.refusals import counted
from payments.webhooks.schemas import ReceivedSchema
from payments.webhooks.wake import wake
from payments.workspaces.schemas.errors import documented_errors

blueprint = Blueprint("webhooks", __name__, url_prefix="/api/payments")


class NoWebhookSecret(Missing):
    code, sentence = "webhook_not_configured", "No webhook secret is configured"


class InvalidSignature(BadInput):
    code, sentence = "invalid_signature", "Invalid Stripe signature"


class InvalidEvent(BadInput):
    code, sentence = "invalid_event", "The body is not a Stripe event"


@blueprint.post("/webhook")
@blueprint.doc(security=[{"stripeSignature": []}])
@documented_errors(blueprint, 400, 404, 413)
@counted
@blueprint.response(200, ReceivedSchema)
def receive_platform_event() -> Response:
    """Take an event of the platform's Stripe account.

    200 once it is stored, also when it was stored before; the work is done by a worker.
    """
    secrets = settings().stripe_webhook_secrets
    if not secrets:
        raise NoWebhookSecret
    raw = request.get_data(cache=False)
    event = _verified(raw, secrets)
    if inbox.store(PLATFORM, event, raw.decode(), mode=settings().stripe_mode):
        wake()
    return jsonify({"received": True})


def _verified(raw: bytes, secrets: tuple[str, ...]) -> dict[str, object]:
    header = request.headers.get("Stripe-Signature")
    try:
        return verified(raw, header, secrets, now=clock.timestamp())
    except BadSignature as error:
        tally.refuse(error)
        raise InvalidSignature from error
    except BadEvent as error:
        tally.refuse(error)
        raise InvalidEvent from error
