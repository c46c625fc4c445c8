"""Stripe's error bodies as one exception, with the sentences Stripe uses.

https://docs.stripe.com/api/errors and https://docs.stripe.com/error-codes
"""

from __future__ import annotations

from typing import Any

from .messages import Json

NOUNS = {
    "payment_intent": "payment_intent",
    "setup_intent": "setupintent",
    "payment_method": "PaymentMethod",
    "webhook_endpoint": "webhook endpoint",
}
# Which parameter Stripe names when the object in the path is unknown.
PATH_PARAMS = {
    "dispute": "dispute",
    "payment_intent": "intent",
    "payment_method": "payment_method",
    "setup_intent": "intent",
}


class ApiError(Exception):
    """An answer other than success; `keeps_effects` when what was done before it stays done."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        kind: str = "invalid_request_error",
        code: str | None = None,
        param: str | None = None,
        keeps_effects: bool = False,
        **extra: Any,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.keeps_effects = keeps_effects
        self.error: Json = {"message": message, "type": kind}
        optional = {"code": code, "param": param, **extra}
        self.error.update({key: value for key, value in optional.items() if value is not None})
        if code is not None:
            self.error.setdefault("doc_url", doc_url(code))


def doc_url(code: str) -> str:
    return "https://stripe.com/docs/error-codes/" + code.replace("_", "-")


def invalid(message: str, code: str | None = None, param: str | None = None) -> ApiError:
    return ApiError(400, message, code=code, param=param)


def unknown_object(kind: str, object_id: str, *, hint: str = "") -> ApiError:
    """Answer for an id in the path; https://docs.stripe.com/error-codes#resource-missing."""
    param = PATH_PARAMS.get(kind, "id")
    return ApiError(404, _no_such(kind, object_id, hint), code="resource_missing", param=param)


def unknown_reference(kind: str, object_id: str, param: str, *, hint: str = "") -> ApiError:
    """Answer for an id in a parameter: the same code, but a 400."""
    return invalid(_no_such(kind, object_id, hint), "resource_missing", param)


def _no_such(kind: str, object_id: str, hint: str) -> str:
    return f"No such {NOUNS.get(kind, kind)}: '{object_id}'{hint}"


def missing_param(name: str) -> ApiError:
    return invalid(f"Missing required param: {name}.", "parameter_missing", name)


def unknown_url(method: str, path: str) -> ApiError:
    return ApiError(
        404,
        f"Unrecognized request URL ({method}: {path}). Please see https://stripe.com/docs"
        " or we can help at https://support.stripe.com/.",
    )


def unexpected_state(kind: str, message: str, body: Json) -> ApiError:
    """An intent that is not in a state for the operation, shown along with the refusal."""
    refusal = ApiError(400, message, code=f"{kind}_unexpected_state")
    refusal.error[kind] = body
    return refusal
