"""What a browser may do and see: a publishable key needs the intent's client secret."""

import hmac

from ..accounts import secret_key_required
from ..call import Call
from ..errors import invalid, missing_param
from ..messages import Json
from ..objects import Record

# Stripe.js gets no customer, no metadata, nothing about the merchant's books.
VISIBLE = (
    "id", "object", "amount", "automatic_payment_methods", "canceled_at", "cancellation_reason",
    "capture_method", "client_secret", "confirmation_method", "created", "currency", "description",
    "last_payment_error", "last_setup_error", "livemode", "next_action", "payment_method",
    "payment_method_types", "processing", "receipt_email", "setup_future_usage", "shipping",
    "status", "usage",
)  # fmt: skip


def check_browser(call: Call, record: Record) -> None:
    secret = call.params.get("client_secret")
    if secret is None:
        if call.account.publishable:
            raise missing_param("client_secret")
        return
    if not hmac.compare_digest(secret.encode(), record.data["client_secret"].encode()):
        name = "PaymentIntent" if record.kind == "payment_intent" else "SetupIntent"
        raise invalid(
            f"The client_secret provided does not match any associated {name} on this account."
            " Ensure the provided client_secret and publishable key belong to the same account.",
            f"{record.kind}_invalid_parameter",
            "client_secret",
        )


def refuse_browser(call: Call) -> None:
    if call.account.publishable:
        raise secret_key_required()


def shown_to(call: Call, data: Json) -> Json:
    if not call.account.publishable:
        return data
    return {name: data[name] for name in VISIBLE if name in data}
