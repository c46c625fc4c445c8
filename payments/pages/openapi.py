"""What the OpenAPI document says beyond the views: who may call, and how our own fields look."""

from __future__ import annotations

from typing import Any

from payments.extensions import api
from payments.kit.http import Moment, Text

SPEC_OPTIONS: dict[str, Any] = {
    "info": {
        "description": (
            "Workspaces pay the platform: cards, plans, charges, invoices and refunds.\n\n"
            "Log in at `POST /api/auth/login` and send the token as `Authorization: Bearer …`. "
            "Every answer is `{message, data}`, every error `{message, error, code, "
            "details?, requestId}`; below `/api/v1` it is `{detail, request_id}`.\n\n"
            "Every answer has the header `X-Request-ID`: the one that the request sent (1 to 128 "
            "letters, digits and `._:-`), or a new one."
        )
    },
    "security": [{"bearerAuth": []}],
    "components": {
        "securitySchemes": {
            "bearerAuth": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
            "stripeSignature": {"type": "apiKey", "in": "header", "name": "Stripe-Signature"},
        }
    },
}


def describe() -> None:
    """Teach the document the fields of our own."""
    api.register_field(Moment, "string", "date-time")
    api.ma_plugin.converter.add_attribute_function(_text_lengths)


def _text_lengths(_converter: Any, field: Any, **_kwargs: Any) -> dict[str, Any]:
    """Tell the bounds of a text that comes in; `self` is the converter, as apispec binds it."""
    if not isinstance(field, Text) or field.dump_only:
        return {}
    return {"maxLength": field.most, **({"minLength": field.least} if field.least else {})}
