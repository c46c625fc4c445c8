"""3D Secure: what an intent that awaits it says, and what the cardholder's answer does.

https://docs.stripe.com/payments/3d-secure/authentication-flow
"""

from ..call import Call
from ..errors import doc_url
from ..messages import Json
from ..objects import Record

FAILED = (
    "We are unable to authenticate your payment method. Please choose a different payment method"
    " and try again."
)


def next_action(call: Call, intent: Record) -> Json:
    page = f"{call.base_url}/3ds/{intent.id}?client_secret={intent.data['client_secret']}"
    return_url = call.params.get("return_url")
    if return_url and not call.params.get("use_stripe_sdk"):
        return {
            "redirect_to_url": {"return_url": return_url, "url": page},
            "type": "redirect_to_url",
        }
    return {
        "type": "use_stripe_sdk",
        "use_stripe_sdk": {
            "directory_server_name": "visa",
            "merchant": call.account.id,
            "stripe_js": page,  # Stripe's own library needs no page for these
            "type": "stripe_3ds2_fingerprint",
        },
    }


def authentication_error(kind: str) -> Json:
    code = f"{kind}_authentication_failure"
    error_type = "card_error" if kind == "payment_intent" else "invalid_request_error"
    return {"code": code, "doc_url": doc_url(code), "message": FAILED, "type": error_type}
